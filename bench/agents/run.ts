/**
 * A caller and an agent's softphone through the whole server: how long a click of one takes to the other's ear, and how
 * long an answer takes to two-way audio. Everything runs on this machine; the ends are a UDP socket and an SRTP client, so
 * that no jitter buffer of theirs is measured.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { decodeG711 } from '../../media/audio/g711.ts'
import { ToneSource } from '../../test/media/webrtc/support/tone-talker.ts'
import { TO_SUPPORT } from '../../test/support/flows.ts'
import { signInPeople } from '../../test/support/people.ts'
import { TestParley } from '../../test/support/parley.ts'
import { TestSoftphone } from '../../test/support/softphone.ts'
import { printFigures } from '../figures.ts'

const CALLS = 20
const CLICKS = 20
const EVERY_PACKETS = 25
const LOUD = 4_000
const SILENT = new Uint8Array(160).fill(0xff)

/** Says a click of one packet every half a second and notes when. */
class Clicks extends ToneSource {
  readonly saidAtMs: number[] = []
  #packets = 0

  constructor() {
    super(1_000)
  }

  override next() {
    const packet = super.next()
    this.#packets += 1
    if (this.#packets % EVERY_PACKETS !== 0) return { ...packet, payload: SILENT }
    this.saidAtMs.push(performance.now())
    return packet
  }
}

const server = await TestParley.start({ hasDemoData: true })
await server.publish(TO_SUPPORT)
await server.addNumber('+12025550111', 'to-support')
const { ana } = await signInPeople(server, ['ana'])
const voice = new Clicks()
const agent = await TestSoftphone.onShift(server, ana.token, { voice })
const answerMs: number[] = []
const toAgentMs: number[] = []
const toCallerMs: number[] = []

for (let index = 0; index < CALLS; index++) {
  const { phone, audio, ...rest } = await server.phone()
  const call = phone.call(server.uri('+12025550111'), { sdp: audio.sdp() })
  audio.connect((await call.answered()).sdp).sendTone(440)
  const { offer } = await agent.until(state => state.offer !== null)
  let isHeard: () => void = () => {}
  const heard = new Promise<void>(resolve => {
    isHeard = resolve
  })
  agent.onVoice = pcm => {
    if (pcm.some(sample => Math.abs(sample) > LOUD)) isHeard()
  }
  const answeredAtMs = performance.now()
  await agent.request('answer', { offerId: offer?.id ?? '' })
  await heard
  answerMs.push(performance.now() - answeredAtMs)
  if (index === CALLS - 1) await measureClicks(audio)
  await call.bye()
  const { wrapUp } = await agent.until(state => state.wrapUp !== null)
  await agent.request('wrapUp.finish', { callId: wrapUp?.callId ?? '', disposition: null, note: '' })
  await agent.until(state => state.state === 'idle')
  await rest[Symbol.asyncDispose]()
}
agent.onVoice = undefined
printFigures([
  row(`click on answer to the caller's voice, ${CALLS} calls, p50`, at(answerMs, 0.5), ''),
  row('the same, p95', at(answerMs, 0.95), '≤ 200 ms'),
  row(`caller's mouth to agent's ear, ${toAgentMs.length} clicks, p50`, at(toAgentMs, 0.5), '≤ 50 ms'),
  row('the same, p99', at(toAgentMs, 0.99), ''),
  row(`agent's mouth to caller's ear, ${toCallerMs.length} clicks, p50`, at(toCallerMs, 0.5), '≤ 50 ms'),
  row('the same, p99', at(toCallerMs, 0.99), '')
])
await agent[Symbol.asyncDispose]()
await server[Symbol.asyncDispose]()

async function measureClicks(audio: Awaited<ReturnType<typeof server.phone>>['audio']): Promise<void> {
  const own = new Clicks()
  let hasHeard = true
  agent.onVoice = pcm => {
    const isLoud = pcm.some(sample => Math.abs(sample) > LOUD)
    const saidAtMs = own.saidAtMs.at(-1)
    if (isLoud && !hasHeard && saidAtMs !== undefined) {
      hasHeard = true
      toAgentMs.push(performance.now() - saidAtMs)
    }
  }
  const counted = own.saidAtMs.push.bind(own.saidAtMs)
  own.saidAtMs.push = (...times) => {
    hasHeard = false
    return counted(...times)
  }
  audio.sendFrames(() => {
    const { payload } = own.next()
    const pcm = new Int16Array(payload.length)
    decodeG711('PCMU', payload, 0, payload.length, pcm)
    return pcm
  })
  let before = voice.saidAtMs.length
  audio.onFrame = pcm => {
    if (voice.saidAtMs.length === before || !pcm.some(sample => Math.abs(sample) > LOUD)) return
    before = voice.saidAtMs.length
    toCallerMs.push(performance.now() - (voice.saidAtMs.at(-1) ?? 0))
  }
  const limit = AbortSignal.timeout(60_000)
  while (toAgentMs.length < CLICKS || toCallerMs.length < CLICKS) {
    limit.throwIfAborted()
    await delay(100)
  }
  audio.onFrame = undefined
}

function row(what: string, ms: number, wanted: string) {
  return { what, measured: `${ms.toFixed(1)} ms`, wanted }
}

function at(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
