/**
 * Whether a provider is worth asking. Closed: it is asked. Open: it failed so often that nobody waits for it until
 * `untilMs`. Half open: one question is on its way to find out; the others go elsewhere until `untilMs`.
 */
export type Breaker =
  | Readonly<{ kind: 'closed'; failures: number }>
  | Readonly<{ kind: 'open' | 'halfOpen'; failures: number; untilMs: number }>

/** So many failures in a row open it for `restMs`, which doubles with each further failure up to `maxRestMs`. */
export type BreakerRules = Readonly<{ failures: number; restMs: number; maxRestMs: number }>

export const CLOSED: Breaker = { kind: 'closed', failures: 0 }
export const BREAKER_RULES: BreakerRules = { failures: 3, restMs: 15_000, maxRestMs: 600_000 }

/** Whether to ask at `nowMs`, any clock that never goes back. */
export function mayAsk(state: Breaker, nowMs: number): boolean {
  return state.kind === 'closed' || nowMs >= state.untilMs
}

/** A question is on its way. */
export function afterAsking(state: Breaker, nowMs: number, rules: BreakerRules): Breaker {
  return state.kind === 'closed' ? state : { ...state, kind: 'halfOpen', untilMs: nowMs + rules.restMs }
}

/** `isLasting`: it will not get better by itself, as with a key that is refused. */
export function afterFailure(state: Breaker, nowMs: number, isLasting: boolean, rules: BreakerRules): Breaker {
  // Asked before it opened, as by callers who spoke at the same time: that is the same trouble, and no news.
  if (!isLasting && state.kind === 'open' && nowMs < state.untilMs) return state
  const failures = state.failures + 1
  if (!isLasting && state.kind === 'closed' && failures < rules.failures) return { kind: 'closed', failures }
  const doublings = Math.max(0, failures - rules.failures)
  const restMs = isLasting ? rules.maxRestMs : Math.min(rules.maxRestMs, rules.restMs * 2 ** Math.min(doublings, 20))
  return { kind: 'open', failures, untilMs: nowMs + restMs }
}
