import type { Db } from '../../sql/database.ts'
import {
  type CallerIdRow,
  type CampaignRow,
  findCampaign,
  findListNos,
  insertCampaign,
  listCallerIds,
  updateCampaign
} from '../../sql/queries/campaigns/campaigns.ts'
import type { CampaignState, Pacing } from '../../sql/campaign-tables.ts'
import type { AgentCalls } from '../agent-calls/agent-calls.ts'
import type { ComplianceService } from '../compliance/compliance-service.ts'
import type { Flow } from '../../ivr-flows/flow.ts'
import { AppError } from '../errors.ts'
import { newId } from '../ids.ts'
import type { Logger } from '../log.ts'
import { AgentPool } from './agent-pool.ts'
import { whyUnusable } from './caller-id.ts'
import { type Campaign, toCampaign } from './campaign.ts'
import type { Dialer } from './dialer.ts'
import { type DryRun, dryRun } from './dry-run.ts'
import { type CampaignSettings, hashSettings } from './settings.ts'
import { checkStatements, nodesOfBots, nodesThatTakeKey, type SettingsProblem } from './statements.ts'

export type CampaignServiceParts = Readonly<{
  db: Db
  compliance: ComplianceService
  calls: AgentCalls
  dialer: Dialer
  log: Logger
  now(): Date
  /** The published version of a flow; null when there is none. */
  flow(flowId: string): Promise<Flow | null>
}>

export type DryRunProgress = Readonly<{ done: number; total: number; hasFailed: boolean }>

const EDITABLE: readonly CampaignState[] = ['draft', 'awaitingApproval', 'approved', 'paused', 'stopped']

/** Campaigns from the first draft to the end: what is missing, what would happen, who agrees, and starting and stopping. */
export class CampaignService implements AsyncDisposable {
  readonly #parts: CampaignServiceParts
  readonly #dryRuns = new Map<string, { done: number; total: number; hasFailed: boolean; running: Promise<void> }>()
  readonly #ended = new AbortController()

  constructor(parts: CampaignServiceParts) {
    this.#parts = parts
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    await Promise.allSettled([...this.#dryRuns.values()].map(one => one.running))
  }

  async create(name: string, pacing: Pacing, settings: CampaignSettings, by: string | null): Promise<CampaignRow> {
    return await insertCampaign(this.#parts.db, {
      id: newId(),
      name,
      pacing,
      settings: JSON.stringify(settings),
      settings_hash: hashSettings(name, pacing, settings),
      dry_run_hash: null,
      dry_run_at: null,
      submitted_by: null,
      submitted_at: null,
      approved_by: null,
      approved_at: null,
      approved_hash: null,
      refused_by: null,
      refusal: null,
      state_by: by,
      started_at: null,
      ended_at: null,
      created_by: by,
      deleted_at: null
    })
  }

  async get(id: string): Promise<CampaignRow> {
    const row = await findCampaign(this.#parts.db, id)
    if (row === undefined) throw new AppError('NOT_FOUND', 'No campaign has this id.')
    return row
  }

  /** Changes a campaign that does not run. Other settings than those agreed to need agreement again. */
  async change(
    id: string,
    change: Readonly<{ name?: string; pacing?: Pacing; settings?: CampaignSettings }>,
    by: string | null
  ): Promise<CampaignRow> {
    for (;;) {
      const before = await this.get(id)
      if (!EDITABLE.includes(before.state)) throw new AppError('CONFLICT', 'Pause the campaign before you change it.')
      const name = change.name ?? before.name
      const pacing = change.pacing ?? before.pacing
      const settings = change.settings ?? (before.settings as unknown as CampaignSettings)
      const hash = hashSettings(name, pacing, settings)
      const isSame = hash === before.settings_hash
      const row = await updateCampaign(
        this.#parts.db,
        id,
        [before.state],
        {
          name,
          pacing,
          settings: JSON.stringify(settings),
          settings_hash: hash,
          ...(!isSame &&
            before.state !== 'draft' && {
              state: 'draft',
              state_by: by,
              state_since: this.#parts.now(),
              state_reason: 'changed',
              submitted_by: null,
              submitted_at: null,
              approved_by: null,
              approved_at: null,
              approved_hash: null
            })
        },
        before.settings_hash
      )
      if (row !== undefined) return row
      // Somebody was faster: what they have submitted or agreed to is looked at anew.
    }
  }

  /** Everything that must be mended before the campaign can start. */
  async problems(campaign: Campaign): Promise<readonly SettingsProblem[]> {
    const { db, calls, now } = this.#parts
    const { settings, pacing } = campaign
    const problems: SettingsProblem[] = [...checkStatements(pacing, settings)]
    const add = (at: string, code: SettingsProblem['code'], message: string) => problems.push({ at, code, message })
    if ((await findListNos(db, settings.lists)).length === 0)
      add('/lists', 'LIST_MISSING', 'Choose a list of contacts.')
    if (Object.values(settings.schedule.weekly).every(spans => spans.length === 0))
      add('/schedule/weekly', 'SCHEDULE_EMPTY', 'The campaign has no hours.')
    if (pacing === 'agentless') await this.#checkFlow(settings, add)
    else {
      const queue = settings.queue === undefined ? undefined : calls.parts.queues.findQueue(settings.queue)
      if (settings.queue === undefined) add('/queue', 'QUEUE_MISSING', 'Choose the queue whose agents take the calls.')
      else if (queue === undefined) add('/queue', 'QUEUE_UNKNOWN', 'There is no such queue.')
      else if (pacing === 'predictive' && !queue.isAutoAnswered)
        add(
          '/queue',
          'QUEUE_NOT_AUTOMATIC',
          'Agents of a predictive campaign must be connected by themselves: nobody may wait for more than two seconds.'
        )
    }
    const pool = (await listCallerIds(db)).filter(one => settings.callerIds.includes(one.id))
    if (pool.length === 0) add('/callerIds', 'CALLER_ID_MISSING', 'Choose the numbers that are shown.')
    for (const one of pool) {
      const why = whyUnusable(one, now())
      if (why === 'notProved')
        add('/callerIds', 'CALLER_ID_NOT_PROVED', `The right to show ${one.number} is not proved.`)
      if (why === 'expired') add('/callerIds', 'CALLER_ID_EXPIRED', `The proof for ${one.number} has run out.`)
      if (why === 'blocked') add('/callerIds', 'CALLER_ID_BLOCKED', `${one.number} was blocked: ${one.block_reason}`)
    }
    const tables = await calls.parts.routing.tables()
    if (!tables.trunks.some(({ trunk }) => trunk.isEnabled && trunk.outboundAddress !== null))
      add('/callerIds', 'CALLER_ID_UNROUTED', 'No trunk that is switched on takes outbound calls.')
    return problems
  }

  /** Begins a dry run in the background; its progress can be asked for. */
  async beginDryRun(id: string): Promise<void> {
    const running = this.#dryRuns.get(id)
    if (running !== undefined && running.done < running.total && !running.hasFailed)
      throw new AppError('CONFLICT', 'A dry run of this campaign is under way.')
    const campaign = toCampaign(await this.get(id))
    const progress = { done: 0, total: 1, hasFailed: false, running: Promise.resolve() }
    this.#dryRuns.set(id, progress)
    progress.running = this.#runDry(campaign, progress).catch(err => {
      progress.hasFailed = true
      if (!this.#ended.signal.aborted) this.#parts.log.error({ err, campaignId: id }, 'a dry run has failed')
    })
  }

  dryRunProgress(id: string): DryRunProgress | null {
    const found = this.#dryRuns.get(id)
    return found === undefined ? null : { done: found.done, total: found.total, hasFailed: found.hasFailed }
  }

  /** Asks a second person to agree. */
  async submit(id: string, by: string | null): Promise<CampaignRow> {
    const row = await this.get(id)
    const problems = await this.problems(toCampaign(row))
    refuseProblems(problems)
    if (row.dry_run_hash !== row.settings_hash)
      throw new AppError('CONFLICT', 'Run the campaign dry first: nobody can agree to what is not known.')
    const at = this.#parts.now()
    const change = {
      state: 'awaitingApproval',
      submitted_by: by,
      submitted_at: at,
      refused_by: null,
      refusal: null,
      state_by: by,
      state_reason: '',
      state_since: at
    } as const
    return await this.#move(id, ['draft'], change, row.settings_hash)
  }

  /** A second person agrees to exactly these settings. */
  async approve(id: string, by: string | null): Promise<CampaignRow> {
    const row = await this.get(id)
    if (by === null || by === row.created_by || by === row.submitted_by)
      throw new AppError('FORBIDDEN', 'Somebody else than the author must agree.')
    const at = this.#parts.now()
    const change = {
      state: 'approved',
      approved_by: by,
      approved_at: at,
      approved_hash: row.settings_hash,
      state_by: by,
      state_reason: '',
      state_since: at
    } as const
    return await this.#move(id, ['awaitingApproval'], change, row.settings_hash)
  }

  async refuse(id: string, by: string | null, reason: string): Promise<CampaignRow> {
    return await this.#move(id, ['awaitingApproval'], {
      state: 'draft',
      refused_by: by,
      refusal: reason,
      state_by: by,
      state_reason: reason,
      state_since: this.#parts.now()
    })
  }

  async start(id: string, by: string | null): Promise<CampaignRow> {
    const row = await this.get(id)
    if (row.approved_hash !== row.settings_hash)
      throw new AppError('CONFLICT', 'The campaign needs the agreement of a second person for these settings.')
    refuseProblems(await this.problems(toCampaign(row)))
    const at = this.#parts.now()
    const change = {
      state: 'running',
      started_at: row.started_at ?? at,
      ended_at: null,
      state_by: by,
      state_reason: '',
      state_since: at
    } as const
    const started = await this.#move(id, ['approved', 'paused', 'stopped'], change, row.settings_hash)
    await this.#parts.dialer.changed()
    return started
  }

  /** Nothing more is dialled from this moment on; calls that ring go on. */
  async pause(id: string, by: string | null, reason: string): Promise<CampaignRow> {
    return await this.#halt(id, 'paused', ['running'], by, reason)
  }

  async stop(id: string, by: string | null, reason: string): Promise<CampaignRow> {
    return await this.#halt(id, 'stopped', ['running', 'paused', 'approved', 'awaitingApproval'], by, reason)
  }

  async clone(id: string, name: string, by: string | null): Promise<CampaignRow> {
    const row = await this.get(id)
    return await this.create(name, row.pacing, row.settings as unknown as CampaignSettings, by)
  }

  async callerIds(): Promise<readonly CallerIdRow[]> {
    return await listCallerIds(this.#parts.db)
  }

  async #halt(
    id: string,
    state: 'paused' | 'stopped',
    from: readonly CampaignState[],
    by: string | null,
    reason: string
  ): Promise<CampaignRow> {
    const row = await this.#move(id, from, {
      state,
      state_by: by,
      state_reason: reason,
      state_since: this.#parts.now()
    })
    await this.#parts.dialer.changed()
    return row
  }

  /** `settingsHash`: of the settings that were looked at, which must still be those of the campaign. */
  async #move(
    id: string,
    from: readonly CampaignState[],
    change: Parameters<typeof updateCampaign>[3],
    settingsHash?: string
  ): Promise<CampaignRow> {
    const row = await updateCampaign(this.#parts.db, id, from, change, settingsHash)
    if (row !== undefined) return row
    const now = await this.get(id)
    if (settingsHash !== undefined && now.settings_hash !== settingsHash)
      throw new AppError('CONFLICT', 'The campaign was changed in this moment; look at it again.')
    throw new AppError('CONFLICT', `The campaign is ${now.state}; this is possible while it is ${from.join(' or ')}.`)
  }

  async #runDry(campaign: Campaign, progress: { done: number; total: number }): Promise<void> {
    const { db, compliance, calls, now, log } = this.#parts
    const at = now()
    const queue =
      campaign.settings.queue === undefined ? undefined : calls.parts.queues.findQueue(campaign.settings.queue)
    let agents = 0
    if (queue !== undefined) {
      await using pool = new AgentPool(
        { queues: calls.parts.queues, agents: calls.parts.agents, log },
        queue,
        campaign.settings.defaultLanguage
      )
      const counted = pool.count(at)
      agents = counted.free + counted.busy.length + counted.onBreak + counted.offline
    }
    const found: DryRun = await dryRun(
      { db, compliance, callerIds: await listCallerIds(db) },
      campaign,
      { agents },
      at,
      (done, total) => Object.assign(progress, { done: Math.min(done, total - 1), total }),
      this.#ended.signal
    )
    await db
      .updateTable('campaigns')
      .set({ dry_run: JSON.stringify(found), dry_run_hash: campaign.settingsHash, dry_run_at: at })
      .where('id', '=', campaign.id)
      .execute()
    Object.assign(progress, { done: found.total, total: found.total })
  }

  async #checkFlow(
    settings: CampaignSettings,
    add: (at: string, code: SettingsProblem['code'], message: string) => void
  ): Promise<void> {
    if (settings.flowId === undefined) {
      add('/flowId', 'FLOW_MISSING', 'Choose the flow that the call runs.')
      return
    }
    const flow = await this.#parts.flow(settings.flowId)
    if (flow === null) {
      add('/flowId', 'FLOW_UNPUBLISHED', 'No version of this flow is published.')
      return
    }
    const [bot] = nodesOfBots(flow)
    if (bot !== undefined && settings.isAi !== true)
      add('/isAi', 'FLOW_HAS_BOT', `The step “${bot}” of the flow is a bot: say that no human speaks.`)
    if (settings.optOutKey === undefined) return
    for (const node of nodesThatTakeKey(flow, settings.optOutKey))
      add(
        '/optOutKey',
        'FLOW_TAKES_KEY',
        `The step “${node}” of the flow wants key ${settings.optOutKey}, which ends such calls for good.`
      )
  }
}

function refuseProblems(problems: readonly SettingsProblem[]): void {
  if (problems.length === 0) return
  throw new AppError('VALIDATION_FAILED', problems.map(one => one.message).join(' '), {
    problems: problems.map(one => ({ at: one.at, message: `${one.code}: ${one.message}` }))
  })
}
