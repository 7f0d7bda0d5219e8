import { createHash, randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { EventEmitter, once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import {
  CipherContext,
  DtlsClient,
  HashAlgorithm,
  keyLength,
  NamedCurveAlgorithm,
  RtpHeader,
  saltLength,
  SignatureAlgorithm,
  SrtcpSession,
  SrtpSession
} from 'werift'
import { buildRtcpReport, parseRtcp, type RtcpItem } from '../../../../media/audio/rtcp.ts'
import { parseRtp, type RtpPacket } from '../../../../media/audio/rtp.ts'
import { buildBindingRequest } from '../../../../media/webrtc/embedded/stun.ts'
import type { OrtcDocument, TransportOffer } from '../../../../media/webrtc/softphone-media.ts'

export const GCM = 7
export const COUNTER_MODE = 1

type Identity = Readonly<{ certPem: string; keyPem: string; fingerprint: string }>
type IceParameters = Readonly<{ usernameFragment: string; password: string }>
type DtlsClientTransport = ConstructorParameters<typeof DtlsClient>[0]['transport']

const signatureHash = { hash: HashAlgorithm.sha256_4, signature: SignatureAlgorithm.ecdsa_3 }

export async function newIdentity(): Promise<Identity> {
  const { certPem, keyPem } = await CipherContext.createSelfSignedCertificateWithKey(
    signatureHash,
    NamedCurveAlgorithm.secp256r1_23
  )
  const der = Buffer.from(certPem.replace(/-----[A-Z ]+-----|\s/g, ''), 'base64')
  const hex = createHash('sha256').update(der).digest('hex').toUpperCase()
  return { certPem, keyPem, fingerprint: hex.replace(/..(?!$)/g, '$&:') }
}

/** werift repeats a flight for up to 33 s unless a later one was reached; this makes it think so. */
export function endTimers(client: DtlsClient): void {
  Object.defineProperty(client.dtls, 'flight', { get: () => 99, set: () => {} })
}

let sharedIdentity: Promise<Identity> | undefined

export type HeadlessOptions = Readonly<{
  /** Profiles that are offered, in order. */
  srtpProfiles?: readonly (1 | 7)[]
  identity?: Identity
  /** Looks at or replaces each datagram before it leaves. */
  outgoing?: (datagram: Buffer) => readonly Buffer[]
}>

/**
 * One transport as a browser has it, with werift's DTLS and SRTP, so that nothing of the SFU checks itself. Events: 'rtp'
 * (RtpPacket), 'rtcp' (Buffer), 'stun-success' and 'dtls' when connected.
 */
export class HeadlessTransport extends EventEmitter {
  readonly offer: TransportOffer
  readonly identity: Identity
  readonly dtls: DtlsClient
  socket: Socket
  ice: IceParameters
  srtp: SrtpSession | undefined
  srtcp: SrtcpSession | undefined
  isConnected = false
  isNominating = true
  /** Takes sealed packets instead of werift's SRTP. */
  onSrtp: ((datagram: Buffer) => void) | undefined
  readonly #outgoing: (datagram: Buffer) => readonly Buffer[]
  readonly #remotePort: number
  readonly #remoteAddress: string
  readonly #dtlsTransport: DtlsClientTransport
  readonly #checks = new Map<string, () => void>()
  #checkTimer: NodeJS.Timeout | undefined
  #isClosed = false

  private constructor(offer: TransportOffer, identity: Identity, socket: Socket, options: HeadlessOptions) {
    super()
    this.offer = offer
    this.identity = identity
    this.socket = socket
    this.ice = offer.iceParameters as IceParameters
    this.#outgoing = options.outgoing ?? (datagram => [datagram])
    const [candidate] = offer.iceCandidates as readonly Readonly<{ ip: string; port: number }>[]
    this.#remoteAddress = candidate!.ip
    this.#remotePort = candidate!.port
    this.#dtlsTransport = {
      type: 'udp',
      address: {},
      send: async (data: Buffer) => this.sendRaw(Buffer.from(data)),
      close: async () => {},
      onData: () => {},
      closed: false
    } as unknown as DtlsClientTransport
    this.dtls = new DtlsClient({
      transport: this.#dtlsTransport,
      cert: identity.certPem,
      key: identity.keyPem,
      signatureHash,
      srtpProfiles: [...(options.srtpProfiles ?? [GCM, COUNTER_MODE])],
      extendedMasterSecret: true,
      certificateRequest: true
    })
    this.dtls.onConnect.subscribe(() => this.#onDtls())
    this.dtls.onError.subscribe(() => {})
    this.#listen()
  }

  static async open(offer: TransportOffer, options: HeadlessOptions = {}): Promise<HeadlessTransport> {
    sharedIdentity ??= newIdentity()
    return new HeadlessTransport(offer, options.identity ?? (await sharedIdentity), await bound(), options)
  }

  get dtlsParameters(): OrtcDocument {
    return { role: 'client', fingerprints: [{ algorithm: 'sha-256', value: this.identity.fingerprint }] }
  }

  get profile(): number | undefined {
    return this.dtls.srtp.srtpProfile
  }

  /** One check; resolves with its answer. */
  async check(): Promise<void> {
    const transactionId = randomBytes(12)
    const answered = new Promise<void>(resolve => this.#checks.set(transactionId.toString('hex'), resolve))
    this.sendRaw(
      buildBindingRequest({
        transactionId,
        username: `${this.ice.usernameFragment}:peer`,
        password: this.ice.password,
        isNomination: this.isNominating
      })
    )
    await answered
  }

  /** Checks as a browser does, and shakes hands. Resolves when SRTP can flow. */
  async connect(): Promise<void> {
    await this.check()
    this.keepChecking()
    const connected = once(this, 'dtls')
    // It resolves only when its timers have run; what counts is the event.
    this.dtls.connect().catch(() => {})
    await connected
  }

  keepChecking(everyMs = 500): void {
    this.stopChecking()
    this.#checkTimer = setInterval(() => void this.check(), everyMs)
  }

  stopChecking(): void {
    clearInterval(this.#checkTimer)
  }

  /** Goes on from another local port, as after a change of network. */
  async moveToNewPort(): Promise<void> {
    this.socket.close()
    this.socket = await bound()
    this.#listen()
  }

  sendRaw(datagram: Buffer): void {
    if (this.#isClosed) return
    for (const one of this.#outgoing(datagram)) this.socket.send(one, this.#remotePort, this.#remoteAddress)
  }

  protect(packet: RtpPacket): Buffer {
    const header = new RtpHeader({
      payloadType: packet.payloadType,
      marker: packet.marker,
      sequenceNumber: packet.sequenceNumber,
      timestamp: packet.timestamp,
      ssrc: packet.ssrc
    })
    return this.srtp!.encrypt(Buffer.from(packet.payload), header)
  }

  /** The next sender report that comes. */
  async senderReport(): Promise<Extract<RtcpItem, { kind: 'sender-report' }>> {
    for (;;) {
      const [packet] = (await once(this, 'rtcp')) as [Buffer]
      const report = parseRtcp(packet)?.find(item => item.kind === 'sender-report')
      if (report !== undefined) return report
    }
  }

  /** Says, as a receiver does, that the report came and was held for 10 ms. */
  async answerReport(report: Extract<RtcpItem, { kind: 'sender-report' }>): Promise<void> {
    await delay(10)
    const block = {
      ssrc: report.ssrc,
      fractionLost: 0,
      cumulativeLost: 0,
      highestSequence: 1,
      jitter: 0,
      lastSenderReport: report.ntpMiddle,
      delaySinceLastSenderReport: Math.round(0.01 * 65_536)
    }
    this.sendRaw(this.srtcp!.encrypt(buildRtcpReport({ ssrc: 1, cname: 'a-browser', block })))
  }

  /** The DTLS goodbye of a page that is left. */
  sendCloseNotify(): void {
    const recordLayerHeader = {
      contentType: 21,
      protocolVersion: { major: 254, minor: 253 },
      epoch: 1,
      sequenceNumber: 99,
      contentLen: 2
    }
    const sealed = this.dtls.cipher.encryptPacket({ recordLayerHeader, fragment: Buffer.from([1, 0]) } as never)
    const header = Buffer.from('15fefd0001000000000063', 'hex')
    const length = Buffer.alloc(2)
    length.writeUInt16BE(sealed.fragment.length, 0)
    this.sendRaw(Buffer.concat([header, length, sealed.fragment]))
  }

  close(): void {
    this.stopChecking()
    this.#isClosed = true
    endTimers(this.dtls)
    this.socket.close()
  }

  #listen(): void {
    this.socket.on('message', datagram => this.#onDatagram(datagram))
    this.socket.on('error', () => {})
  }

  #onDatagram(datagram: Buffer): void {
    const first = datagram[0]!
    if (first < 4) {
      this.emit('stun', datagram)
      if (datagram.readUInt16BE(0) !== 0x0101) return
      const id = datagram.subarray(8, 20).toString('hex')
      this.#checks.get(id)?.()
      this.#checks.delete(id)
    } else if (first < 64) this.#dtlsTransport.onData(datagram, [this.#remoteAddress, this.#remotePort] as never)
    else if (this.srtp !== undefined) this.#onSrtp(datagram)
  }

  #onSrtp(datagram: Buffer): void {
    if (this.onSrtp !== undefined) {
      this.onSrtp(datagram)
      return
    }
    const second = datagram[1]!
    if (second >= 192 && second <= 223) this.emit('rtcp', this.srtcp!.decrypt(datagram))
    else this.emit('rtp', parseRtp(this.srtp!.decrypt(datagram)), datagram)
  }

  #onDtls(): void {
    if (this.isConnected) return
    const profile = this.profile as 1 | 7
    const { localKey, localSalt, remoteKey, remoteSalt } = this.dtls.extractSessionKeys(
      keyLength(profile),
      saltLength(profile)
    )
    const keys = {
      localMasterKey: localKey,
      localMasterSalt: localSalt,
      remoteMasterKey: remoteKey,
      remoteMasterSalt: remoteSalt
    }
    this.srtp = new SrtpSession({ keys, profile })
    this.srtcp = new SrtcpSession({ keys, profile })
    this.isConnected = true
    this.emit('dtls')
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}
