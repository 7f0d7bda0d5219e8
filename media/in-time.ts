import { setTimeout as delay } from 'node:timers/promises'
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

/** After a pause of this process its timers come before what has arrived meanwhile: it is given time to be read. */
const SECOND_CHANCE_MS = 1_000

/**
 * Asks again and again, and resolves once no answer has come for so long; an error is an answer. Times are milliseconds.
 * Never resolves after the signal is aborted.
 */
export async function untilSilent(
  ask: () => Promise<unknown>,
  { everyMs, limitMs }: Readonly<{ everyMs: number; limitMs: number }>,
  signal: AbortSignal
): Promise<void> {
  for (;;) {
    await delay(everyMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return await new Promise(() => {})
    let isAnswered = false
    const answered = () => {
      isAnswered = true
    }
    const answer = ask().then(answered, answered)
    await orAfter(answer, limitMs)
    if (!isAnswered) await orAfter(answer, SECOND_CHANCE_MS)
    if (!isAnswered && !signal.aborted) return
  }
}
