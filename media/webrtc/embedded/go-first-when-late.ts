import { constants, setPriority } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 10
const WATCH_MS = 1_000
/** Turns of one second that come later than this in more than one of a hundred are too late for voice. */
const LATE_MS = 5
const LATE_SECONDS = 2

/**
 * Lets this thread go before others once the machine is so busy that its turns come late, and calls `onRaised` with the
 * error if that is not permitted. Not from the start: a thread that is woken at once takes packets one by one, which costs
 * more. Linux keeps the priority per thread, so the control plane in the same process is not raised (setpriority(2)).
 */
export function goFirstWhenLate(onRaised: (err?: Error) => void): () => void {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delays.enable()
  let lateSeconds = 0
  const stop = () => {
    clearInterval(watch)
    delays.disable()
  }
  const watch = setInterval(() => {
    const lateMs = delays.percentile(99) / 1e6 - RESOLUTION_MS
    delays.reset()
    lateSeconds = lateMs > LATE_MS ? lateSeconds + 1 : 0
    if (lateSeconds < LATE_SECONDS) return
    stop()
    try {
      setPriority(0, constants.priority.PRIORITY_HIGH)
      onRaised()
    } catch (err) {
      onRaised(err as Error)
    }
  }, WATCH_MS)
  return stop
}
