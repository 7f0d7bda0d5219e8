import { once } from 'node:events'
import { WebSocket } from 'ws'
import type { Endpoint } from '../../../media/endpoint.ts'

/** The media server's side of a fork, as it looks on the wire: a WebSocket client that sends what the test says. */
export class ForkingLeg {
  readonly lost = new AbortController()
  readonly sockets: WebSocket[] = []
  readonly stopped: string[] = []
  /** What the tap has asked of the media server. */
  readonly asked: string[] = []
  readonly #canGather: boolean
  #heard: (() => void)[] = []
  #waiting: ((socket: WebSocket) => void)[] = []

  /** `canGather`: it can put several frames in one message, as the stand-in for FreeSWITCH can. */
  constructor(canGather = false) {
    this.#canGather = canGather
  }

  /** What a tap needs of a leg. */
  get endpoint(): Endpoint {
    const leg: Pick<Endpoint, 'id' | 'lost' | 'startFork' | 'stopFork'> = {
      id: 'leg',
      lost: this.lost.signal,
      startFork: async ({ url }) => {
        const socket = new WebSocket(url, 'audio.drachtio.org', {
          perMessageDeflate: false,
          headers: this.#canGather ? { 'X-Audio-Fork': 'gather' } : {}
        })
        socket.on('message', data => {
          this.asked.push(String(data))
          for (const resolve of this.#heard.splice(0)) resolve()
        })
        await once(socket, 'open')
        this.sockets.push(socket)
        for (const resolve of this.#waiting.splice(0)) resolve(socket)
      },
      stopFork: async name => void this.stopped.push(name)
    }
    return leg as Endpoint
  }

  get socket(): WebSocket {
    const socket = this.sockets.at(-1)
    if (socket === undefined) throw new Error('no fork is connected')
    return socket
  }

  /** The next fork that connects. */
  async forked(): Promise<WebSocket> {
    return await new Promise(resolve => this.#waiting.push(resolve))
  }

  /** Waits until the tap has asked so many things. */
  async wasAsked(count: number): Promise<void> {
    while (this.asked.length < count) await new Promise<void>(resolve => this.#heard.push(resolve))
  }

  send(frame: Buffer): void {
    this.socket.send(frame, { binary: true })
  }
}

/** 20 ms with the same sample all over each side. */
export function stereoFrame(left: number, right: number): Buffer {
  const frame = Buffer.alloc(640)
  for (let index = 0; index < 160; index += 1) {
    frame.writeInt16LE(left, index * 4)
    frame.writeInt16LE(right, index * 4 + 2)
  }
  return frame
}
