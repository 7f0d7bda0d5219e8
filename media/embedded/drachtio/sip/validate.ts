import { cseqOf, headerOf, headersOf, listOf, type SipRequest } from './message.ts'
import { header } from './serialize.ts'
import type { SipHeader } from './message.ts'
import { parseNameAddr, parseUri } from './uri.ts'
import { parseVia } from './via.ts'

/** The methods that the server knows; every other gets 501. */
export const METHODS = [
  'INVITE',
  'ACK',
  'CANCEL',
  'BYE',
  'OPTIONS',
  'REGISTER',
  'INFO',
  'PRACK',
  'UPDATE',
  'MESSAGE',
  'SUBSCRIBE',
  'NOTIFY',
  'REFER',
  'PUBLISH'
] as const

/** Option tags that an application may understand; any other in `Require` gets 420 (RFC 3261 §8.2.2.3). */
const OPTION_TAGS: ReadonlySet<string> = new Set([
  '100rel',
  'answermode',
  'early-session',
  'eventlist',
  'from-change',
  'gruu',
  'histinfo',
  'ice',
  'join',
  'multiple-refer',
  'norefersub',
  'nosub',
  'outbound',
  'path',
  'precondition',
  'pref',
  'privacy',
  'recipient-list-invite',
  'recipient-list-message',
  'replaces',
  'resource-priority',
  'sdp-anat',
  'sec-agree',
  'siprec',
  'tdialog',
  'timer',
  'trickle-ice'
])

const SINGLE = ['from', 'to', 'call-id', 'cseq', 'max-forwards', 'content-length', 'content-type'] as const
const KNOWN: ReadonlySet<string> = new Set(METHODS)

/** The answer that a request deserves before anyone looks at it further. */
export type Refusal = Readonly<{ status: number; reason?: string; headers: readonly SipHeader[] }>

/** Checks a parsed request (RFC 3261 §8.2.2, §16.3; RFC 4475). Undefined when it may go on. */
export function refusalOf(request: SipRequest): Refusal | undefined {
  return structure(request) ?? requestUri(request) ?? addresses(request) ?? capabilities(request)
}

function bad(reason: string): Refusal {
  return { status: 400, reason, headers: [] }
}

function structure(request: SipRequest): Refusal | undefined {
  for (const name of SINGLE) if (headersOf(request, name).length > 1) return bad(`Multiple ${name} header fields`)
  for (const name of ['from', 'to', 'call-id', 'cseq'] as const) {
    const value = headerOf(request, name)
    if (value === undefined || value === '') return bad(`Missing ${name} header field`)
  }
  const cseq = cseqOf(request)
  if (cseq === undefined) return bad('Malformed CSeq')
  if (cseq.method !== request.method) return bad('CSeq method does not match the request')
  if (/\s/.test(headerOf(request, 'call-id') ?? '')) return bad('Malformed Call-ID')
  const maxForwards = headerOf(request, 'max-forwards')
  if (maxForwards !== undefined && !(/^\d{1,9}$/.test(maxForwards) && Number(maxForwards) <= 255)) {
    return bad('Malformed Max-Forwards')
  }
  for (const element of listOf(request, 'via')) if (parseVia(element) === undefined) return bad('Malformed Via')
  return undefined
}

function requestUri(request: SipRequest): Refusal | undefined {
  const scheme = request.uri.slice(0, request.uri.indexOf(':')).toLowerCase()
  if (scheme === 'tel' || scheme === 'urn') return undefined
  if (scheme !== 'sip' && scheme !== 'sips') return { status: 416, headers: [] }
  const uri = parseUri(request.uri)
  // Headers are not allowed in a Request-URI (RFC 3261 §19.1.1, RFC 4475 §3.1.2.11).
  return uri === undefined || uri.headers !== '' ? bad('Malformed Request-URI') : undefined
}

function addresses(request: SipRequest): Refusal | undefined {
  for (const name of ['from', 'to'] as const) {
    if (!isAddress(headerOf(request, name) ?? '')) return bad(`Malformed ${name} header field`)
  }
  for (const name of ['route', 'record-route'] as const) {
    for (const element of listOf(request, name)) if (!isAddress(element)) return bad(`Malformed ${name} header field`)
  }
  const contacts = listOf(request, 'contact')
  if (request.method === 'INVITE' && contacts.length === 0) return bad('Missing contact header field')
  if (contacts.length === 1 && contacts[0] === '*') {
    const expires = headerOf(request, 'expires')
    return request.method === 'REGISTER' && expires === '0' ? undefined : bad('Malformed contact header field')
  }
  return contacts.every(isAddress) ? undefined : bad('Malformed contact header field')
}

function isAddress(value: string): boolean {
  const address = parseNameAddr(value)
  if (address === undefined) return false
  // A display name without quotes is made of tokens; separators betray a broken value (RFC 4475 §3.1.2.15).
  return address.display.startsWith('"') || !/[,:;@()[\]{}?=\\]/.test(address.display)
}

function capabilities(request: SipRequest): Refusal | undefined {
  if (!KNOWN.has(request.method)) return { status: 501, headers: [header('Allow', METHODS.join(', '))] }
  if (request.method === 'ACK' || request.method === 'CANCEL') return undefined
  const wanted = [...listOf(request, 'require'), ...listOf(request, 'proxy-require')]
  const unknown = wanted.filter(tag => tag !== '' && !OPTION_TAGS.has(tag.toLowerCase()))
  return unknown.length === 0 ? undefined : { status: 420, headers: [header('Unsupported', unknown.join(', '))] }
}
