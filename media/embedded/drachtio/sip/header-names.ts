/** Compact forms (RFC 3261 §7.3.3 and the IANA registry of SIP header fields). */
const COMPACT: Readonly<Record<string, string>> = {
  a: 'accept-contact',
  b: 'referred-by',
  c: 'content-type',
  d: 'request-disposition',
  e: 'content-encoding',
  f: 'from',
  i: 'call-id',
  j: 'reject-contact',
  k: 'supported',
  l: 'content-length',
  m: 'contact',
  n: 'identity-info',
  o: 'event',
  r: 'refer-to',
  s: 'subject',
  t: 'to',
  u: 'allow-events',
  v: 'via',
  x: 'session-expires',
  y: 'identity'
}

/** Names whose usual spelling is not simply a capital after each dash. */
const SPELLED: Readonly<Record<string, string>> = {
  'call-id': 'Call-ID',
  cseq: 'CSeq',
  'www-authenticate': 'WWW-Authenticate',
  rseq: 'RSeq',
  rack: 'RAck',
  'mime-version': 'MIME-Version',
  'min-se': 'Min-SE',
  'sip-etag': 'SIP-ETag',
  'sip-if-match': 'SIP-If-Match'
}

const canonicalNames = new Map<string, string>()
const CACHE_LIMIT = 2_000

/** The long, lower-case name for a name as written, in any case and in compact form. */
export function canonicalName(label: string): string {
  const known = canonicalNames.get(label)
  if (known !== undefined) return known
  const lower = label.toLowerCase()
  const name = COMPACT[lower] ?? lower
  // Names come from the network, so the cache must not grow without end.
  if (canonicalNames.size < CACHE_LIMIT) canonicalNames.set(label, name)
  return name
}

/** How a header given by an application is written: `user-agent` as `User-Agent`; names that begin with `X-` are kept. */
export function displayName(label: string): string {
  if (label.startsWith('X-') || label.startsWith('x-')) return label
  const spelled = SPELLED[label.toLowerCase()]
  if (spelled !== undefined) return spelled
  let name = ''
  let capital = true
  for (const c of label) {
    name += capital ? c.toUpperCase() : c
    capital = c === '-'
  }
  return name
}
