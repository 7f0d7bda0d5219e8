import { setAttemptOutcome } from '../../sql/queries/compliance/decisions.ts'
import type { Mode, Purpose, Reason } from '../compliance/codes.ts'
import type { ComplianceService, Question } from '../compliance/compliance-service.ts'
import type { Decision } from '../compliance/decide.ts'
import { useDecision } from '../compliance/log/decision-log.ts'
import { AppError } from '../errors.ts'
import type { Logger } from '../log.ts'
import { maskNumber } from '../number-mask.ts'

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
  /** What else is known, such as the consent's seller or where the person lives. */
  more?: Partial<Question>
}>

/** What the rules say to an intended call. A refusal is written down like a permission. */
export type Ruling =
  | Readonly<{ kind: 'allowed'; attempt: LawfulAttempt }>
  | Readonly<{ kind: 'refused'; decisionId: string; decision: Decision }>

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

/** A call that may be placed: the decision that allows it is written, and used up by this call. */
export interface LawfulAttempt {
  readonly decisionId: string
  readonly decision: Decision
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
  readonly #now: () => Date

  constructor(compliance: ComplianceService, log: Logger, now: () => Date = () => new Date()) {
    this.#compliance = compliance
    this.#log = log
    this.#now = now
  }

  /** Rejects with AppError NOT_LAWFUL, with every reason, when the call may not be placed now. */
  async permit(intended: IntendedCall): Promise<LawfulAttempt> {
    const ruling = await this.rule(intended)
    if (ruling.kind === 'allowed') return ruling.attempt
    throw refusal(intended.number, ruling.decisionId, ruling.decision)
  }

  /** Decides, writes the decision, and joins it to the call when it allows it. */
  async rule(intended: IntendedCall): Promise<Ruling> {
    const { callId, number, mode, purpose, party, callerNumber, callbackRequestedAt, campaignId, contactId } = intended
    const at = this.#now()
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
      return { kind: 'refused', decisionId: id, decision }
    }
    await useDecision(this.#compliance.log, id, callId, at, intended.isParty)
    const attempt: LawfulAttempt = {
      decisionId: id,
      decision,
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

function refusal(number: string, decisionId: string, decision: Decision): AppError {
  const when = decision.nextAt === null ? '' : ` The next possible moment is ${decision.nextAt}.`
  return new AppError(
    'NOT_LAWFUL',
    `${maskNumber(number)} may not be called now (${decision.outcome}): decision ${decisionId}.${when}`,
    { problems: decision.reasons.map((reason: Reason) => ({ at: '/to', message: reason })) }
  )
}
