import { sql } from 'kysely'
import t from 'tap'
import { ADMIN_PASSWORD, TestParley } from '../../support/parley.ts'
import { isChecked, throughAzure, throughGoogle } from '../../support/outside-speech.ts'
import { AzureServer } from '../../support/speech-servers/azure-server.ts'
import { GoogleServer } from '../../support/speech-servers/google-server.ts'
import { sayInTones } from '../../support/speech-servers/tone-words.ts'
import { thenSilence } from '../../support/tone-recognizer.ts'

/** Of a place where nothing need be said before somebody outside hears the caller. */
const NUMBER = '+12025550111'
const DELIVERY_HZ = 1_500
const CANCEL_HZ = 1_700

const FLOW = `
id: spoken
name: Spoken
languages: [de]
defaultLanguage: de
start: choose
onFailure: bye
nodes:
  choose:
    kind: menu
    prompt: { tone: "%(20000,0,440)" }
    choices: { "1": delivery, "2": cancelled }
    say: { "1": { de: [order] }, "2": { de: [agent] } }
    noInput: bye
    noMatch: bye
  delivery: { kind: say, bargeIn: false, prompt: { de: delivery delivery delivery }, next: bye }
  cancelled: { kind: say, bargeIn: false, prompt: { de: cancel cancel cancel }, next: bye }
  bye: { kind: hangup }
`

t.test('in calls, providers of speech stand in for each other', { timeout: 280_000 }, async t => {
  await using google = await GoogleServer.start()
  await using azure = await AzureServer.start()
  const { env, secrets } = throughAzure(azure)
  await using server = await TestParley.start({
    env: {
      ...throughGoogle(google).env,
      ...env,
      PARLEY_SPEECH_REGIONS: 'eu,westeurope',
      PARLEY_OPENAI_SPEECH_URL: 'https://speech.example.com/v1',
      PARLEY_OPENAI_SPEECH_ASR_MODEL: 'whisper-1',
      PARLEY_OPENAI_SPEECH_LANGUAGES: 'de',
      PARLEY_OPENAI_SPEECH_REGION: 'us'
    },
    secrets
  })
  type Listed = Readonly<{
    kind: string
    name: string
    state: string
    languages: readonly string[]
    centsPerMinute: number
    checks: readonly { language: string }[]
  }>
  const list = async () => (await server.api('GET', '/speech/providers')).body.items as Listed[]

  await t.test('providers outside are checked when the server has started', async t => {
    const limit = AbortSignal.timeout(60_000)
    let items = await list()
    // German, the language of the calls below, is not the last: the check is over when all that are asked are through.
    while (!items.every(one => one.state === 'off' || isChecked(one))) {
      limit.throwIfAborted()
      await new Promise(resolve => setTimeout(resolve, 50))
      items = await list()
    }
    t.ok(items.every(one => one.state !== 'open'))
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    t.match(metrics, 'parley_speech_check_ok{kind="synthesizer",provider="espeak-ng",language="de"}')
    const { rows } = await sql<{ cron: string }>`
      select cron from pgboss.schedule where name = 'speech-check'`.execute(server.parley.db)
    t.match(rows, [{ cron: /^\d+ \* \* \* \*$/ }], 'and every hour from then on')
  })

  await server.publish(FLOW)
  await server.addNumber(NUMBER, 'spoken', 'de')
  const callAndSay = async (word: 'order' | 'agent', answerHz: number) => {
    const { phone, audio, ...caller } = await server.phone()
    await using _ = caller
    const leg = phone.call(server.uri(NUMBER), { sdp: audio.sdp() })
    audio.connect((await leg.answered()).sdp).sendSilence()
    await audio.hears(440)
    audio.sendFrames(thenSilence(sayInTones([word], 400)))
    await audio.hears(answerHz)
    await leg.waitForBye()
  }

  await t.test('what a caller says goes to the first, and the first speaks the answer', async () => {
    await callAndSay('order', DELIVERY_HZ)
  })

  await t.test('when the first breaks off in mid-speech, the caller notices nothing, and the story tells', async t => {
    google.trouble = { kind: 'status', code: 14, afterMs: 200 }
    await callAndSay('agent', CANCEL_HZ)
    google.trouble = null
    const { events } = await server.story()
    t.match(events.find(one => one.kind === 'speechFellOver')?.data, {
      from: 'google',
      to: 'azure',
      code: 'SPEECH_FAILED'
    })
  })

  await t.test('the list of providers tells how they do, to those who run the place', async t => {
    const items = (await list()).filter(one => one.name !== 'pocketsphinx')
    t.same(
      items.map(one => `${one.kind} ${one.name}`),
      [
        'recognizer google',
        'recognizer azure',
        'synthesizer google',
        'synthesizer azure',
        'synthesizer espeak-ng',
        'recognizer openai'
      ]
    )
    t.match(items.at(-1), { state: 'off', region: 'us', host: 'speech.example.com' })
    for (const { name, centsPerMinute } of items)
      t.equal(centsPerMinute > 0, name !== 'espeak-ng', `${name} costs ${centsPerMinute} cents a minute`)
    await server.api('POST', '/users', { username: 'ada', displayName: 'Ada', role: 'agent', password: ADMIN_PASSWORD })
    const { token } = (await server.signIn('ada', ADMIN_PASSWORD)).body
    t.equal((await server.api('GET', '/speech/providers', undefined, token as string)).status, 403)
  })
})
