import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../media/audio/rtp.ts'
import { AEAD_AES_128_GCM } from '../../media/webrtc/embedded/srtp/profiles.ts'
import { SrtpReceiver, SrtpSender } from '../../media/webrtc/embedded/srtp/srtp-session.ts'
import type { TransportOffer, Way } from '../../media/webrtc/softphone-media.ts'
import { HeadlessTransport } from '../../test/media/webrtc/support/headless-transport.ts'
import type { MeasuredSfu } from './measured-sfu.ts'

const HOST = '127.0.0.1'
const FRAME_SAMPLES = 160
/** A browser with a good connection checks about this often. */
const CHECK_MS = 2_500

/** Delays of packets that arrived, in milliseconds. */
export type Delays = number[]

/** One RTP stream whose payload begins with the time at which it was sent. */
class TimedStream {
  readonly ssrc: number
  readonly packet = Buffer.alloc(RTP_HEADER_BYTES + FRAME_SAMPLES, 0x55)
  #sequence = 1
  #timestamp = 0

  constructor(ssrc: number) {
    this.ssrc = ssrc
  }

  next(): Buffer {
    const packet = Buffer.from(this.packet)
    writeRtpHeader(packet, 0, false, this.#sequence++ & 0xffff, this.#timestamp, this.ssrc)
    this.#timestamp = (this.#timestamp + FRAME_SAMPLES) >>> 0
    packet.writeDoubleBE(performance.now(), RTP_HEADER_BYTES)
    return packet
  }
}

function noteDelay(delays: Delays, payload: Buffer): void {
  // Silence, which is sent until the microphone is on, holds no time.
  if (payload.length !== FRAME_SAMPLES || payload[FRAME_SAMPLES - 1] !== 0x55) return
  delays.push(performance.now() - payload.readDoubleBE(0))
}

/** mediasoup adds header extensions, to plain RTP too. */
function headerBytesOf(packet: Buffer): number {
  return RTP_HEADER_BYTES + (packet[0] === 0x90 ? 4 + packet.readUInt16BE(14) * 4 : 0)
}

/** An agent who talks all the time, and the FreeSWITCH leg that the agent talks to. */
export class BenchAgent {
  readonly delays: Delays
  readonly #transports: HeadlessTransport[]
  readonly #rtp: Socket
  readonly #remotePort: number
  readonly #microphone: TimedStream
  readonly #caller: TimedStream
  readonly #sender: SrtpSender

  private constructor(
    delays: Delays,
    transports: HeadlessTransport[],
    rtp: Socket,
    remotePort: number,
    streams: readonly [TimedStream, TimedStream]
  ) {
    this.delays = delays
    this.#transports = transports
    this.#rtp = rtp
    this.#remotePort = remotePort
    this.#microphone = streams[0]
    this.#caller = streams[1]
    const [send, receive] = transports as [HeadlessTransport, HeadlessTransport]
    this.#sender = new SrtpSender(AEAD_AES_128_GCM, ...localKeys(send))
    const receiver = new SrtpReceiver(AEAD_AES_128_GCM, ...remoteKeys(receive))
    rtp.on('message', packet => noteDelay(delays, packet.subarray(headerBytesOf(packet))))
    // The load's own SRTP instead of werift's, which would cost more than what is measured.
    receive.onSrtp = datagram => {
      if ((datagram[1] as number) >= 192) return
      const payload = receiver.unprotectRtp(datagram, headerBytesOf(datagram))
      if (payload !== undefined) noteDelay(delays, payload)
    }
    send.onSrtp = () => {}
  }

  static async join(sfu: MeasuredSfu, delays: Delays): Promise<BenchAgent> {
    type Added = { index: number; offers: Record<Way, TransportOffer>; offerSdp: string }
    const { index, offers, offerSdp } = await sfu.call<Added>('add')
    const ways = ['send', 'receive'] as const
    const transports = await Promise.all(ways.map(way => HeadlessTransport.open(offers[way], { srtpProfiles: [7] })))
    for (const [place, way] of ways.entries()) await sfu.call('connect', index, way, transports[place]?.dtlsParameters)
    await Promise.all(transports.map(transport => transport.connect()))
    for (const transport of transports) transport.keepChecking(CHECK_MS)
    const [microphone, caller] = [new TimedStream(1_000 + index), new TimedStream(5_000 + index)]
    const codecs = [{ mimeType: 'audio/PCMU', payloadType: 0, clockRate: 8000, channels: 1 }]
    await sfu.call('speak', index, { codecs, encodings: [{ ssrc: microphone.ssrc }] })
    const rtp = await boundSocket()
    const sdp = `v=0\r\nc=IN IP4 ${HOST}\r\nm=audio ${rtp.address().port} RTP/AVP 0\r\n`
    await sfu.call('answer', index, sdp, caller.ssrc)
    const remotePort = Number(/^m=audio (\d+)/m.exec(offerSdp)?.[1])
    return new BenchAgent(delays, transports, rtp, remotePort, [microphone, caller])
  }

  /** One packet each way. */
  talk(): void {
    const sealed = this.#sender.protectRtp(this.#microphone.next(), RTP_HEADER_BYTES)
    if (sealed !== undefined) this.#transports[0]?.sendRaw(sealed)
    this.#rtp.send(this.#caller.next(), this.#remotePort, HOST)
  }

  leave(): void {
    for (const transport of this.#transports) transport.close()
    this.#rtp.close()
  }
}

async function boundSocket(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', lookup: (host, _options, done) => done(null, host, 4) })
  // With such a look-up a socket can be bound before bind() returns.
  const listening = once(socket, 'listening')
  socket.bind(0, HOST)
  await listening
  return socket
}

function localKeys(transport: HeadlessTransport): [Buffer, Buffer] {
  const { localKey, localSalt } = transport.dtls.extractSessionKeys(16, 12)
  return [localKey, localSalt]
}

function remoteKeys(transport: HeadlessTransport): [Buffer, Buffer] {
  const { remoteKey, remoteSalt } = transport.dtls.extractSessionKeys(16, 12)
  return [remoteKey, remoteSalt]
}

/** The same load straight from socket to socket: what the machine and the measuring itself add. */
export class BareAgent {
  readonly #sockets: Socket[]
  readonly #streams = [new TimedStream(1), new TimedStream(2)]

  private constructor(sockets: Socket[], delays: Delays) {
    this.#sockets = sockets
    for (const socket of sockets) {
      socket.on('message', packet => noteDelay(delays, packet.subarray(RTP_HEADER_BYTES)))
    }
  }

  static async join(delays: Delays): Promise<BareAgent> {
    const sockets = await Promise.all([boundSocket(), boundSocket()])
    return new BareAgent(sockets, delays)
  }

  talk(): void {
    for (const [place, socket] of this.#sockets.entries()) {
      const packet = this.#streams[place]?.next()
      if (packet !== undefined) socket.send(packet, this.#sockets[1 - place]?.address().port ?? 0, HOST)
    }
  }

  leave(): void {
    for (const socket of this.#sockets) socket.close()
  }
}
