import { randomBytes, randomUUID } from 'node:crypto'
import { causeFromReason } from '../causes.ts'
import { type CallerProfile, Channel } from '../channel.ts'
import type { Engine } from '../engine.ts'
import { type MediaEvents, MediaStream, type MediaStreamOptions } from '../rtp/media-stream.ts'
import { RtpPortsExhaustedError, type RtpSocketPair } from '../rtp/port-pool.ts'
import { setSipVariables } from './channel-variables.ts'
import { SipDialog, serverHeaders } from './dialog.ts'
import { digitFromInfo } from './info-digits.ts'
import { displayName, header, parameter, parseAddress, parseUri, type SipRequest } from './message.ts'
import { type AudioAgreement, agreeOnAudio, type LocalMedia, writeAnswer, writeOffer } from './sdp.ts'
import { type IncomingRequest, SipStack } from './stack.ts'

/** Name of the profile that fsmrf looks for. */
export const PROFILE_NAME = 'drachtio_mrf'

/** What the profile needs from the server around it. */
export type ProfileHooks = Readonly<{
  newMedia(events: MediaEvents): Promise<MediaStreamOptions>
  release(pair: RtpSocketPair): void
  sdpSessionId(): number
  /** The call is answered and asks for a connection to `backAddress`. */
  onAnswered(channel: Channel, backAddress: string): void
}>

type Call = {
  readonly channel: Channel
  readonly dialog: SipDialog
  readonly sdpSessionId: number
  readonly backAddress: string
  sdpVersion: number
  agreement: AudioAgreement | undefined
  /** True while an offer of this server waits for the answer in the ACK. */
  awaitsAnswer: boolean
  isHandedOver: boolean
}

/** Answers INVITEs, follows their dialogs and turns them into channels. */
export class SipProfile implements AsyncDisposable {
  readonly #engine: Engine
  readonly #hooks: ProfileHooks
  readonly #calls = new Map<string, Call>()
  #stack!: SipStack
  #beingSetUp = 0
  #isStopping = false

  private constructor(engine: Engine, hooks: ProfileHooks) {
    this.#engine = engine
    this.#hooks = hooks
  }

  static async start(
    engine: Engine,
    options: Readonly<{ host: string; port: number }>,
    hooks: ProfileHooks
  ): Promise<SipProfile> {
    const profile = new SipProfile(engine, hooks)
    profile.#stack = await SipStack.bind(options.host, options.port, {
      onRequest: request => profile.#onRequest(request),
      onAck: message => profile.#onAck(message),
      onAckTimeout: message => profile.#callOf(message)?.channel.hangup('RECOVERY_ON_TIMER_EXPIRE'),
      onCancel: () => {}
    })
    return profile
  }

  get port(): number {
    return this.#stack.port
  }

  get address(): string {
    return `${this.#stack.host}:${this.#stack.port}`
  }

  get transactions(): number {
    return this.#stack.transactions
  }

  get malformed(): number {
    return this.#stack.malformed
  }

  /** From now on new calls get 503. */
  stopTakingCalls(): void {
    this.#isStopping = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopTakingCalls()
    await this.#stack[Symbol.asyncDispose]()
  }

  #onRequest(request: IncomingRequest): void {
    const { message } = request
    const toTag = parameter(header(message, 'to') ?? '', 'tag')
    if (toTag === undefined) {
      this.#onNewRequest(request)
      return
    }
    const call = this.#callOf(message)
    if (call === undefined || !call.channel.isUp) {
      request.respond(481)
      return
    }
    if (!call.dialog.accepts(message)) {
      request.respond(500)
      return
    }
    this.#onDialogRequest(request, call)
  }

  #onNewRequest(request: IncomingRequest): void {
    const { message } = request
    const toTag = randomBytes(7).toString('hex')
    switch (message.method) {
      case 'INVITE':
        void this.#onInvite(request, toTag).catch(err => {
          this.#engine.log.error({ err }, 'INVITE failed')
          request.respond(500, { toTag })
        })
        break
      case 'OPTIONS':
        request.respond(200, { toTag, headers: serverHeaders(this.#stack) })
        break
      case 'BYE':
      case 'INFO':
      case 'UPDATE':
      case 'NOTIFY':
        request.respond(481, { toTag })
        break
      default:
        request.respond(501, { toTag, headers: serverHeaders(this.#stack) })
    }
  }

  async #onInvite(request: IncomingRequest, toTag: string): Promise<void> {
    const { message } = request
    if (parseAddress(header(message, 'contact') ?? '') === undefined) {
      request.respond(400, { toTag, reason: 'Missing Contact Header' })
      return
    }
    const required = header(message, 'require')
    if (required !== undefined && required !== '') {
      request.respond(420, { toTag, headers: [['Unsupported', required]] })
      return
    }
    const backAddress = header(message, 'x-esl-outbound') ?? ''
    if (!/^drachtio-fsmrf:/.test(header(message, 'user-agent') ?? '') || backAddress === '') {
      // The dial plan has only one way in.
      request.respond(404, { toTag, headers: serverHeaders(this.#stack) })
      return
    }
    const isFull = this.#engine.channels.size + this.#beingSetUp >= this.#engine.maxChannels
    if (isFull || this.#isStopping) {
      request.respond(503, { toTag })
      return
    }
    const outcome = message.body.trim() === '' ? undefined : agreeOnAudio(message.body)
    if (outcome?.kind === 'refused') {
      this.#engine.log.warn({ why: outcome.why }, 'offer refused')
      request.respond(488, { toTag, headers: serverHeaders(this.#stack) })
      return
    }
    request.respond(100)
    this.#beingSetUp++
    try {
      await this.#answer(request, toTag, backAddress, outcome?.agreement)
    } catch (err) {
      if (!(err instanceof RtpPortsExhaustedError)) throw err
      request.respond(503, { toTag })
    } finally {
      this.#beingSetUp--
    }
  }

  async #answer(
    request: IncomingRequest,
    toTag: string,
    backAddress: string,
    agreement: AudioAgreement | undefined
  ): Promise<void> {
    const { message, source } = request
    const events: MediaEvents = {
      onDigit: digit => channel.receiveDigit(digit, 'RTP'),
      onTimeout: () => channel.hangup('MEDIA_TIMEOUT'),
      onRemoteChanged: (host, port) => {
        channel.set('remote_media_ip', host)
        channel.set('remote_media_port', String(port))
        channel.set('rtp_auto_adjust_audio', 'true')
      }
    }
    const options = await this.#hooks.newMedia(events)
    if (this.#isStopping) {
      this.#hooks.release(options.pair)
      request.respond(503, { toTag })
      return
    }
    const media = new MediaStream(options)
    const caller = callerOf(message, source.address)
    const from = parseAddress(header(message, 'from') ?? '')
    const name = `sofia/${PROFILE_NAME}/${from?.user || 'nobody'}@${from?.host ?? source.address}:${from?.port ?? source.port}`
    const channel = new Channel(this.#engine, media, caller, name)
    const dialog = new SipDialog(this.#stack, message, toTag, { host: source.address, port: source.port })
    channel.dialog = dialog
    const call: Call = {
      channel,
      dialog,
      sdpSessionId: this.#hooks.sdpSessionId(),
      backAddress,
      sdpVersion: 0,
      agreement,
      awaitsAnswer: agreement === undefined,
      isHandedOver: false
    }
    this.#calls.set(dialog.key, call)
    this.#engine.channels.set(channel.uuid, channel)
    channel.signal.addEventListener('abort', () => {
      // The dialog is remembered a little longer, so that a crossing BYE is answered.
      setTimeout(() => this.#calls.delete(dialog.key), 5_000).unref()
      setImmediate(() => this.#hooks.release(options.pair))
    })
    setSipVariables(channel, message, source, { profile: PROFILE_NAME, address: this.address })
    channel.state = 'CS_EXECUTE'
    channel.callState = 'ACTIVE'
    channel.answeredAtMs = Date.now()
    const local = this.#local(call)
    const sdp = agreement === undefined ? writeOffer(local, undefined) : writeAnswer(message.body, agreement, local)
    this.#describe(call, sdp, message.body)
    if (agreement !== undefined) media.apply(agreement, this.#engine.clock.slot)
    this.#engine.clock.add(media)
    channel.fire('CHANNEL_CREATE')
    request.respond(200, {
      toTag,
      headers: [...serverHeaders(this.#stack), ['Content-Type', 'application/sdp']],
      body: sdp
    })
    channel.fire('CHANNEL_ANSWER')
    // With an offer in the INVITE the dial plan runs at once; a late offer waits for the ACK's answer.
    if (agreement !== undefined) this.#handOver(call)
  }

  #handOver(call: Call): void {
    if (call.isHandedOver) return
    call.isHandedOver = true
    const { channel } = call
    channel.executor.execute({ application: 'answer', data: '' })
    channel.set('socket_host', call.backAddress.replace(/:\d+$/, ''))
    channel.set('current_application', 'socket')
    channel.set('current_application_data', `${call.backAddress} async full`)
    channel.socketRun = { uuid: randomUUID(), data: `${call.backAddress} async full` }
    this.#hooks.onAnswered(channel, call.backAddress)
  }

  #onAck(message: SipRequest): void {
    const call = this.#callOf(message)
    if (call === undefined || !call.awaitsAnswer) return
    call.awaitsAnswer = false
    const outcome = agreeOnAudio(message.body)
    if (outcome.kind === 'refused') {
      this.#engine.log.warn({ why: outcome.why }, 'answer refused')
      call.channel.hangup('INCOMPATIBLE_DESTINATION')
      return
    }
    call.agreement = outcome.agreement
    call.channel.media.apply(outcome.agreement, this.#engine.clock.slot)
    this.#describe(call, call.channel.get('rtp_local_sdp_str') ?? '', message.body)
    this.#handOver(call)
  }

  #onDialogRequest(request: IncomingRequest, call: Call): void {
    const { message } = request
    const { channel } = call
    switch (message.method) {
      case 'BYE':
        request.respond(200)
        call.dialog.end()
        channel.hangup(causeFromReason(header(message, 'reason')) ?? 'NORMAL_CLEARING', true)
        break
      case 'INVITE':
      case 'UPDATE':
        this.#onModify(request, call)
        break
      case 'INFO': {
        const digit = digitFromInfo(header(message, 'content-type') ?? '', message.body)
        request.respond(200)
        if (digit !== undefined) channel.receiveDigit(digit, 'ENDPOINT')
        break
      }
      case 'OPTIONS':
        request.respond(200, { headers: serverHeaders(this.#stack) })
        break
      default:
        request.respond(501, { headers: serverHeaders(this.#stack) })
    }
  }

  /** A re-INVITE or UPDATE: a new offer, a refresh, or a request for an offer (RFC 3261 §14.2, RFC 3311). */
  #onModify(request: IncomingRequest, call: Call): void {
    const { message } = request
    call.sdpVersion++
    if (message.body.trim() === '') {
      if (message.method === 'UPDATE') {
        request.respond(200, { headers: serverHeaders(this.#stack) })
        return
      }
      call.awaitsAnswer = true
      const offer = writeOffer(this.#local(call), call.agreement)
      request.respond(200, {
        headers: [...serverHeaders(this.#stack), ['Content-Type', 'application/sdp']],
        body: offer
      })
      return
    }
    const outcome = agreeOnAudio(message.body)
    if (outcome.kind === 'refused') {
      request.respond(488, { headers: serverHeaders(this.#stack) })
      return
    }
    call.agreement = outcome.agreement
    call.channel.media.apply(outcome.agreement, this.#engine.clock.slot)
    const answer = writeAnswer(message.body, outcome.agreement, this.#local(call))
    this.#describe(call, answer, message.body)
    const isHeld = outcome.agreement.direction === 'inactive' || outcome.agreement.direction === 'recvonly'
    if (isHeld !== (call.channel.callState === 'HELD')) {
      call.channel.setCallState(isHeld ? 'HELD' : 'ACTIVE')
      call.channel.fire(isHeld ? 'CHANNEL_HOLD' : 'CHANNEL_UNHOLD')
    }
    request.respond(200, {
      headers: [...serverHeaders(this.#stack), ['Content-Type', 'application/sdp']],
      body: answer
    })
  }

  #local(call: Call): LocalMedia {
    return {
      host: this.#stack.host,
      port: call.channel.media.localPort,
      sessionId: call.sdpSessionId,
      version: call.sdpSessionId + call.sdpVersion
    }
  }

  /** Keeps the variables that say what was negotiated. */
  #describe(call: Call, local: string, remote: string): void {
    const { channel, agreement } = call
    // The real server keeps its description with the direction spelt out.
    const hasDirection = /^a=(sendrecv|sendonly|recvonly|inactive)\s*$/m.test(local)
    channel.set('rtp_local_sdp_str', hasDirection ? local : `${local}a=sendrecv\r\n`)
    channel.set('switch_r_sdp', remote)
    channel.set('local_media_ip', this.#stack.host)
    channel.set('advertised_media_ip', this.#stack.host)
    channel.set('local_media_port', String(channel.media.localPort))
    channel.set('remote_media_ip', agreement?.remote?.host)
    channel.set('remote_media_port', agreement?.remote === undefined ? undefined : String(agreement.remote.port))
    const hasEvents = agreement?.telephoneEventType !== undefined || agreement === undefined
    channel.set('dtmf_type', hasEvents ? 'rfc2833' : 'info')
    if (agreement === undefined) return
    channel.set('rtp_use_codec_name', agreement.codec)
    channel.set('rtp_use_codec_rate', '8000')
    channel.set('rtp_use_codec_ptime', '20')
    channel.set('rtp_use_codec_channels', '1')
    channel.set('rtp_last_audio_codec_string', `${agreement.codec}@8000h@20i@1c`)
    channel.set('rtp_audio_recv_pt', String(agreement.payloadType))
    channel.set('rtp_use_pt', String(agreement.payloadType))
    channel.set('read_codec', agreement.codec)
    channel.set('read_rate', '8000')
    channel.set('write_codec', agreement.codec)
    channel.set('write_rate', '8000')
    if (agreement.telephoneEventType !== undefined) {
      channel.set('rtp_2833_send_payload', String(agreement.telephoneEventType))
      channel.set('rtp_2833_recv_payload', String(agreement.telephoneEventType))
    }
  }

  #callOf(message: SipRequest): Call | undefined {
    const tag = parameter(header(message, 'to') ?? '', 'tag')
    return tag === undefined ? undefined : this.#calls.get(SipDialog.keyOf(header(message, 'call-id') ?? '', tag))
  }
}

function callerOf(message: SipRequest, networkAddress: string): CallerProfile {
  const from = header(message, 'from') ?? ''
  const user = parseAddress(from)?.user ?? ''
  return {
    username: user,
    name: displayName(from) || user || 'unknown',
    number: user,
    destination: parseUri(message.uri)?.user ?? '',
    networkAddress,
    context: 'mrf'
  }
}
