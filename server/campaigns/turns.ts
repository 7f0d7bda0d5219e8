import type { Slot } from '../../sql/queries/campaigns/attempts.ts'

export function placesOf(slots: readonly Slot[]): readonly number[] {
  return [...new Set(slots.map(one => one.placeId))]
}

/** Most important first; among equals another place begins each time. */
export function inTurn(slots: readonly Slot[], turn: number): readonly Slot[] {
  const places = placesOf(slots)
  const from = places[turn % places.length] ?? 0
  const rank = new Map(places.map((id, index) => [id, (index - places.indexOf(from) + places.length) % places.length]))
  return slots.toSorted(
    (one, other) => one.priority - other.priority || (rank.get(one.placeId) ?? 0) - (rank.get(other.placeId) ?? 0)
  )
}
