import { countOpen, recentFigures } from '../../sql/queries/campaigns/attempts.ts'
import { type CallerIdRow, countConversations, type LeadCounts } from '../../sql/queries/campaigns/campaigns.ts'
import { listPlaces, type PlaceRow } from '../../sql/queries/campaigns/contacts.ts'
import type { Db } from '../../sql/database.ts'
import type { AgentCalls } from '../agent-calls/agent-calls.ts'
import type { ComplianceService } from '../compliance/compliance-service.ts'
import type { Logger } from '../log.ts'
import type { AbandonWindow } from './abandonment.ts'
import { type Agents, AgentPool } from './agent-pool.ts'
import { whyUnusable } from './caller-id.ts'
import type { Campaign } from './campaign.ts'
import type { ClockDoubt } from '../calls/clock-watch.ts'
import { capsFor, windowsOf } from './laws.ts'
import { type Forecast, forecastEnd, plannedPace } from './forecast.ts'
import type { Pace } from './pacing.ts'
import type { PlaceClock } from './place-clock.ts'
import type { SharedCounts } from './shared-counts.ts'
import { outboundTrunks, type TrunkHealth } from './trunk-health.ts'
import { explainDialling, type Why } from './why.ts'

/** What the live view shows of one campaign. */
export type LiveCampaign = Readonly<{
  why: Why
  agents: Agents | null
  held: number
  calls: Readonly<Record<'dialling' | 'ringing' | 'answered' | 'talking' | 'reserved', number>>
  leads: LeadCounts
  places: readonly Readonly<{
    key: string
    zones: readonly string[]
    waiting: number
    due: number
    isOpen: boolean
    opensAt: Date | null
  }>[]
  windows: readonly AbandonWindow[]
  pace: Pace | null
  liveShare: number
  /** Dials a minute, as the last calls were or, before there are twenty, as planned; when that leads to the end. */
  perMinute: number
  isPaceMeasured: boolean
  /** Null while it does not run, and when the end is not in sight within two weeks. */
  forecast: Forecast | null
}>

/** Places whose open times a forecast rests on; the people of all others are counted to the largest. */
const FORECAST_PLACES = 20

export type LiveViewParts = Readonly<{
  db: Db
  log: Logger
  calls: AgentCalls
  compliance: ComplianceService
  clock: PlaceClock
  counts: SharedCounts
  trunks: TrunkHealth
  now(): Date
  callerIds(): Promise<readonly CallerIdRow[]>
}>

/** `running`: what this control plane does for the campaign; undefined when that is nothing. */
export async function liveView(
  { db, log, calls, compliance, clock, counts, trunks, callerIds, ...parts }: LiveViewParts,
  campaign: Campaign,
  stateBy: string | null,
  running:
    | Readonly<{ pool: AgentPool | null; pace: Pace | null; figures: Readonly<{ liveShare: number }> }>
    | undefined,
  clockDoubt: ClockDoubt | null
): Promise<LiveCampaign> {
  const now = parts.now()
  const [leads, open, recent] = await Promise.all([
    counts.of(campaign.no),
    countOpen(db, campaign.no, now),
    recentFigures(db, campaign.no)
  ])
  const rows = await listPlaces(
    db,
    leads.places.map(one => one.placeId)
  )
  const places = await Promise.all(
    leads.places.map(async place => {
      const row = rows.find(one => one.id === place.placeId)
      const times = row === undefined ? { isOpen: true, opensAt: null } : await clock.timesOf(campaign, row, now)
      return {
        key: row?.key ?? '?',
        zones: row?.zones ?? [],
        waiting: place.waiting,
        due: place.due,
        nextAt: place.nextAt,
        ...times
      }
    })
  )
  const queue =
    campaign.settings.queue === undefined ? undefined : calls.parts.queues.findQueue(campaign.settings.queue)
  const pool =
    running?.pool ??
    (queue === undefined
      ? null
      : new AgentPool(
          { queues: calls.parts.queues, agents: calls.parts.agents, log: log },
          queue,
          campaign.settings.defaultLanguage
        ))
  const agents = pool?.count(now) ?? null
  const outbound = outboundTrunks(await calls.parts.routing.tables())
  const usable = (await callerIds()).filter(
    one => campaign.settings.callerIds.includes(one.id) && whyUnusable(one, now) === null
  )
  const closed = places.filter(one => !one.isOpen)
  const laters = places.filter(one => one.isOpen && one.due < one.waiting)
  // Read anew: a figure of the law is never a second old on the screen.
  const windows = await windowsOf(
    db,
    campaign,
    capsFor(
      compliance.packs,
      rows.flatMap(row => [...row.jurisdictions])
    ),
    now
  )
  const perMinute =
    recent.perMinute ??
    plannedPace(
      campaign.pacing,
      campaign.settings,
      agents === null
        ? 0
        : agents.free + (running?.pool?.held ?? 0) + agents.busy.length + agents.onBreak + agents.offline
    )
  const needsAgents = campaign.pacing !== 'agentless'
  return {
    why: explainDialling({
      state: campaign.state,
      stateBy,
      pacing: campaign.pacing,
      isDraining: calls.parts.liveCalls.isDraining,
      clockDoubt,
      enginesDown: [
        ...(calls.parts.sip.isConnected ? [] : ['drachtio']),
        ...(calls.parts.media.isConnected ? [] : ['freeswitch'])
      ],
      hasTrunk: outbound.length > 0,
      trunksDown: outbound.every(one => !trunks.isUsable(one.id, now)) ? outbound.map(one => one.name) : [],
      hasCallerId: usable.length > 0,
      queue: !needsAgents ? null : queue === undefined ? 'unknown' : calls.parts.queues.isOpen(queue) ? null : 'closed',
      agents:
        agents === null
          ? null
          : { ...agents, free: agents.free + (running?.pool?.held ?? 0), busy: agents.busy.length },
      calls: open.total,
      due: sum(places.filter(one => one.isOpen).map(one => one.due)),
      closed: sum(closed.map(one => one.waiting)),
      closedUntil: earliest(closed.map(one => one.opensAt)),
      later: sum(laters.map(one => one.waiting - one.due)),
      laterAt: earliest(laters.map(one => one.nextAt)),
      pace: running?.pace?.reason ?? null
    }),
    agents,
    held: running?.pool?.held ?? 0,
    calls: {
      reserved: open.reserved,
      dialling: open.dialling,
      ringing: open.ringing,
      answered: open.answered,
      talking: open.talking
    },
    leads,
    places: places.map(({ nextAt: _next, ...place }) => place),
    windows,
    pace: running?.pace ?? null,
    liveShare: running?.figures.liveShare ?? 0,
    perMinute,
    isPaceMeasured: recent.perMinute !== null,
    forecast:
      campaign.state !== 'running'
        ? null
        : await forecastOf({ db, clock }, campaign, { leads, rows, recent, perMinute }, now)
  }
}

async function forecastOf(
  { db, clock }: Pick<LiveViewParts, 'db' | 'clock'>,
  campaign: Campaign,
  known: Readonly<{
    leads: LeadCounts
    rows: readonly PlaceRow[]
    recent: Readonly<{ known: number; live: number }>
    perMinute: number
  }>,
  now: Date
): Promise<Forecast | null> {
  const { leads, rows, recent, perMinute } = known
  const { goal, maxAttempts } = campaign.settings
  const largest = leads.places.toSorted((one, other) => other.waiting - one.waiting)
  const others = sum(largest.slice(FORECAST_PLACES).map(one => one.waiting))
  const places = await Promise.all(
    largest.slice(0, FORECAST_PLACES).flatMap((one, index) => {
      const row = rows.find(each => each.id === one.placeId)
      // Whose place nobody knows goes to a person, not to a phone.
      if (row === undefined || row.zones.length === 0) return []
      const people = one.waiting + (index === 0 ? others : 0)
      return [clock.spansOf(campaign, row, now).then(spans => ({ people, spans }))]
    })
  )
  const conversations = goal === undefined ? null : goal - (await countConversations(db, campaign.no, goal)).done
  return forecastEnd({
    places,
    perMinute,
    dialsEach: { least: 1, most: Math.min(2, maxAttempts) },
    // With forty imagined calls, as the pace is reckoned.
    dialsToGoal: conversations === null ? null : conversations / ((recent.live + 10) / (recent.known + 40))
  })
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function earliest(dates: readonly (Date | null)[]): Date | null {
  return dates.reduce<Date | null>(
    (found, one) => (one !== null && (found === null || one < found) ? one : found),
    null
  )
}
