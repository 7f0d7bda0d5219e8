import { displayName } from '../sip/header-names.ts'
import { canonicalName } from '../sip/header-names.ts'
import type { SipHeader } from '../sip/message.ts'
import { isToken } from '../sip/parse.ts'
import { bracketed } from '../sip/uri.ts'
import type { ClientSip } from '../wire/client-message.ts'
import type { Here } from './core.ts'

/** Headers that the server alone sets; what an application says about them is left out. */
const SERVER_ONLY: ReadonlySet<string> = new Set(['via', 'route', 'rseq', 'record-route', 'content-length'])
const WITH_PLACEHOLDER: ReadonlySet<string> = new Set(['from', 'to', 'contact', 'p-asserted-identity'])
const PLACEHOLDER = /(@|sips?:)localhost(?::\d+)?(?=[;>?,\s]|$)/gi

/**
 * The headers of an application's message as they may go out: without those that the server sets, with the usual
 * spelling, and with `localhost` in From, To, Contact and P-Asserted-Identity replaced by our own address.
 */
export function applicationHeaders(sip: ClientSip, here: Here): SipHeader[] {
  const headers: SipHeader[] = []
  for (const { label, value } of sip.headers) {
    const name = canonicalName(label)
    // A bare CR, LF or NUL would let one header smuggle in another.
    if (SERVER_ONLY.has(name) || !isToken(label) || /[\r\n\0]/.test(value)) continue
    const filled = WITH_PLACEHOLDER.has(name) ? fillPlaceholder(value, here, name === 'contact') : value
    headers.push({ name, label: displayName(name === label.toLowerCase() ? label : name), value: filled })
  }
  return headers
}

/** Replaces the host `localhost` by ours; a Contact over TCP also says so. */
export function fillPlaceholder(value: string, here: Here, isContact: boolean): string {
  if (!value.toLowerCase().includes('localhost')) return value
  const viaTcp = isContact && here.transport === 'tcp' && !value.toLowerCase().includes('transport=')
  const tail = viaTcp ? ';transport=tcp' : ''
  const filled = bracketed(value).replace(
    PLACEHOLDER,
    (_all, before: string) => `${before}${here.host}:${here.port}${tail}`
  )
  return filled
}

/** `Content-Type` for a body that came without one: SDP is recognised. Undefined when it is not. */
export function guessContentType(body: Buffer): string | undefined {
  return body.toString('latin1', 0, 3) === 'v=0' ? 'application/sdp' : undefined
}

/** Method and Request-URI of a start line, or undefined when it is no request line. */
export function parseRequestLine(line: string): Readonly<{ method: string; uri: string }> | undefined {
  const [method = '', uri = ''] = line.split(' ')
  return isToken(method) && uri !== '' ? { method, uri } : undefined
}

/** Status and reason of a start line, or undefined when it is no status line. */
export function parseStatusLine(line: string): Readonly<{ status: number; reason: string }> | undefined {
  const match = /^SIP\/2\.0 (\d{3})(?: (.*))?$/.exec(line)
  if (match?.[1] === undefined) return undefined
  const status = Number(match[1])
  return status >= 100 && status <= 699 ? { status, reason: match[2] ?? '' } : undefined
}
