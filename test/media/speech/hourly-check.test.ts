import { sql } from 'kysely'
import t from 'tap'
import { CHECK_PHRASES } from '../../../media/speech/synthetic-check.ts'
import { throughGoogle } from '../../support/outside-speech.ts'
import { TestParley } from '../../support/parley.ts'
import { GoogleServer } from '../../support/speech-servers/google-server.ts'
import { createToneRecognizer } from '../../support/tone-recognizer.ts'

type Listed = Readonly<{
  kind: string
  name: string
  state: string
  lastCode: string | null
  checks: readonly Readonly<{ language: string; isOk: boolean; code: string | null }>[]
}>

const HOURLY = '7 * * * *'
/** At every look of the scheduler at its clock, which is twice a minute, the hour has struck. */
const NOW = '* * * * *'

t.test('when the hour strikes every provider is checked, and whoever fails is seen', { timeout: 280_000 }, async t => {
  await using google = await GoogleServer.start()
  await using server = await TestParley.start({
    ...throughGoogle(google),
    // Google's voice of these tests says “thanks” for a sentence of no words that it knows.
    recognizers: [createToneRecognizer({ languages: ['de'], texts: { 2700: CHECK_PHRASES['de'] as string } })]
  })
  const { db } = server.parley
  const voice = async () => {
    const items = (await server.api('GET', '/speech/providers')).body.items as Listed[]
    return items.find(one => one.kind === 'synthesizer' && one.name === 'google') as Listed
  }
  const until = async <T>(what: string, look: () => Promise<T>, isThere: (seen: T) => boolean): Promise<T> => {
    const limit = AbortSignal.timeout(80_000)
    for (;;) {
      const seen = await look()
      if (isThere(seen)) return seen
      if (limit.aborted) throw new Error(`${what} does not come: ${JSON.stringify(seen)}`)
      await new Promise(resolve => setTimeout(resolve, 200))
    }
  }
  /** What an alarm stands on. */
  const figure = async () => {
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    return /parley_speech_check_ok\{kind="synthesizer",provider="google",language="de"\} (\d)/.exec(metrics)?.[1]
  }
  const warnings = () =>
    server.logs
      .filter(line => line.includes('does not pass its check'))
      .map(line => JSON.parse(line))
      .filter(one => one.kind === 'synthesizer' && one.provider === 'google' && one.language === 'de')

  await until('the check at the start', figure, found => found === '1')
  t.match(await voice(), { state: 'ok', lastCode: null })
  t.same(warnings(), [], 'nobody is called')

  google.trouble = { kind: 'status', code: 14 }
  const { numAffectedRows } = await sql`
    update pgboss.schedule set cron = ${NOW} where name = 'speech-check' and cron = ${HOURLY}`.execute(db)
  t.equal(numAffectedRows, 1n, 'the hour comes sooner; all else is as the server has set it up')
  await until('the check of the hour', figure, found => found === '0')
  const failing = await voice()
  t.equal(failing.state, 'open', 'nobody asks it until it is well')
  t.match(failing.lastCode, /^SYNTHESIS_/)
  t.match(
    failing.checks.find(one => one.language === 'de'),
    { isOk: false, code: failing.lastCode }
  )
  t.match(warnings(), [{ level: 'warn', code: failing.lastCode }], 'and whoever reads the log is told')

  google.trouble = null
  await until('the check of the hour after', figure, found => found === '1')
  // Its other languages are checked after this one.
  t.match(await until('the end of that check', voice, one => one.state === 'ok'), { lastCode: null })
})
