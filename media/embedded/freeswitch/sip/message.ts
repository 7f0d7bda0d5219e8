/** Header fields in order of arrival; names are kept as written, looked up without regard to case. */
export type SipHeaders = readonly (readonly [name: string, value: string])[]

/** A parsed request (RFC 3261 §7.1). */
export type SipRequest = Readonly<{ kind: 'request'; method: string; uri: string; headers: SipHeaders; body: string }>

/** A parsed response (RFC 3261 §7.2). */
export type SipResponse = Readonly<{
  kind: 'response'
  status: number
  reason: string
  headers: SipHeaders
  body: string
}>

export type SipMessage = SipRequest | SipResponse

const COMPACT: Readonly<Record<string, string>> = {
  i: 'call-id',
  m: 'contact',
  e: 'content-encoding',
  l: 'content-length',
  c: 'content-type',
  f: 'from',
  s: 'subject',
  k: 'supported',
  t: 'to',
  v: 'via'
}
const MAX_HEADERS = 200

/** Reads one datagram; undefined when it is no SIP message that could be answered. */
export function parseSip(bytes: Buffer): SipMessage | undefined {
  const text = bytes.toString('utf8').replace(/^(\r?\n)+/, '')
  const split = /\r?\n\r?\n/.exec(text)
  const head = split === null ? text : text.slice(0, split.index)
  const rest = split === null ? '' : text.slice(split.index + split[0].length)
  // A folded line continues the one before (RFC 3261 §7.3.1).
  const lines = head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)
  const start = lines[0] ?? ''
  const headers = parseHeaders(lines.slice(1))
  if (headers === undefined) return undefined
  const length = Number(header({ headers }, 'content-length') ?? Number.NaN)
  const body =
    Number.isInteger(length) && length >= 0 ? Buffer.from(rest, 'utf8').subarray(0, length).toString('utf8') : rest
  const response = /^SIP\/2\.0 ([1-6]\d\d)(?: (.*))?$/.exec(start)
  if (response !== null) {
    return { kind: 'response', status: Number(response[1]), reason: response[2] ?? '', headers, body }
  }
  const request = /^([A-Za-z0-9.!%*_+`'~-]+) (\S+) SIP\/2\.0$/.exec(start)
  if (request === null) return undefined
  return { kind: 'request', method: request[1] as string, uri: request[2] as string, headers, body }
}

function parseHeaders(lines: readonly string[]): SipHeaders | undefined {
  if (lines.length > MAX_HEADERS) return undefined
  const headers: [string, string][] = []
  for (const line of lines) {
    if (line === '') continue
    const colon = line.indexOf(':')
    if (colon < 1) return undefined
    headers.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()])
  }
  return headers
}

function canonical(name: string): string {
  const lower = name.toLowerCase()
  return COMPACT[lower] ?? lower
}

/** The first value of a header field, in full or compact form. */
export function header(message: Readonly<{ headers: SipHeaders }>, name: string): string | undefined {
  const wanted = canonical(name)
  return message.headers.find(([key]) => canonical(key) === wanted)?.[1]
}

/** Every value of a header field that may be repeated; comma lists are split (only used for Via and routes). */
export function headerList(message: Readonly<{ headers: SipHeaders }>, name: string): readonly string[] {
  const wanted = canonical(name)
  return message.headers.filter(([key]) => canonical(key) === wanted).flatMap(([, value]) => splitList(value))
}

function splitList(value: string): readonly string[] {
  // Commas inside <…> or "…" belong to an address.
  return (value.match(/(?:"(?:\\.|[^"\\])*"|<[^>]*>|[^,<"])+/g) ?? [])
    .map(part => part.trim())
    .filter(part => part !== '')
}

/** Writes a message with its Content-Length. */
export function writeSip(start: string, headers: SipHeaders, body = ''): Buffer {
  const lines = [
    start,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${Buffer.byteLength(body)}`
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'utf8')
}

/** A parameter of an address or Via value, e.g. `tag` or `branch`. */
export function parameter(value: string, name: string): string | undefined {
  const after = value.includes('>') ? value.slice(value.lastIndexOf('>') + 1) : value
  return new RegExp(`;\\s*${name}\\s*=\\s*"?([^;,"\\s]+)`, 'i').exec(after)?.[1]
}

/** The parts of a SIP URI that are used. */
export type SipUri = Readonly<{ text: string; user: string; host: string; port: number; parameters: string }>

/** Takes the URI out of a name-addr or addr-spec. */
export function parseAddress(value: string): SipUri | undefined {
  const text = /<([^>]*)>/.exec(value)?.[1] ?? value.split(';')[0]?.trim() ?? ''
  return parseUri(text)
}

/** Parses `sip:user@host:port;params`. */
export function parseUri(text: string): SipUri | undefined {
  const match = /^sips?:(?:([^@\s]*)@)?(\[[0-9a-f:.]+\]|[^:;?\s]+)(?::(\d{1,5}))?([;?].*)?$/i.exec(text)
  if (match === null) return undefined
  const port = match[3] === undefined ? 5060 : Number(match[3])
  if (port < 1 || port > 65_535) return undefined
  return { text, user: match[1] ?? '', host: match[2] as string, port, parameters: match[4] ?? '' }
}

/** The display name of a name-addr, without quotes. */
export function displayName(value: string): string {
  return /^\s*"((?:\\.|[^"\\])*)"\s*</.exec(value)?.[1] ?? /^\s*([^<"]+?)\s*</.exec(value)?.[1] ?? ''
}
