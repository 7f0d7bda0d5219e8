import { createHash } from 'node:crypto'
import type { Db } from '../../sql/database.ts'
import { insertRecordingConsent } from '../../sql/queries/recordings.ts'
import type { ConsentMethod } from '../../sql/recording-tables.ts'
import type { RecordingPolicy, RecordingPolicyName } from '../compliance/recording-policy.ts'
import { newId } from '../ids.ts'

/** Taking consent back ends the recording; by these policies what was recorded goes too. */
export const DELETES_ON_WITHDRAWAL: Readonly<Record<RecordingPolicyName, boolean>> = {
  one_party: false,
  notice: false,
  notice_object: false,
  all_party: false,
  opt_in: true,
  never: true
}

/** What somebody was told and what came of it. */
export type ConsentFacts = Readonly<{
  callId: string
  /** `customer`, or who joined later. */
  party: string
  policy: RecordingPolicy
  places: readonly string[]
  method: ConsentMethod
  /** Of an answer that was spoken, 0 to 1. */
  confidence?: number
  language: string
  /** What was played, in order; null when nothing had to be said. */
  wording: readonly unknown[] | null
}>

/**
 * Leave to record a call: the proof of it is in the database before this exists. There is no other way to get one, and
 * no way to record without one.
 */
export class RecordingGrant {
  readonly id: string
  readonly callId: string
  readonly policy: RecordingPolicyName
  readonly facts: ConsentFacts
  readonly at: Date

  private constructor(id: string, at: Date, facts: ConsentFacts) {
    this.id = id
    this.callId = facts.callId
    this.policy = facts.policy.policy
    this.facts = facts
    this.at = at
  }

  /** Writes the consent; rejects when it cannot be written, and then there is none. */
  static async obtain(db: Db, facts: ConsentFacts): Promise<RecordingGrant> {
    if (facts.policy.policy === 'never') throw new TypeError('nobody can give leave where recording is forbidden')
    const { id, at } = await storeConsent(db, facts, 'granted', null)
    return new RecordingGrant(id, at, facts)
  }

  /** Writes that the consent was taken back. */
  async withdraw(db: Db, method: ConsentMethod): Promise<void> {
    const { confidence: _, ...facts } = this.facts
    await storeConsent(db, { ...facts, method, wording: null }, 'withdrawn', this.id)
  }
}

/** Writes that somebody did not agree. */
export async function storeRefusal(db: Db, facts: ConsentFacts): Promise<void> {
  await storeConsent(db, facts, 'refused', null)
}

async function storeConsent(
  db: Db,
  facts: ConsentFacts,
  result: 'granted' | 'refused' | 'withdrawn',
  withdraws: string | null
): Promise<{ id: string; at: Date }> {
  const { callId, party, policy, places, method, confidence, language, wording } = facts
  const id = newId()
  const at = new Date()
  const version = wording === null ? null : promptVersion(wording)
  await insertRecordingConsent(
    db,
    {
      id,
      call_id: callId,
      party,
      result,
      policy: policy.policy,
      method,
      confidence: confidence ?? null,
      prompt_version: version,
      language,
      jurisdictions: [...places],
      reasons: JSON.stringify(policy.reasons),
      withdraws,
      at
    },
    wording === null || version === null ? null : { version, language, prompts: wording }
  )
  return { id, at }
}

/** The same words give the same version, whoever wrote them where. */
export function promptVersion(wording: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(wording)).digest('hex').slice(0, 32)
}
