import type { CallerIdRow } from '../../sql/queries/campaigns/campaigns.ts'

/** A number of ours that may be shown, with the proof that it is ours. */
export type CallerId = Pick<
  CallerIdRow,
  'id' | 'number' | 'prefixes' | 'carrier' | 'evidence' | 'proved_by' | 'valid_until' | 'blocked_at'
>

/** Why a caller ID cannot be used; null when it can. */
export function whyUnusable(callerId: CallerId, now: Date): 'blocked' | 'notProved' | 'expired' | null {
  if (callerId.blocked_at !== null) return 'blocked'
  if (callerId.evidence === '' || callerId.proved_by === null) return 'notProved'
  if (callerId.valid_until !== null && callerId.valid_until <= now) return 'expired'
  return null
}

/**
 * The caller ID whose region is nearest to the called number. Several that are equally near take turns by the contact, so
 * that one person always sees the same. Null when none may be used. Pure.
 */
export function chooseCallerId<T extends CallerId>(
  pool: readonly T[],
  called: string,
  contactId: string,
  now: Date
): T | null {
  let best: T[] = []
  let nearest = -1
  for (const one of pool) {
    if (whyUnusable(one, now) !== null) continue
    const match = one.prefixes.length === 0 ? 0 : longestMatch(called, one.prefixes)
    if (match === null || match < nearest) continue
    if (match > nearest) best = []
    nearest = match
    best.push(one)
  }
  return best[Number(BigInt(contactId) % BigInt(Math.max(1, best.length)))] ?? null
}

function longestMatch(number: string, prefixes: readonly string[]): number | null {
  const lengths = prefixes.filter(prefix => number.startsWith(prefix)).map(prefix => prefix.length)
  return lengths.length === 0 ? null : Math.max(...lengths)
}
