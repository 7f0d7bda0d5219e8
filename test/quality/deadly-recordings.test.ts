import t from 'tap'
import { runTranscription } from '../../server/quality/transcription/transcription-jobs.ts'
import type { TranscriptionParts } from '../../server/quality/transcription/transcribe-recording.ts'
import { createLoggers } from '../../server/log.ts'
import { openDatabase } from '../../sql/database.ts'
import { migrate } from '../../sql/migrate.ts'
import {
  insertTranscriptionJobs,
  leaseTranscriptionJob,
  transcriptionJobOfCall
} from '../../sql/queries/quality/transcription-jobs.ts'
import { testDatabases } from '../support/parley.ts'
import { freshDatabase } from '../support/postgres-database.ts'

for (const kind of testDatabases())
  t.test(`a recording of which control planes die, with ${kind}`, { timeout: 120_000 }, async t => {
    await using stack = new AsyncDisposableStack()
    const raise = (err: Error) => {
      throw err
    }
    const { db } = stack.use(
      await openDatabase(
        kind === 'pglite' ? { kind, folder: 'memory' } : { kind, url: await freshDatabase(stack) },
        raise
      )
    )
    await migrate(db)
    const opened: string[] = []
    const find = async (id: string) => {
      opened.push(id)
      return undefined
    }
    const parts = {
      quality: {
        db,
        log: createLoggers('fatal').quality,
        recordings: { library: { find }, consentOf: async () => 'granted' }
      },
      recognizers: []
    } as unknown as TranscriptionParts
    const now = new Date()
    const aMomentAgo = new Date(now.getTime() - 1_000)

    await t.test('is opened six times and then left alone, and the next one gets its turn', async t => {
      await insertTranscriptionJobs(db, [{ id: 'job-1', recordingId: 'deadly', callId: 'call-1', language: 'en' }])
      // Whoever takes it is gone before the time is over.
      for (let death = 1; death <= 6; death += 1)
        t.match(await leaseTranscriptionJob(db, now, aMomentAgo), { id: 'job-1', attempts: death })
      await insertTranscriptionJobs(db, [{ id: 'job-2', recordingId: 'harmless', callId: 'call-2', language: 'en' }])
      const { signal } = new AbortController()
      t.equal(await runTranscription(parts, now, signal), true)
      t.match(await transcriptionJobOfCall(db, 'call-1'), {
        status: 'failed',
        attempts: 6,
        code: 'TRANSCRIPTION_FAILED',
        leased_until: null
      })
      t.equal(await runTranscription(parts, now, signal), true)
      t.same(opened, ['harmless'], 'nobody has opened it a seventh time')
      t.equal(await runTranscription(parts, now, signal), false)
    })
  })
