import type { TrunkRest } from '../../sql/queries/campaigns/trunk-rests.ts'
import type { TrunkRow } from '../../sql/queries/telephony.ts'
import type { RoutingTables } from '../routing/route-inbound.ts'

/** After so many calls in a row that a trunk could not carry, it rests. */
const FAULTS = 3
export const REST_MS = 30_000
/** A rest that ends later than one can, by more than clocks may differ, was begun by a clock that was ahead. */
const LATEST_MS = REST_MS + 60_000

type Health = { faults: number; restsUntilMs: number; isShared: boolean }

/**
 * Which trunks carry no calls at the moment, as far as this control plane has seen or been told by the others. A trunk that
 * failed several times in a row rests; after that one call finds out whether it is back.
 */
export class TrunkHealth {
  readonly #trunks = new Map<string, Health>()

  /** What all control planes know: who rests there rests here, and who rests there no more does not here either. */
  adopt(rests: readonly TrunkRest[]): void {
    const resting = new Set(rests.map(one => one.trunkId))
    // What was never read there has been seen here, and is being written.
    for (const [id, { isShared }] of this.#trunks) if (isShared && !resting.has(id)) this.#trunks.delete(id)
    for (const { trunkId, faults, restsUntil } of rests)
      this.#trunks.set(trunkId, {
        faults: Math.max(faults, FAULTS),
        restsUntilMs: restsUntil.getTime(),
        isShared: true
      })
  }

  /** Whether it rests or has rested and nobody knows yet whether it is back. */
  isInDoubt(trunkId: string): boolean {
    return (this.#trunks.get(trunkId)?.faults ?? 0) >= FAULTS
  }

  /** What the others must know of a trunk; null when there is nothing. */
  restOf(trunkId: string): TrunkRest | null {
    const health = this.#trunks.get(trunkId)
    if (health === undefined || health.faults < FAULTS) return null
    return { trunkId, faults: health.faults, restsUntil: new Date(health.restsUntilMs) }
  }

  /** Whether a call may be tried over it now. */
  isUsable(trunkId: string, now: Date): boolean {
    const health = this.#trunks.get(trunkId)
    if (health === undefined || health.faults < FAULTS) return true
    const restMs = health.restsUntilMs - now.getTime()
    return restMs <= 0 || restMs > LATEST_MS
  }

  /** How many calls may begin over these trunks together: none, one to find out, or as many as there are. */
  callsAtOnce(trunkIds: readonly string[], now: Date): number {
    const usable = trunkIds.filter(id => this.isUsable(id, now))
    if (usable.length === 0) return trunkIds.length === 0 ? Number.POSITIVE_INFINITY : 0
    return usable.some(id => (this.#trunks.get(id)?.faults ?? 0) < FAULTS) ? Number.POSITIVE_INFINITY : 1
  }

  /** A call begins. Over a trunk that may still be down, no other does until this one has told. */
  began(trunkId: string, now: Date): void {
    const health = this.#trunks.get(trunkId)
    if (health !== undefined && health.faults >= FAULTS) health.restsUntilMs = now.getTime() + REST_MS
  }

  /** A call could not be carried; true when the trunk rests from now on and did not before. */
  failed(trunkId: string, now: Date): boolean {
    const health = this.#trunks.get(trunkId) ?? { faults: 0, restsUntilMs: 0, isShared: false }
    this.#trunks.set(trunkId, health)
    health.faults += 1
    if (health.faults >= FAULTS) health.restsUntilMs = now.getTime() + REST_MS
    return health.faults === FAULTS
  }

  /** Something came back over it, whatever it was. */
  worked(trunkId: string): void {
    this.#trunks.delete(trunkId)
  }
}

/** The trunks that take outbound calls. */
export function outboundTrunks(tables: RoutingTables): readonly TrunkRow[] {
  return tables.trunks.flatMap(({ trunk }) => (trunk.isEnabled && trunk.outboundAddress !== null ? [trunk] : []))
}

/** Whether an answer says something about the trunk and nothing about the person: RFC 3261 §21.5 and a time-out. */
export function isTrunkFault(status: number): boolean {
  return status === 408 || (status >= 500 && status < 600)
}
