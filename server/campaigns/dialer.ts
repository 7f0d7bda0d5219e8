import {
  haltedWithOutcomes,
  recentFigures,
  type ReservedLead,
  type Slot,
  undialledAttempts
} from '../../sql/queries/campaigns/attempts.ts'
import {
  type CallerIdRow,
  countConversations,
  countLeads,
  findListNos,
  forgetDialSlots,
  isAnybodyLeft,
  listCallerIds,
  listRunningCampaigns,
  loadLeads,
  slotsWaiting,
  updateCampaign
} from '../../sql/queries/campaigns/campaigns.ts'
import { bringForward } from '../../sql/queries/campaigns/put-off.ts'
import { listTrunkRests } from '../../sql/queries/campaigns/trunk-rests.ts'
import { listPlaces } from '../../sql/queries/campaigns/contacts.ts'
import type { Db } from '../../sql/database.ts'
import type { AgentCalls } from '../agent-calls/agent-calls.ts'
import type { ClockDoubt, ClockWatch } from '../calls/clock-watch.ts'
import { repeat } from '../calls/reconciler.ts'
import type { ComplianceService } from '../compliance/compliance-service.ts'
import { newId } from '../ids.ts'
import type { Logger } from '../log.ts'
import { LifeSigns } from '../life-signs.ts'
import { AgentPool, type HeldAgent } from './agent-pool.ts'
import type { CampaignCallParts } from './attempt.ts'
import { releaseLead } from './attempt-log.ts'
import { runCampaignCall } from './campaign-call.ts'
import { type Campaign, segmentOf, toCampaign } from './campaign.ts'
import { ClockSteps } from './clock-steps.ts'
import { disposeOutcomes } from './dispose-outcomes.ts'
import { capsFor, windowsOf } from './laws.ts'
import { type LiveCampaign, liveView } from './live-view.ts'
import { PlaceClock } from './place-clock.ts'
import { reconcileAttempts } from './reconcile.ts'
import { holdForPromise } from './promised-calls.ts'
import { paceFactsOf, type RunningCampaign, runningCampaign } from './running-campaign.ts'
import { SharedCounts } from './shared-counts.ts'
import { leaveAlone } from './suppression.ts'
import { MAX_TAKEN, takeLeads } from './take-leads.ts'
import { outboundTrunks, TrunkHealth } from './trunk-health.ts'
import { placesOf } from './turns.ts'

export type DialerParts = Omit<CampaignCallParts, 'callerIds' | 'isClockInDoubt' | 'step' | 'trunks'> &
  Readonly<{
    db: Db
    log: Logger
    calls: AgentCalls
    compliance: ComplianceService
    controlPlaneId: string
    /** Told before each step after which a crash would matter. */
    step?: CampaignCallParts['step']
    tickMs?: number
    /** By which it is known what time it is; somebody else compares the clocks. */
    clockWatch: ClockWatch
  }>

const TICK_MS = 250
const SLOTS_MS = 2_000
const WINDOWS_MS = 1_000
const FIGURES_MS = 5_000
const LOAD_MS = 15_000
/** Clocks of control planes may differ by less than this. */
const CLOCKS_DIFFER_MS = 60_000
const LOAD_BATCH = 20_000
const RECONCILE_MS = 2_000
const CALLER_IDS_MS = 2_000
const TRUNKS_MS = 1_000

/**
 * Dials the running campaigns. Every control plane may run one on the same database: who wants to take leads of a campaign
 * locks it for that moment, counts what all have under way, and takes as many as the pace allows.
 */
export class Dialer implements AsyncDisposable {
  readonly #parts: DialerParts
  readonly #callParts: CampaignCallParts
  readonly #running = new Map<string, RunningCampaign>()
  readonly #clock: PlaceClock
  readonly #clockSteps = new ClockSteps()
  readonly #trunks = new TrunkHealth()
  readonly #lifeSigns: LifeSigns
  readonly #counts: SharedCounts
  readonly #ended = new AbortController()
  readonly #timers: AsyncDisposable[] = []
  /** Attempts that are being taken or served here: whatever else is open under our name nobody looks after. */
  readonly #inHand = new Set<string>()
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
      isClockInDoubt: campaignId => this.#doubtOf(this.#running.get(campaignId)) !== null,
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

  /** A campaign was changed: it is looked at anew at once. Never rejects: the change is stored, and the next look is soon. */
  async changed(): Promise<void> {
    await this.#tick().catch(err => this.#parts.log.warn({ err }, 'campaigns cannot be looked at yet after a change'))
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
      this.#running.get(campaign.id),
      this.#doubtOf(this.#running.get(campaign.id))
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
          running.hasFailed = false
        } catch (err) {
          // The others go on. Once for each time that it goes wrong, not once for each look.
          if (!running.hasFailed)
            this.#parts.log.error({ err, campaignId: campaign.id }, 'a campaign cannot be dialled')
          running.hasFailed = true
        } finally {
          running.isTicking = false
        }
      })
    )
  }

  #runningOf(campaign: Campaign): RunningCampaign {
    let running = this.#running.get(campaign.id)
    if (running === undefined) {
      running = runningCampaign(campaign, this.#parts.clockWatch.timesSet)
      this.#running.set(campaign.id, running)
    }
    if (campaign.stateSince.getTime() !== running.campaign.stateSince.getTime())
      running.believedSets = this.#parts.clockWatch.timesSet
    running.campaign = campaign
    return running
  }

  async #tickOne(running: RunningCampaign): Promise<void> {
    const { calls, log } = this.#parts
    const { campaign } = running
    const now = this.#parts.now()
    if (this.#doubtOf(running) !== null) {
      // What is written by a wrong clock would have to be taken back; and nobody is held for nothing.
      running.pool?.trim(0, Date.now())
      running.pace = null
      return
    }
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
    const ids = Array.from({ length: MAX_TAKEN }, () => newId())
    for (const id of ids) this.#inHand.add(id)
    const taken = await takeLeads(this.#parts, running, {
      slots: open,
      lines,
      callsAtOnce: () => this.#trunks.callsAtOnce(trunkIds, now),
      ids,
      now
    }).catch((err: unknown) => {
      // They may be ours all the same, when only the answer was lost: then they are given back.
      for (const id of ids) this.#inHand.delete(id)
      throw err
    })
    const takenIds = new Set(taken.map(one => one.id))
    for (const id of ids) if (!takenIds.has(id)) this.#inHand.delete(id)
    if (taken.length > 0) log.debug({ campaignId: campaign.id, leads: taken.length }, 'leads were taken')
    for (const lead of taken) this.#begin(running, lead)
    if (taken.length === 0 && running.calls.size === 0) await this.#endWhenDone(running, now)
  }

  #begin(running: RunningCampaign, lead: ReservedLead): void {
    const serving = this.#serve(running, lead)
      .catch(err => this.#parts.log.error({ err, callId: lead.id }, 'a lead could not be served'))
      .finally(() => {
        running.calls.delete(serving)
        this.#inHand.delete(lead.id)
      })
    running.calls.add(serving)
  }

  async #serve(running: RunningCampaign, lead: ReservedLead): Promise<void> {
    const { campaign, pool } = running
    const isAgentFirst = campaign.pacing === 'preview' || campaign.pacing === 'progressive'
    if (await leaveAlone(this.#parts, campaign, lead)) return
    let held: HeldAgent | null = null
    if (pool !== null && lead.callbackAt !== null) {
      held = await holdForPromise(campaign, lead, pool, this.#parts.now, this.#ended.signal)
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
    await runCampaignCall(this.#callParts, campaign, lead, pool, () => paceFactsOf(running), held, this.#ended.signal)
  }

  #openPool(running: RunningCampaign): boolean {
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

  async #readFigures(running: RunningCampaign, now: Date): Promise<void> {
    const nowMs = performance.now()
    const { db, compliance } = this.#parts
    if (nowMs - running.windowsAtMs >= WINDOWS_MS) {
      running.windowsAtMs = nowMs
      const rows = await listPlaces(db, placesOf(running.slots))
      running.caps = capsFor(
        compliance.packs,
        rows.flatMap(row => [...row.jurisdictions])
      )
      running.windows = await windowsOf(db, running.campaign, running.caps, now)
    }
    if (nowMs - running.figuresAtMs >= FIGURES_MS) {
      running.figuresAtMs = nowMs
      const { known, live, perMinute: _, ...durations } = await recentFigures(db, running.campaign.no)
      // Forty imagined calls of the usual kind, so that the first few do not speak too loudly.
      running.figures = { liveShare: (live + 10) / (known + 40), ...durations }
    }
  }

  /** Where somebody waits and may be called now. */
  async #openSlots(running: RunningCampaign, now: Date): Promise<readonly Slot[]> {
    const nowMs = performance.now()
    if (nowMs - running.slotsAtMs >= SLOTS_MS) {
      running.slotsAtMs = nowMs
      running.slots = await slotsWaiting(this.#parts.db, running.campaign.no)
    }
    const open = new Set(await this.#clock.open(running.campaign, placesOf(running.slots), now))
    return running.slots.filter(one => open.has(one.placeId))
  }

  /** After the clock was set back, and after a start, since it may have been set back before. */
  async #bringForward(running: RunningCampaign, now: Date): Promise<void> {
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
  async #load(running: RunningCampaign, now: Date): Promise<void> {
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
  async #endWhenDone(running: RunningCampaign, now: Date): Promise<void> {
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
    const campaignOf = async (no: number) => {
      const row = await db.selectFrom('campaigns').selectAll().where('no', '=', no).executeTakeFirst()
      return row === undefined ? undefined : toCampaign(row)
    }
    await forgetDialSlots(db, Math.floor(Date.now() / 1_000) - 10)
    await this.#giveBackForgotten()
    await reconcileAttempts(
      { ...this.#parts, media: this.#parts.calls.parts.media, lifeSigns: this.#lifeSigns },
      campaignOf
    )
    await this.#disposeHalted(campaignOf)
  }

  /** Whoever said never again is on the list also when the campaign was paused, or reached its goal, before that was written. */
  async #disposeHalted(campaignOf: (no: number) => Promise<Campaign | undefined>): Promise<void> {
    // Nobody is called meanwhile, and when to try again is said by a right clock.
    if (this.#parts.clockWatch.doubt() !== null) return
    for (const no of await haltedWithOutcomes(this.#parts.db)) {
      const campaign = await campaignOf(no)
      if (campaign !== undefined) await disposeOutcomes(this.#parts, campaign, this.#parts.now())
    }
  }

  /** What is reserved under our name and not in hand was lost on its way here, with the database or its answer. */
  async #giveBackForgotten(): Promise<void> {
    const { db, controlPlaneId, log } = this.#parts
    const known = new Set(this.#inHand)
    for (const { contact_id: contactId, ...lead } of await undialledAttempts(db, controlPlaneId)) {
      if (known.has(lead.id) || this.#inHand.has(lead.id)) continue
      log.warn({ callId: lead.id }, 'an attempt that nobody had in hand is given back')
      const detail = 'lost while the database was away'
      await releaseLead(this.#parts, { ...lead, contactId }, { afterMs: 0, detail, isUndialled: true })
    }
  }

  /** Why a campaign is not dialled now, when that is the clock: whoever starts one vouches for the time. */
  #doubtOf(running: Pick<RunningCampaign, 'believedSets'> | undefined): ClockDoubt | null {
    return this.#parts.clockWatch.doubt(running?.believedSets ?? 0)
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
