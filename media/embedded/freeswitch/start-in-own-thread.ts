import { constants, setPriority } from 'node:os'
import { pino } from 'pino'
import { type EmbeddedFreeswitchOptions, startEmbeddedFreeswitch } from './server.ts'

const WATCH_MS = 1_000
/** Share of turns over 5 ms late in one second that is too much, and how many such seconds in a row raise the thread. */
const MAX_LATE_SHARE = 0.003
const LATE_SECONDS = 2

/**
 * Starts the stand-in in a thread or process that does nothing else. When packets leave late because the machine is busy,
 * the thread goes before others from then on, as the real server's threads do. It does not from the start, because a
 * thread that is woken at once takes packets one by one, which costs a quarter more. Linux keeps the priority per thread,
 * so a control plane in the same process is not raised; where raising is not permitted (setpriority(2)) the log says so.
 */
export async function startInOwnThread(options: EmbeddedFreeswitchOptions): ReturnType<typeof startEmbeddedFreeswitch> {
  const engine = await startEmbeddedFreeswitch(options)
  const log = pino({ name: 'freeswitch-stand-in', level: options.logLevel ?? 'warn' })
  let before = engine.stats()
  let lateSeconds = 0
  const watch = setInterval(() => {
    const now = engine.stats()
    const isLate = now.lateTurns - before.lateTurns > MAX_LATE_SHARE * (now.turns - before.turns)
    lateSeconds = isLate ? lateSeconds + 1 : 0
    before = now
    if (lateSeconds < LATE_SECONDS) return
    clearInterval(watch)
    try {
      setPriority(0, constants.priority.PRIORITY_HIGH)
      log.info('packets leave late: the thread goes before others')
    } catch (err) {
      log.warn({ err }, 'packets leave late, and the thread may not go before others')
    }
  }, WATCH_MS).unref()
  return {
    ...engine,
    async [Symbol.asyncDispose]() {
      clearInterval(watch)
      await engine[Symbol.asyncDispose]()
    }
  }
}
