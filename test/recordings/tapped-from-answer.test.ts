import { relative } from 'node:path'
import t from 'tap'
import { meanSquare } from '../../media/audio/goertzel.ts'
import { generateTone } from '../../media/audio/tone.ts'
import type { CallEvent } from '../../server/calls/call-events.ts'
import type { Call } from '../../server/calls/call.ts'
import { TestParley, testDatabases } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { TestSoftphone } from '../support/softphone.ts'
import { createToneRecognizer } from '../support/tone-recognizer.ts'
import { audioBytes, liveCall, openForWriting, talk, watchFiles } from './support.ts'

const NUMBER = '+12025550180'
const QUEUE_NUMBER = '+12025550181'
const MAILBOX_NUMBER = '+12025550182'
const PASSWORD = 'desk phone secret'
/** Half a second of packets: a fork is made by a command and a connection, which a machine with much to do may be late with. */
const BEGINS_WITHIN = 25
/** The tenth of a second that is promised. */
const MISSING_AT_MOST = 5

/** Asks with 440 Hz and waits in silence for the key 1, which 880 Hz answer. Nothing in it listens to the caller. */
const ASKS = `
id: asks
name: Asks
languages: [en]
defaultLanguage: en
start: menu
onFailure: bye
nodes:
  menu:
    kind: menu
    prompt: { tone: "%(400,0,440)" }
    timeoutMs: 30000
    attempts: 1
    choices: { "1": done }
    noInput: bye
    noMatch: bye
  done: { kind: say, prompt: { tone: "%(700,0,880)" }, next: bye }
  bye: { kind: hangup }
`

const WAITS = `
id: waits
name: Waits
languages: [en]
defaultLanguage: en
start: wait
onFailure: bye
nodes:
  wait: { kind: queue, queue: support, next: bye, overflow: bye, failed: bye }
  bye: { kind: hangup }
`

const MAILBOX = `
id: mailbox
name: Mailbox
languages: [en]
defaultLanguage: en
start: mail
onFailure: bye
nodes:
  mail:
    kind: voicemail
    mailbox: sales
    prompt: { tone: "%(400,0,440)" }
    maxMs: 20000
    silenceMs: 3000
    finishKeys: "#"
    next: thanks
    empty: bye
    failed: bye
  thanks: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,880)" }, next: bye }
  bye: { kind: hangup }
`

for (const database of testDatabases())
  t.test(`a call is tapped from its answer to its end, with ${database}`, { timeout: 280_000 }, async t => {
    // A recogniser outside, and transcripts that are written while calls go on: both wait for leave.
    let opened = 0
    const outside = createToneRecognizer({ texts: { 1000: 'hello' }, host: 'asr.example.com', region: 'eu' })
    const counted = {
      ...outside,
      open(...args: Parameters<typeof outside.open>) {
        opened += 1
        return outside.open(...args)
      }
    }
    await using server = await TestParley.start({
      database,
      hasDemoData: true,
      recognizers: [counted],
      env: {
        PARLEY_DEAD_AIR_MS: '600',
        PARLEY_TRANSCRIBE: 'live',
        PARLEY_POCKETSPHINX: 'off',
        // The setting wants somebody who hears; the test's own ear does.
        PARLEY_OPENAI_SPEECH_URL: 'http://127.0.0.1:9/v1',
        PARLEY_OPENAI_SPEECH_ASR_MODEL: 'whisper-1',
        PARLEY_OPENAI_SPEECH_LANGUAGES: 'fr'
      }
    })
    await server.publish(ASKS)
    await server.publish(WAITS)
    await server.publish(MAILBOX)
    await server.addNumber(NUMBER, 'asks')
    await server.addNumber(QUEUE_NUMBER, 'waits')
    await server.addNumber(MAILBOX_NUMBER, 'mailbox')

    await t.test('also one that nobody listens to, in memory only', async t => {
      const bytesBefore = await audioBytes(server)
      using watched = watchFiles(server.dataDir)
      const isOfDatabase = (path: string) => path === 'database' || path.startsWith('database/')
      await using caller = await server.phone()
      const dialled = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
      // 20 ms each, by the caller's own count, whether it speaks or presses a key.
      let sent = 0
      const tone = generateTone({ frequenciesHz: [1_000], durationMs: 20 })
      caller.audio.connect((await dialled.answered()).sdp).sendFrames(() => {
        sent += 1
        return tone
      })
      const call = liveCall(server)
      const lag = new LeastLag(() => sent - (call.tap?.facts.frames ?? 0))
      caller.audio.onFrame = () => lag.look()
      const dead = told(call, 'deadAir')
      const over = told(call, 'deadAirOver')
      await caller.audio.hears(440)
      await caller.audio.hearsSilence()
      const before = lag.since()
      t.match(await dead, { customerSpoke: true }, 'who waits in silence is told of')
      if (server.engines.freeswitch !== null) t.equal((await server.engines.freeswitch.stats()).forks, 1)
      t.same(
        (await openForWriting()).filter(path => !isOfDatabase(relative(server.dataDir, path))),
        [],
        'no file is open while the call goes on'
      )
      caller.audio.sendDigits('1')
      t.match(await over, { kind: 'deadAirOver' })
      await dialled.waitForBye()
      const after = lag.since()
      await server.story(dialled.callId)
      if (server.engines.freeswitch !== null) t.equal((await server.engines.freeswitch.stats()).forks, 0)
      const { filled = 0, late = 0, reconnects = 0 } = call.tap?.facts ?? {}
      t.same({ filled, late, reconnects }, { filled: 0, late: 0, reconnects: 0 }, 'one fork, of which nothing was lost')
      t.ok(before <= BEGINS_WITHIN, `${before} times 20 ms had gone by when the tap began`)
      t.ok(
        Math.abs(after - before) <= MISSING_AT_MOST,
        `from the first prompt to the last ${after - before} of ${sent} went missing`
      )
      await server.parley.recordings.settled()
      t.same(
        // Our own words are made ahead, whoever calls.
        [...watched.changed].filter(path => !isOfDatabase(path) && !path.startsWith('prompts')),
        [],
        'nothing was made or changed in the data folder'
      )
      t.equal(await audioBytes(server), bytesBefore, 'not a byte of audio on the disk')
      t.equal(opened, 0, 'and none went outside')
    })

    await t.test('music in a queue is no dead air', async t => {
      const people = await signInPeople(server, ['ana'])
      await using ana = await TestSoftphone.onShift(server, people.ana.token, { hz: 600 })
      await using caller = await server.phone()
      const dialled = caller.phone.call(server.uri(QUEUE_NUMBER), { sdp: caller.audio.sdp() })
      caller.audio.connect((await dialled.answered()).sdp).sendSilence()
      const call = liveCall(server)
      // Her telephone rings, and she does not answer.
      await ana.until(state => state.offer !== null)
      const musicFromMs = await heardSound(call, 3_000)
      await dialled.bye()
      const { events } = await server.story(dialled.callId)
      t.same(
        events.filter(one => one.kind === 'deadAir' && (one.data['fromMs'] as number) >= musicFromMs),
        []
      )
    })

    await t.test('neither is the silence after the tone, in which a message is left', async t => {
      await using caller = await server.phone()
      const dialled = caller.phone.call(server.uri(MAILBOX_NUMBER), { sdp: caller.audio.sdp() })
      caller.audio.connect((await dialled.answered()).sdp).sendSilence()
      await caller.audio.hears(440)
      await caller.audio.hears(1000)
      caller.audio.sendTone(500)
      await talk(server, 2_000)
      caller.audio.sendDigits('#').sendSilence()
      await caller.audio.hears(880)
      await dialled.waitForBye()
      const { events } = await server.story(dialled.callId)
      t.ok(events.some(one => one.kind === 'recordingConsent'))
      t.notOk(events.some(one => one.kind === 'deadAir'))
    })

    await t.test('a phone that rings is not listened to before it answers', async t => {
      await server.api('PUT', '/sip-accounts/1001', { password: PASSWORD, extension: '1001' })
      await using desk = await server.phone({ user: '1001' })
      const registrar = server.uri('').replace('@', '')
      t.equal((await desk.phone.register(registrar, { user: '1001', password: PASSWORD })).status, 200)
      const placed = await server.api('POST', '/calls', { to: '1001', flowId: 'asks' })
      const incoming = await desk.phone.nextInvite()
      const call = liveCall(server)
      const ringing = told(call, 'ringing')
      incoming.ring()
      await ringing
      t.equal(call.tap, null)
      if (server.engines.freeswitch !== null) t.equal((await server.engines.freeswitch.stats()).forks, 0)
      const dead = told(call, 'deadAir')
      desk.audio.connect(incoming.sdp).sendSilence()
      await incoming.answer(desk.audio.sdp())
      t.match(await dead, { customerSpoke: false })
      if (server.engines.freeswitch !== null) t.equal((await server.engines.freeswitch.stats()).forks, 1)
      await incoming.bye()
      t.match(placed.body['id'], call.id)
    })
  })

t.test('where taps are made only when needed, a call that nobody listens to has none', async t => {
  await using server = await TestParley.start({ env: { PARLEY_TAP: 'needed', PARLEY_DEAD_AIR_MS: '100' } })
  await server.addNumber(NUMBER, await server.publish(ASKS))
  await using caller = await server.phone()
  const dialled = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
  caller.audio.connect((await dialled.answered()).sdp).sendSilence()
  await caller.audio.hears(440)
  const call = liveCall(server)
  caller.audio.sendDigits('1')
  await caller.audio.hears(880)
  if (server.engines.freeswitch !== null) t.equal((await server.engines.freeswitch.stats()).forks, 0)
  await dialled.waitForBye()
  t.match(call.tap?.facts, { frames: 0 })
})

/** The next event of a kind in the story of a call. */
async function told(call: Call, kind: CallEvent['kind']): Promise<CallEvent> {
  return await new Promise<CallEvent>((resolve, reject) => {
    const forget = call.onEvent(event => {
      if (event.kind !== kind && event.kind !== 'ended') return
      forget()
      if (event.kind === kind) resolve(event)
      else reject(new Error(`the call ended without ${kind}`))
    })
  })
}

/** Resolves when the customer has heard sound for so long in all, with the moment at which the first of it was. */
async function heardSound({ tap }: Call, ms: number): Promise<number> {
  if (tap === null) throw new Error('the call is not answered')
  const done = Promise.withResolvers<number>()
  let firstAtMs = -1
  let soundMs = 0
  using _attachment = tap.attach({
    name: 'test',
    onFrame({ leftAndRight, atMs }) {
      const heard = new Int16Array(leftAndRight.buffer, leftAndRight.byteOffset, leftAndRight.length >> 1).filter(
        (_, index) => index % 2 === 1
      )
      if (meanSquare(heard) < 100 ** 2) return
      if (firstAtMs < 0) firstAtMs = atMs
      soundMs += 20
      if (soundMs >= ms) done.resolve(firstAtMs)
    },
    onEnd: () => done.reject(new Error('the call ended'))
  })
  return await done.promise
}

/**
 * How far one count is behind another at the calmest moment: after a stall of the machine the one that comes first is ahead for
 * a moment, and only what is really missing stays missing. No clock is asked.
 */
class LeastLag {
  readonly #lag: () => number
  #least = Number.POSITIVE_INFINITY

  constructor(lag: () => number) {
    this.#lag = lag
  }

  look(): void {
    this.#least = Math.min(this.#least, this.#lag())
  }

  /** The least since it was asked last. */
  since(): number {
    const least = this.#least
    this.#least = Number.POSITIVE_INFINITY
    return least
  }
}
