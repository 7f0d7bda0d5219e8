import { type TransportFigures, RouterError, type WebRtcState } from '../router-api.ts'
import type { OrtcDocument } from '../softphone-media.ts'
import type { Certificate, Fingerprint } from './dtls/certificate.ts'
import { DtlsServer } from './dtls/dtls-server.ts'
import type { SrtpKeys } from './dtls/key-schedule.ts'
import { type IceCredentials, IceLite, type Path } from './ice-lite.ts'
import { type SrtpProfile, SRTP_PROFILES } from './srtp/profiles.ts'
import { SrtpReceiver, SrtpSender } from './srtp/srtp-session.ts'
import { isRtcp, rtpHeaderBytes, Streams, withoutPadding } from './streams.ts'
import type { StunMessage } from './stun.ts'
import type { PortUser, UdpPort } from './udp-port.ts'

const DTLS_ROLES: readonly unknown[] = ['client', 'auto', undefined]
const MAX_FINGERPRINTS = 16

export type WebRtcTransportOptions = Readonly<{
  id: string
  port: UdpPort
  certificate: Certificate
  consentTimeoutMs: number
  onState(state: WebRtcState): void
  /** Why a handshake was refused. */
  onRefused(reason: string): void
}>

/** One way of one browser: ICE-lite, DTLS as the server, SRTP, and the streams on it. */
export class WebRtcTransport implements PortUser {
  readonly id: string
  readonly streams = new Streams()
  readonly #options: WebRtcTransportOptions
  readonly #ice: IceLite
  #dtls: DtlsServer | undefined
  #sender: SrtpSender | undefined
  #receiver: SrtpReceiver | undefined
  #state: WebRtcState = 'new'
  #isClosed = false
  #bytesReceived = 0
  #bytesSent = 0

  constructor(options: WebRtcTransportOptions) {
    this.id = options.id
    this.#options = options
    this.#ice = new IceLite(options.consentTimeoutMs, {
      onPathAdded: path => options.port.addPath(path, this),
      onPathRemoved: path => options.port.removePath(path, this),
      onFragmentDropped: fragment => options.port.removeFragment(fragment),
      onSelected: () => this.#updateState()
    })
    options.port.addFragment(this.#ice.credentials.usernameFragment, this)
  }

  get iceParameters(): OrtcDocument {
    return iceParametersOf(this.#ice.credentials)
  }

  get dtlsParameters(): OrtcDocument {
    return { role: 'auto', fingerprints: this.#options.certificate.fingerprints }
  }

  /** Nothing of DTLS is looked at before this: only then it is known whose certificate is right. */
  connect(dtlsParameters: OrtcDocument): void {
    if (this.#dtls !== undefined) throw new RouterError('ALREADY_CONNECTED', 'this transport was connected before')
    if (!DTLS_ROLES.includes(dtlsParameters['role'])) {
      throw new RouterError('SFU_REFUSED', 'the browser has to be the DTLS client')
    }
    this.#dtls = new DtlsServer({
      certificate: this.#options.certificate,
      peerFingerprints: readFingerprints(dtlsParameters['fingerprints']),
      srtpProfiles: SRTP_PROFILES,
      send: datagram => this.#send(datagram),
      onConnected: (profile, keys) => this.#onKeys(profile, keys),
      onFailed: reason => {
        this.#options.onRefused(reason)
        this.#setState('failed')
      },
      onClosed: () => this.#setState('closed')
    })
  }

  restartIce(): OrtcDocument {
    const credentials = this.#ice.restart()
    this.#options.port.addFragment(credentials.usernameFragment, this)
    return iceParametersOf(credentials)
  }

  onCheck(message: StunMessage, path: Path): void {
    if (!this.#isClosed) this.#ice.onCheck(message, path, performance.now())
  }

  onDatagram(datagram: Buffer): void {
    if (this.#isClosed) return
    this.#bytesReceived += datagram.length
    const first = datagram[0] as number
    // RFC 7983 §7.
    if (first >= 128 && first <= 191) this.#onSrtp(datagram)
    else if (first >= 20 && first <= 63) this.#dtls?.receive(datagram)
  }

  /** Sends one clear RTP packet with the fixed header only; false if there is no way for it now. */
  sendRtp(packet: Buffer): boolean {
    if (this.#state !== 'connected') return false
    const sealed = this.#sender?.protectRtp(packet, 12)
    if (sealed === undefined) return false
    this.#send(sealed)
    return true
  }

  /** To be called every second or so. */
  tick(nowMs: number, isReportDue: boolean): void {
    this.#ice.checkConsent(nowMs)
    if (!isReportDue || this.#state !== 'connected') return
    const report = this.streams.report(nowMs)
    const sealed = report === undefined ? undefined : this.#sender?.protectRtcp(report)
    if (sealed !== undefined) this.#send(sealed)
  }

  figures(): TransportFigures {
    return { bytesReceived: this.#bytesReceived, bytesSent: this.#bytesSent }
  }

  close(): void {
    if (this.#isClosed) return
    this.#dtls?.close()
    this.#isClosed = true
    this.#ice.close()
  }

  #onSrtp(packet: Buffer): void {
    if (this.#receiver === undefined) return
    const nowMs = performance.now()
    if (isRtcp(packet)) {
      const clear = this.#receiver.unprotectRtcp(packet)
      if (clear !== undefined) this.streams.onRtcp(clear, nowMs)
      return
    }
    const headerBytes = rtpHeaderBytes(packet)
    // Streams that nobody announced are not worth a look inside.
    if (headerBytes < 0 || this.streams.producerOf(packet.readUInt32BE(8)) === undefined) return
    const plain = this.#receiver.unprotectRtp(packet, headerBytes)
    const payload = plain === undefined ? undefined : withoutPadding(packet, plain)
    if (payload !== undefined && payload.length > 0) this.streams.onRtp(packet, payload, nowMs)
  }

  #onKeys(profile: SrtpProfile, keys: SrtpKeys): void {
    this.#receiver = new SrtpReceiver(profile, keys.clientKey, keys.clientSalt)
    this.#sender = new SrtpSender(profile, keys.serverKey, keys.serverSalt)
    this.#updateState()
  }

  #send(datagram: Buffer): void {
    const path = this.#ice.selected
    if (path === null) return
    this.#bytesSent += datagram.length
    path.send(datagram)
  }

  #updateState(): void {
    if (this.#sender === undefined) return
    this.#setState(this.#ice.selected === null ? 'disconnected' : 'connected')
  }

  #setState(state: WebRtcState): void {
    const isFinal = this.#state === 'failed' || this.#state === 'closed'
    if (state === this.#state || isFinal || this.#isClosed) return
    this.#state = state
    this.#options.onState(state)
  }
}

function iceParametersOf(credentials: IceCredentials): OrtcDocument {
  return { ...credentials, iceLite: true }
}

function readFingerprints(value: unknown): readonly Fingerprint[] {
  const listed = Array.isArray(value) ? value.slice(0, MAX_FINGERPRINTS) : []
  const fingerprints = listed.filter(
    (entry): entry is Fingerprint => typeof entry?.algorithm === 'string' && typeof entry?.value === 'string'
  )
  if (fingerprints.length === 0) throw new RouterError('SFU_REFUSED', 'the browser announced no fingerprint')
  return fingerprints
}
