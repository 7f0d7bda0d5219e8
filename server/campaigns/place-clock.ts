import { listPlaces, type PlaceRow } from '../../sql/queries/campaigns/contacts.ts'
import { sampleOfPlace } from '../../sql/queries/campaigns/campaigns.ts'
import type { Db } from '../../sql/database.ts'
import { type CallTimes, callTimes } from '../compliance/decide.ts'
import type { ComplianceService } from '../compliance/compliance-service.ts'
import type { Campaign } from './campaign.ts'
import { questionOf } from './facts.ts'
import type { Span } from './forecast.ts'
import { placeTimes, type PlaceTimes, scheduledSpans } from './schedule.ts'

/** A minute is so often this long that each begins with one. */
const TIMES_MS = 20_000
const MAX_KNOWN = 20_000
/** Open times of weeks are looked at by people: a minute more or less is nothing. */
const SPANS_MS = 60_000

/** When the people of places may be called by campaigns; computed once for all of a place, again every twenty seconds. */
export class PlaceClock {
  readonly #db: Db
  readonly #compliance: Pick<ComplianceService, 'packs'>
  readonly #known = new Map<string, Readonly<{ times: PlaceTimes; checkedAtMs: number }>>()

  readonly #spans = new Map<string, Readonly<{ spans: readonly Span[]; computedAtMs: number }>>()

  constructor(db: Db, compliance: Pick<ComplianceService, 'packs'>) {
    this.#db = db
    this.#compliance = compliance
  }

  /** Those of the places whose people may be called now. */
  async open(campaign: Campaign, placeIds: readonly number[], now: Date): Promise<readonly number[]> {
    const open: number[] = []
    for (const row of await listPlaces(this.#db, placeIds))
      if ((await this.timesOf(campaign, row, now)).isOpen) open.push(row.id)
    return open
  }

  async timesOf(campaign: Campaign, row: PlaceRow, now: Date): Promise<PlaceTimes> {
    const key = keyOf(campaign, row)
    const known = this.#known.get(key)
    // Hours begin and end with minutes.
    if (known !== undefined && periodOf(now.getTime()) === periodOf(known.checkedAtMs)) return known.times
    const times = await this.#compute(campaign, row, now)
    if (this.#known.size > MAX_KNOWN) this.#known.clear()
    this.#known.set(key, { times, checkedAtMs: now.getTime() })
    return times
  }

  /** When people of a place may be called within the next two weeks; none when nobody knows where they are. */
  async spansOf(campaign: Campaign, row: PlaceRow, now: Date): Promise<readonly Span[]> {
    const key = keyOf(campaign, row)
    const known = this.#spans.get(key)
    if (known !== undefined && Math.abs(now.getTime() - known.computedAtMs) < SPANS_MS) return known.spans
    const times = await this.#timesAt(campaign, row, now)
    const spans = scheduledSpans(times ?? null, campaign.settings.schedule, row.zones, now)
    if (this.#spans.size > MAX_KNOWN) this.#spans.clear()
    this.#spans.set(key, { spans, computedAtMs: now.getTime() })
    return spans
  }

  async #compute(campaign: Campaign, row: PlaceRow, now: Date): Promise<PlaceTimes> {
    const times = await this.#timesAt(campaign, row, now)
    if (times === undefined) return { isOpen: true, opensAt: null }
    return placeTimes(times, campaign.settings.schedule, row.zones, now)
  }

  /** Undefined when nobody waits there, or nobody knows where it is. */
  async #timesAt(campaign: Campaign, row: PlaceRow, now: Date): Promise<CallTimes | null | undefined> {
    const { pacing, settings, no } = campaign
    const sample = row.zones.length === 0 ? undefined : await sampleOfPlace(this.#db, no, row.id)
    if (sample === undefined) return undefined
    const person = { ...sample, party: 'unknown', isCustomer: null } as const
    const { seller: _seller, ...facts } = questionOf(pacing, settings, person, sample.number)
    return callTimes({ ...facts, at: now.toISOString() }, this.#compliance.packs)
  }
}

function periodOf(atMs: number): number {
  return Math.floor(atMs / TIMES_MS)
}

function keyOf(campaign: Campaign, row: PlaceRow): string {
  return `${campaign.no}/${campaign.settingsHash}/${row.id}`
}
