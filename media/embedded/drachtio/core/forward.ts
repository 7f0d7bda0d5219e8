import { createHmac } from 'node:crypto'
import { MAGIC_COOKIE } from '../sip/ids.ts'
import { callIdOf, headerOf, listOf, type SipHeader, type SipRequest, type SipResponse } from '../sip/message.ts'
import { header, serialize, withoutHeader } from '../sip/serialize.ts'
import { parseNameAddr, parseUri } from '../sip/uri.ts'
import { parseVia, type Via } from '../sip/via.ts'
import { resolveUri } from '../transport/resolve.ts'
import { type Core, hereOn, isOurs } from './core.ts'
import { whenResolved } from './outgoing.ts'

/** Removes the leading Route elements that name us (RFC 3261 §16.4). Says whether there was one. */
export function takeOwnRoute(core: Core, request: SipRequest): Readonly<{ request: SipRequest; wasOurs: boolean }> {
  const route = listOf(request, 'route')
  let ours = 0
  for (const element of route) {
    const uri = parseUri(parseNameAddr(element)?.uri ?? '')
    if (uri === undefined || !isOurs(core, uri.host, uri.port)) break
    ours++
  }
  if (ours === 0) return { request, wasOurs: false }
  return { request: { ...request, headers: withRoute(request.headers, route.slice(ours)) }, wasOurs: true }
}

function withRoute(headers: readonly SipHeader[], route: readonly string[]): SipHeader[] {
  return [...withoutHeader(headers, 'route'), ...route.map(value => header('Route', value))]
}

/** Max-Forwards one lower, 70 when there was none, or undefined when it is used up (RFC 3261 §16.6 step 3). */
export function fewerForwards(headers: readonly SipHeader[]): SipHeader[] | undefined {
  const value = headerOf({ headers }, 'max-forwards')
  if (value === '0') return undefined
  const next = value === undefined ? '70' : String(Number(value) - 1)
  return [header('Max-Forwards', next), ...withoutHeader(headers, 'max-forwards')]
}

/**
 * Passes a request of a dialog that was set up through `proxy` with Record-Route on to the next hop, without state:
 * its branch is signed, so that only the answer to it is let back (RFC 3261 §16.11).
 * Returns a status when it must be refused instead.
 */
export function forwardRequest(core: Core, request: SipRequest): number | undefined {
  const headers = fewerForwards(request.headers)
  if (headers === undefined) return 483
  const nextHop = parseNameAddr(listOf(request, 'route')[0] ?? '')?.uri ?? request.uri
  const uri = parseUri(nextHop)
  if (uri === undefined || isOurs(core, uri.host, uri.port)) return 481
  const topBranch = parseVia(listOf(request, 'via')[0] ?? '')?.params.get('branch') ?? ''
  const branch = signedBranch(core, topBranch, request)
  whenResolved(
    () => resolveUri(nextHop),
    destination => {
      const here = hereOn(core, destination.transport)
      const via = `SIP/2.0/${here.transport.toUpperCase()} ${here.host}:${here.port};rport;branch=${branch}`
      const forwarded = { ...request, headers: [header('Via', via), ...headers] }
      core.transports.send(serialize(forwarded), destination, () => {})
    },
    err => core.log.info({ err, callId: callIdOf(request) }, 'a request could not be passed on')
  )
  return undefined
}

/** Passes on the answer to a request that {@link forwardRequest} sent. False when it is no such answer. */
export function forwardResponse(core: Core, response: SipResponse, top: Via): boolean {
  const [, ...vias] = listOf(response, 'via')
  const next = parseVia(vias[0] ?? '')
  if (
    next === undefined ||
    top.params.get('branch') !== signedBranch(core, next.params.get('branch') ?? '', response)
  ) {
    return false
  }
  const stripped = {
    ...response,
    headers: [...vias.map(via => header('Via', via)), ...withoutHeader(response.headers, 'via')]
  }
  const address = next.params.get('received') ?? next.host
  const port = Number(next.params.get('rport') || (next.port ?? 5060))
  const transport = next.transport === 'TCP' ? 'tcp' : 'udp'
  core.transports.send(serialize(stripped), { transport, address, port }, () => {})
  return true
}

function signedBranch(core: Core, before: string, message: SipRequest | SipResponse): string {
  const hmac = createHmac('sha256', core.secret)
  hmac.update(`${before}|${callIdOf(message)}|${headerOf(message, 'cseq')}`)
  return `${MAGIC_COOKIE}fw${hmac.digest('hex').slice(0, 32)}`
}
