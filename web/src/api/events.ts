import type { LiveCallEvent } from './live-call-event.ts'

/**
 * Hears the server's live events until the returned function is called. The browser connects again by itself;
 * `onChange` tells whether the stream is there, so that a screen can say how old it is.
 */
export function listenToCalls(
  onEvent: (event: LiveCallEvent) => void,
  onChange: (isLive: boolean) => void = () => undefined
): () => void {
  const stream = new EventSource('/api/v1/events')
  stream.addEventListener('call', event => onEvent(JSON.parse(event.data) as LiveCallEvent))
  stream.onopen = () => onChange(true)
  stream.onerror = () => onChange(false)
  return () => stream.close()
}
