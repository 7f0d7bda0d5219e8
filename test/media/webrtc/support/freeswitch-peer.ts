import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { buildRtp, parseRtp, type RtpPacket } from '../../../../media/audio/rtp.ts'
import type { PlainSide } from '../../../../media/webrtc/softphone-media.ts'
import { talk, ToneListener, ToneSource } from './tone-talker.ts'

/** Plays FreeSWITCH's part: answers the offer, sends one tone and hears another, on two sockets of its own. */
export class FreeswitchPeer implements AsyncDisposable {
  readonly heard: ToneListener
  readonly source: ToneSource
  readonly rtcpPackets: Buffer[] = []
  readonly #rtp: Socket
  readonly #rtcp: Socket
  #remotePort = 0
  #stop = () => {}

  private constructor(rtp: Socket, rtcp: Socket, saysHz: number, hearsHz: number, payloadType: number) {
    this.#rtp = rtp
    this.#rtcp = rtcp
    this.source = new ToneSource(saysHz, undefined, undefined, payloadType)
    this.heard = new ToneListener(hearsHz)
    rtp.on('message', packet => {
      const parsed = parseRtp(packet)
      if (parsed !== undefined) this.heard.push(parsed)
    })
    rtcp.on('message', packet => this.rtcpPackets.push(packet))
  }

  /** It takes the codec that is offered. The tones are no Opus then: the SFU between does not look into it. */
  static async answer(side: PlainSide, saysHz: number, hearsHz: number): Promise<FreeswitchPeer> {
    const [rtp, rtcp] = await Promise.all([bound(), bound()])
    const peer = new FreeswitchPeer(rtp, rtcp, saysHz, hearsHz, side.offerSdp.includes('opus/48000/2') ? 111 : 0)
    peer.#remotePort = Number(/^m=audio (\d+)/m.exec(side.offerSdp)![1])
    await side.connect(peer.answerSdp, peer.source.ssrc)
    return peer
  }

  get answerSdp(): string {
    const { port } = this.#rtp.address()
    return [
      'v=0',
      'o=FreeSWITCH 1 1 IN IP4 127.0.0.1',
      's=FreeSWITCH',
      'c=IN IP4 127.0.0.1',
      't=0 0',
      ...(this.source.payloadType === 111
        ? [`m=audio ${port} RTP/AVP 111`, 'a=rtpmap:111 opus/48000/2']
        : [`m=audio ${port} RTP/AVP 0 101`, 'a=rtpmap:0 PCMU/8000', 'a=rtpmap:101 telephone-event/8000']),
      `a=rtcp:${this.#rtcp.address().port} IN IP4 127.0.0.1`,
      'a=ptime:20',
      ''
    ].join('\r\n')
  }

  talk(): void {
    this.#stop()
    this.#stop = talk(this.source, packet => this.send(packet))
  }

  stopTalking(): void {
    this.#stop()
  }

  send(packet: RtpPacket): void {
    this.sendRaw(buildRtp(packet))
  }

  sendRaw(datagram: Buffer): void {
    this.#rtp.send(datagram, this.#remotePort, '127.0.0.1')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop()
    this.#rtp.close()
    this.#rtcp.close()
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}
