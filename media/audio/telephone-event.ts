/*
 * RFC 4733 §2.3
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |     event     |E|R| volume    |          duration             |
 */

const DIGITS = '0123456789*#ABCD'

/** One telephone-event payload; the duration is in timestamp units (8 to the millisecond at 8 kHz). */
export type TelephoneEvent = Readonly<{ event: number; isEnd: boolean; volume: number; duration: number }>

/** The key for an event code 0–15, or undefined. */
export function eventDigit(event: number): string | undefined {
  return DIGITS[event]
}

/** The event code for a key (`0`–`9`, `*`, `#`, `A`–`D`), or undefined. */
export function digitEvent(digit: string): number | undefined {
  const index = digit.length === 1 ? DIGITS.indexOf(digit.toUpperCase()) : -1
  return index < 0 ? undefined : index
}

/** Reads a payload; undefined if it is too short. */
export function parseTelephoneEvent(payload: Uint8Array): TelephoneEvent | undefined {
  if (payload.length < 4) return undefined
  const [event = 0, flags = 0, high = 0, low = 0] = payload
  return { event, isEnd: (flags & 0x80) !== 0, volume: flags & 0x3f, duration: (high << 8) | low }
}

/** Writes a payload of four bytes at `offset`. */
export function writeTelephoneEvent(out: Buffer, offset: number, event: TelephoneEvent): void {
  out[offset] = event.event
  out[offset + 1] = (event.isEnd ? 0x80 : 0) | (event.volume & 0x3f)
  out.writeUInt16BE(Math.min(0xffff, event.duration), offset + 2)
}

/** A key press that has ended. */
export type ReceivedDigit = Readonly<{ digit: string; durationTimestampUnits: number }>

/**
 * Turns a stream of telephone-event packets into key presses. All packets of one press share a timestamp, which is what
 * tells repeats and retransmitted end packets from a second press of the same key (RFC 4733 §2.5.1.2).
 */
export class TelephoneEventReceiver {
  #timestamp = -1
  #event = -1
  #duration = 0
  #reported = true

  /** Takes one packet; returns every press that this packet ends (a lost end is ended by the next press). */
  push(timestamp: number, payload: Uint8Array): readonly ReceivedDigit[] {
    const parsed = parseTelephoneEvent(payload)
    if (parsed === undefined || eventDigit(parsed.event) === undefined) return []
    const finished: ReceivedDigit[] = []
    if (timestamp !== this.#timestamp) {
      // Late packets of an earlier press must not start a new one.
      if (this.#timestamp >= 0 && ((timestamp - this.#timestamp) | 0) < 0) return []
      finished.push(...this.flush())
      this.#timestamp = timestamp
      this.#event = parsed.event
      this.#duration = 0
      this.#reported = false
    }
    this.#duration = Math.max(this.#duration, parsed.duration)
    if (parsed.isEnd) finished.push(...this.flush())
    return finished
  }

  /** True while a press has begun and not ended. */
  get isPressed(): boolean {
    return !this.#reported
  }

  /** Ends a press whose end packets were all lost. */
  flush(): readonly ReceivedDigit[] {
    if (this.#reported) return []
    this.#reported = true
    const digit = eventDigit(this.#event)
    return digit === undefined ? [] : [{ digit, durationTimestampUnits: this.#duration }]
  }
}
