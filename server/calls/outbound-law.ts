import { setAttemptOutcome } from '../../sql/queries/compliance/decisions.ts'
import type { Mode, Purpose, Reason } from '../compliance/codes.ts'
import type { ComplianceService, Question } from '../compliance/compliance-service.ts'
import type { Decision } from '../compliance/decide.ts'
import { useDecision } from '../compliance/log/decision-log.ts'
import { AppError, type ErrorCode } from '../errors.ts'
import type { Logger } from '../log.ts'
import { maskNumber } from '../number-mask.ts'
import type { ClockDoubt } from './clock-watch.ts'

/** So soon a clock that is set right may be believed again. */
const RETRY_SECONDS = 60

/** An outbound call that somebody or something wants to place now. */
export type IntendedCall = Readonly<{
  callId: string
  /** E.164. */
  number: string
  mode: Mode
  purpose: Purpose
  party?: 'consumer' | 'business' | 'unknown'
  /** The number of ours that will be shown; null shows none. */
  callerNumber: string | null
  callbackRequestedAt?: Date
  campaignId?: string
  contactId?: string
  /** Whether the call exists already and somebody is to join it. */
  isParty?: boolean
  /** Whether one of the company’s own places is dialled, such as a branch: at any time. */
  isOwnPlace?: boolean
  /** Whether a person has vouched for the time where this call comes from, such as by starting its campaign again. */
  isTimeVouchedFor?(): boolean
  /** What else is known, such as the consent's seller or where the person lives. */
  more?: Partial<Question>
}>

/** What the rules say to an intended call. A refusal is written down like a permission. */
export type Ruling = Readonly<{ kind: 'allowed'; attempt: LawfulAttempt }> | Refused

type Refused = Objection & Readonly<{ kind: 'refused'; decisionId: string; decision: Decision }>

export type AttemptOutcome =
  | 'no_answer'
  | 'busy'
  | 'failed'
  | 'machine'
  | 'answered'
  | 'conversation'
  | 'abandoned'
  | 'hung_up'
  /** Nothing was dialled after all; it is not counted. */
  | 'not_placed'

/** Why an INVITE may not leave although its decision allowed the call. */
export type Objection = Readonly<{ code: ErrorCode; reason: string }>

/** A call that may be placed: the decision that allows it is written, and used up by this call. */
export interface LawfulAttempt {
  readonly decisionId: string
  readonly decision: Decision
  /** Asked right before each INVITE: the decision may have become too old, or the clock have come into doubt. */
  objection(): Objection | null
  /** Says how it came out, for the counting of attempts. Never throws: the call is what matters by then. */
  outcome(outcome: AttemptOutcome): Promise<void>
}

/**
 * The one door to dialling a customer: decides, writes the decision, and joins it to the call before any INVITE is sent.
 * What cannot be decided is not dialled.
 */
export class OutboundLaw {
  readonly #compliance: ComplianceService
  readonly #log: Logger
  readonly #clockDoubt: () => ClockDoubt | null
  readonly #now: () => Date

  /** `clockDoubt`: why nobody knows what time it is, asked for each call. */
  constructor(
    compliance: ComplianceService,
    log: Logger,
    clockDoubt: () => ClockDoubt | null,
    now: () => Date = () => new Date()
  ) {
    this.#compliance = compliance
    this.#log = log
    this.#clockDoubt = clockDoubt
    this.#now = now
  }

  /** Rejects with AppError NOT_LAWFUL, with every reason, or CLOCK_IN_DOUBT, when the call may not be placed now. */
  async permit(intended: IntendedCall): Promise<LawfulAttempt> {
    const ruling = await this.rule(intended)
    if (ruling.kind === 'allowed') return ruling.attempt
    throw refusal(intended.number, ruling)
  }

  /** Decides, writes the decision, and joins it to the call when it allows it. */
  async rule(intended: IntendedCall): Promise<Ruling> {
    const { callId, number, mode, purpose, party, callerNumber, callbackRequestedAt, campaignId, contactId } = intended
    const at = this.#now()
    const mayPass = () => intended.isOwnPlace === true || intended.isTimeVouchedFor?.() === true
    const clockDoubt = () => (mayPass() ? null : this.#clockDoubt())
    const doubt = clockDoubt()
    // Who said stop on another control plane a moment ago is not called either.
    await this.#compliance.internalList.refresh()
    const { id, decision } = await this.#compliance.decideForCall(
      {
        ...intended.more,
        number,
        mode,
        purpose,
        stage: 'dial',
        at: at.toISOString(),
        ...(party !== undefined && { party }),
        ...(doubt !== null && { clockDoubt: doubt }),
        // Only numbers of ours can be shown, which their routing has made sure of.
        callerId: callerNumber === null ? null : { number: callerNumber, isOwned: true },
        ...(callbackRequestedAt !== undefined && { callbackRequestedAt: callbackRequestedAt.toISOString() })
      },
      {
        callId,
        ...(campaignId !== undefined && { campaignId }),
        ...(contactId !== undefined && { contactId })
      }
    )
    if (decision.outcome !== 'ALLOW') {
      this.#log.info(
        { callId, decisionId: id, outcome: decision.outcome, reasons: decision.reasons },
        'call not placed'
      )
      return { kind: 'refused', decisionId: id, decision, ...codeAndReason(decision, doubt) }
    }
    await useDecision(this.#compliance.log, id, callId, at, intended.isParty)
    const attempt: LawfulAttempt = {
      decisionId: id,
      decision,
      objection: () => {
        const newDoubt = clockDoubt()
        if (newDoubt !== null) return { code: 'CLOCK_IN_DOUBT', reason: explainDoubt(newDoubt) }
        if (this.#now().getTime() <= Date.parse(decision.validUntil)) return null
        return { code: 'NOT_LAWFUL', reason: 'The decision is more than a minute old.' }
      },
      outcome: async outcome => {
        try {
          await setAttemptOutcome(this.#compliance.db, id, outcome)
        } catch (err) {
          this.#log.error({ err, callId, outcome }, 'the outcome of an attempt could not be stored')
        }
      }
    }
    return { kind: 'allowed', attempt }
  }
}

function refusal(number: string, { decisionId, decision, code, reason }: Refused): AppError {
  const problems = decision.reasons.map((one: Reason) => ({ at: '/to', message: one }))
  if (code === 'CLOCK_IN_DOUBT')
    return new AppError(code, `${maskNumber(number)} is not called: decision ${decisionId}. ${reason}`, {
      problems,
      retryAfterSeconds: RETRY_SECONDS
    })
  const when = decision.nextAt === null ? '' : ` The next possible moment is ${decision.nextAt}.`
  return new AppError(
    code,
    `${maskNumber(number)} may not be called now (${decision.outcome}): decision ${decisionId}.${when}`,
    { problems }
  )
}

function codeAndReason({ reasons }: Decision, doubt: ClockDoubt | null): Objection {
  if (doubt !== null && reasons.includes('CLOCK_UNCERTAIN'))
    return { code: 'CLOCK_IN_DOUBT', reason: explainDoubt(doubt) }
  return { code: 'NOT_LAWFUL', reason: `Not lawful now (${reasons.join(', ')}).` }
}

function explainDoubt({ kind, byMs }: ClockDoubt): string {
  const by = `${Math.round(Math.abs(byMs) / 1_000)} s`
  return kind === 'differs'
    ? `The server’s clock and the database’s differ by ${by}; calls go on by themselves when they agree.`
    : `The server’s clock was set by ${by}. If the time is right now, somebody says so under Compliance; if not, set the clock.`
}
