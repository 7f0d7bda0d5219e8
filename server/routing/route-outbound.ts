import type { TrunkRow } from '../../sql/queries/telephony.ts'
import type { ErrorCode } from '../errors.ts'
import type { RoutingTables } from './route-inbound.ts'

export type OutboundRoute =
  | Readonly<{ kind: 'dial'; trunks: readonly Readonly<{ trunk: TrunkRow; callerNumber: string }>[] }>
  | Readonly<{ kind: 'refuse'; code: ErrorCode; reason: string }>

/**
 * Which trunks may dial a number, best first, and the caller number that each may show. Pure.
 * A number may only be dialled where a trunk's allow-list names its prefix: an empty list dials nothing, so that a
 * stolen key cannot run up a bill. A caller number must be ours, unless the carrier's agreement says otherwise.
 */
export function routeOutbound(to: string, wantedCallerNumber: string | null, tables: RoutingTables): OutboundRoute {
  const candidates = tables.trunks
    .map(({ trunk }) => ({ trunk, match: longestMatch(to, trunk.allowedPrefixes) }))
    .filter(({ trunk, match }) => trunk.isEnabled && trunk.outboundAddress !== null && match > 0)
    .sort((a, b) => b.match - a.match || a.trunk.priority - b.trunk.priority)
  if (candidates.length === 0)
    return {
      kind: 'refuse',
      code: 'DESTINATION_NOT_ALLOWED',
      reason: 'No trunk that is switched on may dial this destination.'
    }
  const trunks = candidates.flatMap(({ trunk }) => {
    const callerNumber = callerNumberFor(trunk, wantedCallerNumber, tables)
    return callerNumber === null ? [] : [{ trunk, callerNumber }]
  })
  if (trunks.length === 0)
    return {
      kind: 'refuse',
      code: 'NUMBER_INVALID',
      reason:
        wantedCallerNumber === null
          ? 'No caller number is given and the trunk has none by default.'
          : 'The caller number is not one of ours, and no trunk may show a foreign one.'
    }
  return { kind: 'dial', trunks }
}

function longestMatch(number: string, prefixes: readonly string[]): number {
  return prefixes.reduce(
    (longest, prefix) => (number.startsWith(prefix) ? Math.max(longest, prefix.length) : longest),
    0
  )
}

function callerNumberFor(trunk: TrunkRow, wanted: string | null, tables: RoutingTables): string | null {
  if (wanted === null) return trunk.defaultCallerNumber
  const ours = tables.numbers.get(wanted)
  if (ours?.isEnabled && (ours.trunkId === null || ours.trunkId === trunk.id)) return wanted
  return trunk.allowsForeignCallerNumber ? wanted : null
}
