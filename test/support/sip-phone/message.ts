/** A message as the test phone sees it. Header names are in lower case; compact forms are spelled out. */
export type PhoneMessage = Readonly<{
  method: string | undefined
  uri: string | undefined
  status: number | undefined
  reason: string | undefined
  headers: ReadonlyMap<string, readonly string[]>
  body: string
  /** The message as it came. */
  raw: string
}>

const COMPACT: Readonly<Record<string, string>> = {
  v: 'via',
  f: 'from',
  t: 'to',
  i: 'call-id',
  m: 'contact',
  l: 'content-length',
  c: 'content-type',
  k: 'supported',
  o: 'event',
  r: 'refer-to',
  s: 'subject'
}

/** Parses one message; the phone is only ever spoken to by servers under test, so anything odd is an error. */
export function parsePhoneMessage(raw: string): PhoneMessage {
  const end = raw.indexOf('\r\n\r\n')
  if (end < 0) throw new Error(`no end of headers in ${JSON.stringify(raw)}`)
  const [start = '', ...lines] = raw
    .slice(0, end)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
  const headers = new Map<string, string[]>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    if (colon <= 0) throw new Error(`bad header line ${JSON.stringify(line)}`)
    const written = line.slice(0, colon).trim().toLowerCase()
    const name = COMPACT[written] ?? written
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()])
  }
  const status = /^SIP\/2\.0 (\d{3}) ?(.*)$/.exec(start)
  const request = /^(\S+) (\S+) SIP\/2\.0$/.exec(start)
  if (status === null && request === null) throw new Error(`bad start line ${JSON.stringify(start)}`)
  return {
    method: request?.[1],
    uri: request?.[2],
    status: status === null ? undefined : Number(status[1]),
    reason: status?.[2],
    headers,
    body: raw.slice(end + 4),
    raw
  }
}

/** The first value of a header, or an empty string. */
export function headerIn(message: PhoneMessage, name: string): string {
  return message.headers.get(name.toLowerCase())?.[0] ?? ''
}

/** The tag of a From or To value, or an empty string. */
export function tagIn(value: string): string {
  return /;\s*tag=([^;>\s]+)/i.exec(value.slice(value.lastIndexOf('>') + 1))?.[1] ?? ''
}

/** The URI inside a name-addr. */
export function uriIn(value: string): string {
  return /<([^>]+)>/.exec(value)?.[1] ?? value.split(';')[0]?.trim() ?? ''
}

/** The number of a CSeq. */
export function seqIn(message: PhoneMessage): number {
  return Number.parseInt(headerIn(message, 'cseq'), 10)
}

/** The method of a CSeq. */
export function methodIn(message: PhoneMessage): string {
  return headerIn(message, 'cseq').split(/\s+/)[1] ?? ''
}

/** A comma list over all header fields of a name (values with commas inside quotes are not expected here). */
export function elementsOf(message: PhoneMessage, name: string): string[] {
  return (message.headers.get(name) ?? []).flatMap(v => v.split(/,\s*(?=<|SIP\/)/))
}

/** Text of a message: start line, headers in order, Content-Length, body. */
export function formatMessage(start: string, headers: readonly (readonly [string, string])[], body = ''): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return `${start}\r\n${lines}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}
