import { setTimeout as delay } from 'node:timers/promises'
import { mayComeThroughLater } from '../errors.ts'
import type { Logger } from '../log.ts'

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 5_000
/** An outage longer than this needs a person; what could not be stored is then in the log as an error. */
const GIVE_UP_MS = 3_600_000

/**
 * Stores something that a caller cannot give a second time. While the database is away, or others are in
 * the way, it is tried again in the background, for an hour at most, and the caller goes on at once; `what` names it in the log.
 * Rejects with whatever else the database says.
 */
export async function storeSurely(store: () => Promise<void>, log: Logger, what: string): Promise<void> {
  try {
    await store()
  } catch (err) {
    if (!mayComeThroughLater(err)) throw err
    log.error({ err, what }, 'the database does not take it: storing is tried again')
    void keepTrying(store, log, what)
  }
}

async function keepTrying(store: () => Promise<void>, log: Logger, what: string): Promise<void> {
  const giveUpAtMs = performance.now() + GIVE_UP_MS
  for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(retryMs * 2, LAST_RETRY_MS)) {
    // A server that stops is not held up by it.
    await delay(retryMs, undefined, { ref: false })
    try {
      await store()
      log.warn({ what }, 'the database has it now')
      return
    } catch (err) {
      if (mayComeThroughLater(err) && performance.now() < giveUpAtMs) continue
      log.error({ err, what }, 'it could not be stored and is lost')
      return
    }
  }
}

/**
 * Stores something without which nothing must go on: while the database is away, or others are in the way, it is tried
 * again, and resolves when it is stored. Rejects with whatever else the database says, and once `signal` is aborted with the first failure.
 */
export async function storeFirst(
  store: () => Promise<void>,
  log: Logger,
  what: string,
  signal: AbortSignal
): Promise<void> {
  for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(retryMs * 2, LAST_RETRY_MS)) {
    try {
      await store()
      return
    } catch (err) {
      if (!mayComeThroughLater(err) || signal.aborted) throw err
      if (retryMs === FIRST_RETRY_MS) log.error({ err, what }, 'the database does not take it: storing is tried again')
    }
    await delay(retryMs, undefined, { signal }).catch((err: unknown) => {
      if (!signal.aborted) throw err
    })
  }
}
