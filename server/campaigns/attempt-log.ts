import type { NoticeBy } from '../../sql/campaign-tables.ts'
import type { Db } from '../../sql/database.ts'
import {
  type AttemptEnd,
  attemptsOfLead,
  countAbandonedLate,
  endAttempt,
  type ReservedLead
} from '../../sql/queries/campaigns/attempts.ts'
import { numbersOf } from '../../sql/queries/campaigns/contacts.ts'
import { storeSurely } from '../calls/store-surely.ts'
import type { Decision } from '../compliance/decide.ts'
import type { Logger } from '../log.ts'
import type { Campaign } from './campaign.ts'
import { nextStep, type Outcome, wasDialled } from './retry.ts'

export type AttemptParts = Readonly<{ db: Db; log: Logger; now(): Date }>
type Lead = Pick<ReservedLead, 'id' | 'contactId' | 'position' | 'number'>

const MINUTE_MS = 60_000

/** Who said what the law wants said, and when it began, in milliseconds since the answer. */
export type Notice = Readonly<{ by: NoticeBy; atMs: number }>

/** What is written of an attempt besides its outcome. */
export type AttemptFacts = Readonly<{
  sipStatus?: number
  detail?: string
  agentId?: string
  isAbandoned?: boolean
  amd?: Readonly<{ result: string; ms: number }>
  isConnected?: boolean
  notice?: Notice
  answeredAt?: Date
  /** The agent decides what becomes of the contact, in wrap-up. */
  waitsForAgent?: boolean
}>

/** Writes how a dial came out and what is done with the contact. Written once it can be; the first end counts. */
export async function finishAttempt(
  parts: AttemptParts,
  campaign: Pick<Campaign, 'no' | 'settings'>,
  lead: Lead,
  outcome: Outcome,
  facts: AttemptFacts = {}
): Promise<void> {
  const { db, log } = parts
  await storeSurely(
    async () => {
      const now = parts.now()
      const numbers = (await numbersOf(db, [lead.contactId])).get(lead.contactId) ?? []
      const attempts = (await attemptsOfLead(db, campaign.no, lead.contactId))
        .filter(one => one.id !== lead.id && wasDialled(one.outcome))
        .map(one => ({ outcome: one.outcome as Outcome, position: one.position }))
      const step = nextStep(
        outcome,
        lead.position,
        { attempts: [...attempts, { outcome, position: lead.position }], numbers: numbers.length },
        campaign.settings,
        now
      )
      // What screens calls stands before a person as a machine does: the law's counters see it so.
      const isMachine = outcome === 'machine' || outcome === 'screened'
      // An abandoned call belongs to the day of its answer, like the answer.
      const day = (facts.answeredAt ?? now).toISOString().slice(0, 10)
      const end: AttemptEnd = {
        attempt: {
          outcome,
          ...(outcome === 'unknown' && { state: 'unknown' }),
          ...(facts.sipStatus !== undefined && { sip_status: facts.sipStatus }),
          ...(facts.detail !== undefined && { detail: facts.detail }),
          ...(facts.agentId !== undefined && { agent_id: facts.agentId }),
          ...(facts.isAbandoned === true && { is_abandoned: true }),
          ...(facts.amd !== undefined && { amd_result: facts.amd.result, amd_ms: facts.amd.ms }),
          ...(facts.notice !== undefined && { notice_by: facts.notice.by, notice_ms: facts.notice.atMs })
        },
        lead:
          facts.waitsForAgent === true
            ? { state: 'wrapUp', nextAt: null, position: null, placeId: null, lastOutcome: outcome, isCounted: true }
            : {
                state: step.state,
                nextAt: step.state === 'waiting' ? step.at : null,
                position: step.state === 'waiting' ? step.position : null,
                placeId: step.state === 'waiting' ? (numbers[step.position]?.placeId ?? null) : null,
                lastOutcome: outcome,
                isCounted: true
              },
        day:
          isMachine || facts.isAbandoned === true || facts.isConnected === true
            ? {
                day,
                machines: isMachine ? 1 : 0,
                abandoned: facts.isAbandoned === true ? 1 : 0,
                connected: facts.isConnected === true ? 1 : 0
              }
            : null
      }
      if (await endAttempt(db, lead.id, end, now)) return
      log.warn({ callId: lead.id, outcome }, 'an attempt was closed by somebody else before its end')
      if (facts.isAbandoned === true) await countAbandonedLate(db, lead.id, day)
    },
    log,
    'the end of an attempt'
  )
}

/** Gives a lead back that was held and of whom nothing has become: never dialled, or not carried by any trunk. */
export async function releaseLead(
  parts: AttemptParts,
  lead: Lead,
  options: Readonly<{
    afterMs: number
    detail: string
    state?: 'waiting' | 'suppressed'
    until?: Date
    outcome?: 'notDialled' | 'trunkDown'
    sipStatus?: number
    /** See {@link AttemptEnd}; for whoever does not own the attempt. */
    isUndialled?: boolean
  }>
): Promise<void> {
  await storeSurely(
    async () => {
      const now = parts.now()
      const { state = 'waiting', outcome = 'notDialled', afterMs, detail, until, sipStatus, isUndialled } = options
      await endAttempt(
        parts.db,
        lead.id,
        {
          attempt: { outcome, detail, ...(sipStatus !== undefined && { sip_status: sipStatus }) },
          lead: {
            state,
            nextAt: until ?? new Date(now.getTime() + afterMs),
            position: null,
            placeId: null,
            lastOutcome: state === 'suppressed' ? 'suppressed' : null,
            isCounted: false
          },
          day: null,
          ...(isUndialled === true && { isUndialled })
        },
        now
      )
    },
    parts.log,
    'the release of a contact'
  )
}

/** Writes that the rules do not allow a call, and when or whether it is asked again. */
export async function finishUnlawful(
  parts: AttemptParts,
  campaign: Pick<Campaign, 'no' | 'settings'>,
  lead: Lead,
  decisionId: string,
  decision: Pick<Decision, 'outcome' | 'reasons' | 'nextAt'>
): Promise<void> {
  await storeSurely(
    async () => {
      const now = parts.now()
      const numbers = (await numbersOf(parts.db, [lead.contactId])).get(lead.contactId) ?? []
      const refused = new Set(
        (await attemptsOfLead(parts.db, campaign.no, lead.contactId))
          .filter(one => one.outcome === 'notLawful' && one.detail.startsWith('BLOCK'))
          .map(one => one.position)
      )
      const isCapOnly = decision.reasons.length === 1 && decision.reasons[0] === 'CAMPAIGN_ABANDON_CAP'
      const other =
        decision.outcome === 'BLOCK' && !isCapOnly
          ? numbers.find(one => one.position !== lead.position && !refused.has(one.position))
          : undefined
      const nextMs =
        decision.nextAt === null
          ? now.getTime() + (isCapOnly || decision.outcome === 'DEFER' ? MINUTE_MS : 0)
          : Date.parse(decision.nextAt)
      const isWaiting = decision.outcome === 'DEFER' || isCapOnly || other !== undefined
      await endAttempt(
        parts.db,
        lead.id,
        {
          attempt: {
            outcome: 'notLawful',
            decision_id: decisionId,
            detail: `${decision.outcome} ${decision.reasons.join(' ')}`
          },
          lead: {
            state: isWaiting ? 'waiting' : decision.outcome === 'REVIEW' ? 'review' : 'blocked',
            nextAt: new Date(Math.max(nextMs, now.getTime() + 1_000)),
            position: other?.position ?? null,
            placeId: other?.placeId ?? null,
            reasons: decision.reasons,
            decisionId,
            lastOutcome: null,
            isCounted: false
          },
          day: null
        },
        now
      )
    },
    parts.log,
    'a decision about a contact'
  )
}
