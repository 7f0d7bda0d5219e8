import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { randomInt } from 'node:crypto'
import { decodeG711, encodeG711, type G711Codec } from '../../media/audio/g711.ts'
import { toneShare } from '../../media/audio/goertzel.ts'
import { buildRtcpReport, parseRtcp, type RtcpItem } from '../../media/audio/rtcp.ts'
import { buildRtp, parseRtp } from '../../media/audio/rtp.ts'
import { levelDbov, SpeechDetector } from '../../media/audio/speech-energy.ts'
import { digitEvent, TelephoneEventReceiver, writeTelephoneEvent } from '../../media/audio/telephone-event.ts'
import { ArrivalLog, type ArrivalFigures } from './rtp-peer/arrival.ts'
import { pacer } from './rtp-peer/pacer.ts'

const FRAME = 160
// Long, because it only bounds a test that fails: what it waits for comes within milliseconds on a machine with time.
const DEFAULT_LIMIT_MS = 90_000
const WINDOW_SAMPLES = 800
const EVENT_TYPE = 101
const PAYLOAD_TYPES: Readonly<Record<G711Codec, number>> = { PCMU: 0, PCMA: 8 }

/** What is wanted of an SDP. */
export type PeerSdpOptions = Readonly<{
  codecs?: readonly G711Codec[]
  /** telephone-event is offered unless this is false. */
  events?: boolean
  direction?: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'
  ptimeMs?: number
}>

/** Faults on the way from this peer: shares of packets from 0 to 1. */
export type PeerFaults = Readonly<{ loss?: number; duplicate?: number; reorder?: number }>

type QueuedKey = { event: number; slot: number; slots: number; timestamp: number }

/** A limit for waiting. */
export type Within = Readonly<{ limitMs?: number }>

/** A phone's ear and mouth for tests: an RTP and RTCP endpoint on loopback that sends and hears tones, speech and keys. */
export class RtpPeer implements AsyncDisposable {
  readonly host: string
  #rtp: Socket
  #rtcp: Socket
  #remote: { host: string; port: number } | undefined
  #sender: RemoteInfo | undefined
  #codec: G711Codec = 'PCMU'
  #payloadType = 0
  #eventType: number | undefined = EVENT_TYPE
  #sequence = randomInt(0, 0xffff)
  #timestamp = randomInt(0, 0xffff_ffff)
  readonly #ssrc = randomInt(1, 0xffff_ffff)
  #nextFrame: (() => Int16Array | undefined) | undefined
  #isPacing = false
  #toneSample = 0
  readonly #keys: QueuedKey[] = []
  #faults: PeerFaults = {}
  #delayed: Buffer | undefined
  readonly #heard: Int16Array[] = []
  #heardSamples = 0
  readonly #listeners = new Set<() => void>()
  readonly #events = new TelephoneEventReceiver()
  readonly #arrivals = new ArrivalLog()
  readonly #speech = new SpeechDetector({ voiceMs: 40 })
  readonly rtcpItems: RtcpItem[] = []
  /** Everything received, also what is no audio. */
  packetsReceived = 0
  /** Of the last packet that came. */
  heardSsrc = 0
  /** Hears every packet, decoded. */
  onFrame: ((pcm: Int16Array) => void) | undefined
  packetsSent = 0
  digits = ''
  /** Turn off to save time where only counting matters. */
  isListening = true

  constructor(rtp: Socket, rtcp: Socket, host: string) {
    this.#rtp = rtp
    this.#rtcp = rtcp
    this.host = host
    rtp.on('message', this.#onRtp)
    rtcp.on('message', bytes => this.rtcpItems.push(...(parseRtcp(bytes) ?? [])))
    rtp.on('error', () => {})
    rtcp.on('error', () => {})
  }

  get port(): number {
    return this.#rtp.address().port
  }

  /** A session description of this peer. */
  sdp(options: PeerSdpOptions = {}): string {
    const codecs = options.codecs ?? ['PCMU', 'PCMA']
    const hasEvents = options.events ?? true
    const types = [...codecs.map(codec => PAYLOAD_TYPES[codec]), ...(hasEvents ? [EVENT_TYPE] : [])]
    const lines = [
      'v=0',
      `o=- ${this.#ssrc} 1 IN IP4 ${this.host}`,
      's=-',
      `c=IN IP4 ${this.host}`,
      't=0 0',
      `m=audio ${this.port} RTP/AVP ${types.join(' ')}`,
      ...codecs.map(codec => `a=rtpmap:${PAYLOAD_TYPES[codec]} ${codec}/8000`),
      ...(hasEvents ? [`a=rtpmap:${EVENT_TYPE} telephone-event/8000`, `a=fmtp:${EVENT_TYPE} 0-15`] : []),
      `a=ptime:${options.ptimeMs ?? 20}`,
      `a=${options.direction ?? 'sendrecv'}`
    ]
    return `${lines.join('\r\n')}\r\n`
  }

  /** Takes the other side's description: where to send and in which codec. */
  connect(remoteSdp: string): this {
    const line = /^m=audio (\d+) \S+ (.*)$/m.exec(remoteSdp)
    const host = /^c=IN IP4 (\S+)/m.exec(remoteSdp)?.[1] ?? this.host
    if (line === null) throw new Error('the description has no audio line')
    const types = (line[2] as string).trim().split(/\s+/).map(Number)
    const event = /^a=rtpmap:(\d+) telephone-event/m.exec(remoteSdp)?.[1]
    this.#payloadType = types.find(type => type === 0 || type === 8) ?? 0
    this.#codec = this.#payloadType === 8 ? 'PCMA' : 'PCMU'
    this.#eventType = event === undefined ? undefined : Number(event)
    this.#remote = { host, port: Number(line[1]) }
    return this
  }

  /** Sends to wherever voice comes from, when another program does the signalling. */
  answerToSender(): this {
    if (this.#sender === undefined) throw new Error('no voice has come yet')
    this.#remote = { host: this.#sender.address, port: this.#sender.port }
    return this
  }

  /** Sends a tone until something else is sent. */
  sendTone(hz: number, amplitude = 8_000): this {
    return this.#send(() => {
      const frame = new Int16Array(FRAME)
      for (let index = 0; index < FRAME; index++) {
        frame[index] = Math.round(amplitude * Math.sin((2 * Math.PI * hz * this.#toneSample++) / 8_000))
      }
      return frame
    })
  }

  /** Sends silence until something else is sent. */
  sendSilence(): this {
    const silent = new Int16Array(FRAME)
    return this.#send(() => silent)
  }

  /** Sends what `nextFrame` gives for each 20 ms (160 samples), until something else is sent. */
  sendFrames(nextFrame: () => Int16Array): this {
    return this.#send(nextFrame)
  }

  /** Sends these samples (8 kHz) once, then nothing. */
  sendPcm(samples: Int16Array): this {
    let position = 0
    return this.#send(() => {
      if (position >= samples.length) return undefined
      const frame = new Int16Array(FRAME)
      frame.set(samples.subarray(position, position + FRAME))
      position += FRAME
      return frame
    })
  }

  stopSending(): this {
    this.#nextFrame = undefined
    return this
  }

  /** Presses keys as telephone-events, each `durationMs` long with as much pause. */
  sendDigits(digits: string, durationMs = 100): this {
    for (const digit of digits) {
      const event = digitEvent(digit)
      if (event === undefined) throw new Error(`no key ${digit}`)
      this.#keys.push({ event, slot: 0, slots: Math.round(durationMs / 20), timestamp: 0 })
    }
    this.#startPacing()
    return this
  }

  /** Loses, doubles or reorders what this peer sends. */
  withFaults(faults: PeerFaults): this {
    this.#faults = faults
    return this
  }

  /** Sends raw bytes to the other side. */
  sendRaw(bytes: Buffer): void {
    if (this.#remote !== undefined) this.#rtp.send(bytes, this.#remote.port, this.#remote.host)
  }

  /** Sends a receiver report. */
  sendReport(): void {
    if (this.#remote === undefined) return
    this.#rtcp.send(buildRtcpReport({ ssrc: this.#ssrc, cname: 'peer' }), this.#remote.port + 1, this.#remote.host)
  }

  /** Goes on from another port, as behind a router that has forgotten the old one. */
  async moveToNewPort(): Promise<void> {
    const [rtp, rtcp] = await bindPair(this.host)
    this.#rtp.close()
    this.#rtcp.close()
    this.#rtp = rtp
    this.#rtcp = rtcp
    rtp.on('message', this.#onRtp)
    rtcp.on('message', bytes => this.rtcpItems.push(...(parseRtcp(bytes) ?? [])))
  }

  /** Everything heard so far, or the last `samples` of it. */
  captured(samples = Number.POSITIVE_INFINITY): Int16Array {
    const all = new Int16Array(this.#heardSamples)
    let position = 0
    for (const frame of this.#heard) {
      all.set(frame, position)
      position += frame.length
    }
    return samples >= all.length ? all : all.slice(all.length - samples)
  }

  /** Forgets what was heard and pressed. */
  forget(): this {
    this.#heard.length = 0
    this.#heardSamples = 0
    this.digits = ''
    return this
  }

  /** Resolves when the tone makes up most of the last 100 ms. */
  async hears(hz: number, within: Within = {}): Promise<void> {
    await this.#until(
      () => this.#window() !== undefined && toneShare(this.captured(WINDOW_SAMPLES), hz) > 0.6,
      within,
      () => {
        const heard = this.captured(WINDOW_SAMPLES)
        return `${hz} Hz was not heard (share ${toneShare(heard, hz).toFixed(2)}, level ${levelDbov(heard).toFixed(0)} dBov, ${this.packetsReceived} packets)`
      }
    )
  }

  /** Resolves with the first of these tones that makes up most of the last 100 ms. */
  async hearsOneOf(tonesHz: readonly number[], within: Within = {}): Promise<number> {
    const heard = () => tonesHz.find(hz => toneShare(this.captured(WINDOW_SAMPLES), hz) > 0.6)
    await this.#until(
      () => this.#window() !== undefined && heard() !== undefined,
      within,
      () => `none of ${tonesHz.join(', ')} Hz was heard (${this.packetsReceived} packets)`
    )
    return heard() ?? 0
  }

  /** Resolves when each of these tones has a good part in the last 100 ms: several voices, mixed. */
  async hearsAll(tonesHz: readonly number[], within: Within = {}): Promise<void> {
    await this.#until(
      () => this.#window() !== undefined && tonesHz.every(hz => toneShare(this.captured(WINDOW_SAMPLES), hz) > 0.15),
      within,
      () => `shares: ${tonesHz.map(hz => toneShare(this.captured(WINDOW_SAMPLES), hz).toFixed(2)).join(', ')}`
    )
  }

  /** Resolves when the last 100 ms of what came from now on hold nothing of the tone. */
  async hearsNot(hz: number, within: Within = {}): Promise<void> {
    const from = this.packetsReceived
    await this.#until(
      () => this.packetsReceived > from + 10 && toneShare(this.captured(WINDOW_SAMPLES), hz) < 0.02,
      within,
      () => `${hz} Hz is still heard (share ${toneShare(this.captured(WINDOW_SAMPLES), hz).toFixed(3)})`
    )
  }

  /** Resolves when speech (or any sound well above the noise) is heard. */
  async hearsSpeech(within: Within = {}): Promise<void> {
    await this.#until(
      () => this.#speech.isSpeaking,
      within,
      () => 'no speech was heard'
    )
  }

  /** Resolves when the last 100 ms were quiet, or nothing came for 100 ms. */
  async hearsSilence(within: Within = {}): Promise<void> {
    let before = -1
    let since = performance.now()
    await this.#until(
      () => {
        if (this.packetsReceived !== before) {
          before = this.packetsReceived
          since = performance.now()
        }
        const window = this.#window()
        return (window !== undefined && levelDbov(window) < -50) || performance.now() - since > 100
      },
      within,
      () => 'it was never quiet'
    )
  }

  /** Resolves when these keys have arrived. */
  async hearsDigits(digits: string, within: Within = {}): Promise<void> {
    await this.#until(
      () => this.digits.includes(digits),
      within,
      () => `keys heard: "${this.digits}"`
    )
  }

  /** Resolves when `count` packets have arrived. */
  async receives(count: number, within: Within = {}): Promise<void> {
    await this.#until(
      () => this.packetsReceived >= count,
      within,
      () => `${this.packetsReceived} packets came`
    )
  }

  arrival(): ArrivalFigures {
    return this.#arrivals.figures()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    pacer.remove(this.#pace)
    await Promise.all(
      [this.#rtp, this.#rtcp].map(socket => new Promise<void>(resolve => socket.close(() => resolve())))
    )
  }

  #window(): Int16Array | undefined {
    return this.#heardSamples < WINDOW_SAMPLES ? undefined : this.captured(WINDOW_SAMPLES)
  }

  async #until(isTrue: () => boolean, within: Within, describe: () => string): Promise<void> {
    if (isTrue()) return
    await new Promise<void>((resolve, reject) => {
      const check = () => {
        if (!isTrue()) return
        end()
        resolve()
      }
      const limit = setTimeout(() => {
        end()
        reject(new Error(describe()))
      }, within.limitMs ?? DEFAULT_LIMIT_MS)
      const poll = setInterval(check, 20)
      const end = () => {
        clearTimeout(limit)
        clearInterval(poll)
        this.#listeners.delete(check)
      }
      this.#listeners.add(check)
    })
  }

  #send(nextFrame: () => Int16Array | undefined): this {
    this.#nextFrame = nextFrame
    this.#startPacing()
    return this
  }

  #startPacing(): void {
    if (this.#isPacing) return
    this.#isPacing = true
    pacer.add(this.#pace)
  }

  readonly #pace = (): void => {
    const frame = this.#nextFrame?.()
    this.#timestamp = (this.#timestamp + FRAME) >>> 0
    if (this.#keys.length > 0 && this.#eventType !== undefined) this.#sendKey(this.#eventType)
    else if (frame !== undefined) {
      const payload = new Uint8Array(FRAME)
      encodeG711(this.#codec, frame, payload)
      this.#sendPacket(this.#payloadType, payload, this.#timestamp, false)
    }
  }

  #sendKey(type: number): void {
    const key = this.#keys[0] as QueuedKey
    if (key.slot === 0) key.timestamp = this.#timestamp
    key.slot++
    if (key.slot > key.slots + 3) {
      if (key.slot >= key.slots * 2 + 3) this.#keys.shift()
      return
    }
    const payload = Buffer.alloc(4)
    writeTelephoneEvent(payload, 0, {
      event: key.event,
      isEnd: key.slot > key.slots,
      volume: 10,
      duration: Math.min(key.slot, key.slots) * FRAME
    })
    this.#sendPacket(type, payload, key.timestamp, key.slot === 1)
  }

  #sendPacket(payloadType: number, payload: Uint8Array, timestamp: number, marker: boolean): void {
    this.#sequence = (this.#sequence + 1) & 0xffff
    const bytes = buildRtp({
      payloadType,
      marker,
      sequenceNumber: this.#sequence,
      timestamp,
      ssrc: this.#ssrc,
      payload
    })
    this.packetsSent++
    const { loss = 0, duplicate = 0, reorder = 0 } = this.#faults
    if (Math.random() < loss) return
    if (this.#delayed === undefined && Math.random() < reorder) {
      this.#delayed = bytes
      return
    }
    this.sendRaw(bytes)
    if (Math.random() < duplicate) this.sendRaw(bytes)
    if (this.#delayed !== undefined) {
      this.sendRaw(this.#delayed)
      this.#delayed = undefined
    }
  }

  readonly #onRtp = (bytes: Buffer, from: RemoteInfo): void => {
    this.packetsReceived++
    this.#sender = from
    const packet = parseRtp(bytes)
    if (packet === undefined) return
    this.heardSsrc = packet.ssrc
    if (packet.payloadType === this.#eventType) {
      for (const { digit } of this.#events.push(packet.timestamp, packet.payload)) this.digits += digit
    } else {
      this.#arrivals.add(packet.sequenceNumber, packet.timestamp)
      if (!this.isListening) return
      const pcm = new Int16Array(packet.payload.length)
      decodeG711(packet.payloadType === 8 ? 'PCMA' : 'PCMU', packet.payload, 0, packet.payload.length, pcm)
      this.onFrame?.(pcm)
      this.#heard.push(pcm)
      this.#heardSamples += pcm.length
      this.#speech.push(pcm)
    }
    for (const listener of [...this.#listeners]) listener()
  }
}

/** Starts a peer on a free even port of `host`. */
export async function startRtpPeer(options: Readonly<{ host?: string }> = {}): Promise<RtpPeer> {
  const host = options.host ?? '127.0.0.1'
  const [rtp, rtcp] = await bindPair(host)
  return new RtpPeer(rtp, rtcp, host)
}

async function bindPair(host: string): Promise<[Socket, Socket]> {
  for (let tries = 0; tries < 50; tries++) {
    const port = 40_000 + randomInt(0, 9_000) * 2
    const sockets: [Socket, Socket] = [createSocket('udp4'), createSocket('udp4')]
    for (const [index, socket] of sockets.entries()) socket.bind(port + index, host)
    const outcomes = await Promise.allSettled(sockets.map(socket => once(socket, 'listening')))
    if (outcomes.every(outcome => outcome.status === 'fulfilled')) return sockets
    for (const socket of sockets) socket.close()
  }
  throw new Error('no free RTP port for the test peer')
}
