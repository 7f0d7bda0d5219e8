/** Places on the desk that a key brings the caret to; the desk registers them while it is open. */
type Place = 'note' | 'outcome'

const places = new Map<Place, () => void>()

/** Returns the way to forget the place again. */
export function registerPlace(place: Place, focus: () => void): () => void {
  places.set(place, focus)
  return () => {
    if (places.get(place) === focus) places.delete(place)
  }
}

export const deskFocus = {
  note: () => places.get('note')?.(),
  outcome: () => places.get('outcome')?.()
}
