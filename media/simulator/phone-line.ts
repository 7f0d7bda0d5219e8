import { randomInt } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { decodeG711, encodeG711 } from '../audio/g711.ts'
import { buildRtp, parseRtp } from '../audio/rtp.ts'
import { levelDbov } from '../audio/speech-energy.ts'
import { digitEvent, writeTelephoneEvent } from '../audio/telephone-event.ts'

/** The line could not be set up. */
export class PhoneLineError extends Error {
  override readonly name = 'PhoneLineError'
  readonly code: 'NO_PORT' | 'NO_AUDIO'

  constructor(code: PhoneLineError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** A stretch of sound, on the clock of `performance.now()`; `toMs` grows while it lasts. */
export type SoundSpan = { readonly fromMs: number; toMs: number }
type Span = Readonly<{ fromMs: number; toMs: number }>

const FRAME_SAMPLES = 160
const FRAME_MS = 20
const PCMU = 0
const EVENT_TYPE = 101
const KEY_FRAMES = 5
const END_PACKETS = 3
/** Between two keys. */
const KEY_GAP_FRAMES = 5
/** From this level on a frame is heard as sound. */
const SOUND_DBOV = -45
/** Quiet as short as this lies within one stretch of sound. */
const JOIN_MS = 240
const PORT_TRIES = 30

/** One thing that is being sent; `frame` gives the next packet's payload, or null when it is over. */
type Sending = Readonly<{ frame(): Int16Array | 'key' | null; done(): void }>

/**
 * The telephone of a simulated caller: sends and hears RTP (PCMU and telephone-events) like any phone, without signalling.
 * It sends a frame each 20 ms from `connect` on: what is said, or the noise of the line, or silence.
 */
export class PhoneLine implements AsyncDisposable {
  readonly #socket: Socket
  readonly #control: Socket
  readonly #host: string
  readonly #noise: Int16Array | null
  readonly #ssrc = randomInt(1, 0xffff_ffff)
  readonly #sounds: SoundSpan[] = []
  readonly #onTick = new Set<() => void>()
  #remote: Readonly<{ host: string; port: number }> | undefined
  #eventType = EVENT_TYPE
  #sequence = randomInt(0, 0xffff)
  #timestamp = randomInt(0, 0x7fff_ffff)
  #noiseAt = 0
  #sending: Sending | null = null
  #keyUpMs = 0
  #key = { event: 0, frame: 0, timestamp: 0 }
  #timer: NodeJS.Timeout | undefined
  #dueMs = 0
  #packetsHeard = 0

  private constructor(sockets: readonly [Socket, Socket], host: string, noise: Int16Array | null) {
    const [socket, control] = sockets
    this.#socket = socket
    this.#control = control
    this.#host = host
    this.#noise = noise
    socket.on('message', bytes => this.#hear(bytes))
  }

  /** Binds to free ports of an address. `noise` goes on behind whatever is said. Rejects with {@link PhoneLineError}. */
  static async open(host: string, noise: Int16Array | null): Promise<PhoneLine> {
    return new PhoneLine(await bindPair(host), host, noise)
  }

  /** What this phone offers (RFC 3264). */
  get sdp(): string {
    const { port } = this.#socket.address()
    const lines = [
      'v=0',
      `o=- ${this.#ssrc} 1 IN IP4 ${this.#host}`,
      's=-',
      `c=IN IP4 ${this.#host}`,
      't=0 0',
      `m=audio ${port} RTP/AVP ${PCMU} ${EVENT_TYPE}`,
      `a=rtpmap:${PCMU} PCMU/8000`,
      `a=rtpmap:${EVENT_TYPE} telephone-event/8000`,
      `a=fmtp:${EVENT_TYPE} 0-15`,
      'a=ptime:20',
      'a=sendrecv'
    ]
    return `${lines.join('\r\n')}\r\n`
  }

  /** Takes the answer to the offer and begins to send. Throws {@link PhoneLineError}. */
  connect(answer: string): void {
    const port = /^m=audio (\d+) /m.exec(answer)?.[1]
    const host = /^c=IN IP4 (\S+)/m.exec(answer)?.[1]
    if (port === undefined || host === undefined)
      throw new PhoneLineError('NO_AUDIO', 'the answer of the media server has no audio')
    this.#eventType = Number(/^a=rtpmap:(\d+) telephone-event/m.exec(answer)?.[1] ?? EVENT_TYPE)
    this.#remote = { host, port: Number(port) }
    this.#dueMs = performance.now()
    this.#tick()
  }

  /** Everything that was heard so far, oldest first. */
  get sounds(): readonly SoundSpan[] {
    return this.#sounds
  }

  /** RTP packets that have arrived. */
  get packetsHeard(): number {
    return this.#packetsHeard
  }

  /** For how long nothing has been heard, in milliseconds; since ever when nothing was. */
  get quietMs(): number {
    const last = this.#sounds.at(-1)
    return last === undefined ? Number.POSITIVE_INFINITY : performance.now() - last.toMs
  }

  /** Resolves as soon as it is true, looked at in each frame; rejects with the signal's reason. */
  async until(isTrue: () => boolean, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (isTrue()) return
    await new Promise<void>((resolve, reject) => {
      const end = () => {
        this.#onTick.delete(look)
        signal.removeEventListener('abort', onAbort)
      }
      const look = () => {
        if (!isTrue()) return
        end()
        resolve()
      }
      const onAbort = () => {
        end()
        reject(signal.reason)
      }
      this.#onTick.add(look)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** Says samples (8 kHz) and resolves with when they were sent. */
  async say(samples: Int16Array, signal: AbortSignal): Promise<Span> {
    let at = 0
    return await this.#send(() => {
      if (at >= samples.length) return null
      const frame = new Int16Array(FRAME_SAMPLES)
      frame.set(samples.subarray(at, at + FRAME_SAMPLES))
      at += FRAME_SAMPLES
      return frame
    }, signal)
  }

  /** Presses keys one after the other, as telephone-events (RFC 4733); they were sent when the last key was let go. */
  async press(keys: string, signal: AbortSignal): Promise<Span> {
    const waiting = [...keys].map(key => digitEvent(key) ?? 0)
    let gap = 0
    const { fromMs } = await this.#send(() => {
      if (this.#key.frame > 0) return 'key'
      if (gap > 0) {
        gap -= 1
        return new Int16Array(FRAME_SAMPLES)
      }
      const event = waiting.shift()
      if (event === undefined) return null
      this.#key = { event, frame: 1, timestamp: this.#timestamp }
      gap = KEY_GAP_FRAMES
      return 'key'
    }, signal)
    return { fromMs, toMs: this.#keyUpMs }
  }

  async #send(frame: Sending['frame'], signal: AbortSignal): Promise<Span> {
    signal.throwIfAborted()
    if (this.#sending !== null) throw new TypeError('the caller is busy')
    const fromMs = performance.now()
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => {
        this.#sending = null
        reject(signal.reason)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#sending = {
        frame,
        done: () => {
          signal.removeEventListener('abort', onAbort)
          resolve()
        }
      }
    })
    return { fromMs, toMs: performance.now() }
  }

  /** One frame each 20 ms, without drift; after a pause of this program what is due is sent at once. */
  #tick(): void {
    const nowMs = performance.now()
    for (; this.#dueMs <= nowMs; this.#dueMs += FRAME_MS) this.#sendFrame()
    for (const look of [...this.#onTick]) look()
    this.#timer = setTimeout(() => this.#tick(), Math.max(1, this.#dueMs - performance.now()))
  }

  #sendFrame(): void {
    this.#timestamp = (this.#timestamp + FRAME_SAMPLES) >>> 0
    const frame = this.#sending?.frame() ?? null
    if (frame === null && this.#sending !== null) {
      const { done } = this.#sending
      this.#sending = null
      done()
    }
    if (frame === 'key') {
      this.#sendKey()
      return
    }
    const payload = new Uint8Array(FRAME_SAMPLES)
    encodeG711('PCMU', this.#withNoise(frame ?? new Int16Array(FRAME_SAMPLES)), payload)
    this.#sendPacket(PCMU, payload, this.#timestamp, false)
  }

  #withNoise(frame: Int16Array): Int16Array {
    const noise = this.#noise
    if (noise === null) return frame
    const from = this.#noiseAt
    this.#noiseAt = (from + FRAME_SAMPLES) % noise.length
    return frame.map((sample, index) =>
      Math.max(-32_768, Math.min(32_767, sample + (noise[(from + index) % noise.length] ?? 0)))
    )
  }

  /** All packets of one press have its timestamp; the end is sent three times (RFC 4733 §2.5.1.4). */
  #sendKey(): void {
    const { event, frame, timestamp } = this.#key
    const payload = Buffer.alloc(4)
    const isEnd = frame > KEY_FRAMES
    if (frame === KEY_FRAMES + 1) this.#keyUpMs = performance.now()
    const duration = Math.min(frame, KEY_FRAMES) * FRAME_SAMPLES
    writeTelephoneEvent(payload, 0, { event, isEnd, volume: 10, duration })
    this.#sendPacket(this.#eventType, payload, timestamp, frame === 1)
    this.#key.frame = frame < KEY_FRAMES + END_PACKETS ? frame + 1 : 0
  }

  #sendPacket(payloadType: number, payload: Uint8Array, timestamp: number, marker: boolean): void {
    if (this.#remote === undefined) return
    this.#sequence = (this.#sequence + 1) & 0xffff
    const packet = { payloadType, marker, sequenceNumber: this.#sequence, timestamp, ssrc: this.#ssrc, payload }
    this.#socket.send(buildRtp(packet), this.#remote.port, this.#remote.host)
  }

  #hear(bytes: Buffer): void {
    const packet = parseRtp(bytes)
    if (packet?.payloadType !== PCMU) return
    this.#packetsHeard += 1
    const samples = new Int16Array(packet.payload.length)
    decodeG711('PCMU', packet.payload, 0, packet.payload.length, samples)
    if (levelDbov(samples) < SOUND_DBOV) return
    const nowMs = performance.now()
    const last = this.#sounds.at(-1)
    if (last !== undefined && nowMs - last.toMs < JOIN_MS) last.toMs = nowMs
    else this.#sounds.push({ fromMs: nowMs, toMs: nowMs })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer)
    this.#onTick.clear()
    await Promise.all(
      [this.#socket, this.#control].map(socket => new Promise<void>(resolve => socket.close(() => resolve())))
    )
  }
}

/** An even port for RTP and the next one for RTCP (RFC 3550 §11), which nobody reads here. */
async function bindPair(host: string): Promise<readonly [Socket, Socket]> {
  for (let tries = 0; tries < PORT_TRIES; tries += 1) {
    const first = await bind(0, host)
    const { port } = first?.address() ?? { port: 1 }
    const second = first !== null && port % 2 === 0 ? await bind(port + 1, host) : null
    if (first !== null && second !== null) return [first, second]
    first?.close()
  }
  throw new PhoneLineError('NO_PORT', 'no free ports for a simulated phone')
}

async function bind(port: number, host: string): Promise<Socket | null> {
  const socket = createSocket('udp4')
  // A port that nobody listens on any more answers with ICMP; that is no matter of a phone.
  socket.on('error', () => {})
  const outcome = Promise.race([
    once(socket, 'listening').then(() => true),
    once(socket, 'error').then(() => false)
  ]).catch(() => false)
  socket.bind(port, host)
  if (await outcome) return socket
  socket.close()
  return null
}
