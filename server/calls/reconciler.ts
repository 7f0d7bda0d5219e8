import { setTimeout as delay } from 'node:timers/promises'
import type { Db } from '../../sql/database.ts'
import { findCdr, listOrphanedCalls } from '../../sql/queries/calls.ts'
import { beatControlPlane, removeControlPlane } from '../../sql/queries/control-planes.ts'
import type { BusinessEvents } from '../events.ts'
import type { Logger } from '../log.ts'
import { LifeSigns } from '../life-signs.ts'
import { END_REASONS } from './end-reasons.ts'
import { fromCdrRow, type StoryWriter } from './story-writer.ts'

const BEAT_MS = 2_000
const BEAT_AGAIN_MS = 200
/** Two beats: others take a control plane for dead after seven seconds. */
const HEARD_MS = 4_000
const SWEEP_MS = 2_000

export interface Heartbeat extends AsyncDisposable {
  /** Whether others know that this control plane lives: what it takes on meanwhile, they would take from it again. */
  readonly isHeard: boolean
}

/** Tells the other control planes that this one lives, and after an outage of the database at once. */
export async function startHeartbeat(db: Db, controlPlaneId: string, log: Logger): Promise<Heartbeat> {
  await beatControlPlane(db, controlPlaneId)
  let heardAtMs = performance.now()
  let hasFailed = false
  const closing = new AbortController()
  const beating = (async () => {
    for (;;) {
      await delay(hasFailed ? BEAT_AGAIN_MS : BEAT_MS, undefined, { signal: closing.signal }).catch(ignoreAbort)
      if (closing.signal.aborted) return
      try {
        const beganAtMs = performance.now()
        await beatControlPlane(db, controlPlaneId)
        heardAtMs = beganAtMs
        hasFailed = false
      } catch (err) {
        if (!hasFailed) log.error({ err }, 'the heartbeat cannot be written')
        hasFailed = true
      }
    }
  })()
  return {
    get isHeard() {
      return performance.now() - heardAtMs < HEARD_MS
    },
    async [Symbol.asyncDispose]() {
      closing.abort()
      await beating
      await removeControlPlane(db, controlPlaneId).catch(err => log.warn({ err }, 'the heartbeat cannot be removed'))
    }
  }
}

function ignoreAbort(err: unknown): void {
  if ((err as { name?: string }).name !== 'AbortError') throw err
}

/**
 * Closes the stories of calls whose control plane died: now, and every two seconds. Several control planes may do so at
 * once: they write the same event under the same number, and the first one stays.
 */
export async function startReconciler(
  db: Db,
  story: StoryWriter,
  events: BusinessEvents,
  log: Logger
): Promise<AsyncDisposable> {
  const signs = new LifeSigns(db)
  const sweep = async () => {
    const deadSince = await signs.deadSince()
    if (deadSince === null) return
    for (const { callId } of await listOrphanedCalls(db, deadSince)) {
      // A call of our own whose story is only late.
      if (story.isTelling(callId)) continue
      const row = await findCdr(db, callId)
      if (row === undefined || row.state === 'ended') continue
      const cdr = fromCdrRow(row)
      const { endedBy, fault } = END_REASONS.controlPlaneLost
      story.adopt(cdr)
      events.call({
        callId,
        seq: cdr.lastSeq + 1,
        at: new Date(),
        kind: 'ended',
        reason: 'controlPlaneLost',
        endedBy,
        fault,
        hangupCause: null
      })
      log.warn({ callId }, 'a call of a control plane that died was closed')
    }
  }
  await sweep()
  return repeat(SWEEP_MS, sweep, log, 'orphaned calls cannot be looked for')
}

/** Runs `task` every so often, never twice at once; a failure is logged once until it works again. */
export function repeat(everyMs: number, task: () => Promise<void>, log: Logger, complaint: string): AsyncDisposable {
  let running: Promise<void> | undefined
  let hasFailed = false
  const timer = setInterval(() => {
    if (running !== undefined) return
    running = task()
      .then(
        () => {
          hasFailed = false
        },
        err => {
          if (!hasFailed) log.error({ err }, complaint)
          hasFailed = true
        }
      )
      .finally(() => {
        running = undefined
      })
  }, everyMs)
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await running
    }
  }
}
