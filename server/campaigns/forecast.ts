import type { Pacing } from '../../sql/campaign-tables.ts'
import type { CampaignSettings } from './settings.ts'

/** A stretch of time in which somebody may be called, in milliseconds since 1970. */
export type Span = Readonly<{ from: number; to: number }>

/** When a campaign will be over: between these instants, or null when that is not within what the spans cover. */
export type Forecast = Readonly<{ fromMs: number; untilMs: number }>

/** What the rest of a campaign looks like at one instant. */
export type Rest = Readonly<{
  /** People who are still to be called, by place, with the times at which that is possible. */
  places: readonly Readonly<{ people: number; spans: readonly Span[] }>[]
  /** Dials a minute while it dials. */
  perMinute: number
  /** How often each of them will be dialled, at least and at most. */
  dialsEach: Readonly<{ least: number; most: number }>
  /** Dials until the goal is reached, when there is one; then nobody else is dialled. */
  dialsToGoal: number | null
}>

const MINUTE_MS = 60_000

/** Dials a minute before anything is measured: what the settings and so many agents make of it. Pure. */
export function plannedPace(
  pacing: Pacing,
  { maxCallsPerSecond, maxLines }: Pick<CampaignSettings, 'maxCallsPerSecond' | 'maxLines'>,
  agents: number
): number {
  if (pacing === 'agentless') return Math.min(maxCallsPerSecond * 60, maxLines * 2)
  return Math.min(agents * (pacing === 'predictive' ? 1.4 : 0.8), maxLines * 2)
}

/**
 * When everybody will have been tried, or the goal reached. Two things bound it: all dials together at the pace, within the
 * times at which anybody may be called; and the dials of each place within its own. Pure.
 */
export function forecastEnd({ places, perMinute, dialsEach, dialsToGoal }: Rest): Forecast | null {
  const people = places.reduce((total, one) => total + one.people, 0)
  if (people === 0 || perMinute <= 0) return null
  const anywhere = union(places.flatMap(one => one.spans))
  const endOf = (each: number): number | null => {
    const everybody = people * each
    if (dialsToGoal !== null && dialsToGoal < everybody) return instantAfter(dialsToGoal / perMinute, anywhere)
    const ends = [
      instantAfter(everybody / perMinute, anywhere),
      ...places.map(one => instantAfter((one.people * each) / perMinute, one.spans))
    ]
    return ends.reduce((last, one) => (last === null || one === null ? null : Math.max(last, one)))
  }
  const fromMs = endOf(dialsEach.least)
  const untilMs = endOf(Math.max(dialsEach.least, dialsEach.most))
  return fromMs === null || untilMs === null ? null : { fromMs, untilMs }
}

/** The instant at which so many minutes of the spans are over; null when they are too short. */
export function instantAfter(minutes: number, spans: readonly Span[]): number | null {
  let leftMs = minutes * MINUTE_MS
  for (const { from, to } of spans) {
    if (leftMs <= to - from) return from + leftMs
    leftMs -= to - from
  }
  return null
}

function union(spans: readonly Span[]): readonly Span[] {
  const joined: { from: number; to: number }[] = []
  for (const { from, to } of spans.toSorted((one, other) => one.from - other.from)) {
    const last = joined.at(-1)
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to)
    else joined.push({ from, to })
  }
  return joined
}
