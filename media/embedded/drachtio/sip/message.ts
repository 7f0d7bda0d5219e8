/** One header field. `name` is the long, lower-case form (`v:` becomes `via`); `label` is how it is written on the wire. */
export type SipHeader = Readonly<{ name: string; label: string; value: string }>

/** A request (RFC 3261 §7.1). `uri` is the Request-URI as written. */
export type SipRequest = Readonly<{
  kind: 'request'
  method: string
  uri: string
  headers: readonly SipHeader[]
  body: Buffer
}>

/** A response (RFC 3261 §7.2). */
export type SipResponse = Readonly<{
  kind: 'response'
  status: number
  reason: string
  headers: readonly SipHeader[]
  body: Buffer
}>

/** Any SIP message. */
export type SipMessage = SipRequest | SipResponse

/** The empty body, shared. */
export const NO_BODY: Buffer = Buffer.alloc(0)

/** The value of the first header field called `name` (long, lower-case form), or undefined. */
export function headerOf(message: Readonly<{ headers: readonly SipHeader[] }>, name: string): string | undefined {
  for (const header of message.headers) if (header.name === name) return header.value
  return undefined
}

/** The values of every header field called `name`, in order, as written (a value may still hold a comma list). */
export function headersOf(message: Readonly<{ headers: readonly SipHeader[] }>, name: string): string[] {
  const values: string[] = []
  for (const header of message.headers) if (header.name === name) values.push(header.value)
  return values
}

/** The elements of a header that is a comma list (Via, Route, Record-Route, Contact), over all its header fields. */
export function listOf(message: Readonly<{ headers: readonly SipHeader[] }>, name: string): string[] {
  const elements: string[] = []
  for (const header of message.headers) if (header.name === name) elements.push(...splitList(header.value))
  return elements
}

/** Splits at commas that stand outside quotes and angle brackets (RFC 3261 §7.3.1). */
export function splitList(value: string): string[] {
  if (!value.includes(',')) return [value.trim()]
  const elements: string[] = []
  let start = 0
  let quoted = false
  let depth = 0
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i)
    if (quoted) {
      if (c === 0x5c) i++
      else if (c === 0x22) quoted = false
    } else if (c === 0x22) quoted = true
    else if (c === 0x3c) depth++
    else if (c === 0x3e) depth--
    else if (c === 0x2c && depth <= 0) {
      elements.push(value.slice(start, i).trim())
      start = i + 1
    }
  }
  elements.push(value.slice(start).trim())
  return elements
}

/** `CSeq` taken apart, or undefined when it is not `number method` with a number below 2^31 (RFC 3261 §8.1.1.5). */
export function cseqOf(
  message: Readonly<{ headers: readonly SipHeader[] }>
): Readonly<{ number: number; method: string }> | undefined {
  const value = headerOf(message, 'cseq')
  if (value === undefined) return undefined
  const match = /^(\d{1,10})[ \t]+(\S+)$/.exec(value)
  if (match?.[1] === undefined || match[2] === undefined) return undefined
  const number = Number(match[1])
  return number < 2 ** 31 ? { number, method: match[2] } : undefined
}

/** The Call-ID, or an empty string when there is none. */
export function callIdOf(message: Readonly<{ headers: readonly SipHeader[] }>): string {
  return headerOf(message, 'call-id') ?? ''
}
