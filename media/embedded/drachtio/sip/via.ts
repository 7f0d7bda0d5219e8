import { parseHostport, parseParams } from './uri.ts'

/** One Via element (RFC 3261 §20.42). `params` have lower-case names. */
export type Via = Readonly<{
  transport: string
  host: string
  port: number | undefined
  params: ReadonlyMap<string, string>
  /** The part before the parameters, as written. */
  prefix: string
}>

/** Parses one Via element; undefined when it is not well formed. */
export function parseVia(text: string): Via | undefined {
  const semicolon = text.indexOf(';')
  const prefix = (semicolon < 0 ? text : text.slice(0, semicolon)).trim()
  const match = /^SIP\s*\/\s*2\.0\s*\/\s*([^\s/]+)\s+(\S.*)$/i.exec(prefix)
  if (match?.[1] === undefined || match[2] === undefined) return undefined
  const hostport = parseHostport(match[2].trim())
  if (hostport === undefined) return undefined
  const rest = semicolon < 0 ? '' : text.slice(semicolon + 1)
  return { transport: match[1].toUpperCase(), ...hostport, params: parseParams(rest), prefix }
}

/**
 * The topmost Via as the server stores it: `received` with the source address when it differs from sent-by or when
 * `rport` was asked for, and `rport` with the source port (RFC 3261 §18.2.1, RFC 3581 §4).
 */
export function stampVia(via: Via, source: Readonly<{ address: string; port: number }>): string {
  let text = via.prefix
  const wantsPort = via.params.get('rport') === ''
  const host = via.host.startsWith('[') ? via.host.slice(1, -1) : via.host
  for (const [name, value] of via.params) {
    if (name === 'received') continue
    if (name === 'rport' && wantsPort) text += `;rport=${source.port}`
    else text += value === '' ? `;${name}` : `;${name}=${value}`
  }
  return wantsPort || host !== source.address ? `${text};received=${source.address}` : text
}
