import {
  appendDecisions,
  type DecisionRow,
  decisionsAfter,
  findDecision,
  insertAttempt
} from '../../../sql/queries/compliance/decisions.ts'
import type { ComplianceDb } from '../../../sql/queries/compliance/db.ts'
import { isDuplicate } from '../../errors.ts'
import { decide, type Decision, refuseByClock } from '../decide.ts'
import type { Facts } from '../facts.ts'
import { hashNumber } from '../number-hash.ts'
import type { PackSet } from '../packs/compile.ts'
import { canonicalJson, CHAIN_START, type ChainBreak, ChainVerifier, chainHash } from './chain.ts'

/** A decision cannot be used for a call: it does not allow it, is too old, or was used before. */
export class DecisionError extends Error {
  override readonly name = 'DecisionError'
  readonly code: 'DECISION_UNKNOWN' | 'DECISION_NOT_ALLOWED' | 'DECISION_EXPIRED' | 'DECISION_USED'

  constructor(code: DecisionError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** What belongs to a decision beside its facts. */
export type DecisionContext = Readonly<{ campaignId?: string; contactId?: string; callId?: string }>

/** The body of an entry. The number itself is sealed; the rest needs nothing else to be replayed. */
export type DecisionBody = Readonly<{
  v: 1
  id: string
  engine: string
  tzdb: string
  facts: Omit<Facts, 'number'>
  number: Readonly<{ hash: string; last2: string; sealed: string }>
  campaignId: string | null
  contactId: string | null
  decision: Omit<Decision, 'number'> & Readonly<{ number: Omit<Decision['number'], 'e164'> }>
}>

export type LogParts = Readonly<{
  db: ComplianceDb
  /** Key of the hashes of numbers. */
  key: Buffer
  engine: string
  newId(): string
  seal(text: string): string
  /** Null once the number was erased. */
  unseal(sealed: string): string | null
}>

/** Decides and writes the decision, before anything is dialled. Rejects when it cannot be written: then do not dial. */
export async function decideAndLog(
  parts: LogParts,
  facts: Facts,
  packs: PackSet,
  context: DecisionContext = {}
): Promise<Readonly<{ id: string; decision: Decision }>> {
  // Only what is about to be dialled is judged by this machine's clock; plans may be about any time.
  const isClockWrong = facts.stage === 'dial' && Date.parse(facts.at) < packs.writtenAtMs
  const decision = isClockWrong ? refuseByClock(facts, packs) : decide(facts, packs)
  const [entry] = await logDecisions(parts, [{ facts, decision, context }])
  if (entry === undefined) throw new DecisionError('DECISION_UNKNOWN', 'the decision was not written')
  return entry
}

/** Writes many decisions at once, in order, under one lock of the chain. */
export async function logDecisions(
  parts: LogParts,
  decided: readonly Readonly<{ facts: Facts; decision: Decision; context: DecisionContext }>[]
): Promise<readonly Readonly<{ id: string; decision: Decision }>[]> {
  const prepared = decided.map(({ facts, decision, context }) => {
    const id = parts.newId()
    return { id, facts, decision, context, body: canonicalJson(bodyOf(parts, id, facts, decision, context)) }
  })
  await appendDecisions(parts.db, end => {
    let seq = end?.seq ?? 0
    let prev = end?.hash ?? CHAIN_START
    return prepared.map(({ id, facts, decision, context, body }) => {
      seq += 1
      const hash = chainHash(seq, prev, body)
      const row = {
        seq,
        id,
        at: new Date(Number.isNaN(Date.parse(facts.at)) ? 0 : facts.at),
        outcome: decision.outcome,
        reasons: [...decision.reasons],
        number_hash: hashNumber(parts.key, decision.number.e164 ?? facts.number),
        campaign_id: context.campaignId ?? null,
        contact_id: context.contactId ?? null,
        call_id: context.callId ?? null,
        body,
        prev,
        hash
      }
      prev = hash
      return row
    })
  })
  return prepared.map(({ id, decision }) => ({ id, decision }))
}

function bodyOf(parts: LogParts, id: string, facts: Facts, decision: Decision, context: DecisionContext): DecisionBody {
  const { number: written, ...rest } = facts
  const e164 = decision.number.e164 ?? written
  const { e164: _hidden, ...place } = decision.number
  return {
    v: 1,
    id,
    engine: parts.engine,
    tzdb: process.versions['tz'] ?? 'unknown',
    facts: rest,
    number: { hash: hashNumber(parts.key, e164), last2: e164.slice(-2), sealed: parts.seal(written) },
    campaignId: context.campaignId ?? null,
    contactId: context.contactId ?? null,
    decision: { ...decision, number: place }
  }
}

export function readBody(row: DecisionRow): DecisionBody {
  return JSON.parse(row.body)
}

/** Decides once more from the stored facts. Null where the number was erased and nothing can be replayed. */
export function replay(
  parts: Pick<LogParts, 'unseal'>,
  row: DecisionRow,
  packs: PackSet
): Readonly<{ before: DecisionBody['decision']; now: Decision; isSame: boolean }> | null {
  const body = readBody(row)
  const number = parts.unseal(body.number.sealed)
  if (number === null) return null
  const now = decide({ ...body.facts, number }, packs)
  const isSame =
    now.outcome === body.decision.outcome && canonicalJson(now.results) === canonicalJson(body.decision.results)
  return { before: body.decision, now, isSame }
}

/**
 * Joins a call to the decision that allowed it: the decision must allow, be at most 60 seconds old, and unused.
 * To be called before the INVITE leaves. `isParty`: the call exists already, and somebody else is to join it.
 */
export async function useDecision(
  parts: Pick<LogParts, 'db'>,
  decisionId: string,
  callId: string,
  now: Date,
  isParty = false
): Promise<void> {
  const row = await findDecision(parts.db, decisionId)
  if (row === undefined) throw new DecisionError('DECISION_UNKNOWN', 'there is no such decision')
  const body = readBody(row)
  if (row.outcome !== 'ALLOW' || body.decision.open.length > 0)
    throw new DecisionError('DECISION_NOT_ALLOWED', 'the decision does not allow the call to be dialled')
  if (now.getTime() > Date.parse(body.decision.validUntil) || now.getTime() < row.at.getTime() - CLOCK_SKEW_MS)
    throw new DecisionError('DECISION_EXPIRED', 'the decision is not of this minute; decide again')
  try {
    await insertAttempt(parts.db, {
      decision_id: row.id,
      call_id: callId,
      is_party: isParty,
      number_hash: row.numberHash,
      subject: body.facts.subject ?? null,
      outcome: null,
      placed_at: now
    })
  } catch (cause) {
    if (!isDuplicate(cause)) throw cause
    throw new DecisionError('DECISION_USED', 'the decision was already used for a call')
  }
}

const CLOCK_SKEW_MS = 5_000
const BATCH = 5_000

/** Checks the whole chain, streaming. Null when every link holds. */
export async function verifyChain(
  db: ComplianceDb,
  checkpoint?: Readonly<{ seq: number; hash: string }>
): Promise<Readonly<{ broken: ChainBreak | null; length: number; head: Readonly<{ seq: number; hash: string }> }>> {
  const verifier = new ChainVerifier()
  for await (const row of exportDecisions(db)) {
    if (checkpoint !== undefined && row.seq === checkpoint.seq && row.hash !== checkpoint.hash)
      return { broken: { seq: row.seq, id: row.id, why: 'changed' }, length: verifier.length, head: verifier.head }
    verifier.push(row)
  }
  return { broken: verifier.finish(checkpoint), length: verifier.length, head: verifier.head }
}

/** Every entry in order, for a file that an auditor can check without us. */
export async function* exportDecisions(db: ComplianceDb, fromSeq = 0): AsyncGenerator<DecisionRow> {
  let seq = fromSeq
  for (;;) {
    const rows = await decisionsAfter(db, seq, BATCH)
    yield* rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < BATCH) return
    seq = last.seq
  }
}
