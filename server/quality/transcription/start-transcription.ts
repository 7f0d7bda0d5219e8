import type { PgBoss } from '../../../sql/jobs.ts'
import type { Logger } from '../../log.ts'
import type { TranscriptionParts } from './transcribe-recording.ts'
import { queueTranscriptions, runTranscription } from './transcription-jobs.ts'

const QUEUE = 'transcription'
/** Recordings that one control plane lets recognisers hear at once. */
const AT_ONCE = 4
const QUEUED_AT_ONCE = 500
/** After this a worker takes no further recording, so that the runner sees that it lives. */
const TURN_MS = 600_000
const EXPIRES_S = 4 * 3_600

/** Asks for recordings to be taken up soon. Before {@link startTranscription} has run it asks nobody. */
export type WantTranscription = () => void

/**
 * The door by which recorders say that a recording is safe. Several requests at once are one; one that is lost is made up
 * for within a minute.
 */
export async function openTranscriptionQueue(jobs: PgBoss, isOn: boolean, log: Logger): Promise<WantTranscription> {
  if (!isOn) {
    await jobs.unschedule(QUEUE)
    return () => {}
  }
  await jobs.createQueue(QUEUE, { policy: 'short', expireInSeconds: EXPIRES_S, retryLimit: 0 })
  await jobs.schedule(QUEUE, '* * * * *')
  return () => {
    jobs.send(QUEUE).catch(err => log.warn({ err }, 'a recording waits a minute for its transcript'))
  }
}

/** Works off what was queued. Disposing stops recognisers in mid-recording; their jobs are taken up again later. */
export async function startTranscription(jobs: PgBoss, parts: TranscriptionParts): Promise<Disposable> {
  const stopping = new AbortController()
  await jobs.work(QUEUE, async () => {
    const untilMs = performance.now() + TURN_MS
    await queueTranscriptions(parts.quality, new Date(), QUEUED_AT_ONCE)
    const work = async () => {
      while (!stopping.signal.aborted && performance.now() < untilMs)
        if (!(await runTranscription(parts, new Date(), stopping.signal))) return
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
  })
  return { [Symbol.dispose]: () => stopping.abort() }
}
