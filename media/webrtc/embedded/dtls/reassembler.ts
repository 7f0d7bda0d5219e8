import { HANDSHAKE_HEADER_BYTES, type HandshakeMessage } from './handshake-messages.ts'

/** Longest message that is put together: ClientHellos are under 2 kB, certificate chains of browsers under 1 kB. */
const MAX_MESSAGE_BYTES = 8_192
/** A client's flight has at most five messages. */
const MAX_AHEAD = 6

type Pending = { type: number; bytes: Buffer; have: Uint8Array; missing: number }

/**
 * Puts handshake messages together from fragments in any order, also over several datagrams, and hands them out in order
 * of their sequence numbers (RFC 6347 §4.2.2, §4.2.3). What does not fit is left out.
 */
export class Reassembler {
  readonly #pending = new Map<number, Pending>()
  #next = 0

  /** Bytes held for messages that are not handed out yet. */
  get pendingBytes(): number {
    return [...this.#pending.values()].reduce((sum, { bytes }) => sum + bytes.length, 0)
  }

  /** Takes the plain text of one handshake record. True if it repeats a message that was handed out already. */
  push(plain: Buffer): boolean {
    let isRepeated = false
    let position = 0
    while (position + HANDSHAKE_HEADER_BYTES <= plain.length) {
      const length = plain.readUIntBE(position + 1, 3)
      const sequence = plain.readUInt16BE(position + 4)
      const offset = plain.readUIntBE(position + 6, 3)
      const fragmentLength = plain.readUIntBE(position + 9, 3)
      const start = position + HANDSHAKE_HEADER_BYTES
      const end = start + fragmentLength
      if (end > plain.length || offset + fragmentLength > length || length > MAX_MESSAGE_BYTES) break
      if (sequence < this.#next) isRepeated = true
      else if (sequence < this.#next + MAX_AHEAD) {
        this.#add(plain[position] as number, sequence, length, offset, plain.subarray(start, end))
      }
      position = end
    }
    return isRepeated
  }

  /** The next message in order, when it is whole. */
  shift(): HandshakeMessage | undefined {
    const pending = this.#pending.get(this.#next)
    if (pending === undefined || pending.missing > 0) return undefined
    this.#pending.delete(this.#next)
    const sequence = this.#next++
    return {
      type: pending.type,
      sequence,
      body: pending.bytes.subarray(HANDSHAKE_HEADER_BYTES),
      raw: pending.bytes
    }
  }

  #add(type: number, sequence: number, length: number, offset: number, fragment: Buffer): void {
    let pending = this.#pending.get(sequence)
    if (pending === undefined) {
      const bytes = Buffer.alloc(HANDSHAKE_HEADER_BYTES + length)
      bytes[0] = type
      bytes.writeUIntBE(length, 1, 3)
      bytes.writeUInt16BE(sequence, 4)
      bytes.writeUIntBE(length, 9, 3)
      pending = { type, bytes, have: new Uint8Array(length), missing: length }
      this.#pending.set(sequence, pending)
    }
    if (pending.type !== type || pending.have.length !== length) return
    for (let index = 0; index < fragment.length; index++) {
      // The first fragment that brought a byte counts: nobody can change a message half-way.
      if (pending.have[offset + index] === 1) continue
      pending.have[offset + index] = 1
      pending.bytes[HANDSHAKE_HEADER_BYTES + offset + index] = fragment[index] as number
      pending.missing--
    }
  }
}
