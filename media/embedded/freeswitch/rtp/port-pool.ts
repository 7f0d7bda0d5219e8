import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

/** A released port rests at least this long, so that stray packets of the last call never reach the next. */
const REST_MS = 2_000

/** A bound pair of sockets: an even port for RTP, the next one for RTCP. */
export type RtpSocketPair = Readonly<{ rtp: Socket; rtcp: Socket; port: number }>

/** No free port pair was left. */
export class RtpPortsExhaustedError extends Error {
  override readonly name = 'RtpPortsExhaustedError'
  readonly code = 'RTP_PORTS_EXHAUSTED'
}

/** Hands out port pairs of a range, longest unused first. */
export class RtpPortPool {
  readonly #host: string
  readonly #free: { port: number; restUntilMs: number }[] = []
  #inUse = 0

  constructor(host: string, range: readonly [number, number]) {
    this.#host = host
    for (let port = range[0] + (range[0] & 1); port + 1 <= range[1]; port += 2)
      this.#free.push({ port, restUntilMs: 0 })
  }

  /** How many ports (RTP and RTCP) are bound. */
  get inUse(): number {
    return this.#inUse * 2
  }

  /** Binds the next free pair. Throws {@link RtpPortsExhaustedError}. */
  async acquire(): Promise<RtpSocketPair> {
    for (let tries = this.#free.length; tries > 0; tries--) {
      const candidate = this.#free.shift()
      if (candidate === undefined || candidate.restUntilMs > performance.now()) {
        if (candidate !== undefined) this.#free.unshift(candidate)
        break
      }
      const pair = await this.#bind(candidate.port)
      if (pair !== undefined) {
        this.#inUse++
        return pair
      }
      // Another process has it; it goes to the end of the queue.
      this.#free.push(candidate)
    }
    throw new RtpPortsExhaustedError('no RTP port pair is free')
  }

  /** Closes a pair's sockets and lets the ports rest. */
  release(pair: RtpSocketPair): void {
    pair.rtp.close()
    pair.rtcp.close()
    this.#inUse--
    this.#free.push({ port: pair.port, restUntilMs: performance.now() + REST_MS })
  }

  async #bind(port: number): Promise<RtpSocketPair | undefined> {
    const rtp = newSocket()
    const rtcp = newSocket()
    // With such a look-up a socket can be bound before bind() returns.
    const listening = [once(rtp, 'listening'), once(rtcp, 'listening')]
    rtp.bind(port, this.#host)
    rtcp.bind(port + 1, this.#host)
    const outcomes = await Promise.allSettled(listening)
    const failure = outcomes.find(outcome => outcome.status === 'rejected')
    if (failure === undefined) return { rtp, rtcp, port }
    for (const socket of [rtp, rtcp]) socket.close()
    if ((failure.reason as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined
    throw failure.reason
  }
}

function newSocket(): Socket {
  return createSocket({
    type: 'udp4',
    // Destinations are always addresses: nothing is ever looked up, and the packet leaves in the same turn.
    lookup: (hostname, _options, callback) => callback(null, hostname, 4)
  })
}
