/** Thrown for bytes that are no frame; the connection cannot be used any further. */
export class FrameError extends Error {
  readonly code = 'ERR_DRACHTIO_FRAME'
}

const HASH = 0x23
// drachtio-server reads at most five digits.
const MAX_DIGITS = 5

/** Cuts the application's stream into frames: `<length in bytes>#<payload>`. */
export class FrameDecoder {
  #pending: Buffer = Buffer.alloc(0)

  /** Takes what arrived and returns the payloads that became whole. Throws {@link FrameError}. */
  push(chunk: Buffer): Buffer[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    const payloads: Buffer[] = []
    for (;;) {
      const hash = this.#pending.indexOf(HASH)
      const digits = hash < 0 ? this.#pending.length : hash
      if (digits > MAX_DIGITS || !isNumeric(this.#pending, digits) || hash === 0) {
        throw new FrameError('invalid message length specifier')
      }
      if (hash < 0) return payloads
      const length = Number(this.#pending.toString('latin1', 0, hash))
      const end = hash + 1 + length
      if (this.#pending.length < end) return payloads
      payloads.push(this.#pending.subarray(hash + 1, end))
      this.#pending = this.#pending.subarray(end)
      if (this.#pending.length === 0) return payloads
    }
  }
}

function isNumeric(bytes: Buffer, length: number): boolean {
  for (let i = 0; i < length; i++) {
    const c = bytes[i] ?? 0
    if (c < 0x30 || c > 0x39) return false
  }
  return true
}

/** A frame around `text` and, when given, the raw bytes that follow it. */
export function encodeFrame(text: string, body?: Buffer): Buffer | string {
  const length = Buffer.byteLength(text) + (body?.length ?? 0)
  const head = `${length}#${text}`
  return body === undefined || body.length === 0 ? head : Buffer.concat([Buffer.from(head), body])
}
