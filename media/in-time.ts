import { MediaError } from './endpoint.ts'

/** Waits for a promise that never rejects, or for so long. */
export async function orAfter(running: Promise<void>, ms: number): Promise<void> {
  let limit: NodeJS.Timeout | undefined
  const late = new Promise<void>(resolve => {
    limit = setTimeout(resolve, ms)
  })
  await Promise.race([running, late])
  clearTimeout(limit)
}

/**
 * Waits for a promise, or for so long, and then throws MEDIA_TIMEOUT. Not by AbortSignal.timeout, which nobody can take back: of
 * each command it would keep something for five seconds and make an error in the end.
 */
export async function inTime<T>(running: Promise<T>, limitMs: number): Promise<T> {
  let limit: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    limit = setTimeout(
      () => reject(new MediaError('MEDIA_TIMEOUT', 'the media server did not answer in time')),
      limitMs
    )
  })
  try {
    return await Promise.race([running, late])
  } finally {
    clearTimeout(limit)
  }
}

/** Waits for a promise, or for the signal, whose reason it then throws. */
export async function withSignal<T>(running: Promise<T>, signal: AbortSignal): Promise<T> {
  // What was begun in vain may fail as well: nobody waits for it, and nobody may be surprised by it.
  if (signal.aborted) running.catch(() => {})
  signal.throwIfAborted()
  let onAbort: () => void = () => {}
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([running, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
