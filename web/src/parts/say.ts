/** A screen reader speaks a region again only when its text changes, so the same words are first taken away. */
const GAP_MS = 60

const waiting = new Map<string, ReturnType<typeof setTimeout>>()

/**
 * Speaks through one of the page's two live regions: `now` interrupts (ring, own call, danger), `soon` waits its turn.
 * Figures that change by themselves belong in neither.
 */
export function say(text: string, urgency: 'now' | 'soon'): void {
  const id = urgency === 'now' ? 'say-now' : 'say-soon'
  const region = document.getElementById(id)
  if (region === null) return
  clearTimeout(waiting.get(id))
  region.textContent = ''
  waiting.set(
    id,
    setTimeout(() => {
      region.textContent = text
    }, GAP_MS)
  )
}
