import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { generateNoise, generateTone } from '../../../media/audio/tone.ts'
import { writeWav } from '../../../media/audio/wav.ts'
import { createEspeak } from '../../../media/prompts/espeak.ts'
import { type Attempt, CampaignWorld } from '../../campaigns/support.ts'
import { LAWFUL_NOW, oneDatabase, TestParley } from '../../support/parley.ts'
import { signInPeople } from '../../support/people.ts'
import { startRtpPeer } from '../../support/rtp-peer.ts'
import { SippCalled } from '../../support/sipp-called.ts'
import { thenSilence } from '../../support/tone-recognizer.ts'
import { DeskBrowser } from '../../web/support/desk-browser.ts'
import { hearsInBrowser, KEEP_TRACKS } from '../../web/support/ear-in-browser.ts'

const MINUTE_MS = 60_000
const PERSON_HZ = 440
const AGENT_HZ = 600
const LIMIT_MS = 240_000

/** Who is called, as SIPp plays them: the number, and what is to become of the contact after the first call. */
const CALLED = {
  human: { number: '+12025550171', calls: 1 },
  machine: { number: '+12025550172', calls: 1 },
  'no-answer': { number: '+12025550173', calls: 1 },
  busy: { number: '+12025550174', calls: 2 },
  refused: { number: '+12025550175', calls: 1 },
  fax: { number: '+12025550176', calls: 1 },
  network: { number: '+12025550177', calls: 1 }
} as const
type Kind = keyof typeof CALLED

async function audioOf(): Promise<Readonly<Record<string, Int16Array>>> {
  await using speech = createEspeak(pino({ level: 'silent' }))
  const say = (text: string) => speech.synthesize(text, 'en', AbortSignal.timeout(30_000))
  const pause = (seconds: number) => generateNoise(8_000 * seconds, 20)
  const greeting =
    'You have reached Ann and Ben. We cannot come to the phone right now. Please leave a message after the tone.'
  return {
    'machine.ul': Int16Array.from([
      ...(await say(greeting)),
      ...pause(1),
      ...generateTone({ frequenciesHz: [1_000], durationMs: 400, amplitude: 9_000 }),
      ...pause(30)
    ]),
    'fax.ul': generateTone({ frequenciesHz: [2_100], durationMs: 15_000 }),
    'network.ul': Int16Array.from([
      // Whoever listens has begun to by then.
      ...pause(1),
      ...[950, 1_400, 1_800].flatMap(hz => [...generateTone({ frequenciesHz: [hz], durationMs: 330 })]),
      ...pause(1),
      ...(await say('The number you have dialled is not in service.')),
      ...pause(15)
    ])
  }
}

const audio = await audioOf()

/** What the person says: hello, once more when nobody answers, then a tone. */
async function voiceOfPerson(): Promise<Int16Array> {
  await using speech = createEspeak(pino({ level: 'silent' }))
  const hello = await speech.synthesize('Hello?', 'en', AbortSignal.timeout(30_000))
  const quiet = new Int16Array(8 * 2_500)
  return Int16Array.from([
    ...hello,
    ...quiet,
    ...hello,
    ...quiet,
    ...generateTone({ frequenciesHz: [PERSON_HZ], durationMs: 60_000 })
  ])
}

/** A browser whose microphone says the agent’s tone. */
async function agentsBrowser(stack: AsyncDisposableStack): Promise<DeskBrowser> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-chromium-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const says = join(folder, 'says.wav')
  const samples = generateTone({ frequenciesHz: [AGENT_HZ], durationMs: 20_000, sampleRateHz: 48_000 })
  await writeFile(says, writeWav({ sampleRateHz: 48_000, channels: 1, samples }))
  return stack.use(await DeskBrowser.launch([`--use-file-for-fake-audio-capture=${says}`]))
}

for (const database of oneDatabase())
  t.test(`a campaign calls whoever SIPp plays, with ${database}`, { timeout: 280_000 }, async t => {
    let nowMs = LAWFUL_NOW.getTime()
    await using stack = new AsyncDisposableStack()
    const server = stack.use(
      await TestParley.start({ database, hasDemoData: true, now: () => new Date(nowMs), campaignWithinMs: 6_000 })
    )
    const person = stack.use(await startRtpPeer())
    const called = {} as Record<Kind, SippCalled>
    for (const [kind, { calls }] of Object.entries(CALLED) as [Kind, { calls: number }][]) {
      const file = `${kind}.ul`
      called[kind] = stack.use(
        await SippCalled.start({
          scenario: new URL(`called/${kind}.xml`, import.meta.url),
          keys: { voice_port: String(person.port) },
          audio: file in audio ? { [file]: audio[file] as Int16Array } : {},
          calls,
          limitMs: LIMIT_MS
        })
      )
    }
    // Each kind behind a trunk of its own, chosen by the number.
    const world = await CampaignWorld.open(server, called.human)
    for (const [kind, { number }] of Object.entries(CALLED) as [Kind, { number: string }][]) {
      const trunk = await server.api('POST', '/trunks', {
        name: `to ${kind}`,
        carrier: 'Example Carrier',
        authentication: 'ip',
        outboundAddress: `127.0.0.1:${called[kind].port}`,
        allowedPrefixes: [number],
        allowsForeignCallerNumber: true,
        maxCalls: 10,
        maxCallsPerSecond: 10
      })
      t.equal(trunk.status, 201)
    }
    const of = (attempts: readonly Attempt[], kind: Kind) => attempts.filter(one => one.contactName === kind)
    const first = (attempts: readonly Attempt[], kind: Kind) => of(attempts, kind).at(-1)
    const contact = async (id: string, attempt: Attempt | undefined) =>
      await world.call('GET', `/campaigns/${id}/contacts/${attempt?.contactId}`, undefined, 200)
    const inMinutes = (minutes: number) => new Date(LAWFUL_NOW.getTime() + minutes * MINUTE_MS).toISOString()

    const others = (Object.keys(CALLED) as Kind[]).filter(kind => kind !== 'human')
    const message = await world.start('agentless', {
      lists: [await world.list(others.map(kind => [kind, CALLED[kind].number] as const))],
      flowId: 'campaign-message',
      amd: { isOn: true, onMachine: 'message' },
      retries: {
        busy: { times: 1, gapMinutes: 30 },
        noAnswer: { times: 1, gapMinutes: 90 },
        machine: { times: 1, gapMinutes: 120 }
      }
    })

    await t.test('who says hello is a person, and talks to an agent in Chromium', async t => {
      const queue = await server.api('POST', '/queues', { name: 'outbound', isAutoAnswered: true, wrapUpMs: 1_000 })
      const { ana } = await signInPeople(server, ['ana'])
      const browser = await agentsBrowser(stack)
      const context = await browser.context()
      await context.addInitScript(KEEP_TRACKS)
      const page = await browser.open(server.url, { context })
      await page.getByLabel('User').fill('ana')
      await page.getByLabel('Password', { exact: true }).fill(ana.password)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByTestId('start-shift').click()
      await page.locator('[data-testid=call-bar][data-state=ready]').waitFor({ timeout: 120_000 })
      const voice = await voiceOfPerson()
      const id = await world.start('predictive', {
        lists: [await world.list([['human', CALLED.human.number]])],
        queue: queue.body['id'] as string,
        amd: { isOn: true, onMachine: 'hangUp' }
      })
      // SIPp does the signalling of the person, and the voice goes where its messages say.
      person.connect(await called.human.logs(/^ACK sip:/m)).sendFrames(thenSilence(voice))
      await person.hears(AGENT_HZ)
      await page.getByTestId('call').waitFor()
      await hearsInBrowser(page, PERSON_HZ)
      await page.getByTestId('end').click()
      const [attempt] = await world.until(id, ([one]) => one?.outcome === 'person')
      t.match(attempt, { amdResult: 'human', isAbandoned: false, agentId: world.agents.ana.id })
      t.equal((await called.human.over()).code, 0, 'SIPp saw its call through to the BYE')
      t.same(page.faults, [])
      await world.call('POST', `/campaigns/${id}/stop`, {}, 200)
    })

    await t.test('each of the others is told apart', async t => {
      const attempts = await world.until(
        message,
        all => others.every(kind => first(all, kind)?.outcome != null),
        60_000
      )
      t.match(first(attempts, 'machine'), { outcome: 'machine', amdResult: 'machine' })
      t.match(first(attempts, 'fax'), { outcome: 'fax', amdResult: 'fax' })
      t.match(first(attempts, 'network'), { outcome: 'network', amdResult: 'network' })
      t.match(first(attempts, 'busy'), { outcome: 'busy', amdResult: null })
      t.match(first(attempts, 'refused'), { outcome: 'refused', sipStatus: 603 })
      t.match(first(attempts, 'no-answer'), { outcome: 'noAnswer' })
      for (const kind of ['machine', 'fax', 'network', 'refused', 'no-answer'] as const)
        t.equal((await called[kind].over()).code, 0, `SIPp saw the call to ${kind} through to its end`)
    })

    await t.test('and is called again or left alone as the campaign says', async t => {
      const attempts = await world.attempts(message)
      const next = async (kind: Kind) => await contact(message, first(attempts, kind))
      t.match(await next('busy'), { state: 'waiting', nextAt: inMinutes(30) })
      t.match(await next('no-answer'), { state: 'waiting', nextAt: inMinutes(90) })
      t.match(await next('machine'), { state: 'waiting', nextAt: inMinutes(120) })
      t.match(await next('refused'), { state: 'exhausted', nextAt: null }, 'no rule, no second call')
      t.match(await next('fax'), { state: 'exhausted', nextAt: null }, 'a fax never talks')
      t.match(await next('network'), { state: 'exhausted', nextAt: null }, 'nor does a number that is out of service')
      nowMs += 31 * MINUTE_MS
      const again = await world.until(
        message,
        all => of(all, 'busy').filter(one => one.outcome === 'busy').length === 2
      )
      t.match(await contact(message, of(again, 'busy')[0]), { state: 'exhausted' }, 'once more was agreed to')
      t.equal((await called.busy.over()).code, 0, 'SIPp was busy twice')
      for (const kind of others.filter(one => one !== 'busy')) t.equal(of(again, kind).length, 1, `${kind} once`)
      await world.call('POST', `/campaigns/${message}/stop`, {}, 200)
    })
  })
