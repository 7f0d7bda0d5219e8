import { BlockList, isIP } from 'node:net'
import type { NumberRow, TrunkRow } from '../../sql/queries/telephony.ts'
import type { EndReason } from '../calls/end-reasons.ts'
import { toE164 } from './numbers.ts'

/** What is known of an INVITE before anything is decided. */
export type InboundFacts = Readonly<{
  sourceAddress: string
  calledUser: string
  callerUser: string
  assertedIdentity: string | undefined
  isPrivate: boolean
}>

export type RoutingTables = Readonly<{
  /** By number in E.164 form. */
  numbers: ReadonlyMap<string, NumberRow>
  trunks: readonly TrunkSource[]
}>

export type TrunkSource = Readonly<{ trunk: TrunkRow; addresses: BlockList }>

/** Where an INVITE goes. `challenge` asks the carrier to sign; `ignore` sends nothing at all. */
export type InboundRoute =
  | Readonly<{
      kind: 'serve'
      number: NumberRow
      trunk: TrunkRow | null
      callerNumber: string | null
      calledNumber: string
    }>
  | Readonly<{
      kind: 'refuse'
      reason: EndReason
      trunk: TrunkRow | null
      number: NumberRow | null
      callerNumber: string | null
      calledNumber: string | null
    }>
  | Readonly<{ kind: 'challenge'; trunk: TrunkRow }>
  | Readonly<{ kind: 'ignore' }>

export function buildRoutingTables(numbers: readonly NumberRow[], trunks: readonly TrunkRow[]): RoutingTables {
  return {
    numbers: new Map(numbers.map(row => [row.number, row])),
    trunks: trunks.map(trunk => ({ trunk, addresses: toBlockList(trunk.addresses) }))
  }
}

/**
 * Decides what happens with an INVITE. Pure.
 * `provenTrunkId` names the trunk whose digest signature was found good, `unknownSources` what strangers get.
 */
export function routeInbound(
  facts: InboundFacts,
  tables: RoutingTables,
  options: Readonly<{ unknownSources: 'answer' | 'refuse' | 'ignore'; provenTrunkId: string | null }>
): InboundRoute {
  const calledNumber = toE164(facts.calledUser)
  const number = calledNumber === null ? null : (tables.numbers.get(calledNumber) ?? null)
  const trunk = trunkOf(facts.sourceAddress, tables)
  if (trunk === null && options.unknownSources === 'ignore') return { kind: 'ignore' }
  const refuse = (reason: EndReason): InboundRoute => ({
    kind: 'refuse',
    reason,
    trunk,
    number,
    callerNumber: callerNumberOf(facts, trunk),
    calledNumber
  })
  if (trunk === null && options.unknownSources === 'refuse') return refuse('sourceNotAllowed')
  if (trunk?.authentication === 'digest' && options.provenTrunkId !== trunk.id) return { kind: 'challenge', trunk }
  if (number === null || calledNumber === null) return refuse('numberUnknown')
  // A number that belongs to one trunk is not served to another: its carrier is who vouches for the caller.
  if (number.trunkId !== null && trunk !== null && number.trunkId !== trunk.id) return refuse('numberUnknown')
  if (!number.isEnabled) return refuse('numberDisabled')
  if (number.flowId === null) return refuse('numberHasNoFlow')
  return { kind: 'serve', number, trunk, callerNumber: callerNumberOf(facts, trunk), calledNumber }
}

function trunkOf(address: string, tables: RoutingTables): TrunkRow | null {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
  return (
    tables.trunks.find(({ trunk, addresses }) => trunk.isEnabled && addresses.check(address, family))?.trunk ?? null
  )
}

/** The caller's number: the carrier's word where there is one, and null where the caller hides it. */
function callerNumberOf(facts: InboundFacts, trunk: TrunkRow | null): string | null {
  if (facts.isPrivate || /^(anonymous|restricted|unavailable|private)?$/i.test(facts.callerUser)) return null
  if (trunk !== null && facts.assertedIdentity !== undefined) {
    const asserted = /(?:sips?|tel):(\+?[0-9().-]+)/i.exec(facts.assertedIdentity)?.[1]
    if (asserted !== undefined) return toE164(asserted)
  }
  return toE164(facts.callerUser)
}

function toBlockList(addresses: readonly string[]): BlockList {
  const list = new BlockList()
  for (const written of addresses) {
    const [address = '', prefix] = written.split('/')
    const version = isIP(address)
    if (version === 0) continue
    const family = version === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  return list
}
