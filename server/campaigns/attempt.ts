import type { Prompt } from '../../ivr-flows/host.ts'
import type { NoticeBy } from '../../sql/campaign-tables.ts'
import type { ReservedLead } from '../../sql/queries/campaigns/attempts.ts'
import type { CallerIdRow } from '../../sql/queries/campaigns/campaigns.ts'
import type { ContactRow } from '../../sql/queries/campaigns/contacts.ts'
import type { AgentCalls } from '../agent-calls/agent-calls.ts'
import type { Call } from '../calls/call.ts'
import type { AnsweredLeg } from '../calls/dial.ts'
import type { LegAudio } from '../calls/leg-audio.ts'
import type { ComplianceService } from '../compliance/compliance-service.ts'
import type { AgentPool } from './agent-pool.ts'
import {
  type AttemptFacts,
  type AttemptParts,
  finishAttempt,
  finishUnlawful,
  type Notice,
  releaseLead
} from './attempt-log.ts'
import type { Campaign } from './campaign.ts'
import type { OptOutParts } from './opt-out.ts'
import type { Outcome } from './retry.ts'
import type { TrunkHealth } from './trunk-health.ts'

export type CampaignCallParts = AttemptParts &
  Pick<OptOutParts, 'speech'> &
  Readonly<{
    calls: AgentCalls
    compliance: ComplianceService
    callerIds(): Promise<readonly CallerIdRow[]>
    trunks: TrunkHealth
    /** Whether it is unknown what time it is, so that nobody of this campaign may be dialled. */
    isClockInDoubt(campaignId: string): boolean
    /** Runs the published flow of an agentless campaign until it ends the call; false when none is published. */
    runFlow(
      call: Call,
      leg: Readonly<{ leg: AnsweredLeg; audio: LegAudio }>,
      flowId: string,
      facts: Readonly<{
        callerNumber: string | null
        calledNumber: string
        language: string
        variables: Readonly<Record<string, string>>
      }>
    ): Promise<boolean>
    prepare(prompts: readonly Prompt[], signal: AbortSignal): Promise<readonly string[]>
    /** From the end of a person's greeting to an agent or the message, in milliseconds; left out, what laws allow. */
    withinMs?: number
    /** Told before each step that a crash may follow; tests stop there. */
    step(name: CallStep, lead: ReservedLead): Promise<void>
  }>

export type CallStep = 'reserved' | 'permitted' | 'dialling' | 'answered' | 'ended'

/** What the law's counters say now, for the decision. */
export type PaceFacts = Readonly<{
  pacing: 'preview' | 'progressive' | 'predictive'
  live: number
  abandoned: number
  actsOnMachines: boolean
}>

const TRUNK_DOWN_MS = 300_000

/** One dial of a campaign while it lasts: the lead, and that its end is written once. */
export class Attempt {
  readonly parts: CampaignCallParts
  readonly campaign: Campaign
  readonly lead: ReservedLead
  readonly pool: AgentPool | null
  readonly pace: () => PaceFacts
  #isDialling = false
  #isFinished = false
  #notice: Notice | null = null

  constructor(
    parts: CampaignCallParts,
    campaign: Campaign,
    lead: ReservedLead,
    pool: AgentPool | null,
    pace: () => PaceFacts
  ) {
    this.parts = parts
    this.campaign = campaign
    this.lead = lead
    this.pool = pool
    this.pace = pace
  }

  /** Whether an INVITE may have left. */
  get isDialling(): boolean {
    return this.#isDialling
  }

  get isFinished(): boolean {
    return this.#isFinished
  }

  languageOf(contact: Pick<ContactRow, 'language'>): string {
    return contact.language ?? this.campaign.settings.defaultLanguage
  }

  /** From here on the number may ring. */
  beganDialling(): void {
    this.#isDialling = true
  }

  /** Somebody else has closed it: nothing more is written about it here. */
  takenOver(): void {
    this.#isFinished = true
  }

  /** What the law wants said begins to be said at this moment; the last time is the one that a person has heard. */
  noticed(by: NoticeBy, call: Call): void {
    if (call.signal.aborted) return
    this.#notice = { by, atMs: Math.round(call.tap?.elapsedMs ?? 0) }
  }

  async finish(outcome: Outcome, facts: AttemptFacts = {}): Promise<void> {
    if (this.#isFinished) return
    this.#isFinished = true
    await finishAttempt(this.parts, this.campaign, this.lead, outcome, {
      ...facts,
      ...(this.#notice !== null && { notice: this.#notice })
    })
  }

  async finishUnlawful(decisionId: string, decision: Parameters<typeof finishUnlawful>[4]): Promise<void> {
    if (this.#isFinished) return
    this.#isFinished = true
    await finishUnlawful(this.parts, this.campaign, this.lead, decisionId, decision)
  }

  /** The trunk carried nothing to the person: it counts for nothing and is tried again. */
  async trunkFailed(sipStatus: number, detail: string): Promise<void> {
    if (this.#isFinished) return
    this.#isFinished = true
    await releaseLead(this.parts, this.lead, { afterMs: TRUNK_DOWN_MS, detail, outcome: 'trunkDown', sipStatus })
  }

  /** Nothing has left: the lead is tried again after a while. */
  async release(detail: string, afterMs: number): Promise<void> {
    if (this.#isFinished) return
    this.#isFinished = true
    await releaseLead(this.parts, this.lead, { afterMs, detail })
  }
}

/** The same attempt always has the same Call-ID; the number of the trunk that is tried is added to it. */
export function sipCallIdOf(attemptId: string): string {
  return `${attemptId}.parley`
}
