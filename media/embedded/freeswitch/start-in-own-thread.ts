import { constants, getPriority, setPriority } from 'node:os'
import { pino } from 'pino'
import { startEmbeddedFreeswitch } from './server.ts'

/**
 * Starts the stand-in in a thread or process that does nothing else. The thread goes before others, as the real server's
 * threads do, so that packets leave in time on a busy machine. Linux keeps the priority per thread, so a control plane in
 * the same process is not raised. Where that is not permitted (setpriority(2)) it is in the log at `info`.
 */
export async function startInOwnThread(
  options: Parameters<typeof startEmbeddedFreeswitch>[0]
): ReturnType<typeof startEmbeddedFreeswitch> {
  try {
    if (getPriority(0) > constants.priority.PRIORITY_HIGH) setPriority(0, constants.priority.PRIORITY_HIGH)
  } catch (err) {
    const log = pino({ name: 'freeswitch-stand-in', level: options.logLevel ?? 'warn' })
    log.info({ err }, 'thread keeps its priority')
  }
  return await startEmbeddedFreeswitch(options)
}
