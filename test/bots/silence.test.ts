import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { levelDbov } from '../../media/audio/speech-energy.ts'
import { generateTone } from '../../media/audio/tone.ts'
import { writeWav } from '../../media/audio/wav.ts'
import { TestParley } from '../support/parley.ts'
import type { RtpPeer } from '../support/rtp-peer.ts'
import { createToneRecognizer, thenSilence, toneSpeech } from '../support/tone-recognizer.ts'

const NUMBER = '+12025550100'
/** Each piece of work is shorter than the longest silence that is allowed, two of them together are longer. */
const LIMIT_MS = 2_500
const WORK_MS = 2_000
/** Until the prompt to wait is on the line, with the machine at work. */
const SLACK_MS = 900
/** The recording that asks to wait. */
const ONE_MOMENT_HZ = 1_000

/** A customer's ear: the longest time in milliseconds without a sound, between the first sound and the last. */
function listenForSilence(audio: RtpPeer): () => number {
  let [longestMs, lastAtMs] = [0, Number.NaN]
  audio.onFrame = pcm => {
    if (levelDbov(pcm) < -55) return
    const nowMs = performance.now()
    if (!Number.isNaN(lastAtMs)) longestMs = Math.max(longestMs, Math.round(nowMs - lastAtMs))
    lastAtMs = nowMs
  }
  return () => longestMs
}

t.test('silences in a row are one silence to whoever waits', { timeout: 280_000 }, async t => {
  const service = createServer((request, response) => {
    if (request.url === '/never') return
    setTimeout(() => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'), WORK_MS)
  })
  service.listen(0, '127.0.0.1')
  await once(service, 'listening')
  t.teardown(() => service.close().closeAllConnections())
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/`
  await using server = await TestParley.start({
    env: { PARLEY_MAX_SILENCE_MS: `${LIMIT_MS}`, PARLEY_REQUEST_HOSTS: '127.0.0.1' },
    recognizers: [createToneRecognizer({ languages: ['de'], texts: { 900: 'order' }, thinksMs: WORK_MS })]
  })
  const recordings = join(server.dataDir, 'recorded-prompts', 'de')
  await mkdir(recordings, { recursive: true })
  const samples = generateTone({ frequenciesHz: [ONE_MOMENT_HZ], durationMs: 700, amplitude: 8_000 })
  await writeFile(join(recordings, 'one-moment.wav'), writeWav({ sampleRateHz: 8_000, channels: 1, samples }))
  /** `between` lies between two requests; both lead to a tone of 1200 Hz. */
  const call = async (id: string, number: string, nodes: string, hears: readonly number[] = [1_200]) => {
    await server.publish(`
id: ${id}
name: ${id}
languages: [de]
defaultLanguage: de
start: begin
onFailure: failed
nodes:
  begin: { kind: say, bargeIn: false, prompt: { tone: "%(400,0,440)" }, next: first }
${nodes}
  last: { kind: request, url: "${url}", timeoutMs: 10000, next: found }
  found: { kind: say, bargeIn: false, prompt: { tone: "%(600,0,1200)" }, next: bye }
  failed: { kind: say, bargeIn: false, prompt: { tone: "%(600,0,300)" }, next: bye }
  bye: { kind: hangup }
`)
    await server.addNumber(number, id, 'de')
    await using caller = await server.phone()
    const longestSilenceMs = listenForSilence(caller.audio)
    const leg = caller.phone.call(server.uri(number), { sdp: caller.audio.sdp() })
    caller.audio.connect((await leg.answered()).sdp).sendSilence()
    await caller.audio.hears(440)
    if (nodes.includes('kind: menu')) {
      await caller.audio.hears(700)
      caller.audio.sendFrames(thenSilence(toneSpeech([900, 900])))
    }
    for (const hz of hears) await caller.audio.hears(hz)
    await leg.waitForBye()
    const { events } = await server.story(leg.callId)
    return {
      events,
      silentMs: longestSilenceMs(),
      filled: events.filter(one => one.kind === 'silenceFilled').length
    }
  }
  const request = `  first: { kind: request, url: "${url}", timeoutMs: 10000, next: NEXT }`

  // It waits for long: the other callers are served meanwhile.
  const never = call(
    'never',
    '+12025550104',
    request.replace(url, `${url}never`).replace('10000', '30000').replace('NEXT', 'last'),
    [ONE_MOMENT_HZ, 300]
  )
  never.catch(() => {})

  await t.test('two requests with nothing between them: the recording asks to wait', async t => {
    const { silentMs, filled } = await call('row', NUMBER, request.replace('NEXT', 'last'), [ONE_MOMENT_HZ, 1_200])
    t.equal(filled, 1)
    t.ok(silentMs <= LIMIT_MS + SLACK_MS, `the caller heard nothing for ${silentMs} ms`)
  })

  await t.test('two requests with a pause between them that the author wants', async t => {
    const { filled } = await call(
      'pause',
      '+12025550101',
      `${request.replace('NEXT', 'pause')}\n  pause: { kind: say, prompt: { silenceMs: 300 }, next: last }`
    )
    t.equal(filled, 1)
  })

  await t.test('two requests with something to hear between them', async t => {
    const { silentMs, filled } = await call(
      'sound',
      '+12025550102',
      `${request.replace('NEXT', 'sound')}\n  sound: { kind: say, prompt: { tone: "%(500,0,700)" }, next: last }`
    )
    t.equal(filled, 0)
    t.ok(silentMs >= WORK_MS - 100 && silentMs <= LIMIT_MS, `the caller heard nothing for ${silentMs} ms`)
  })

  await t.test('a recogniser that thinks, and a request about what it heard', async t => {
    const { silentMs, filled } = await call(
      'thinks',
      '+12025550103',
      `  first: { kind: menu, prompt: { tone: "%(500,0,700)" }, choices: { "1": last }, say: { "1": { de: [order, order order] } } }`
    )
    t.equal(filled, 1)
    // What the caller says, and the pause that ends it, are theirs.
    t.ok(silentMs <= LIMIT_MS + 600 + 400 + SLACK_MS, `the caller heard nothing for ${silentMs} ms`)
  })

  await t.test(
    'a request that never answers: the caller is asked to wait four times, and goes the failure way',
    async t => {
      const { events, silentMs, filled } = await never
      t.equal(filled, 4)
      t.match(events.find(one => one.kind === 'silenceGivenUp')?.data, { silences: 5 })
      t.match(events.find(one => one.kind === 'requestFailed')?.data, { code: 'TIMEOUT' })
      t.ok(silentMs <= LIMIT_MS + SLACK_MS, `the caller heard nothing for ${silentMs} ms`)
    }
  )
})

t.test(
  'recognisers that never get ready: the caller is asked to wait, and then has keys',
  { timeout: 120_000 },
  async t => {
    const never = () => new Promise<never>(() => {})
    const tones = { languages: ['de'], texts: { 900: 'order' } }
    await using server = await TestParley.start({
      env: { PARLEY_MAX_SILENCE_MS: '300' },
      recognizers: [
        { ...createToneRecognizer({ ...tones, isOpen: false }), prepare: never },
        { ...createToneRecognizer(tones), prepare: never }
      ]
    })
    await server.publish(`
id: deaf
name: Deaf
languages: [de]
defaultLanguage: de
start: begin
onFailure: bye
nodes:
  begin: { kind: say, bargeIn: false, prompt: { tone: "%(400,0,440)" }, next: menu }
  menu: { kind: menu, prompt: { tone: "%(500,0,700)" }, choices: { "1": found }, say: { "1": { de: [order] } } }
  found: { kind: say, bargeIn: false, prompt: { tone: "%(600,0,1200)" }, next: bye }
  bye: { kind: hangup }
`)
    await server.addNumber(NUMBER, 'deaf', 'de')
    await using caller = await server.phone()
    const leg = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
    caller.audio.connect((await leg.answered()).sdp).sendSilence()
    await caller.audio.hears(700)
    caller.audio.sendDigits('1')
    await caller.audio.hears(1_200)
    await leg.waitForBye()
    const { endReason, events } = await server.story(leg.callId)
    t.equal(endReason, 'flowHungUp')
    t.ok(events.some(one => one.kind === 'silenceGivenUp'))
  }
)
