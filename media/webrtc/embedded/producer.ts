import { ReceptionStats } from '../../audio/rtcp.ts'
import type { ProducerFigures } from '../router-api.ts'
import type { Consumer } from './consumer.ts'
import type { Production } from './ortc.ts'

/** What comes in on one transport, and who hears it. */
export class Producer {
  readonly id: string
  readonly production: Production
  readonly consumers = new Set<Consumer>()
  readonly reception = new ReceptionStats()
  isPaused: boolean
  // Figures of streams that ended before the present one, where any SSRC will do.
  #packetsBefore = 0
  #lostBefore = 0

  constructor(id: string, production: Production, isPaused: boolean) {
    this.id = id
    this.production = production
    this.isPaused = isPaused
  }

  /** Takes one packet of the agreed payload type. `nowMs` is a monotonic time. */
  onPacket(ssrc: number, sequence: number, timestamp: number, marker: boolean, payload: Buffer, nowMs: number): void {
    if (ssrc !== this.reception.ssrc) {
      this.#packetsBefore += this.reception.packets
      this.#lostBefore += this.reception.lost
      for (const consumer of this.consumers) consumer.restart()
    }
    const arrivalUnits = (nowMs * this.production.codec.clockRate) / 1000
    this.reception.onPacket(ssrc, sequence, timestamp, arrivalUnits, payload.length)
    if (this.isPaused) return
    for (const consumer of this.consumers) consumer.forward(sequence, timestamp, marker, payload, nowMs)
  }

  /** Lets consumers begin anew when the stream comes back: what was left out is no loss. */
  setPaused(isPaused: boolean): void {
    this.isPaused = isPaused
    if (!isPaused) for (const consumer of this.consumers) consumer.restart()
  }

  figures(): ProducerFigures {
    return {
      packetsReceived: this.#packetsBefore + this.reception.packets,
      packetsLost: this.#lostBefore + this.reception.lost,
      jitterMs: (this.reception.jitterUnits * 1000) / this.production.codec.clockRate
    }
  }
}
