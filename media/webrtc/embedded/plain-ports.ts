import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { RouterError } from '../router-api.ts'

/** A released pair rests at least this long, so that late packets of one call never reach the next. */
const REST_MS = 2_000

/** A bound pair of sockets: an even port for RTP, the next one for RTCP. */
export type RtpSocketPair = Readonly<{ rtp: Socket; rtcp: Socket; port: number }>

/** Hands out port pairs of a range, longest unused first. */
export class PlainPorts {
  readonly #address: string
  readonly #free: { port: number; restUntilMs: number }[] = []
  readonly counters = { sendErrors: 0 }

  /** `range` is inclusive. */
  constructor(address: string, [first, last]: readonly [number, number]) {
    this.#address = address
    for (let port = first + (first & 1); port + 1 <= last; port += 2) this.#free.push({ port, restUntilMs: 0 })
  }

  /** Binds the next pair that nobody has. Rejects with SFU_REFUSED when there is none. */
  async acquire(): Promise<RtpSocketPair> {
    for (let tries = this.#free.length; tries > 0; tries--) {
      const candidate = this.#free.shift()
      if (candidate === undefined) break
      if (candidate.restUntilMs > performance.now()) {
        this.#free.unshift(candidate)
        break
      }
      const pair = await this.#bind(candidate.port)
      if (pair !== undefined) return pair
      this.#free.push(candidate)
    }
    throw new RouterError('SFU_REFUSED', 'no RTP port pair is free')
  }

  release(pair: RtpSocketPair): void {
    pair.rtp.close()
    pair.rtcp.close()
    this.#free.push({ port: pair.port, restUntilMs: performance.now() + REST_MS })
  }

  async #bind(port: number): Promise<RtpSocketPair | undefined> {
    const rtp = this.#newSocket()
    const rtcp = this.#newSocket()
    // With such a look-up a socket can be bound before bind() returns.
    const listening = [once(rtp, 'listening'), once(rtcp, 'listening')]
    rtp.bind(port, this.#address)
    rtcp.bind(port + 1, this.#address)
    const outcomes = await Promise.allSettled(listening)
    const failure = outcomes.find(outcome => outcome.status === 'rejected')
    if (failure === undefined) {
      for (const socket of [rtp, rtcp]) socket.on('error', () => this.counters.sendErrors++)
      return { rtp, rtcp, port }
    }
    for (const socket of [rtp, rtcp]) socket.close()
    if ((failure.reason as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined
    throw failure.reason
  }

  #newSocket(): Socket {
    return createSocket({
      type: this.#address.includes(':') ? 'udp6' : 'udp4',
      // Destinations are always addresses: nothing is looked up, and the packet leaves in the same turn.
      lookup: (hostname, _options, callback) => callback(null, hostname, 4)
    })
  }
}
