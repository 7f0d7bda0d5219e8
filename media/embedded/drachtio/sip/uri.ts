/** A `sip:` or `sips:` URI taken apart (RFC 3261 §19.1). Parameters have lower-case names; flags have an empty value. */
export type SipUri = Readonly<{
  scheme: string
  user: string
  host: string
  port: number | undefined
  params: ReadonlyMap<string, string>
  /** The `?…` part without the question mark, or empty. */
  headers: string
}>

/** Parses a SIP URI. Returns undefined for other schemes and for anything that is not well formed. */
export function parseUri(text: string): SipUri | undefined {
  const colon = text.indexOf(':')
  if (colon < 0) return undefined
  const scheme = text.slice(0, colon).toLowerCase()
  if (scheme !== 'sip' && scheme !== 'sips') return undefined
  let rest = text.slice(colon + 1)
  // Semicolons, question marks and escapes may stand in the user part, so it is cut off first.
  const at = rest.lastIndexOf('@')
  const user = at < 0 ? '' : rest.slice(0, at)
  if (user.includes('@') || (at === 0 && rest.length > 0)) return undefined
  rest = rest.slice(at + 1)
  let headers = ''
  const question = rest.indexOf('?')
  if (question >= 0) {
    headers = rest.slice(question + 1)
    rest = rest.slice(0, question)
  }
  const semicolon = rest.indexOf(';')
  const hostport = semicolon < 0 ? rest : rest.slice(0, semicolon)
  const parsed = parseHostport(hostport)
  if (parsed === undefined || hasBlank(user) || hasBlank(rest)) return undefined
  const params = semicolon < 0 ? NO_PARAMS : parseParams(rest.slice(semicolon + 1))
  return { scheme, user, ...parsed, params, headers }
}

/** `host[:port]`, the host a name, an IPv4 address or an IPv6 reference in brackets. */
export function parseHostport(text: string): Readonly<{ host: string; port: number | undefined }> | undefined {
  let host = text
  let port: number | undefined
  const colon = text.startsWith('[') ? text.indexOf(':', text.indexOf(']')) : text.indexOf(':')
  if (colon >= 0) {
    host = text.slice(0, colon).trimEnd()
    const digits = text.slice(colon + 1).trimStart()
    if (!isNumber(digits) || Number(digits) > 65_535) return undefined
    port = Number(digits)
  }
  return isHost(host) ? { host, port } : undefined
}

function isHost(host: string): boolean {
  if (host.length === 0 || host.length > 255) return false
  if (host.startsWith('[')) return host.endsWith(']') && host.length > 2
  for (let i = 0; i < host.length; i++) {
    const c = host.charCodeAt(i)
    const ok =
      (c >= 0x30 && c <= 0x39) ||
      (c >= 0x41 && c <= 0x5a) ||
      (c >= 0x61 && c <= 0x7a) ||
      c === 0x2d ||
      c === 0x2e ||
      c === 0x5f
    if (!ok) return false
  }
  return true
}

function isNumber(text: string): boolean {
  if (text.length === 0 || text.length > 10) return false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c < 0x30 || c > 0x39) return false
  }
  return true
}

function hasBlank(text: string): boolean {
  return text.includes(' ') || text.includes('\t') || text.includes('<') || text.includes('>') || text.includes('"')
}

const NO_PARAMS: ReadonlyMap<string, string> = new Map()

/** `a=1;b;c="x;y"` as a map; names in lower case, quotes kept. */
export function parseParams(text: string): ReadonlyMap<string, string> {
  const params = new Map<string, string>()
  let start = 0
  let quoted = false
  for (let i = 0; i <= text.length; i++) {
    const c = text.charCodeAt(i)
    if (quoted) {
      if (c === 0x5c) i++
      else if (c === 0x22) quoted = false
      if (i < text.length) continue
    } else if (c === 0x22) {
      quoted = true
      continue
    }
    if (i >= text.length || c === 0x3b) {
      const part = text.slice(start, i)
      start = i + 1
      const equals = part.indexOf('=')
      const name = (equals < 0 ? part : part.slice(0, equals)).trim().toLowerCase()
      if (name !== '') params.set(name, equals < 0 ? '' : part.slice(equals + 1).trim())
    }
  }
  return params
}

/** A `name-addr` or `addr-spec` with its header parameters (From, To, Contact, Route; RFC 3261 §20.10). */
export type NameAddr = Readonly<{ display: string; uri: string; params: ReadonlyMap<string, string> }>

/**
 * Parses From, To, Contact and Route values. Returns undefined when quotes or brackets do not balance, when blanks
 * stand inside the brackets, or when the URI is empty.
 */
export function parseNameAddr(value: string): NameAddr | undefined {
  const text = value.trim()
  let open = -1
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (quoted) {
      if (c === 0x5c) i++
      else if (c === 0x22) quoted = false
    } else if (c === 0x22) quoted = true
    else if (c === 0x3c) {
      open = i
      break
    }
  }
  if (quoted) return undefined
  if (open >= 0) {
    const close = text.indexOf('>', open)
    if (close < 0) return undefined
    const uri = text.slice(open + 1, close)
    if (uri === '' || hasBlank(uri)) return undefined
    const display = text.slice(0, open).trim()
    const rest = text.slice(close + 1).trimStart()
    if (rest !== '' && !rest.startsWith(';')) return undefined
    return { display, uri, params: rest === '' ? NO_PARAMS : parseParams(rest.slice(1)) }
  }
  // Without brackets every parameter belongs to the header, not to the URI (RFC 3261 §20.10).
  const semicolon = text.indexOf(';')
  const uri = (semicolon < 0 ? text : text.slice(0, semicolon)).trim()
  if (uri === '' || hasBlank(uri) || !uri.includes(':')) return undefined
  if (uri.includes('?') || uri.includes(',')) return undefined
  return { display: '', uri, params: semicolon < 0 ? NO_PARAMS : parseParams(text.slice(semicolon + 1)) }
}

/** The `tag` parameter of a From or To value, or an empty string. */
export function tagOf(value: string | undefined): string {
  if (value === undefined) return ''
  const from = value.lastIndexOf('>') + 1
  const at = value.toLowerCase().indexOf('tag', from)
  if (at < 0) return ''
  return parseParams(value.slice(value.indexOf(';', from) + 1)).get('tag') ?? ''
}

/** Sets the `tag` parameter of a From or To value that has none, putting a bare URI into brackets first. */
export function withTag(value: string, tag: string): string {
  if (tagOf(value) !== '' || tag === '') return value
  return `${bracketed(value)};tag=${tag}`
}

/** A From, To or Contact value with its URI in brackets, so that parameters can follow. */
export function bracketed(value: string): string {
  if (value.includes('<')) return value
  const semicolon = value.indexOf(';')
  return semicolon < 0 ? `<${value}>` : `<${value.slice(0, semicolon)}>${value.slice(semicolon)}`
}
