import type { Db } from '../../sql/database.ts'
import { latestMark } from '../../sql/queries/privacy/marks.ts'
import { repeat } from '../calls/reconciler.ts'
import { hashNumber, deriveKey } from '../compliance/number-hash.ts'
import type { Logger } from '../log.ts'
import { indexQueued, type IndexParts } from './indexer.ts'
import type { RecordingSource } from './recording-source.ts'
import { listConfigs } from './search-words.ts'
import { closeAbandoned, type TranscriptParts } from './transcript-store.ts'

const INDEX_MS = 1_000
const ABANDONED_MS = 60_000

export type QualityParts = TranscriptParts & Readonly<{ log: Logger; recordings: RecordingSource }>

/** What the routes and jobs of quality stand on. */
export type Quality = IndexParts & Readonly<{ log: Logger; recordings: RecordingSource }> & AsyncDisposable

/** Keeps the search up to date and closes transcripts whose writer died. */
export async function startQuality(parts: QualityParts): Promise<Quality> {
  const { db, secretKey, log, recordings } = parts
  const key = deriveKey(secretKey, 'numbers')
  const onUnreadable = (callId: string, err: unknown) =>
    log.error({ err, callId }, 'a transcript cannot be opened; its call is found without its words')
  const index: IndexParts = {
    db,
    secretKey,
    configs: await listConfigs(db),
    onUnreadable,
    isRestricted: number => isRestricted(db, hashNumber(key, number)),
    async withRecording(callIds) {
      return new Set((await recordings.ofCalls(callIds)).filter(one => !one.isErased).map(one => one.callId))
    }
  }
  await using stack = new AsyncDisposableStack()
  stack.use(
    repeat(
      INDEX_MS,
      async () => {
        await indexQueued(index)
      },
      log,
      'calls cannot be put into the search'
    )
  )
  stack.use(
    repeat(
      ABANDONED_MS,
      async () => {
        await closeAbandoned(parts, new Date(), onUnreadable)
      },
      log,
      'abandoned transcripts cannot be closed'
    )
  )
  const owned = stack.move()
  return { ...index, log, recordings, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function isRestricted(db: Db, subjectHash: string): Promise<boolean> {
  return (await latestMark(db, subjectHash, 'restrict'))?.is_set ?? false
}
