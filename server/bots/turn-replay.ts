import { DEFAULT_ENDPOINTS, type EndpointSettings, type Expectation } from './turn-taking.ts'
import { holdEndsAtMs, type TurnEvent, type TurnRules, turn, turnStart } from './turn-machine.ts'

/** A turn as a call's story keeps it (`turnHeard`). */
export type StoredTurn = Readonly<{
  expects: Expectation
  isPrompted: boolean
  wasIgnored: boolean
  /** The rules that held, and the pause that the flow asked for. */
  holdMs: number
  pauseMs?: number
  events: readonly TurnEvent[]
}>

export type ReplaySettings = Readonly<{
  endpoints: EndpointSettings
  /** Null: as it was. */
  holdMs: number | null
}>

export const PRODUCT_SETTINGS: ReplaySettings = { endpoints: DEFAULT_ENDPOINTS, holdMs: null }

/** How a turn goes under some settings; times are milliseconds since the leg was answered. */
export type ReplayedTurn = Readonly<{
  /** When the customer got the turn: the prompt stops then. Null: never, it was a sound of listening or a noise. */
  spokeAtMs: number | null
  /** When the answer was taken to be over. Null: later than the caller was heard, so nobody knows. */
  endedAtMs: number | null
}>

/**
 * Plays a stored turn again. A pause that would have ended the turn ends it; what came after it is not part of it. Pure.
 */
export function replayTurn(stored: StoredTurn, settings: ReplaySettings): ReplayedTurn {
  const rules: TurnRules = { holdMs: settings.holdMs ?? stored.holdMs }
  const endedAtMs = endOf(stored, settings.endpoints)
  let state = turnStart(stored.isPrompted)
  let spokeAtMs: number | null = null
  for (const event of stored.events) {
    const clockMs = holdEndsAtMs(rules, state)
    const due: readonly TurnEvent[] =
      clockMs !== null && clockMs <= event.atMs ? [{ kind: 'clock', atMs: clockMs }, event] : [event]
    for (const one of due) {
      const step = turn(rules, state, one)
      state = step.state
      if (step.decisions.includes('speak')) spokeAtMs ??= one.atMs
    }
  }
  return { spokeAtMs, endedAtMs }
}

function endOf({ expects, pauseMs, events }: StoredTurn, endpoints: EndpointSettings): number | null {
  let isUnfinished = false
  let pausedAtMs: number | null = null
  for (const event of events) {
    if (event.kind === 'paused') pausedAtMs = event.atMs
    if (event.kind === 'resumed' || event.kind === 'ended') {
      const usualMs = expects === 'open' && isUnfinished ? endpoints.unfinished : endpoints[expects]
      const limitMs = pauseMs ?? usualMs
      if (pausedAtMs !== null && event.atMs - pausedAtMs >= limitMs) return pausedAtMs + limitMs
      pausedAtMs = null
    }
    if (event.kind === 'partial') isUnfinished = event.sounds === 'unfinished'
  }
  return null
}

/** What other settings would have changed in a turn, in a sentence each; empty when nothing. */
export function differences(then: ReplayedTurn, now: ReplayedTurn): readonly string[] {
  return [
    ...difference('the customer gets the turn', then.spokeAtMs, now.spokeAtMs, 'never'),
    ...difference('the answer is over', then.endedAtMs, now.endedAtMs, 'after more quiet than there was')
  ]
}

function difference(what: string, then: number | null, now: number | null, otherwise: string): readonly string[] {
  if (then === now) return []
  const at = (ms: number | null) => (ms === null ? otherwise : `at ${ms} ms`)
  return [`${what} ${at(now)} instead of ${at(then)}`]
}
