/** Resolves when the signal is aborted, or at once when it already is; never rejects. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}

/** Hears of an abort that may already have happened. */
export function onAbort(signal: AbortSignal, listener: () => void): void {
  if (signal.aborted) listener()
  else signal.addEventListener('abort', listener, { once: true })
}

/** What `running` gives, or the reason of an abort that comes before it. */
export async function orAborted<T>(running: Promise<T>, signal: AbortSignal): Promise<T> {
  // Nobody waits any more for what fails after that.
  running.catch(() => {})
  signal.throwIfAborted()
  const { promise, reject } = Promise.withResolvers<never>()
  const tell = () => reject(signal.reason)
  signal.addEventListener('abort', tell, { once: true })
  try {
    return await Promise.race([running, promise])
  } finally {
    signal.removeEventListener('abort', tell)
  }
}
