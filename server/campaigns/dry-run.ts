import type { Db } from '../../sql/database.ts'
import { countSegment, findCampaignNos, findListNos, segmentContacts } from '../../sql/queries/campaigns/campaigns.ts'
import { wasReached } from '../../sql/queries/campaigns/attempts.ts'
import type { Reason } from '../compliance/codes.ts'
import type { ComplianceService } from '../compliance/compliance-service.ts'
import { callTimes, decide, type Decision } from '../compliance/decide.ts'
import { minutesByDay } from '../compliance/plan/times.ts'
import type { CallerIdRow } from '../../sql/queries/campaigns/campaigns.ts'
import { chooseCallerId } from './caller-id.ts'
import { type Campaign, segmentOf } from './campaign.ts'
import { questionOf } from './facts.ts'
import { type Forecast, forecastEnd, plannedPace, type Span } from './forecast.ts'
import { isScheduled, scheduledSpans } from './schedule.ts'

/** What would become of the contacts; each is in exactly one part, so that the parts add up to the total. */
export const DRY_RUN_PARTS = [
  'now',
  'hours',
  'limit',
  'doNotCall',
  'consent',
  'place',
  'number',
  'callerId',
  'reached',
  'rules'
] as const
export type DryRunPart = (typeof DRY_RUN_PARTS)[number]

export type DryRun = Readonly<{
  at: string
  total: number
  parts: Readonly<Record<DryRunPart, number>>
  /** Every reason of every contact that may not be called now; one contact may have several. */
  reasons: Readonly<Partial<Record<Reason, number>>>
  /** Who waits for the hours of a place, and from when on. */
  places: readonly Readonly<{ zones: readonly string[]; contacts: number; opensAt: string | null }>[]
  firstAt: string | null
  lastAt: string | null
  /** Minutes in which somebody may be called, by UTC day, of the place with the most contacts first. */
  minutesByDay: Readonly<Record<string, number>>
  /** When everybody would have been tried, at the pace of the settings. */
  readyFrom: string | null
  readyUntil: string | null
  /** Age of the oldest do-not-call list in use, in days. */
  oldestListDays: number | null
}>

const BATCH = 1_000
const MINUTE_MS = 60_000

const PART_OF: Partial<Readonly<Record<Reason, DryRunPart>>> = {
  DNC_INTERNAL: 'doNotCall',
  DNC_REGISTRY_LISTED: 'doNotCall',
  DNC_SCRUB_STALE: 'doNotCall',
  DNC_SCRUB_MISSING: 'doNotCall',
  CONSENT_MISSING: 'consent',
  CONSENT_INSUFFICIENT_FORM: 'consent',
  CONSENT_REVOKED: 'consent',
  CONSENT_SCOPE: 'consent',
  CONSENT_UNPROVEN: 'consent',
  EBR_EXPIRED: 'consent',
  NUM_INVALID: 'number',
  NUM_SPECIAL: 'number',
  JUR_NO_PACK: 'place',
  JUR_AMBIGUOUS: 'place',
  CLI_INVALID: 'callerId',
  CLI_TYPE_PROHIBITED: 'callerId',
  FREQ_EXCEEDED: 'limit',
  REFUSAL_COOLDOWN: 'limit',
  HOURS_OUTSIDE: 'hours',
  DAY_PROHIBITED: 'hours',
  HOLIDAY_PROHIBITED: 'hours',
  COURTESY_RAMADAN: 'hours'
}
/** Which part a contact with several reasons is in: the one that time will not cure comes first. */
const ORDER: readonly DryRunPart[] = ['doNotCall', 'consent', 'number', 'place', 'callerId', 'rules', 'limit', 'hours']

/** What the decision about one contact means for the plan. Pure. */
export function partOf(decision: Pick<Decision, 'outcome' | 'reasons'>, isInSchedule: boolean): DryRunPart {
  if (decision.outcome === 'ALLOW') return isInSchedule ? 'now' : 'hours'
  const parts = new Set(decision.reasons.map(reason => PART_OF[reason] ?? 'rules'))
  return ORDER.find(part => parts.has(part)) ?? 'rules'
}

/**
 * Asks for every contact what would become of it at this instant, with the facts that dialling would have. Streams:
 * memory grows with the number of places. `onProgress` hears how many are done.
 */
export async function dryRun(
  parts: Readonly<{ db: Db; compliance: ComplianceService; callerIds: readonly CallerIdRow[] }>,
  campaign: Campaign,
  pace: Readonly<{ agents: number }>,
  now: Date,
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal
): Promise<DryRun> {
  const { db, compliance } = parts
  const { settings } = campaign
  const listNos = await findListNos(db, settings.lists)
  const segment = segmentOf(campaign)
  const total = await countSegment(db, listNos, segment)
  const pool = parts.callerIds.filter(one => settings.callerIds.includes(one.id))
  const counts = Object.fromEntries(DRY_RUN_PARTS.map(part => [part, 0])) as Record<DryRunPart, number>
  const reasons: Partial<Record<Reason, number>> = {}
  const places = new Map<
    string,
    { zones: readonly string[]; contacts: number; reachable: number; facts: ReturnType<typeof questionOf> }
  >()
  const suppressing = settings.suppress === undefined ? [] : await findCampaignNos(db, settings.suppress.campaigns)
  const since = new Date(now.getTime() - (settings.suppress?.days ?? 0) * 86_400_000)
  let done = 0
  let after = '0'
  for (;;) {
    signal.throwIfAborted()
    const contacts = await segmentContacts(db, listNos, segment, after, BATCH)
    if (contacts.length === 0) break
    const questions = contacts.map(contact => {
      const callerId = chooseCallerId(pool, contact.number, contact.id, now)
      return {
        ...questionOf(campaign.pacing, settings, contact, contact.number),
        stage: 'dial' as const,
        callerId: callerId === null ? null : { number: callerId.number, isOwned: true },
        // With one call for each agent, which is how every campaign begins.
        campaign: { pacing: 'progressive' as const, live: 0, abandoned: 0 }
      }
    })
    const facts = await compliance.gatherMany(questions, { campaignId: campaign.id }, now)
    for (const [index, one] of facts.entries()) {
      const decision = decide(one, compliance.packs)
      const zones = decision.zones.map(zone => zone.zone)
      let part = partOf(decision, zones.length === 0 || isScheduled(settings.schedule, zones, now))
      const isReachable = part === 'now' || part === 'hours' || part === 'limit'
      if (isReachable && suppressing.length > 0 && (await wasReached(db, one.number, suppressing, since)))
        part = 'reached'
      counts[part] += 1
      if (part !== 'now') for (const reason of decision.reasons) reasons[reason] = (reasons[reason] ?? 0) + 1
      if (zones.length > 0 && isReachable && part !== 'reached') {
        const key = `${decision.jurisdictions.join()}@${zones.join()}`
        const place = places.get(key)
        const question = questions[index]
        if (place !== undefined) {
          place.contacts += part === 'now' ? 0 : 1
          place.reachable += 1
        } else if (question !== undefined)
          places.set(key, { zones, contacts: part === 'now' ? 0 : 1, reachable: 1, facts: question })
      }
    }
    done += contacts.length
    after = contacts.at(-1)?.id ?? after
    onProgress(done, total)
  }
  const described = [...places.values()]
    .toSorted((one, other) => other.reachable - one.reachable)
    .slice(0, 200)
    .map(place => ({ place, spans: spansOf(place.facts, campaign, compliance, place.zones, now) }))
  const firsts = described.flatMap(one => one.spans[0]?.from ?? []).toSorted((one, other) => one - other)
  const lasts = described.flatMap(one => one.spans.at(-1)?.to ?? []).toSorted((one, other) => one - other)
  const reachable = counts.now + counts.hours + counts.limit
  const ready = estimate(reachable, described[0]?.spans ?? [], campaign, pace.agents)
  return {
    at: now.toISOString(),
    total: done,
    parts: counts,
    reasons,
    places: described
      .filter(one => one.place.contacts > 0)
      .map(({ place, spans }) => ({
        zones: place.zones,
        contacts: place.contacts,
        opensAt: isoOrNull(spans[0]?.from)
      })),
    firstAt: isoOrNull(firsts[0]),
    lastAt: isoOrNull(lasts.at(-1) === undefined ? undefined : (lasts.at(-1) ?? 0) - MINUTE_MS),
    minutesByDay: minutesByDay(described[0]?.spans ?? []),
    readyFrom: isoOrNull(ready?.fromMs),
    readyUntil: isoOrNull(ready?.untilMs),
    oldestListDays: oldestList(compliance, now)
  }
}

/** The open times of a place within the campaign's own hours. */
function spansOf(
  question: ReturnType<typeof questionOf>,
  campaign: Campaign,
  compliance: ComplianceService,
  zones: readonly string[],
  now: Date
): readonly Span[] {
  const { seller: _seller, person: _person, ...facts } = question
  return scheduledSpans(
    callTimes({ ...facts, at: now.toISOString() }, compliance.packs),
    campaign.settings.schedule,
    zones,
    now
  )
}

/** From the pace of the settings to a range of days: every person is tried between once and twice. */
function estimate(
  contacts: number,
  spans: readonly Span[],
  { pacing, settings }: Campaign,
  agents: number
): Forecast | null {
  return forecastEnd({
    places: [{ people: contacts, spans }],
    perMinute: plannedPace(pacing, settings, agents),
    dialsEach: { least: 1, most: Math.min(2, settings.maxAttempts) },
    dialsToGoal: null
  })
}

function oldestList(compliance: ComplianceService, now: Date): number | null {
  const ages = compliance.dnc.active.map(one => (now.getTime() - one.version.obtainedAt.getTime()) / 86_400_000)
  return ages.length === 0 ? null : Math.round(Math.max(...ages) * 10) / 10
}

function isoOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}
