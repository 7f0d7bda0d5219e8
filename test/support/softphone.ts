import { randomUUID } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { decodeG711 } from '../../media/audio/g711.ts'
import { toneShare } from '../../media/audio/goertzel.ts'
import type { TransportOffer } from '../../media/webrtc/softphone-media.ts'
import type {
  DeskState,
  ReplyData,
  SoftphonePush,
  SoftphoneReply,
  SoftphoneRequest,
  SoftphoneRequestKind,
  TransportOfferMessage
} from '../../server/softphone/protocol.ts'
import { HeadlessTransport } from '../media/webrtc/support/headless-transport.ts'
import { talk, ToneSource } from '../media/webrtc/support/tone-talker.ts'

/** 200 ms are enough to tell a tone; the rest of what was heard is thrown away. */
const HEARD_PACKETS = 10
const PACKET_SAMPLES = 160
/** So long it takes until all that is kept is new. */
const HEARD_MS = 2 * 20 * HEARD_PACKETS
const TONE_SHARE = 0.6
const SILENCE = 0.05

const PCMU = { mimeType: 'audio/PCMU', payloadType: 0, clockRate: 8000, channels: 1 }

const RTP_CAPABILITIES = {
  codecs: [{ kind: 'audio', mimeType: 'audio/PCMU', preferredPayloadType: 0, clockRate: 8000, channels: 1 }],
  headerExtensions: []
}

type Hearing = { role: string; ssrc: number; pcm: Int16Array[]; isOver: boolean }
type Fields<K extends SoftphoneRequestKind> = Omit<Extract<SoftphoneRequest, { kind: K }>, 'id' | 'kind'>
type Data<K extends SoftphoneRequestKind> = K extends keyof ReplyData ? ReplyData[K] : object

export class RefusedError extends Error {
  override readonly name = 'RefusedError'
  readonly code: string

  constructor(problem: Readonly<{ code: string; detail: string }>) {
    super(`${problem.code}: ${problem.detail}`)
    this.code = problem.code
  }
}

/** `tab`: the id of a page that is loaded anew. `voice`: what is said instead of a tone of `hz`. */
export type TestSoftphoneOptions = Readonly<{ hz?: number; tab?: string; voice?: ToneSource }>

/**
 * An agent's page without a browser: the same WebSocket, ICE, DTLS and SRTP, a tone for a microphone and an ear that
 * tells tones.
 */
export class TestSoftphone implements AsyncDisposable {
  readonly pushes: SoftphonePush[] = []
  readonly hz: number
  readonly tab: string
  /** Hears every packet of a call, decoded. */
  onVoice: ((pcm: Int16Array) => void) | undefined
  readonly #voice: ToneSource | undefined
  readonly #socket: WebSocket
  readonly #events = new EventEmitter()
  readonly #waiting = new Map<number, PromiseWithResolvers<object>>()
  readonly #hearings = new Map<string, Hearing>()
  readonly #early: Extract<SoftphonePush, { kind: 'media.hear' }>[] = []
  #nextId = 1
  #send: HeadlessTransport | undefined
  #receive: HeadlessTransport | undefined
  #connectingReceive: Promise<void> | undefined
  #stopTalking: (() => void) | undefined
  #state: DeskState | undefined

  private constructor(socket: WebSocket, tab: string, hz: number, voice: ToneSource | undefined) {
    this.#socket = socket
    this.tab = tab
    this.#voice = voice
    this.hz = hz
    this.#events.setMaxListeners(0)
    socket.on('message', data => this.#take(JSON.parse(String(data))))
    socket.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the socket was closed'))
      this.#waiting.clear()
    })
  }

  /** Opens the page; `hz` is what the microphone says. */
  static async open(
    server: Readonly<{ url: string }>,
    token: string,
    options: TestSoftphoneOptions = {}
  ): Promise<TestSoftphone> {
    const { tab = randomUUID() } = options
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/api/v1/softphone?tab=${tab}`, {
      headers: { authorization: `Bearer ${token}` }
    })
    const phone = new TestSoftphone(socket, tab, options.hz ?? 600, options.voice)
    await once(socket, 'open')
    await phone.until(() => true)
    return phone
  }

  /** Opens the page, connects the audio, proves it, and says Available. */
  static async onShift(
    server: Readonly<{ url: string }>,
    token: string,
    options: TestSoftphoneOptions = {}
  ): Promise<TestSoftphone> {
    const phone = await TestSoftphone.open(server, token, options)
    await phone.connectAudio()
    await phone.prove()
    await phone.request('status', { status: 'available' })
    await phone.until(state => state.status === 'available' && state.routable.isRoutable)
    return phone
  }

  get state(): DeskState {
    if (this.#state === undefined) throw new Error('the server has sent no state yet')
    return this.#state
  }

  async connectAudio(): Promise<void> {
    const offers = await this.request('media.open', { rtpCapabilities: RTP_CAPABILITIES })
    this.#send = await HeadlessTransport.open(toOffer(offers.send))
    const receive = await HeadlessTransport.open(toOffer(offers.receive))
    receive.on('rtp', packet => this.#hear(packet))
    this.#receive = receive
    for (const push of this.#early.splice(0)) this.#hearSoon(push)
    await this.request('media.connect', { way: 'send', dtlsParameters: this.#send.dtlsParameters })
    await this.#send.connect()
    const source = this.#voice ?? new ToneSource(this.hz)
    await this.request('media.speak', {
      rtpParameters: { codecs: [PCMU], encodings: [{ ssrc: source.ssrc }], rtcp: { cname: 'a-browser' } }
    })
    const { sending } = { sending: this.#send }
    this.#stopTalking = talk(source, packet => sending.sendRaw(sending.protect(packet)))
  }

  /** Begins anew with another SFU, once there is one, as a page does that is told that the audio is lost. */
  async reconnectAudio(limitMs = 10_000): Promise<void> {
    this.#stopTalking?.()
    this.#send?.close()
    this.#receive?.close()
    this.#receive = this.#connectingReceive = undefined
    this.#hearings.clear()
    const until = performance.now() + limitMs
    for (;;)
      try {
        return await this.connectAudio()
      } catch (err) {
        if (!(err instanceof RefusedError && err.code === 'SFU_LOST') || performance.now() > until) throw err
        await delay(50)
      }
  }

  async prove(): Promise<void> {
    await this.request('proof', {
      proof: {
        microphone: 'live',
        isHardwareMuted: false,
        ice: 'connected',
        roundTripMs: 1,
        lossShare: 0,
        isRingAudible: true
      }
    })
  }

  /** Asks the server; rejects with RefusedError when it refuses. */
  async request<K extends SoftphoneRequestKind>(kind: K, fields: Fields<K>): Promise<Data<K>> {
    const id = this.#nextId++
    const reply = Promise.withResolvers<object>()
    this.#waiting.set(id, reply)
    this.#socket.send(JSON.stringify({ id, kind, ...fields }))
    return (await reply.promise) as Data<K>
  }

  /** Waits for a state of which the condition holds. */
  async until(condition: (state: DeskState) => boolean, limitMs = 40_000): Promise<DeskState> {
    if (this.#state !== undefined && condition(this.#state)) return this.#state
    const limit = AbortSignal.timeout(limitMs)
    for (;;) {
      try {
        await once(this.#events, 'state', { signal: limit })
      } catch (err) {
        throw new Error(`the desk did not get there within ${limitMs} ms; it shows ${JSON.stringify(this.#state)}`, {
          cause: err
        })
      }
      if (this.#state !== undefined && condition(this.#state)) return this.#state
    }
  }

  /** Waits for an offer and answers it; resolves when the call is there. */
  async answers(): Promise<DeskState> {
    const { offer } = await this.until(state => state.offer !== null)
    await this.request('answer', { offerId: offer?.id ?? '' })
    return await this.until(state => state.call !== null)
  }

  /** Waits until a tone is heard, by the role of the hearing when one is named. */
  async hears(hz: number, role?: string, limitMs = 40_000): Promise<void> {
    await this.#untilHeard(
      () => this.#open(role).some(one => toneShare(joined(one), hz) > TONE_SHARE),
      `${hz} Hz`,
      limitMs
    )
  }

  /** Waits until one voice that is heard holds all of these tones: several people, mixed. */
  async hearsAll(tonesHz: readonly number[], role?: string, limitMs = 40_000): Promise<void> {
    await this.#untilHeard(
      () => this.#open(role).some(one => tonesHz.every(hz => toneShare(joined(one), hz) > TONE_SHARE / 4)),
      tonesHz.join(' and '),
      limitMs
    )
  }

  /** Waits until nothing of what is heard from now on holds the tone; that nothing comes at all is as good. */
  async hearsNo(hz: number, role?: string, limitMs = 40_000): Promise<void> {
    for (const one of this.#open(role)) one.pcm.length = 0
    const until = performance.now() + limitMs
    while (performance.now() < until) {
      await delay(HEARD_MS)
      if (this.#open(role).every(one => toneShare(joined(one), hz) < SILENCE)) return
    }
    throw new Error(`the agent still hears ${hz} Hz after ${limitMs} ms`)
  }

  /** How many voices come in at the moment. */
  get hearings(): number {
    return this.#open().length
  }

  /** The page is gone without a word, as when a laptop is closed or a tab dies. */
  async vanish(): Promise<void> {
    this.#stopTalking?.()
    this.#send?.close()
    this.#receive?.close()
    this.#send = this.#receive = undefined
    if (this.#socket.readyState === WebSocket.CLOSED) return
    const closed = once(this.#socket, 'close')
    this.#socket.terminate()
    await closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.vanish()
  }

  #take(message: SoftphonePush | SoftphoneReply): void {
    if (message.kind === 'reply') {
      const waiting = this.#waiting.get(message.id)
      this.#waiting.delete(message.id)
      if (message.ok) waiting?.resolve(message.data)
      else waiting?.reject(new RefusedError(message.problem))
      return
    }
    this.pushes.push(message)
    switch (message.kind) {
      case 'state':
        this.#state = message.state
        this.#events.emit('state')
        break
      case 'media.hear':
        // What is offered before the transports are there waits for them, as in the browser.
        if (this.#receive === undefined) this.#early.push(message)
        else this.#hearSoon(message)
        break
      case 'media.unhear':
        this.#hearings.delete(message.hearingId)
        break
      default:
        break
    }
  }

  #hearSoon(push: Extract<SoftphonePush, { kind: 'media.hear' }>): void {
    void this.#beginHearing(push).catch(err => {
      // A page that goes in the middle of it has nothing more to say.
      if (this.#socket.readyState === WebSocket.OPEN) throw err
    })
  }

  async #beginHearing({ role, hearing }: Extract<SoftphonePush, { kind: 'media.hear' }>): Promise<void> {
    const [encoding] = hearing.rtpParameters['encodings'] as readonly Readonly<{ ssrc: number }>[]
    this.#hearings.set(hearing.id, { role, ssrc: encoding?.ssrc ?? 0, pcm: [], isOver: false })
    this.#connectingReceive ??= this.#connectReceive()
    await this.#connectingReceive
    await this.request('media.hearing', { hearingId: hearing.id })
  }

  async #connectReceive(): Promise<void> {
    const receive = this.#receive
    if (receive === undefined) throw new Error('the server offers audio before it was asked for transports')
    await this.request('media.connect', { way: 'receive', dtlsParameters: receive.dtlsParameters })
    await receive.connect()
  }

  #hear(packet: Readonly<{ ssrc: number; payload: Uint8Array }> | undefined): void {
    if (packet === undefined) return
    for (const hearing of this.#hearings.values())
      if (hearing.ssrc === packet.ssrc) {
        const pcm = new Int16Array(packet.payload.length)
        decodeG711('PCMU', packet.payload, 0, packet.payload.length, pcm)
        if (hearing.role === 'call') this.onVoice?.(pcm)
        hearing.pcm.push(pcm)
        if (hearing.pcm.length > HEARD_PACKETS) hearing.pcm.shift()
      }
    this.#events.emit('heard')
  }

  #open(role?: string): readonly Hearing[] {
    return [...this.#hearings.values()].filter(
      one => one.role !== 'warmUp' && (role === undefined || one.role === role)
    )
  }

  async #untilHeard(condition: () => boolean, what: string, limitMs: number): Promise<void> {
    const limit = AbortSignal.timeout(limitMs)
    while (!condition())
      try {
        await once(this.#events, 'heard', { signal: limit })
      } catch (err) {
        throw new Error(`the agent did not hear ${what} within ${limitMs} ms`, { cause: err })
      }
  }
}

function toOffer(offer: TransportOfferMessage): TransportOffer {
  return offer as TransportOffer
}

function joined({ pcm }: Hearing): Int16Array {
  const whole = new Int16Array(HEARD_PACKETS * PACKET_SAMPLES)
  // Less than that is not enough to judge by: the rest counts as silence.
  let at = 0
  for (const part of pcm.slice(-HEARD_PACKETS)) {
    whole.set(part.subarray(0, PACKET_SAMPLES), at)
    at += PACKET_SAMPLES
  }
  return whole
}
