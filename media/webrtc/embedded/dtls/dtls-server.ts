import { type KeyObject, sign, timingSafeEqual, verify, X509Certificate } from 'node:crypto'
import type { SrtpProfile } from '../srtp/profiles.ts'
import { type Certificate, type Fingerprint, FINGERPRINT_HASHES, fingerprint } from './certificate.ts'
import * as messages from './handshake-messages.ts'
import { ALERT, HANDSHAKE, HandshakeError, type HandshakeMessage } from './handshake-messages.ts'
import { createKeyShare, type KeyShare } from './key-exchange.ts'
import { extendedMasterSecret, finishedData, recordKeys, sha256, srtpKeys, type SrtpKeys } from './key-schedule.ts'
import { Reassembler } from './reassembler.ts'
import { buildRecord, CONTENT, type DtlsRecord, parseRecords, RecordCipher } from './records.ts'

const FIRST_RETRANSMIT_MS = 400
const HANDSHAKE_LIMIT_MS = 10_000
/** Repeats of the last flight that one connection may cause after it is up. */
const MAX_LATE_REPEATS = 20
const CLOSE_NOTIFY = Buffer.from([1, ALERT.closeNotify])

export type DtlsServerOptions = Readonly<{
  certificate: Certificate
  /** What the signalling said of the peer's certificate; one that is known and fits is enough (RFC 8122 §5). */
  peerFingerprints: readonly Fingerprint[]
  /** In our order of preference. */
  srtpProfiles: readonly SrtpProfile[]
  /** From the client's hello to its Finished; default 10 s. */
  handshakeLimitMs?: number
  send(datagram: Buffer): void
  onConnected(profile: SrtpProfile, keys: SrtpKeys): void
  /** The handshake was refused, by either side, or took too long. Final. */
  onFailed(reason: string): void
  /** The peer has said that it closes. Final. */
  onClosed(): void
}>

/** What is kept between the client's hello and its Finished. */
type Handshake = {
  clientRandom: Buffer
  serverRandom: Buffer
  keyShare: KeyShare
  srtpProfile: SrtpProfile
  transcript: Buffer[]
  peerKey?: KeyObject
  masterSecret?: Buffer
  isPeerProven?: boolean
}

/**
 * The server's side of DTLS 1.2 (RFC 6347) for DTLS-SRTP (RFC 5764), with one cipher suite and a client that must prove
 * its certificate. Datagrams come in through `receive`, which never throws; whoever calls it has checked by STUN that the
 * peer is at its address, so there is no cookie exchange.
 */
export class DtlsServer {
  readonly #options: DtlsServerOptions
  readonly #reassembler = new Reassembler()
  #state: 'waiting' | 'shaking' | 'connected' | 'ended' = 'waiting'
  #handshake: Handshake | undefined
  #incoming: RecordCipher | undefined
  #outgoing: RecordCipher | undefined
  // Next record sequence number of each epoch.
  readonly #sequences: [number, number] = [0, 0]
  #lastFlight: (() => Buffer[]) | undefined
  #lateRepeats = 0
  #retransmit: NodeJS.Timeout | undefined
  #limit: NodeJS.Timeout | undefined

  constructor(options: DtlsServerOptions) {
    this.#options = options
  }

  receive(datagram: Buffer): void {
    for (const record of parseRecords(datagram)) {
      if (this.#state === 'ended') return
      this.#onRecord(record)
    }
  }

  /** Tells the peer, if there is a connection, and frees everything. */
  close(): void {
    if (this.#state === 'connected') this.#sendRecords([this.#encrypted(CONTENT.alert, CLOSE_NOTIFY)])
    this.#end()
  }

  #onRecord(record: DtlsRecord): void {
    const plain = this.#open(record)
    if (plain === undefined) return
    try {
      switch (record.type) {
        case CONTENT.handshake:
          this.#onHandshake(plain, record.epoch)
          break
        case CONTENT.alert:
          this.#onAlert(plain, record.epoch)
          break
        // ChangeCipherSpec says nothing that the epochs do not say; application data is not expected from anybody.
        default:
          break
      }
    } catch (err) {
      if (!(err instanceof HandshakeError)) throw err
      this.#fail(err.alert, err.message)
    }
  }

  #open(record: DtlsRecord): Buffer | undefined {
    if (record.epoch === 0) return record.fragment
    return record.epoch === 1 ? this.#incoming?.open(record) : undefined
  }

  #onAlert(plain: Buffer, epoch: number): void {
    // Anybody can send an alert in clear. Only the peer's own ends the connection; otherwise the time limit does.
    if (epoch !== 1 || this.#state !== 'connected' || plain.length < 2) return
    const isFatal = plain[0] === 2
    if (!isFatal && plain[1] !== ALERT.closeNotify) return
    this.#end()
    this.#options.onClosed()
  }

  #onHandshake(plain: Buffer, epoch: number): void {
    if (this.#state === 'connected') {
      // Our last flight was lost, and the client repeats its own (RFC 6347 §4.2.4). Clear messages are nobody's.
      if (epoch === 1 && this.#reassembler.push(plain) && this.#lateRepeats++ < MAX_LATE_REPEATS) this.#sendFlight()
      return
    }
    const isRepeated = this.#reassembler.push(plain)
    if (isRepeated && this.#lastFlight !== undefined) this.#sendFlight()
    for (let message = this.#reassembler.shift(); message !== undefined; message = this.#reassembler.shift()) {
      this.#onMessage(message, epoch)
    }
  }

  /** Messages come in order of their sequence numbers; which type may stand where is checked here. */
  #onMessage(message: HandshakeMessage, epoch: number): void {
    if (message.type === HANDSHAKE.clientHello && this.#state === 'waiting') {
      this.#onClientHello(message)
      return
    }
    const handshake = this.#handshake
    if (handshake === undefined) throw new HandshakeError(ALERT.illegalParameter, 'a message came before the hello')
    if (message.type === HANDSHAKE.certificate && handshake.peerKey === undefined) {
      handshake.peerKey = this.#checkCertificate(messages.parseCertificate(message.body))
    } else if (message.type === HANDSHAKE.clientKeyExchange && handshake.peerKey && !handshake.masterSecret) {
      this.#onKeyExchange(handshake, message)
      return
    } else if (message.type === HANDSHAKE.certificateVerify && handshake.masterSecret && handshake.peerKey) {
      this.#checkPossession(handshake, handshake.peerKey, message)
    } else if (message.type === HANDSHAKE.finished && handshake.isPeerProven && handshake.masterSecret && epoch === 1) {
      this.#onFinished(handshake, handshake.masterSecret, message)
      return
    } else throw new HandshakeError(ALERT.illegalParameter, `message ${message.type} came out of its place`)
    handshake.transcript.push(message.raw)
  }

  #onClientHello(message: HandshakeMessage): void {
    const hello = messages.parseClientHello(message.body)
    const srtpProfile = this.#options.srtpProfiles.find(profile => hello.srtpProfiles.includes(profile.id))
    if (srtpProfile === undefined) throw new HandshakeError(ALERT.handshakeFailure, 'no SRTP profile is shared')
    const keyShare = createKeyShare(hello.group)
    const serverRandom = messages.newRandom()
    const parameters = messages.keyExchangeParameters(hello.group, keyShare.publicKey)
    const signed = Buffer.concat([hello.random, serverRandom, parameters])
    const signature = sign('sha256', signed, this.#options.certificate.privateKey)
    const flight = [
      [HANDSHAKE.serverHello, messages.serverHelloBody(serverRandom, srtpProfile.id, hello.knowsRenegotiation)],
      [HANDSHAKE.certificate, messages.certificateBody(this.#options.certificate.der)],
      [HANDSHAKE.serverKeyExchange, messages.serverKeyExchangeBody(parameters, signature)],
      [HANDSHAKE.certificateRequest, messages.certificateRequestBody()],
      [HANDSHAKE.serverHelloDone, Buffer.alloc(0)]
    ] as const
    const raws = flight.map(([type, body], sequence) => messages.buildMessage(type, sequence, body).raw)
    this.#handshake = {
      clientRandom: hello.random,
      serverRandom,
      keyShare,
      srtpProfile,
      transcript: [message.raw, ...raws]
    }
    this.#state = 'shaking'
    this.#lastFlight = () => raws.map(raw => this.#clear(CONTENT.handshake, raw))
    const limitMs = this.#options.handshakeLimitMs ?? HANDSHAKE_LIMIT_MS
    this.#limit = setTimeout(() => this.#fail(ALERT.handshakeFailure, 'the handshake took too long'), limitMs)
    this.#sendFlight()
    this.#armRetransmit(FIRST_RETRANSMIT_MS)
  }

  #checkCertificate(der: Buffer): KeyObject {
    const known = this.#options.peerFingerprints.filter(({ algorithm }) => FINGERPRINT_HASHES.includes(algorithm))
    const fits = known.some(({ algorithm, value }) => fingerprint(der, algorithm) === value.toUpperCase())
    if (!fits) throw new HandshakeError(ALERT.badCertificate, 'the certificate is not the one that was announced')
    try {
      return new X509Certificate(der).publicKey
    } catch {
      throw new HandshakeError(ALERT.badCertificate, 'the certificate cannot be read')
    }
  }

  #onKeyExchange(handshake: Handshake, message: HandshakeMessage): void {
    const shared = handshake.keyShare.agree(messages.parseClientKeyExchange(message.body))
    handshake.transcript.push(message.raw)
    const masterSecret = extendedMasterSecret(shared, sha256(Buffer.concat(handshake.transcript)))
    const keys = recordKeys(masterSecret, handshake.clientRandom, handshake.serverRandom)
    handshake.masterSecret = masterSecret
    this.#incoming = new RecordCipher(keys.clientKey, keys.clientSalt)
    this.#outgoing = new RecordCipher(keys.serverKey, keys.serverSalt)
  }

  /** CertificateVerify: the client owns the key of the certificate that it showed (RFC 5246 §7.4.8). */
  #checkPossession(handshake: Handshake, key: KeyObject, message: HandshakeMessage): void {
    const { scheme, signature } = messages.parseCertificateVerify(message.body)
    const type = scheme === messages.ECDSA_SHA256 ? 'ec' : scheme === messages.RSA_SHA256 ? 'rsa' : undefined
    const isProven = type === key.asymmetricKeyType && isSignedBy(key, Buffer.concat(handshake.transcript), signature)
    if (!isProven) throw new HandshakeError(ALERT.decryptError, 'the client does not own its certificate')
    handshake.isPeerProven = true
  }

  #onFinished(handshake: Handshake, masterSecret: Buffer, message: HandshakeMessage): void {
    const expected = finishedData(masterSecret, 'client', sha256(Buffer.concat(handshake.transcript)))
    if (message.body.length !== expected.length || !timingSafeEqual(message.body, expected)) {
      throw new HandshakeError(ALERT.decryptError, 'the client has seen another handshake')
    }
    handshake.transcript.push(message.raw)
    const ours = finishedData(masterSecret, 'server', sha256(Buffer.concat(handshake.transcript)))
    // Five messages went before it.
    const finished = messages.buildMessage(HANDSHAKE.finished, 5, ours).raw
    this.#lastFlight = () => [
      this.#clear(CONTENT.changeCipherSpec, Buffer.from([1])),
      this.#encrypted(CONTENT.handshake, finished)
    ]
    this.#state = 'connected'
    this.#handshake = undefined
    this.#stopTimers()
    this.#sendFlight()
    const { clientRandom, serverRandom, srtpProfile } = handshake
    const { keyBytes, saltBytes } = srtpProfile
    this.#options.onConnected(srtpProfile, srtpKeys(masterSecret, clientRandom, serverRandom, keyBytes, saltBytes))
  }

  #clear(type: number, fragment: Buffer): Buffer {
    return buildRecord({ type, epoch: 0, sequence: this.#sequences[0]++, fragment })
  }

  #encrypted(type: number, fragment: Buffer): Buffer {
    if (this.#outgoing === undefined) return this.#clear(type, fragment)
    return this.#outgoing.seal({ type, epoch: 1, sequence: this.#sequences[1]++, fragment })
  }

  #sendFlight(): void {
    if (this.#lastFlight !== undefined) this.#sendRecords(this.#lastFlight())
  }

  /** Our flights have under 1 kB, so that each goes into one datagram. */
  #sendRecords(records: readonly Buffer[]): void {
    this.#options.send(Buffer.concat(records))
  }

  #armRetransmit(afterMs: number): void {
    this.#retransmit = setTimeout(() => {
      this.#sendFlight()
      this.#armRetransmit(afterMs * 2)
    }, afterMs)
  }

  #fail(alert: number, reason: string): void {
    if (this.#state === 'ended') return
    this.#sendRecords([this.#clear(CONTENT.alert, Buffer.from([2, alert]))])
    this.#end()
    this.#options.onFailed(reason)
  }

  #end(): void {
    this.#state = 'ended'
    this.#stopTimers()
    this.#handshake = undefined
    this.#lastFlight = undefined
  }

  #stopTimers(): void {
    clearTimeout(this.#retransmit)
    clearTimeout(this.#limit)
  }
}

function isSignedBy(key: KeyObject, data: Buffer, signature: Buffer): boolean {
  try {
    return verify('sha256', data, key, signature)
  } catch {
    // OpenSSL throws for keys that it cannot verify with at all; the key is the peer's choice.
    return false
  }
}
