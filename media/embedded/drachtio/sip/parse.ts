import { canonicalName } from './header-names.ts'
import { NO_BODY, type SipHeader, type SipMessage } from './message.ts'

/** Why bytes are no SIP message. `head` is what could be read of a request, so that it can be answered with 400. */
export type ParseFailure = Readonly<{
  kind: 'malformed'
  why: string
  /** 400, or 505 for another protocol version; undefined when nothing may be answered. */
  status: number | undefined
  head: Readonly<{ method: string; headers: readonly SipHeader[] }> | undefined
}>

/** What came out of {@link parseMessage}; a message with the number of bytes that it took. */
export type ParseResult = Readonly<{ kind: 'message'; message: SipMessage }> | ParseFailure

const CRLF_CRLF = Buffer.from('\r\n\r\n')
const MAX_HEADERS = 512

/**
 * Parses one whole message (a datagram, or a piece cut from a stream by its Content-Length).
 * Lenient with header order, case, compact forms and folded lines; strict where RFC 4475 says so.
 */
export function parseMessage(bytes: Buffer): ParseResult {
  let start = 0
  while (start < bytes.length && (bytes[start] === 0x0d || bytes[start] === 0x0a)) start++
  const end = bytes.indexOf(CRLF_CRLF, start)
  if (end < 0) return failure('no empty line after the headers', undefined)
  const head = bytes.toString('utf8', start, end)
  const firstBreak = head.indexOf('\r\n')
  const startLine = firstBreak < 0 ? head : head.slice(0, firstBreak)
  const parsedHeaders = firstBreak < 0 ? [] : parseHeaders(head, firstBreak + 2)
  const isResponse = startLine.startsWith('SIP/') || startLine.startsWith('sip/')
  if (typeof parsedHeaders === 'string') {
    return failure(parsedHeaders, isResponse ? undefined : readable(startLine, parseLeniently(head, firstBreak + 2)))
  }
  const headers = parsedHeaders
  const problem = (why: string, status = 400) =>
    failure(why, isResponse ? undefined : readable(startLine, headers), status)

  const body = bodyOf(headers, bytes, end + 4)
  if (typeof body === 'string') return problem(body)
  return isResponse ? parseResponse(startLine, headers, body) : parseRequest(startLine, headers, body, problem)
}

function parseRequest(
  line: string,
  headers: SipHeader[],
  body: Buffer,
  problem: (why: string, status?: number) => ParseFailure
): ParseResult {
  // Exactly one SP between the three parts and none at the end (RFC 3261 §7.1, RFC 4475 §3.1.2.8–10).
  const first = line.indexOf(' ')
  const last = line.lastIndexOf(' ')
  if (first <= 0 || first === last) return problem('malformed request line')
  const method = line.slice(0, first)
  const uri = line.slice(first + 1, last)
  const version = line.slice(last + 1)
  if (!isToken(method)) return problem('malformed method')
  if (uri === '' || uri.includes(' ') || uri.includes('\t')) return problem('blank in the Request-URI')
  if (uri.includes('<') || uri.includes('>') || !uri.includes(':')) return problem('malformed Request-URI')
  if (!version.startsWith('SIP/') && !version.startsWith('sip/')) return problem('malformed request line')
  if (version.slice(4) !== '2.0') return problem('unknown protocol version', 505)
  return { kind: 'message', message: { kind: 'request', method, uri, headers, body } }
}

function parseResponse(line: string, headers: SipHeader[], body: Buffer): ParseResult {
  const match = /^SIP\/2\.0 (\d{3})(?: (.*))?$/i.exec(line)
  if (match?.[1] === undefined) return failure('malformed status line', undefined)
  const status = Number(match[1])
  if (status < 100 || status > 699) return failure('status code out of range', undefined)
  return { kind: 'message', message: { kind: 'response', status, reason: match[2] ?? '', headers, body } }
}

/** The header fields of `head` from `from` on, or what is wrong with them. */
function parseHeaders(head: string, from: number): SipHeader[] | string {
  const headers: SipHeader[] = []
  let at = from
  while (at < head.length) {
    let end = head.indexOf('\r\n', at)
    if (end < 0) end = head.length
    let line = head.slice(at, end)
    at = end + 2
    // Folded lines: a break before a blank counts as one blank (RFC 3261 §7.3.1).
    while (at < head.length && (head.charCodeAt(at) === 0x20 || head.charCodeAt(at) === 0x09)) {
      let next = head.indexOf('\r\n', at)
      if (next < 0) next = head.length
      line = `${line.trimEnd()} ${head.slice(at, next).trim()}`
      at = next + 2
    }
    const colon = line.indexOf(':')
    if (colon <= 0) return 'header line without a name'
    const label = line.slice(0, colon).trimEnd()
    if (!isToken(label)) return 'malformed header name'
    if (headers.length >= MAX_HEADERS) return 'too many header lines'
    const value = line.slice(colon + 1).trim()
    if (value.includes('\r') || value.includes('\n') || value.includes('\0')) return 'control character in a header'
    headers.push({ name: canonicalName(label), label, value })
  }
  return headers
}

/** The readable header lines only, enough to answer 400. */
function parseLeniently(head: string, from: number): SipHeader[] {
  const headers: SipHeader[] = []
  for (const line of head.slice(from).split('\r\n')) {
    const single = parseHeaders(line, 0)
    if (typeof single !== 'string') headers.push(...single)
  }
  return headers
}

/** The body by Content-Length (RFC 3261 §18.3), or what is wrong with that header. */
function bodyOf(headers: readonly SipHeader[], bytes: Buffer, at: number): Buffer | string {
  let length: number | undefined
  for (const header of headers) {
    if (header.name !== 'content-length') continue
    if (length !== undefined) return 'more than one Content-Length'
    const parsed = contentLength(header.value)
    if (parsed === undefined) return 'malformed Content-Length'
    length = parsed
  }
  const available = bytes.length - at
  if (length === undefined) return available <= 0 ? NO_BODY : bytes.subarray(at)
  if (length > available) return 'body shorter than Content-Length'
  return length === 0 ? NO_BODY : bytes.subarray(at, at + length)
}

/** A Content-Length value as a number, or undefined when it is not plain digits. */
export function contentLength(value: string): number | undefined {
  return /^\d{1,9}$/.test(value) ? Number(value) : undefined
}

function readable(startLine: string, headers: readonly SipHeader[]): ParseFailure['head'] {
  const space = startLine.indexOf(' ')
  const method = space < 0 ? '' : startLine.slice(0, space)
  return isToken(method) ? { method, headers } : undefined
}

function failure(why: string, head: ParseFailure['head'], status = 400): ParseFailure {
  return { kind: 'malformed', why, status: head === undefined ? undefined : status, head }
}

const TOKEN = new Uint8Array(128)
for (const c of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~") TOKEN[c.charCodeAt(0)] = 1

/** Whether `text` is a token (RFC 3261 §25.1). */
export function isToken(text: string): boolean {
  if (text.length === 0) return false
  for (let i = 0; i < text.length; i++) if (TOKEN[text.charCodeAt(i)] !== 1) return false
  return true
}
