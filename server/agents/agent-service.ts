import { EventEmitter } from 'node:events'
import type { Db } from '../../sql/database.ts'
import {
  type AgentRow,
  ensureAgent,
  findCallNote,
  findLostTalks,
  listDueAgents,
  readAgentChanges,
  readProfiles,
  setProfile,
  upsertCallNote
} from '../../sql/queries/agents.ts'
import { listLiveControlPlanes } from '../../sql/queries/control-planes.ts'
import { findDirectOffer, insertDirectOffer, listStaleDirectOffers } from '../../sql/queries/offers.ts'
import type { WakeUps } from '../../sql/wake-ups.ts'
import { AppError } from '../errors.ts'
import { newId } from '../ids.ts'
import type { Logger } from '../log.ts'
import { AgentClock } from './agent-clock.ts'
import { type Agent, AGENT_SETTINGS, type AgentSettings } from './agent.ts'
import { fromAgentRow } from './agent-rows.ts'
import type { AgentStatus, MissReason, NotRoutableReason, WorkKind } from './agent-state.ts'
import { type AgentEvent, dueAt } from './agent-step.ts'
import { fromProfileRow, type LanguageLevel, NO_PROFILE, type Profile } from './profile.ts'
import { Refresher } from './refresher.ts'
import { type Stepped, stepInTransaction } from './store-step.ts'
import { Sweeper } from './sweeper.ts'

/** An agent with name, skills and languages, as screens and distribution see one. */
export type AgentView = Agent & Readonly<{ profile: Profile; version: number }>

export type AgentServiceParts = Readonly<{
  db: Db
  wakeUps: WakeUps
  /** Its row in `control_planes` must be kept alive by a heartbeat: that is the lease of what it owns. */
  controlPlaneId: string
  log: Logger
  settings?: Partial<AgentSettings>
  now?: () => Date
}>

/** What is known about the end of an agent's call. Times are milliseconds. */
export type CallEnding = Readonly<{
  queueId: string | null
  endedBy: string
  holdMs?: number
  isTransferred?: boolean
  /** Instead of the wrap-up of the queue (or of direct calls); 0 for none. */
  wrapUpMs?: number
}>

export type DirectReservation =
  | Readonly<{ kind: 'reserved'; offerId: string }>
  | Readonly<{ kind: 'notFree'; why: 'unknown' | 'notIdle' | 'notAvailable' | 'notRoutable' }>

/** A ring that nobody settled is over this long after its end. */
const OFFER_GRACE_MS = 3_000
/** Changes of others are read at least so often when no wake-up comes. */
const POLL_MS = 1_000

type Known = { view: AgentView; profileVersion: number }

/**
 * The agents of this installation: a mirror of the stored ones, kept fresh by wake-ups, and the one door through which
 * their states change. Several control planes may run one each on the same database.
 */
export class AgentService implements AsyncDisposable {
  readonly #db: Db
  readonly #wakeUps: WakeUps
  readonly #log: Logger
  readonly #controlPlaneId: string
  readonly #now: () => Date
  readonly #known = new Map<string, Known>()
  readonly #clock = new AgentClock(agentId => this.#tick(agentId))
  /** When each softphone of ours proved itself last. */
  readonly #provedAtMs = new Map<string, number>()
  readonly #emitter = new EventEmitter()
  readonly #ended = new AbortController()
  readonly #refresher = new Refresher(() => this.#read())
  readonly #sweeper: Sweeper
  readonly settings: AgentSettings
  #horizon = '0'

  private constructor(parts: AgentServiceParts) {
    this.#db = parts.db
    this.#wakeUps = parts.wakeUps
    this.#log = parts.log
    this.#controlPlaneId = parts.controlPlaneId
    this.#now = parts.now ?? (() => new Date())
    this.settings = { ...AGENT_SETTINGS, ...parts.settings }
    this.#emitter.setMaxListeners(0)
    this.#sweeper = new Sweeper(
      parts.db,
      POLL_MS,
      deadSince => this.#sweep(deadSince),
      parts.log,
      'agents cannot be looked after'
    )
  }

  static async start(parts: AgentServiceParts): Promise<AgentService> {
    const service = new AgentService(parts)
    await service.refresh()
    parts.wakeUps.listen(topic => {
      if (topic === 'agents') service.#refreshSoon()
    }, service.#ended.signal)
    service.#sweeper.start()
    return service
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    this.#clock.stop()
    await this.#sweeper[Symbol.asyncDispose]()
    await this.#refresher.idle()
  }

  /** Undefined for who never took calls. */
  view(agentId: string): AgentView | undefined {
    return this.#known.get(agentId)?.view
  }

  views(): readonly AgentView[] {
    return [...this.#known.values()].map(known => known.view)
  }

  /** Hears every change, also those that other control planes made, until the signal is aborted. */
  onChange(listener: (view: AgentView, before: AgentView | undefined) => void, signal: AbortSignal): void {
    if (signal.aborted) return
    this.#emitter.on('change', listener)
    signal.addEventListener('abort', () => this.#emitter.off('change', listener), { once: true })
  }

  /** Reads what has changed; resolves when everything committed before this call is in the mirror. */
  refresh(): Promise<void> {
    return this.#refresher.run()
  }

  /** Makes sure that a user can take calls. The status stays as it was: a reload is no new shift. */
  async signIn(agentId: string): Promise<AgentView> {
    if (!(await ensureAgent(this.#db, agentId, this.#now()))) throw new AppError('NOT_FOUND', 'No user has this id.')
    this.#wakeUps.wake('agents')
    await this.refresh()
    return this.#existing(agentId)
  }

  /** Offline at once, or after the call that is going on. */
  async signOut(agentId: string): Promise<AgentView> {
    this.#provedAtMs.delete(agentId)
    return await this.#step(agentId, { kind: 'signedOut' })
  }

  /** A softphone of this agent is connected to this control plane. It must prove itself before calls come. */
  async attach(agentId: string): Promise<AgentView> {
    this.#provedAtMs.set(agentId, performance.now())
    return await this.#step(agentId, { kind: 'attached', controlPlaneId: this.#controlPlaneId })
  }

  /** The softphone is gone. Calls stop coming at once; after the grace this counts as a lost connection. */
  async detached(agentId: string): Promise<AgentView> {
    this.#provedAtMs.delete(agentId)
    return await this.#step(agentId, { kind: 'detached', controlPlaneId: this.#controlPlaneId })
  }

  /** During a call the status waits until after it, and can be changed again until then. */
  async setStatus(agentId: string, status: AgentStatus, reason: string | null): Promise<AgentView> {
    return await this.#step(agentId, { kind: 'statusChosen', status, reason })
  }

  /** The same as `setStatus`, by somebody else; who and why belongs into the audit log of the caller. */
  async forceStatus(by: string, agentId: string, status: AgentStatus, reason: string | null): Promise<AgentView> {
    const view = await this.#step(agentId, { kind: 'statusChosen', status, reason })
    this.#log.info({ agentId, by, status }, 'an agent’s status was set by somebody else')
    return view
  }

  /** What the softphone found out about itself. Without a new proof within `proofMs` no calls come. */
  async proof(
    agentId: string,
    proof: Readonly<{ isRoutable: boolean; reasons: readonly NotRoutableReason[] }>
  ): Promise<AgentView> {
    this.#provedAtMs.set(agentId, performance.now())
    const reasons = proof.isRoutable ? [] : proof.reasons.length > 0 ? proof.reasons : (['noProof'] as const)
    const known = this.#known.get(agentId)?.view
    // Proofs come every few seconds and mostly say the same.
    if (known !== undefined && sameList(known.proofReasons, reasons)) return known
    return await this.#step(agentId, { kind: 'proved', controlPlaneId: this.#controlPlaneId, reasons })
  }

  /** "I am back", after a missed call. */
  async back(agentId: string): Promise<AgentView> {
    return await this.#step(agentId, { kind: 'cameBack' })
  }

  /** Whether calls go to a registered SIP phone instead of the browser. */
  async setDeskPhone(agentId: string, isUsed: boolean): Promise<AgentView> {
    return await this.#step(agentId, { kind: 'deskPhoneSet', isUsed })
  }

  async setWork(agentId: string, work: readonly WorkKind[]): Promise<AgentView> {
    return await this.#step(agentId, { kind: 'workSet', work })
  }

  /** Replaces skills (levels 1 to 5) and languages (A1 to C2), each as a whole when given. */
  async setProfile(
    agentId: string,
    profile: Readonly<{
      skills?: readonly Readonly<{ skill: string; level: number }>[]
      languages?: readonly Readonly<{ language: string; level: LanguageLevel }>[]
    }>
  ): Promise<AgentView> {
    if (!(await setProfile(this.#db, agentId, profile))) throw new AppError('NOT_FOUND', 'No agent has this id.')
    this.#wakeUps.wake('agents')
    await this.refresh()
    return this.#existing(agentId)
  }

  /**
   * Holds an agent for a call that comes by no queue: a transfer, a consultation, a click to call (`isOwnWish`, which a
   * break does not forbid). The offer must be settled with `settleDirect` or end with `talking`.
   */
  async reserveDirect(
    agentId: string,
    callId: string,
    options: Readonly<{ isOwnWish?: boolean; ringMs?: number; reason?: string }> = {}
  ): Promise<DirectReservation> {
    const { isOwnWish = false, ringMs = 30_000, reason = '' } = options
    if (!this.#known.has(agentId)) await this.refresh()
    if (!this.#known.has(agentId)) return { kind: 'notFree', why: 'unknown' }
    const offerId = newId()
    const at = this.#now()
    const outcome = await this.#db.transaction().execute(async trx => {
      const event = { kind: 'reserved', offerId, callId, queueId: null, isOwnWish } as const
      const stepped = await this.#stepIn(trx, agentId, event, at)
      if (stepped.refused !== null) return stepped
      await insertDirectOffer(trx, {
        id: offerId,
        call_id: callId,
        agent_id: agentId,
        call_control_plane_id: this.#controlPlaneId,
        agent_control_plane_id: stepped.agent.controlPlaneId,
        reason,
        created_at: at,
        expires_at: new Date(at.getTime() + ringMs)
      })
      return stepped
    })
    this.#stepped(outcome)
    if (outcome.refused === null) return { kind: 'reserved', offerId }
    const { refused } = outcome
    return { kind: 'notFree', why: refused === 'notAvailable' || refused === 'notRoutable' ? refused : 'notIdle' }
  }

  /** The agent's phone rings for an offer. */
  async ringing(agentId: string, offerId: string): Promise<AgentView> {
    return await this.#step(agentId, { kind: 'ringing', offerId })
  }

  /** What became of a direct offer. False when it was over before. */
  async settleDirect(
    offerId: string,
    outcome: Readonly<{ kind: 'answered' | 'withdrawn' | MissReason }>
  ): Promise<boolean> {
    const at = this.#now()
    const stepped = await this.#db.transaction().execute(async trx => {
      const offer = await findDirectOffer(trx, offerId)
      if (offer === undefined) return null
      const { agent_id: agentId, call_id: callId } = offer
      const event: AgentEvent =
        outcome.kind === 'answered'
          ? { kind: 'talking', callId, queueId: null }
          : { kind: 'offerOver', offerId, reason: outcome.kind }
      const result = await this.#stepIn(trx, agentId, event, at, agent => agent.offerId === offerId)
      return result.refused === null ? result : null
    })
    if (stepped === null) return false
    this.#stepped(stepped)
    return true
  }

  /** The agent talks. Says nothing new when that is known; refused while another call is in hand. */
  async talking(agentId: string, callId: string, queueId: string | null = null): Promise<AgentView> {
    return await this.#step(agentId, { kind: 'talking', callId, queueId })
  }

  /** The agent's call is over: wrap-up begins on the server's clock. Harmless when it was over before. */
  async callEnded(agentId: string, callId: string, ending: CallEnding): Promise<AgentView> {
    const at = this.#now()
    const outcome = await this.#db.transaction().execute(async trx => {
      const wrapUp = await this.#wrapUpOf(trx, ending)
      const event = { kind: 'callEnded', callId, endedBy: ending.endedBy, ...wrapUp } as const
      return await this.#stepIn(trx, agentId, event, at, undefined, ending)
    })
    this.#stepped(outcome)
    return this.#existing(agentId)
  }

  /** One more minute of wrap-up, up to the queue's limit. */
  async extendWrapUp(agentId: string): Promise<AgentView> {
    return await this.#step(agentId, { kind: 'wrapUpExtended' })
  }

  /** While the agent types, at least 30 s remain, up to the queue's limit. */
  async typing(agentId: string): Promise<AgentView> {
    return await this.#step(agentId, { kind: 'typed' })
  }

  /** Keeps what the agent typed about a call. */
  async saveNote(agentId: string, callId: string, note: string): Promise<void> {
    await upsertCallNote(this.#db, { callId, agentId }, { note }, this.#now())
  }

  async noteOf(agentId: string, callId: string): Promise<Readonly<{ note: string; disposition: string | null }>> {
    const row = await findCallNote(this.#db, callId, agentId)
    return { note: row?.note ?? '', disposition: row?.disposition ?? null }
  }

  /**
   * Stores outcome and note and ends the wrap-up. After the time has run out it still stores them: a missing
   * disposition may be given later, and is never made up.
   */
  async finishWrapUp(
    agentId: string,
    work: Readonly<{ callId: string; disposition: string | null; note: string }>
  ): Promise<AgentView> {
    const { callId, disposition, note } = work
    const at = this.#now()
    const outcome = await this.#db.transaction().execute(async trx => {
      const stepped = await this.#stepIn(trx, agentId, { kind: 'wrapUpFinished', callId }, at)
      if (stepped.refused !== null && (await findCallNote(trx, callId, agentId)) === undefined) return null
      await upsertCallNote(trx, { callId, agentId }, { disposition, note }, at)
      return stepped
    })
    if (outcome === null) throw new AppError('CONFLICT', 'This call is not in wrap-up.')
    this.#stepped(outcome)
    return this.#existing(agentId)
  }

  /** Takes rows that a transaction of the queues has changed, so that nobody waits for the next reading. */
  apply(rows: readonly AgentRow[]): void {
    for (const row of rows) this.#take(row)
  }

  async #step(agentId: string, event: AgentEvent): Promise<AgentView> {
    const outcome = await this.#db
      .transaction()
      .execute(async trx => await this.#stepIn(trx, agentId, event, this.#now()))
    this.#stepped(outcome)
    if (outcome.refused !== null) throw new AppError('CONFLICT', REFUSALS[outcome.refused])
    return this.#existing(agentId)
  }

  async #stepIn(
    trx: Db,
    agentId: string,
    event: AgentEvent,
    at: Date,
    condition?: (agent: Agent) => boolean,
    ending?: CallEnding
  ): Promise<Stepped> {
    const stepped = await stepInTransaction(trx, agentId, event, at, this.settings, {
      ...(condition !== undefined && { condition }),
      ...(ending !== undefined && { ending })
    })
    if (stepped === undefined) throw new AppError('NOT_FOUND', 'No agent has this id.')
    return stepped
  }

  #stepped(outcome: Stepped): void {
    if (outcome.row === null) return
    this.#take(outcome.row)
    this.#wakeUps.wake('agents')
  }

  async #wrapUpOf(trx: Db, ending: CallEnding): Promise<{ wrapUpMs: number; wrapUpLimitMs: number }> {
    const { directWrapUpMs, directWrapUpLimitMs } = this.settings
    const queue =
      ending.queueId === null
        ? undefined
        : await trx
            .selectFrom('queues')
            .select(['wrap_up_ms as wrapUpMs', 'wrap_up_limit_ms as wrapUpLimitMs'])
            .where('id', '=', ending.queueId)
            .executeTakeFirst()
    const usual = queue ?? { wrapUpMs: directWrapUpMs, wrapUpLimitMs: directWrapUpLimitMs }
    return ending.wrapUpMs === undefined ? usual : { ...usual, wrapUpMs: ending.wrapUpMs }
  }

  #existing(agentId: string): AgentView {
    const view = this.view(agentId)
    if (view === undefined) throw new AppError('NOT_FOUND', 'No agent has this id.')
    return view
  }

  #tick(agentId: string): void {
    this.#step(agentId, { kind: 'tick' }).catch(err =>
      // The sweep does it once the database is back.
      this.#log.warn({ err, agentId }, 'an agent’s clock could not be stored')
    )
  }

  #refreshSoon(): void {
    this.refresh().catch(err => this.#log.warn({ err }, 'changes of agents cannot be read'))
  }

  async #read(): Promise<void> {
    const { rows, horizon } = await readAgentChanges(this.#db, this.#horizon)
    const stale = rows.filter(row => this.#known.get(row.id)?.profileVersion !== Number(row.profile_version))
    const profiles = new Map(
      (
        await readProfiles(
          this.#db,
          stale.map(row => row.id)
        )
      ).map(row => [row.id, fromProfileRow(row)])
    )
    for (const row of rows) this.#take(row, profiles.get(row.id))
    this.#horizon = horizon
  }

  /** Rows may arrive in any order; an older one changes nothing. */
  #take(row: AgentRow, profile?: Profile): void {
    const known = this.#known.get(row.id)
    const version = Number(row.version)
    const isNewer = known === undefined || version > known.view.version
    if (!isNewer && profile === undefined) return
    const agent = isNewer ? fromAgentRow(row) : known.view
    const view: AgentView = {
      ...agent,
      profile: profile ?? known?.view.profile ?? NO_PROFILE,
      version: isNewer ? version : known.view.version
    }
    this.#known.set(row.id, {
      view,
      // Without its profile an agent is read again.
      profileVersion: profile === undefined ? (known?.profileVersion ?? -1) : Number(row.profile_version)
    })
    this.#arm(view)
    this.#emit(view, known?.view)
  }

  #emit(view: AgentView, before: AgentView | undefined): void {
    for (const listener of this.#emitter.listeners('change')) {
      try {
        listener(view, before)
      } catch (err) {
        this.#log.error({ err }, 'a listener of agents failed')
      }
    }
  }

  /** Sets the clock for what time does next to an agent of ours, or of nobody. */
  #arm(agent: AgentView): void {
    const due = dueAt(agent, this.settings)
    const isOurs = agent.controlPlaneId === null || agent.controlPlaneId === this.#controlPlaneId
    this.#clock.set(agent.id, due === null || !isOurs ? null : due.getTime() - this.#now().getTime())
  }

  /** What nobody else does: clocks of control planes that died, lost softphones, calls that are over. */
  async #sweep(deadSince: Date | null): Promise<void> {
    await this.refresh()
    const now = this.#now()
    for (const id of await listDueAgents(this.#db, new Date(now.getTime() - POLL_MS), 1_000))
      await this.#step(id, { kind: 'tick' })
    for (const [id, provedAtMs] of this.#provedAtMs)
      if (performance.now() - provedAtMs > this.settings.proofMs) {
        this.#provedAtMs.delete(id)
        await this.#step(id, { kind: 'proved', controlPlaneId: this.#controlPlaneId, reasons: ['noProof'] })
      }
    for (const offer of await listStaleDirectOffers(this.#db, new Date(now.getTime() - OFFER_GRACE_MS)))
      await this.settleDirect(offer.id, { kind: 'missed' })
    if (deadSince === null) return
    const live = await listLiveControlPlanes(this.#db, deadSince)
    const talking = new Map<string, AgentView>()
    for (const { view } of [...this.#known.values()]) {
      const { id, controlPlaneId } = view
      if (controlPlaneId !== null && view.detachedAt === null && !live.has(controlPlaneId))
        await this.#step(id, { kind: 'detached', controlPlaneId })
      if (view.state === 'talking' && view.callId !== null) talking.set(id, view)
    }
    const endedBefore = new Date(now.getTime() - OFFER_GRACE_MS)
    const lost = await findLostTalks(this.#db, [...talking.keys()], deadSince, endedBefore)
    for (const { id, callId, queueId } of talking.values())
      if (callId !== null && lost.has(id)) await this.callEnded(id, callId, { queueId, endedBy: 'system' })
  }
}

const REFUSALS = {
  notIdle: 'The agent is busy.',
  notAvailable: 'The agent is not available.',
  notRoutable: 'Calls cannot reach the agent.',
  otherCall: 'The agent is in another call.',
  notInWrapUp: 'This call is not in wrap-up.'
} as const

function sameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every(item => other.includes(item))
}
