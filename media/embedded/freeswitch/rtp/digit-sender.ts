import { RTP_HEADER_BYTES } from '../../../audio/rtp.ts'
import { digitEvent, writeTelephoneEvent } from '../../../audio/telephone-event.ts'
import { FRAME_SAMPLES } from './frame.ts'

const END_PACKETS = 3
const GAP_SLOTS = 3
const VOLUME = 10

/** A packet ready but for its RTP header. */
export type DigitPacket = Readonly<{ bytes: Buffer; timestamp: number; isFirst: boolean }>

/** Plays queued key presses as telephone-events, one packet a slot, three end packets each (RFC 4733 §2.5.1.4). */
export class DigitSender {
  readonly #queue: { event: number; slots: number }[] = []
  readonly #bytes = Buffer.alloc(RTP_HEADER_BYTES + 4)
  #sent = 0
  #gap = 0
  #timestamp = 0

  get isBusy(): boolean {
    return this.#queue.length > 0 || this.#gap > 0
  }

  /** Queues every valid key of `digits`, each `durationMs` long. */
  add(digits: string, durationMs: number): void {
    for (const digit of digits) {
      const event = digitEvent(digit)
      if (event !== undefined) this.#queue.push({ event, slots: Math.max(2, Math.round(durationMs / 20)) })
    }
  }

  /** The packet of this slot; undefined between two presses. */
  nextPacket(nowTimestamp: number): DigitPacket | undefined {
    if (this.#gap > 0) {
      this.#gap--
      return undefined
    }
    const press = this.#queue[0]
    if (press === undefined) return undefined
    const isFirst = this.#sent === 0
    if (isFirst) this.#timestamp = nowTimestamp
    this.#sent++
    const isEnd = this.#sent > press.slots
    const duration = Math.min(this.#sent, press.slots) * FRAME_SAMPLES
    writeTelephoneEvent(this.#bytes, RTP_HEADER_BYTES, { event: press.event, isEnd, volume: VOLUME, duration })
    if (this.#sent >= press.slots + END_PACKETS) {
      this.#queue.shift()
      this.#sent = 0
      this.#gap = GAP_SLOTS
    }
    return { bytes: this.#bytes, timestamp: this.#timestamp, isFirst }
  }
}
