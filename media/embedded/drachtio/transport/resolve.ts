import { promises as dns } from 'node:dns'
import { isIP } from 'node:net'
import { parseUri, type SipUri } from '../sip/uri.ts'
import type { Destination, TransportName } from './destination.ts'

/** Why a URI leads nowhere, in the words that the application gets. */
export class UnreachableError extends Error {
  readonly code: 'ERR_SIP_UNREACHABLE' | 'ERR_SIP_DNS' = 'ERR_SIP_UNREACHABLE'
}

/** A host name that DNS does not know, or not in time. */
export class DnsError extends UnreachableError {
  override readonly code = 'ERR_SIP_DNS'
}

/** The transport that a URI asks for: its `transport` parameter, else UDP (RFC 3263 §4.1). */
export function transportOf(uri: SipUri): TransportName {
  const wanted = (uri.params.get('transport') ?? 'udp').toLowerCase()
  if (uri.scheme === 'sips' || (wanted !== 'udp' && wanted !== 'tcp')) {
    throw new UnreachableError('requested protocol/transport not available')
  }
  return wanted
}

const LOOKUP_LIMIT_MS = 5_000

/**
 * Where a request for `text` (the Request-URI or the first route) goes. An address is answered at once; a name without
 * a port is looked up as SRV, else as an address (RFC 3263 §4.2). Throws {@link UnreachableError}, rejects with
 * {@link DnsError}.
 */
export function resolveUri(text: string): Destination | Promise<Destination> {
  const uri = parseUri(text)
  if (uri === undefined) throw new UnreachableError(`invalid request-uri: ${text}`)
  const transport = transportOf(uri)
  const host = (uri.params.get('maddr') ?? uri.host).replace(/^\[|\]$/g, '')
  if (isIP(host) !== 0) return { transport, address: host, port: uri.port ?? 5060 }
  if (host === 'localhost') return { transport, address: '127.0.0.1', port: uri.port ?? 5060 }
  return lookUp(host, uri.port, transport)
}

async function lookUp(host: string, port: number | undefined, transport: TransportName): Promise<Destination> {
  let limit: NodeJS.Timeout | undefined
  const expired = new Promise<never>((_resolve, reject) => {
    limit = setTimeout(() => reject(new DnsError(`no answer from DNS for ${host}`)), LOOKUP_LIMIT_MS)
  })
  try {
    return await Promise.race([find(host, port, transport), expired])
  } catch (err) {
    throw err instanceof DnsError ? err : new DnsError(`DNS: ${(err as Error).message}`, { cause: err })
  } finally {
    clearTimeout(limit)
  }
}

async function find(host: string, port: number | undefined, transport: TransportName): Promise<Destination> {
  if (port === undefined) {
    // No SRV record is the usual case, not an error: the name itself is tried then.
    const records = await dns.resolveSrv(`_sip._${transport}.${host}`).catch(() => [])
    const best = records.sort((a, b) => a.priority - b.priority || b.weight - a.weight)[0]
    if (best !== undefined) {
      const { address } = await dns.lookup(best.name)
      return { transport, address, port: best.port }
    }
  }
  const { address } = await dns.lookup(host, { family: 4 })
  return { transport, address, port: port ?? 5060 }
}
