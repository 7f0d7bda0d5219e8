import {
  countOpen,
  lastAbandonedAt,
  lockTaking,
  recentFigures,
  type ReservedLead,
  reserveLeads,
  type Slot,
  wasReached
} from '../../sql/queries/campaigns/attempts.ts'
import {
  type CallerIdRow,
  countConversations,
  countLeads,
  findCampaignNos,
  findListNos,
  forgetDialSlots,
  isAnybodyLeft,
  listCallerIds,
  listRunningCampaigns,
  loadLeads,
  type Segment,
  slotsWaiting,
  updateCampaign
} from '../../sql/queries/campaigns/campaigns.ts'
import { bringForward } from '../../sql/queries/campaigns/put-off.ts'
import { listTrunkRests } from '../../sql/queries/campaigns/trunk-rests.ts'
import { listPlaces } from '../../sql/queries/campaigns/contacts.ts'
import type { Db } from '../../sql/database.ts'
import type { AgentCalls } from '../agent-calls/agent-calls.ts'
import { repeat } from '../calls/reconciler.ts'
import type { ComplianceService } from '../compliance/compliance-service.ts'
import { newId } from '../ids.ts'
import type { Logger } from '../log.ts'
import { LifeSigns } from '../life-signs.ts'
import { type AbandonWindow, DETECTOR_ERRORS } from './abandonment.ts'
import { AgentPool, type HeldAgent } from './agent-pool.ts'
import type { CampaignCallParts, PaceFacts } from './attempt.ts'
import { releaseLead } from './attempt-log.ts'
import { runCampaignCall } from './campaign-call.ts'
import { type Campaign, toCampaign } from './campaign.ts'
import { ClockSteps } from './clock-steps.ts'
import { disposeOutcomes } from './dispose-outcomes.ts'
import { capsFor, windowsOf } from './laws.ts'
import { type LiveCampaign, liveView } from './live-view.ts'
import { type CallFigures, type Pace, pacePredictive, paceProgressive } from './pacing.ts'
import { PlaceClock } from './place-clock.ts'
import { reconcileAttempts } from './reconcile.ts'
import { ABANDONED_PAUSE_MS } from './retry.ts'
import { SharedCounts } from './shared-counts.ts'
import { outboundTrunks, TrunkHealth } from './trunk-health.ts'
import { inTurn, placesOf } from './turns.ts'

export type DialerParts = Omit<CampaignCallParts, 'callerIds' | 'step' | 'trunks'> &
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

type Running = {
  campaign: Campaign
  pool: AgentPool | null
  pace: Pace | null
  windows: readonly AbandonWindow[]
  windowsAtMs: number
  figures: CallFigures
  figuresAtMs: number
  /** Where somebody waits, and at which of these places now is a time to call. */
  slots: readonly Slot[]
  slotsAtMs: number
  loadedAtMs: number
  lastLoadedId: string
  calls: Set<Promise<void>>
  turn: number
  /** Whoever waits for longer than they should because a clock was wrong has been found since it was right. */
  isBroughtForward: boolean
  isTicking: boolean
}

const TICK_MS = 250
const SLOTS_MS = 2_000
const WINDOWS_MS = 1_000
const FIGURES_MS = 5_000
const LOAD_MS = 15_000
/** Clocks of control planes may differ by less than this. */
const CLOCKS_DIFFER_MS = 60_000
const LOAD_BATCH = 20_000
const RECONCILE_MS = 2_000
/** Leads that one control plane takes in one go. */
const MAX_TAKEN = 50
const CALLER_IDS_MS = 2_000
const TRUNKS_MS = 1_000
/** Lines for each agentless campaign grow by so many in a tick. */
const AGENTLESS_STEP = 10
/** So long an agent for a promised call is looked for in one go. */
const PROMISE_HOLD_MS = 3_000
const PROMISE_WAIT_MINUTES = 10

/**
 * Dials the running campaigns. Every control plane may run one on the same database: who wants to take leads of a campaign
 * locks it for that moment, counts what all have under way, and takes as many as the pace allows.
 */
export class Dialer implements AsyncDisposable {
  readonly #parts: DialerParts
  readonly #callParts: CampaignCallParts
  readonly #running = new Map<string, Running>()
  readonly #clock: PlaceClock
  readonly #clockSteps = new ClockSteps()
  readonly #trunks = new TrunkHealth()
  readonly #lifeSigns: LifeSigns
  readonly #counts: SharedCounts
  readonly #ended = new AbortController()
  readonly #timers: AsyncDisposable[] = []
  #callerIds: readonly CallerIdRow[] = []
  #callerIdsAtMs = Number.NEGATIVE_INFINITY
  #trunksAtMs = Number.NEGATIVE_INFINITY

  constructor(parts: DialerParts) {
    this.#parts = parts
    this.#lifeSigns = new LifeSigns(parts.db)
    this.#clock = new PlaceClock(parts.db, parts.compliance)
    this.#counts = new SharedCounts(campaignNo => countLeads(parts.db, campaignNo, parts.now()))
    this.#callParts = {
      ...parts,
      trunks: this.#trunks,
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
    return await liveView(
      {
        ...this.#parts,
        clock: this.#clock,
        counts: this.#counts,
        trunks: this.#trunks,
        callerIds: () => this.#readCallerIds()
      },
      campaign,
      stateBy,
      this.#running.get(campaign.id)
    )
  }

  async #tick(): Promise<void> {
    if (this.#ended.signal.aborted) return
    await this.#readTrunks()
    if (this.#clockSteps.wasSetBack(this.#parts.now()))
      for (const running of this.#running.values()) running.isBroughtForward = false
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
        slots: [],
        slotsAtMs: Number.NEGATIVE_INFINITY,
        loadedAtMs: Number.NEGATIVE_INFINITY,
        lastLoadedId: '0',
        calls: new Set(),
        turn: 0,
        isBroughtForward: false,
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
    await this.#bringForward(running, now)
    await this.#load(running, now)
    await disposeOutcomes(this.#parts, campaign, now)
    const { liveCalls, sip, media, maxCalls } = calls.parts
    if (liveCalls.isDraining || !sip.isConnected || !media.isConnected) return
    if (campaign.pacing !== 'agentless' && !this.#openPool(running)) return
    await this.#readFigures(running, now)
    const open = await this.#openSlots(running, now)
    const trunkIds = outboundTrunks(await calls.parts.routing.tables()).map(one => one.id)
    const lines = Math.min(campaign.settings.maxLines, maxCalls - liveCalls.size)
    if (open.length === 0 || this.#trunks.callsAtOnce(trunkIds, now) === 0) {
      running.pool?.trim(0, Date.now())
      running.pace = null
      if (open.length === 0) await this.#endWhenDone(running, now)
      return
    }
    const taken = await this.#take(running, open, lines, trunkIds, now)
    if (taken.length > 0) log.debug({ campaignId: campaign.id, leads: taken.length }, 'leads were taken')
    for (const lead of taken) this.#begin(running, lead)
    if (taken.length === 0 && running.calls.size === 0) await this.#endWhenDone(running, now)
  }

  /** Locks the campaign, counts what all control planes have under way, and takes what the pace allows. */
  async #take(
    running: Running,
    slots: readonly Slot[],
    lines: number,
    trunkIds: readonly string[],
    now: Date
  ): Promise<readonly ReservedLead[]> {
    const { db, controlPlaneId } = this.#parts
    const { campaign, pool } = running
    return await db.transaction().execute(async trx => {
      if (!(await lockTaking(trx, campaign.no))) return []
      // A machine that is being spoken to can abandon nobody any more.
      const { total, answered: waiting, underWay } = await countOpen(trx, campaign.no)
      const free = pool?.count(now)
      // No more calls than conversations that are wanted still: nobody is called for nothing.
      const wantedLines = Math.min(lines, await this.#conversationsWanted(trx, campaign))
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
        lines: Math.max(0, wantedLines - total)
      }
      const paced: Pace =
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
      const pace: Pace = state.lines === 0 && lines > total ? { ...paced, reason: 'goal' } : paced
      running.pace = pace
      // Asked when the count is there: a call that ended before it has told of its trunk by now.
      const wanted = Math.min(pace.dial, MAX_TAKEN, this.#trunks.callsAtOnce(trunkIds, now))
      running.turn += 1
      const leads =
        wanted === 0
          ? []
          : await reserveLeads(trx, {
              campaignNo: campaign.no,
              slots: inTurn(slots, running.turn),
              ids: Array.from({ length: wanted }, () => newId()),
              controlPlaneId,
              now,
              promises: {
                agentIds: pool?.reachable(now) ?? [],
                olderThan: new Date(now.getTime() - promiseWaitMs(campaign))
              }
            })
      if (wanted > 0 && leads.length === 0) running.pace = { ...pace, dial: 0, reason: 'promised' }
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

  async #conversationsWanted(db: Db, { no, settings: { goal } }: Campaign): Promise<number> {
    if (goal === undefined) return Number.POSITIVE_INFINITY
    const { done, inWrapUp } = await countConversations(db, no, goal)
    return Math.max(0, goal - done - inWrapUp)
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
    if (pool !== null && lead.callbackAt !== null) {
      // Nobody is dialled on a promise before somebody is there for them, whatever the pace.
      held = await this.#holdForPromise(campaign, lead, pool)
      if (held === null) {
        await releaseLead(this.#parts, lead, { afterMs: 2_000, detail: 'no agent for the promised call' })
        return
      }
    } else if (isAgentFirst) {
      held = pool?.take() ?? null
      if (held === null) {
        await releaseLead(this.#parts, lead, { afterMs: 500, detail: 'no agent was held' })
        return
      }
    }
    await runCampaignCall(
      this.#callParts,
      campaign,
      lead,
      pool,
      () => this.#paceFacts(running),
      held,
      this.#ended.signal
    )
  }

  /** Whoever has promised the call makes it; once they have been waited for, anybody of the queue. */
  async #holdForPromise(campaign: Campaign, lead: ReservedLead, pool: AgentPool): Promise<HeldAgent | null> {
    const { callbackAgentId, callbackAt } = lead
    const limit = AbortSignal.any([this.#ended.signal, AbortSignal.timeout(PROMISE_HOLD_MS)])
    if (callbackAgentId === null || callbackAt === null) return await pool.next(PROMISE_HOLD_MS, limit)
    const own = await pool.only(callbackAgentId, PROMISE_HOLD_MS, this.#parts.now)
    const waitedMs = this.#parts.now().getTime() - callbackAt.getTime()
    if (own !== null || waitedMs < promiseWaitMs(campaign)) return own
    return await pool.next(PROMISE_HOLD_MS, limit)
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

  #paceFacts(running: Running): PaceFacts {
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
      const rows = await listPlaces(db, placesOf(running.slots))
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

  /** Where somebody waits and may be called now. */
  async #openSlots(running: Running, now: Date): Promise<readonly Slot[]> {
    const nowMs = performance.now()
    if (nowMs - running.slotsAtMs >= SLOTS_MS) {
      running.slotsAtMs = nowMs
      running.slots = await slotsWaiting(this.#parts.db, running.campaign.no)
    }
    const open = new Set(await this.#clock.open(running.campaign, placesOf(running.slots), now))
    return running.slots.filter(one => open.has(one.placeId))
  }

  /** After the clock was set back, and after a start, since it may have been set back before. */
  async #bringForward(running: Running, now: Date): Promise<void> {
    if (running.isBroughtForward) return
    const { db, log } = this.#parts
    const { campaign } = running
    running.isBroughtForward = true
    try {
      const leads = await bringForward(db, campaign.no, now, CLOCKS_DIFFER_MS)
      if (leads > 0) log.warn({ campaignId: campaign.id, leads }, 'contacts waited by a clock that was ahead')
    } catch (err) {
      running.isBroughtForward = false
      throw err
    }
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
    if (added > 0) running.slotsAtMs = Number.NEGATIVE_INFINITY
  }

  /** A campaign ends by itself when its goal is reached or nobody is left. */
  async #endWhenDone(running: Running, now: Date): Promise<void> {
    const { db } = this.#parts
    const { campaign } = running
    if (running.calls.size > 0 || running.loadedAtMs === Number.NEGATIVE_INFINITY) return
    const { goal } = campaign.settings
    const isReached = goal !== undefined && (await countConversations(db, campaign.no, goal)).done >= goal
    if (!isReached && (await isAnybodyLeft(db, campaign.no))) return
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
    await reconcileAttempts(
      { ...this.#parts, media: this.#parts.calls.parts.media, lifeSigns: this.#lifeSigns },
      async no => {
        const row = await db.selectFrom('campaigns').selectAll().where('no', '=', no).executeTakeFirst()
        return row === undefined ? undefined : toCampaign(row)
      }
    )
  }

  /** Trunks that other control planes have put to rest, or found to be back. */
  async #readTrunks(): Promise<void> {
    const nowMs = performance.now()
    if (nowMs - this.#trunksAtMs < TRUNKS_MS) return
    this.#trunksAtMs = nowMs
    this.#trunks.adopt(await listTrunkRests(this.#parts.db))
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

/** So long a promised call waits for the agent who has promised it. */
function promiseWaitMs({ settings }: Pick<Campaign, 'settings'>): number {
  return (settings.promiseWaitMinutes ?? PROMISE_WAIT_MINUTES) * 60_000
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
