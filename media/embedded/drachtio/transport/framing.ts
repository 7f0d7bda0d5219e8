import { canonicalName } from '../sip/header-names.ts'
import { contentLength } from '../sip/parse.ts'

/** What a stream holds: whole messages, keep-alives (RFC 5626 §4.4.1), or something that ends the connection. */
export type StreamPiece =
  | Readonly<{ kind: 'message'; bytes: Buffer }>
  | Readonly<{ kind: 'ping' }>
  | Readonly<{ kind: 'broken'; why: string; head: Buffer | undefined }>

const MAX_HEAD_BYTES = 65_536
const MAX_BODY_BYTES = 1_048_576
const CRLF_CRLF = Buffer.from('\r\n\r\n')

/** Cuts a TCP stream into messages by Content-Length (RFC 3261 §18.3). */
export class StreamFraming {
  #pending: Buffer = Buffer.alloc(0)
  /** How much of `#pending` was searched for the end of the headers already. */
  #searched = 0
  #broken = false

  /** Whether part of a message is waiting for the rest (a lone empty line is not). */
  get partial(): boolean {
    return this.#pending.length > 2
  }

  /** Takes what arrived and returns what became whole. After `broken` nothing more comes out. */
  push(chunk: Buffer): StreamPiece[] {
    if (this.#broken) return []
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    const pieces: StreamPiece[] = []
    for (let piece = this.#next(); piece !== undefined; piece = this.#next()) {
      pieces.push(piece)
      if (piece.kind === 'broken') {
        this.#broken = true
        this.#pending = Buffer.alloc(0)
        break
      }
    }
    return pieces
  }

  #next(): StreamPiece | undefined {
    // Empty lines before a message: two are a ping, one is ignored (RFC 5626 §3.5.1, RFC 3261 §7.5).
    while (this.#pending.length >= 2 && this.#pending[0] === 0x0d && this.#pending[1] === 0x0a) {
      if (this.#pending.length >= 4 && this.#pending[2] === 0x0d && this.#pending[3] === 0x0a) {
        this.#take(4)
        return { kind: 'ping' }
      }
      if (this.#pending.length < 4 && this.#pending.length !== 2 && this.#pending[2] === 0x0d) return undefined
      if (this.#pending.length === 2) return undefined
      this.#take(2)
    }
    const end = this.#pending.indexOf(CRLF_CRLF, Math.max(0, this.#searched - 3))
    if (end < 0) {
      this.#searched = this.#pending.length
      if (this.#pending.length > MAX_HEAD_BYTES) return { kind: 'broken', why: 'headers too long', head: undefined }
      return undefined
    }
    const length = declaredLength(this.#pending.toString('latin1', 0, end))
    const head = () => this.#pending.subarray(0, end + 4)
    if (length === undefined) return { kind: 'broken', why: 'malformed Content-Length', head: head() }
    if (length > MAX_BODY_BYTES) return { kind: 'broken', why: 'body too long', head: head() }
    const total = end + 4 + length
    if (this.#pending.length < total) {
      this.#searched = end
      return undefined
    }
    const bytes = this.#pending.subarray(0, total)
    this.#take(total)
    return { kind: 'message', bytes }
  }

  #take(bytes: number): void {
    this.#pending = this.#pending.subarray(bytes)
    this.#searched = 0
  }
}

/** The Content-Length in a head, 0 when there is none, undefined when it cannot be believed. */
function declaredLength(head: string): number | undefined {
  let found: number | undefined
  let at = head.indexOf('\r\n')
  while (at >= 0) {
    const start = at + 2
    at = head.indexOf('\r\n', start)
    const first = head.charCodeAt(start)
    // Only `Content-Length` and `l` can matter; looking at the first letter keeps this cheap.
    if (first !== 0x43 && first !== 0x63 && first !== 0x4c && first !== 0x6c) continue
    const line = head.slice(start, at < 0 ? undefined : at)
    const colon = line.indexOf(':')
    if (colon < 0 || canonicalName(line.slice(0, colon).trim()) !== 'content-length') continue
    const length = contentLength(line.slice(colon + 1).trim())
    if (length === undefined || (found !== undefined && found !== length)) return undefined
    found = length
  }
  return found ?? 0
}
