import { createHash } from 'node:crypto'
import { damagedSpans, readIndex } from '../../media/recordings/recording-reader.ts'
import type { PgBoss } from '../../sql/jobs.ts'
import type { Db } from '../../sql/database.ts'
import {
  listRecordingsToCheck,
  listRecordingsWrappedBefore,
  markRecordingChecked,
  type RecordingRow,
  rewrapRecording
} from '../../sql/queries/recordings.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { isWrongKey, type KeyRing } from './key-ring.ts'
import type { RecordingProblem } from './recording-library.ts'
import type { SealedLibrary } from './sealed-library.ts'
import type { Storage } from './storage.ts'

export type UpkeepParts = Readonly<{
  db: Db
  keys: KeyRing
  storage: Storage
  library: SealedLibrary
  metrics: Metrics
  log: Logger
}>

const CHECK_QUEUE = 'recording-check'
const REWRAP_QUEUE = 'recording-rewrap'
/** Every recording is read and compared at least so often. */
const CHECK_EVERY_MS = 30 * 86_400_000
const CHECKS_AT_ONCE = 500
const REWRAPS_AT_ONCE = 200
const READ_LIMIT_MS = 120_000

/** Checks what is stored, every quarter of an hour a part, and renews wrappings, each on one control plane at a time. */
export async function startUpkeep(jobs: PgBoss, parts: UpkeepParts): Promise<void> {
  await jobs.createQueue(CHECK_QUEUE)
  await jobs.createQueue(REWRAP_QUEUE)
  await jobs.schedule(CHECK_QUEUE, '7,22,37,52 * * * *')
  await jobs.work(CHECK_QUEUE, async () => {
    await checkRecordings(parts, new Date())
  })
  await jobs.work(REWRAP_QUEUE, async () => {
    await rewrapKeys(parts)
  })
  // A new first key in the settings, or a run that was cut off.
  await jobs.send(REWRAP_QUEUE, {}, { singletonKey: 'all' })
}

/** Asks for every data key to be wrapped by the current key. */
export async function requestRewrap(jobs: PgBoss): Promise<void> {
  await jobs.send(REWRAP_QUEUE, {})
}

/**
 * Compares recordings with what was stored: there, as long, the same checksum; one that differs is opened chunk by chunk to say
 * which part is lost. Returns how many were looked at and how many are not well. A store that cannot be reached leaves
 * its recordings unchecked.
 */
export async function checkRecordings(
  parts: UpkeepParts,
  now: Date
): Promise<Readonly<{ checked: number; problems: number }>> {
  const { db, log, metrics } = parts
  const rows = await listRecordingsToCheck(db, new Date(now.getTime() - CHECK_EVERY_MS), CHECKS_AT_ONCE)
  let checked = 0
  let problems = 0
  for (const row of rows) {
    let problem: RecordingProblem | null
    try {
      problem = await findProblem(parts, row)
    } catch (err) {
      log.error({ err, recordingId: row.id }, 'a recording could not be checked')
      continue
    }
    checked += 1
    await markRecordingChecked(db, row.id, new Date(), problem)
    if (problem === null) continue
    problems += 1
    log.error({ recordingId: row.id, problem }, 'a recording is not what was stored')
    metrics.recordingAlarms.inc({ code: `AUDIT_${problem.kind.toUpperCase()}` })
  }
  return { checked, problems }
}

async function findProblem({ storage, library }: UpkeepParts, row: RecordingRow): Promise<RecordingProblem | null> {
  const store = storage.store(row.store)
  if (store === undefined) throw new Error(`there is no store ${row.store}`)
  const signal = AbortSignal.timeout(READ_LIMIT_MS)
  const bytes = await store.size(row.object_key, signal)
  if (bytes === null) return { kind: 'missing' }
  const hash = createHash('sha256')
  if (bytes > 0)
    for await (const part of store.read(row.object_key, { first: 0, last: bytes - 1 }, signal)) hash.update(part)
  const found = hash.digest('hex')
  if (found === row.sha256) return null
  const changed: RecordingProblem = { kind: 'changed', expected: row.sha256 ?? '', found }
  try {
    const source = await library.source(row)
    const spans = await damagedSpans(source, await readIndex(source, signal), signal)
    return spans.length > 0 ? { kind: 'damaged', spans } : changed
  } catch {
    // Not even its index can be opened: all that can be said is that it is another file.
    return changed
  }
}

/** Wraps every data key by the current key, without touching audio. Returns how many were renewed. */
export async function rewrapKeys({
  db,
  keys,
  log,
  metrics
}: Omit<UpkeepParts, 'storage' | 'library'>): Promise<number> {
  let renewed = 0
  const unreadable = new Set<string>()
  for (;;) {
    const rows = await listRecordingsWrappedBefore(db, keys.current, REWRAPS_AT_ONCE + unreadable.size)
    const todo = rows.filter(row => !unreadable.has(row.id))
    if (todo.length === 0) break
    for (const { id, key_version: version, wrapped_key: wrapped } of todo) {
      if (version === null || wrapped === null) continue
      try {
        const key = await keys.unwrap({ version, wrapped }, id)
        await rewrapRecording(db, id, wrapped, await keys.wrap(key, id))
        renewed += 1
      } catch (err) {
        if (!isWrongKey(err)) throw err
        unreadable.add(id)
      }
    }
  }
  if (unreadable.size > 0) {
    log.error({ recordings: unreadable.size }, 'recordings are wrapped by keys that are not known any more')
    metrics.recordingAlarms.inc({ code: 'KEY_UNKNOWN' }, unreadable.size)
  }
  if (renewed > 0) log.info({ recordings: renewed, version: keys.current }, 'keys of recordings were wrapped anew')
  return renewed
}
