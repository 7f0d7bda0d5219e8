import { sql } from 'kysely'
import {
  disposableAttempts,
  openAttempts,
  recentFigures,
  type ReservedLead,
  reserveLeads,
  setDisposed,
  attemptsOfLead,
  lastAbandonedAt,
  wasReached
} from '../../sql/queries/campaigns/attempts.ts'
import {
  type CallerIdRow,
  countLeads,
  findCampaignNos,
  findListNos,
  forgetDialSlots,
  type LeadCounts,
  listCallerIds,
  listRunningCampaigns,
  loadLeads,
  placesWaiting,
  type Segment,
  updateCampaign
} from '../../sql/queries/campaigns/campaigns.ts'
import { listPlaces, numbersOf, type PlaceRow } from '../../sql/queries/campaigns/contacts.ts'
import type { Db } from '../../sql/database.ts'
import type { AgentCalls } from '../agent-calls/agent-calls.ts'
import { repeat } from '../calls/reconciler.ts'
import { callTimes } from '../compliance/decide.ts'
import type { ComplianceService } from '../compliance/compliance-service.ts'
import { newId } from '../ids.ts'
import type { Logger } from '../log.ts'
import { type AbandonWindow, DETECTOR_ERRORS } from './abandonment.ts'
import { type Agents, AgentPool, type HeldAgent } from './agent-pool.ts'
import { releaseLead } from './attempt-log.ts'
import { CampaignCall, type CampaignCallParts, type PaceFacts } from './campaign-call.ts'
import { type Campaign, toCampaign } from './campaign.ts'
import { whyUnusable } from './caller-id.ts'
import { questionOf } from './facts.ts'
import { capsFor, windowsOf } from './laws.ts'
import { type Pace, pacePredictive, paceProgressive } from './pacing.ts'
import { reconcileAttempts } from './reconcile.ts'
import { ABANDONED_PAUSE_MS, nextStep, type Outcome } from './retry.ts'
import { placeTimes, type PlaceTimes } from './schedule.ts'
import { explainDialling, type Why } from './why.ts'
import { sampleOfPlace } from '../../sql/queries/campaigns/campaigns.ts'

export type DialerParts = Omit<CampaignCallParts, 'callerIds' | 'step'> &
  Readonly<{
    db: Db
    log: Logger
    calls: AgentCalls
    compliance: ComplianceService
    controlPlaneId: string
    /** Told before each step after which a crash would matter. */
    step?: CampaignCallParts['step']
    tickMs?: number
  }>

/** A place with its times as they were computed last. */
type KnownPlace = Readonly<{ row: PlaceRow; times: PlaceTimes; checkedAtMs: number }>

type Running = {
  campaign: Campaign
  pool: AgentPool | null
  pace: Pace | null
  windows: readonly AbandonWindow[]
  windowsAtMs: number
  figures: Readonly<{ liveShare: number; answerMs: number; handleMs: readonly number[] }>
  figuresAtMs: number
  placeIds: readonly number[]
  placesAtMs: number
  loadedAtMs: number
  lastLoadedId: string
  calls: Set<Promise<void>>
  turn: number
  isTicking: boolean
}

/** What the live view shows of one campaign. */
export type LiveCampaign = Readonly<{
  why: Why
  agents: Agents | null
  held: number
  calls: Readonly<Record<'dialling' | 'answered' | 'talking' | 'reserved', number>>
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
}>

const TICK_MS = 250
const PLACES_MS = 5_000
const TIMES_MS = 20_000
const WINDOWS_MS = 1_000
const FIGURES_MS = 5_000
const LOAD_MS = 15_000
const LOAD_BATCH = 20_000
const RECONCILE_MS = 2_000
const PRIORITIES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const
/** Leads that one control plane takes in one go. */
const MAX_TAKEN = 50
const CALLER_IDS_MS = 2_000
/** Lines for each agentless campaign grow by so many in a tick. */
const AGENTLESS_STEP = 10

/**
 * Dials the running campaigns. Every control plane may run one on the same database: who wants to take leads of a campaign
 * locks it for that moment, counts what all have under way, and takes as many as the pace allows.
 */
export class Dialer implements AsyncDisposable {
  readonly #parts: DialerParts
  readonly #callParts: CampaignCallParts
  readonly #running = new Map<string, Running>()
  readonly #places = new Map<string, KnownPlace>()
  readonly #ended = new AbortController()
  readonly #timers: AsyncDisposable[] = []
  #callerIds: readonly CallerIdRow[] = []
  #callerIdsAtMs = Number.NEGATIVE_INFINITY

  constructor(parts: DialerParts) {
    this.#parts = parts
    this.#callParts = {
      ...parts,
      callerIds: () => this.#readCallerIds(),
      step: parts.step ?? (async () => {})
    }
  }

  start(): void {
    const { log, tickMs = TICK_MS } = this.#parts
    this.#timers.push(
      repeat(tickMs, () => this.#tick(), log, 'campaigns cannot be dialled'),
      repeat(RECONCILE_MS, () => this.#reconcile(), log, 'lost attempts cannot be looked for')
    )
  }

  /** Ends the calls of campaigns and gives agents and contacts back. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    await Promise.all(this.#timers.map(timer => timer[Symbol.asyncDispose]()))
    for (const running of this.#running.values()) {
      await running.pool?.[Symbol.asyncDispose]()
      await Promise.allSettled(running.calls)
    }
  }

  /** A campaign was changed: it is looked at anew at once. */
  async changed(): Promise<void> {
    await this.#tick()
  }

  /** What a running campaign does now and why; also for those that are not running. */
  async view(campaign: Campaign, stateBy: string | null): Promise<LiveCampaign> {
    const { db, calls, compliance } = this.#parts
    const now = this.#parts.now()
    const running = this.#running.get(campaign.id)
    const [leads, open] = await Promise.all([countLeads(db, campaign.no, now), openAttempts(db, campaign.no)])
    const rows = await listPlaces(
      db,
      leads.places.map(one => one.placeId)
    )
    const places = await Promise.all(
      leads.places.map(async place => {
        const row = rows.find(one => one.id === place.placeId)
        const times = row === undefined ? { isOpen: true, opensAt: null } : await this.#timesOf(campaign, row, now)
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
            { queues: calls.parts.queues, agents: calls.parts.agents, log: this.#parts.log },
            queue,
            campaign.settings.defaultLanguage
          ))
    const agents = pool?.count(now) ?? null
    const tables = await calls.parts.routing.tables()
    const usable = (await this.#readCallerIds()).filter(
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
    const needsAgents = campaign.pacing !== 'agentless'
    return {
      why: explainDialling({
        state: campaign.state,
        stateBy,
        pacing: campaign.pacing,
        isDraining: calls.parts.liveCalls.isDraining,
        enginesDown: [
          ...(calls.parts.sip.isConnected ? [] : ['drachtio']),
          ...(calls.parts.media.isConnected ? [] : ['freeswitch'])
        ],
        hasTrunk: tables.trunks.some(({ trunk }) => trunk.isEnabled && trunk.outboundAddress !== null),
        hasCallerId: usable.length > 0,
        queue: !needsAgents
          ? null
          : queue === undefined
            ? 'unknown'
            : calls.parts.queues.isOpen(queue)
              ? null
              : 'closed',
        agents:
          agents === null
            ? null
            : { ...agents, free: agents.free + (running?.pool?.held ?? 0), busy: agents.busy.length },
        calls: open.length,
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
        reserved: open.filter(one => one.state === 'reserved' || one.state === 'permitted').length,
        dialling: open.filter(one => one.state === 'dialling').length,
        answered: open.filter(one => one.state === 'answered' && one.connected_at === null).length,
        talking: open.filter(one => one.connected_at !== null).length
      },
      leads,
      places: places.map(({ nextAt: _next, ...place }) => place),
      windows,
      pace: running?.pace ?? null,
      liveShare: running?.figures.liveShare ?? 0
    }
  }

  async #tick(): Promise<void> {
    if (this.#ended.signal.aborted) return
    const rows = await listRunningCampaigns(this.#parts.db)
    const wanted = new Map(rows.map(row => [row.id, toCampaign(row)]))
    for (const [id, running] of this.#running) {
      if (wanted.has(id)) continue
      this.#running.delete(id)
      await running.pool?.[Symbol.asyncDispose]()
    }
    await Promise.all(
      [...wanted.values()].map(async campaign => {
        const running = this.#runningOf(campaign)
        if (running.isTicking) return
        running.isTicking = true
        try {
          await this.#tickOne(running)
        } finally {
          running.isTicking = false
        }
      })
    )
  }

  #runningOf(campaign: Campaign): Running {
    let running = this.#running.get(campaign.id)
    if (running === undefined) {
      running = {
        campaign,
        pool: null,
        pace: null,
        windows: [],
        windowsAtMs: Number.NEGATIVE_INFINITY,
        figures: { liveShare: 0.25, answerMs: 12_000, handleMs: [] },
        figuresAtMs: Number.NEGATIVE_INFINITY,
        placeIds: [],
        placesAtMs: Number.NEGATIVE_INFINITY,
        loadedAtMs: Number.NEGATIVE_INFINITY,
        lastLoadedId: '0',
        calls: new Set(),
        turn: 0,
        isTicking: false
      }
      this.#running.set(campaign.id, running)
    }
    running.campaign = campaign
    return running
  }

  async #tickOne(running: Running): Promise<void> {
    const { calls, log } = this.#parts
    const { campaign } = running
    const now = this.#parts.now()
    await this.#load(running, now)
    await this.#dispose(campaign, now)
    const { liveCalls, sip, media, maxCalls } = calls.parts
    if (liveCalls.isDraining || !sip.isConnected || !media.isConnected) return
    if (campaign.pacing !== 'agentless' && !this.#openPool(running)) return
    await this.#readFigures(running, now)
    const open = await this.#openPlaces(running, now)
    const lines = Math.min(campaign.settings.maxLines, maxCalls - liveCalls.size)
    if (open.length === 0) {
      running.pool?.trim(0, Date.now())
      running.pace = null
      await this.#endWhenDone(running, now)
      return
    }
    const taken = await this.#take(running, open, lines, now)
    if (taken.length > 0) log.debug({ campaignId: campaign.id, leads: taken.length }, 'leads were taken')
    for (const lead of taken) this.#begin(running, lead)
    if (taken.length === 0 && running.calls.size === 0) await this.#endWhenDone(running, now)
  }

  /** Locks the campaign, counts what all control planes have under way, and takes what the pace allows. */
  async #take(
    running: Running,
    placeIds: readonly number[],
    lines: number,
    now: Date
  ): Promise<readonly ReservedLead[]> {
    const { db, controlPlaneId } = this.#parts
    const { campaign, pool } = running
    return await db.transaction().execute(async trx => {
      const { rows } = await sql<{ isOurs: boolean }>`
        select pg_try_advisory_xact_lock(727539350, ${campaign.no}) as "isOurs"`.execute(trx)
      if (rows[0]?.isOurs !== true) return []
      const open = await openAttempts(trx, campaign.no)
      const waiting = open.filter(one => one.state === 'answered' && one.connected_at === null).length
      const underWay = open.filter(one => one.state !== 'answered').length
      const free = pool?.count(now)
      const state = {
        nowMs: now.getTime(),
        idle: free?.free ?? 0,
        held: pool?.held ?? 0,
        busy: free?.busy ?? [],
        open: underWay,
        waiting,
        figures: running.figures,
        windows: running.windows,
        errors: DETECTOR_ERRORS,
        lines: Math.max(0, lines - open.length)
      }
      const pace: Pace =
        campaign.pacing === 'agentless'
          ? {
              hold: 0,
              dial: Math.max(0, Math.min(state.lines, AGENTLESS_STEP)),
              reason: state.lines > 0 ? 'dialling' : 'noLines',
              actsOnMachines: true,
              headroom: 0
            }
          : campaign.pacing === 'predictive'
            ? pacePredictive(state)
            : this.#paceAgentFirst(state, pool)
      running.pace = pace
      const placeTurn = rotate(placeIds, running.turn)
      running.turn += 1
      const wanted = Math.min(pace.dial, MAX_TAKEN)
      const leads =
        wanted === 0
          ? []
          : await reserveLeads(trx, {
              campaignNo: campaign.no,
              placeIds: placeTurn,
              priorities: PRIORITIES,
              ids: Array.from({ length: wanted }, () => newId()),
              controlPlaneId,
              now
            })
      // Nobody is held for leads that are not there.
      const hold = campaign.pacing === 'predictive' ? Math.max(0, pace.hold - (wanted - leads.length)) : pace.hold
      if (leads.length > 0 || campaign.pacing !== 'predictive') pool?.hold(hold)
      pool?.trim(
        campaign.pacing === 'predictive' ? underWay + leads.length + waiting : Number.MAX_SAFE_INTEGER,
        Date.now()
      )
      return leads
    })
  }

  /** Preview and progressive: an agent is held first, and each held one gets a lead. */
  #paceAgentFirst(state: Parameters<typeof paceProgressive>[0], pool: AgentPool | null): Pace {
    const pace = paceProgressive(state)
    const ready = pool?.ready ?? 0
    return { ...pace, hold: Math.min(state.idle, state.lines), dial: Math.min(ready, state.lines) }
  }

  #begin(running: Running, lead: ReservedLead): void {
    const serving = this.#serve(running, lead)
      .catch(err => this.#parts.log.error({ err, callId: lead.id }, 'a lead could not be served'))
      .finally(() => running.calls.delete(serving))
    running.calls.add(serving)
  }

  async #serve(running: Running, lead: ReservedLead): Promise<void> {
    const { campaign, pool } = running
    const isAgentFirst = campaign.pacing === 'preview' || campaign.pacing === 'progressive'
    if (await this.#isSuppressed(campaign, lead)) return
    let held: HeldAgent | null = null
    if (isAgentFirst) {
      held = pool?.take() ?? null
      if (held === null) {
        await releaseLead(this.#parts, lead, { afterMs: 500, detail: 'no agent was held' })
        return
      }
    }
    const call = new CampaignCall(this.#callParts, campaign, lead, pool, () => this.#paceFacts(running))
    await call.run(held, this.#ended.signal)
  }

  /** Whom another campaign has reached lately, and whom nobody was there for within the last three days. */
  async #isSuppressed(campaign: Campaign, lead: ReservedLead): Promise<boolean> {
    const { db } = this.#parts
    const now = this.#parts.now()
    const { suppress } = campaign.settings
    if (suppress !== undefined && lead.callbackAt === null) {
      const since = new Date(now.getTime() - suppress.days * 86_400_000)
      if (await wasReached(db, lead.number, await findCampaignNos(db, suppress.campaigns), since)) {
        await releaseLead(this.#parts, lead, { afterMs: 0, detail: 'reached by another campaign', state: 'suppressed' })
        return true
      }
    }
    if (campaign.pacing === 'predictive' || campaign.pacing === 'agentless') {
      const abandonedAt = await lastAbandonedAt(db, lead.number, new Date(now.getTime() - ABANDONED_PAUSE_MS))
      if (abandonedAt !== null) {
        const until = new Date(abandonedAt.getTime() + ABANDONED_PAUSE_MS)
        await releaseLead(this.#parts, lead, { afterMs: 0, until, detail: 'abandoned within 72 hours' })
        return true
      }
    }
    return false
  }

  #paceFacts(running: Running): PaceFacts & Readonly<{ actsOnMachines: boolean }> {
    const { campaign, pace, windows } = running
    const worst = windows.reduce<AbandonWindow | null>(
      (found, one) =>
        found === null || (one.abandoned + 1) / (one.live + 1) > (found.abandoned + 1) / (found.live + 1) ? one : found,
      null
    )
    const isAhead = campaign.pacing === 'predictive' && (pace?.headroom ?? 0) >= 1
    return {
      pacing: isAhead ? 'predictive' : campaign.pacing === 'preview' ? 'preview' : 'progressive',
      live: worst?.live ?? 0,
      abandoned: worst?.abandoned ?? 0,
      actsOnMachines: pace?.actsOnMachines ?? false
    }
  }

  #openPool(running: Running): boolean {
    const { calls, log } = this.#parts
    const { settings } = running.campaign
    const queue = settings.queue === undefined ? undefined : calls.parts.queues.findQueue(settings.queue)
    if (queue === undefined || !calls.parts.queues.isOpen(queue)) {
      running.pool?.trim(0, Date.now())
      return false
    }
    if (running.pool?.queue.id !== queue.id) {
      void running.pool?.[Symbol.asyncDispose]()
      running.pool = new AgentPool(
        { queues: calls.parts.queues, agents: calls.parts.agents, log },
        queue,
        settings.defaultLanguage
      )
    }
    return true
  }

  async #readFigures(running: Running, now: Date): Promise<void> {
    const nowMs = performance.now()
    const { db, compliance } = this.#parts
    if (nowMs - running.windowsAtMs >= WINDOWS_MS) {
      running.windowsAtMs = nowMs
      const rows = await listPlaces(db, running.placeIds)
      const caps = capsFor(
        compliance.packs,
        rows.flatMap(row => [...row.jurisdictions])
      )
      running.windows = await windowsOf(db, running.campaign, caps, now)
    }
    if (nowMs - running.figuresAtMs >= FIGURES_MS) {
      running.figuresAtMs = nowMs
      const { dialled, live, answerMs, handleMs } = await recentFigures(db, running.campaign.no)
      // Forty imagined calls of the usual kind, so that the first few do not speak too loudly.
      running.figures = { liveShare: (live + 10) / (dialled + 40), answerMs: answerMs ?? 12_000, handleMs }
    }
  }

  /** Places at which somebody waits and may be called now. */
  async #openPlaces(running: Running, now: Date): Promise<readonly number[]> {
    const { db } = this.#parts
    const nowMs = performance.now()
    if (nowMs - running.placesAtMs >= PLACES_MS) {
      running.placesAtMs = nowMs
      running.placeIds = await placesWaiting(db, running.campaign.no)
    }
    const rows = await listPlaces(db, running.placeIds)
    const open: number[] = []
    for (const row of rows) if ((await this.#timesOf(running.campaign, row, now)).isOpen) open.push(row.id)
    return open
  }

  async #timesOf(campaign: Campaign, row: PlaceRow, now: Date): Promise<PlaceTimes> {
    const key = `${campaign.no}/${campaign.settingsHash}/${row.id}`
    const known = this.#places.get(key)
    // Open or not is of this minute; the clock of a test may jump.
    if (known !== undefined && Math.abs(now.getTime() - known.checkedAtMs) < TIMES_MS) return known.times
    const sample = row.zones.length === 0 ? undefined : await sampleOfPlace(this.#parts.db, campaign.no, row.id)
    let times: PlaceTimes = { isOpen: true, opensAt: null }
    if (sample !== undefined) {
      const { seller: _seller, ...facts } = questionOf(
        campaign.pacing,
        campaign.settings,
        { ...sample, party: 'unknown', isCustomer: null },
        sample.number
      )
      times = placeTimes(
        callTimes({ ...facts, at: now.toISOString() }, this.#parts.compliance.packs),
        campaign.settings.schedule,
        row.zones,
        now
      )
    }
    if (this.#places.size > 20_000) this.#places.clear()
    this.#places.set(key, { row, times, checkedAtMs: now.getTime() })
    return times
  }

  /** Contacts that are new in the campaign's lists become leads, some thousands at a time. */
  async #load(running: Running, now: Date): Promise<void> {
    const nowMs = performance.now()
    if (nowMs - running.loadedAtMs < LOAD_MS) return
    const { db } = this.#parts
    const { campaign } = running
    const listNos = await findListNos(db, campaign.settings.lists)
    const segment = segmentOf(campaign)
    const { lastId, added } = await loadLeads(db, campaign.no, listNos, segment, running.lastLoadedId, LOAD_BATCH, now)
    if (lastId === null) {
      // Ids are given before they are stored: the last ones are looked at again.
      running.lastLoadedId = String(Math.max(0, Number(running.lastLoadedId) - 100_000))
      running.loadedAtMs = nowMs
    } else running.lastLoadedId = lastId
    if (added > 0) running.placesAtMs = Number.NEGATIVE_INFINITY
  }

  /** What agents have chosen in wrap-up decides about their contacts. */
  async #dispose(campaign: Campaign, now: Date): Promise<void> {
    const { db, compliance } = this.#parts
    for (const attempt of await disposableAttempts(db, campaign.no, 50)) {
      const rule = attempt.chosen === null ? undefined : campaign.settings.dispositions?.[attempt.chosen]
      const action = rule?.action ?? 'done'
      if (action === 'stop')
        await compliance.internalList.stop({
          e164: attempt.number,
          channel: 'agent',
          detail: `campaign ${campaign.id}, call ${attempt.id}`,
          at: now,
          recordedBy: attempt.agent_id
        })
      if (action === 'retry') {
        const at = new Date(now.getTime() + (rule?.gapMinutes ?? 24 * 60) * 60_000)
        await setDisposed(
          db,
          attempt.id,
          attempt.chosen,
          { state: 'waiting', nextAt: at, position: null, placeId: null, outcome: 'person' },
          now
        )
        continue
      }
      const outcome: Outcome = action === 'wrongNumber' ? 'invalid' : action === 'machine' ? 'machine' : 'person'
      if (outcome === 'person') {
        await setDisposed(
          db,
          attempt.id,
          attempt.chosen,
          { state: 'done', nextAt: null, position: null, placeId: null, outcome },
          now
        )
        continue
      }
      const numbers = (await numbersOf(db, [attempt.contact_id])).get(attempt.contact_id) ?? []
      const history = (await attemptsOfLead(db, campaign.no, attempt.contact_id))
        .filter(one => one.outcome !== null && one.outcome !== 'notLawful' && one.outcome !== 'notDialled')
        .map(one => ({ outcome: one.id === attempt.id ? outcome : (one.outcome as Outcome), position: one.position }))
      const step = nextStep(
        outcome,
        attempt.position,
        { attempts: history, numbers: numbers.length },
        campaign.settings,
        now
      )
      await setDisposed(
        db,
        attempt.id,
        attempt.chosen,
        step.state === 'waiting'
          ? {
              state: 'waiting',
              nextAt: step.at,
              position: step.position,
              placeId: numbers[step.position]?.placeId ?? null,
              outcome
            }
          : { state: step.state, nextAt: null, position: null, placeId: null, outcome },
        now
      )
    }
  }

  /** A campaign ends by itself when its goal is reached or nobody is left. */
  async #endWhenDone(running: Running, now: Date): Promise<void> {
    const { db } = this.#parts
    const { campaign } = running
    if (running.calls.size > 0 || running.loadedAtMs === Number.NEGATIVE_INFINITY) return
    const { byState } = await countLeads(db, campaign.no, now)
    const isReached = campaign.settings.goal !== undefined && (byState.done ?? 0) >= campaign.settings.goal
    const isLeft = (byState.waiting ?? 0) + (byState.reserved ?? 0) + (byState.wrapUp ?? 0) > 0
    if (isLeft && !isReached) return
    await updateCampaign(db, campaign.id, ['running'], {
      state: 'ended',
      ended_at: now,
      state_since: now,
      state_by: null,
      state_reason: isReached ? 'goal reached' : 'nobody is left'
    })
  }

  async #reconcile(): Promise<void> {
    const { db } = this.#parts
    await forgetDialSlots(db, Math.floor(Date.now() / 1_000) - 10)
    await reconcileAttempts(this.#parts, async no => {
      const row = await db.selectFrom('campaigns').selectAll().where('no', '=', no).executeTakeFirst()
      return row === undefined ? undefined : toCampaign(row)
    })
  }

  async #readCallerIds(): Promise<readonly CallerIdRow[]> {
    const nowMs = performance.now()
    if (nowMs - this.#callerIdsAtMs >= CALLER_IDS_MS) {
      this.#callerIds = await listCallerIds(this.#parts.db)
      this.#callerIdsAtMs = nowMs
    }
    return this.#callerIds
  }
}

export function segmentOf(campaign: Pick<Campaign, 'settings'>): Segment {
  const { segment, first = [] } = campaign.settings
  return {
    languages: segment?.languages ?? null,
    countries: segment?.countries ?? null,
    custom: segment?.custom ?? {},
    first
  }
}

function rotate<T>(values: readonly T[], by: number): readonly T[] {
  const at = values.length === 0 ? 0 : by % values.length
  return [...values.slice(at), ...values.slice(0, at)]
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
