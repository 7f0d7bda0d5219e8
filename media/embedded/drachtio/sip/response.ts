import { headerOf, headersOf, NO_BODY, type SipHeader, type SipRequest, type SipResponse } from './message.ts'
import { reasonOf } from './reasons.ts'
import { header } from './serialize.ts'
import { withTag } from './uri.ts'

/** What a response carries beyond the headers that every response copies from its request. */
export type ResponseParts = Readonly<{
  reason?: string | undefined
  /** The To tag, added when the request had none. */
  tag?: string
  /** Copies Record-Route, as responses that make a dialog must (RFC 3261 §12.1.1). */
  recordRoute?: boolean
  headers?: readonly SipHeader[]
  body?: Buffer
}>

/** A response to `request` (RFC 3261 §8.2.6.2). */
export function responseTo(
  request: Omit<SipRequest, 'body' | 'uri' | 'kind'>,
  status: number,
  parts: ResponseParts = {}
): SipResponse {
  const headers: SipHeader[] = headersOf(request, 'via').map(value => header('Via', value))
  if (parts.recordRoute === true) {
    for (const value of headersOf(request, 'record-route')) headers.push(header('Record-Route', value))
  }
  const copy = (name: string, label: string) => {
    const value = headerOf(request, name)
    if (value !== undefined) headers.push(header(label, value))
  }
  copy('from', 'From')
  const to = headerOf(request, 'to')
  if (to !== undefined) headers.push(header('To', parts.tag === undefined ? to : withTag(to, parts.tag)))
  copy('call-id', 'Call-ID')
  copy('cseq', 'CSeq')
  if (status === 100) copy('timestamp', 'Timestamp')
  if (parts.headers !== undefined) headers.push(...parts.headers)
  return { kind: 'response', status, reason: parts.reason ?? reasonOf(status), headers, body: parts.body ?? NO_BODY }
}
