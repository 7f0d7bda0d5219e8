import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import type { Db } from '../../sql/database.ts'
import { numbersOfCustomers } from '../../sql/queries/privacy/customers.ts'
import { forgetCustomer } from '../../sql/queries/privacy/items.ts'
import { eraseTranscript } from '../../sql/queries/quality/transcripts.ts'
import type { ComplianceService } from '../compliance/compliance-service.ts'
import { forgetConsentParts } from '../../sql/queries/compliance/consent.ts'
import { openConsent } from '../compliance/consent/ledger.ts'
import { hashPerson } from '../compliance/number-hash.ts'
import { eachOf } from '../recordings/each-of.ts'
import { unindexCalls } from '../quality/indexer.ts'
import type { Quality } from '../quality/quality.ts'
import { readTranscript } from '../quality/transcript-store.ts'
import { botQuestions } from './bot-questions-store.ts'
import { attempts, contacts, leads } from './campaign-stores.ts'
import { languages } from './language-store.ts'
import { consentRequests, earlierRequests, hashesOf } from './request-stores.ts'
import { reviewNotes } from './review-stores.ts'
import type { Subject } from './subject.ts'
import type { TombstoneFile } from './tombstones.ts'

/** One thing that is kept about a person. */
export type StoreItem = Readonly<{
  id: string
  callId: string | null
  at: Date
  /** Why it must stay although the store itself would let it go. */
  hold: string | null
}>

export type StoreParts = Readonly<{
  db: Db
  dataDir: string
  quality: Quality
  compliance: ComplianceService
  tombstones: TombstoneFile
}>

/** Everything that holds personal data answers these three questions. A new store is added to {@link STORES}. */
export interface PersonStore {
  readonly name: string
  find(parts: StoreParts, subject: Subject): Promise<readonly StoreItem[]>
  /** What the person gets a copy of. */
  read(parts: StoreParts, item: StoreItem, subject: Subject): Promise<Readonly<Record<string, unknown>>>
  /** Makes it gone and says how; resolves only when that is so. */
  erase(parts: StoreParts, items: readonly StoreItem[], subject: Subject, cause: string): Promise<string>
}

const NO_HOLD = null
/** Keys that are destroyed in one transaction. */
const KEYS_AT_ONCE = 500

const recordings: PersonStore = {
  name: 'recordings',
  async find({ db }, { callIds }) {
    if (callIds.length === 0) return []
    const rows = await db
      .selectFrom('recordings')
      .select(['id', 'call_id', 'created_at', 'legal_hold'])
      .where('call_id', 'in', [...callIds])
      .where('state', '<>', 'erased')
      .where('kind', '=', 'call')
      .execute()
    return rows.map(row => ({ id: row.id, callId: row.call_id, at: row.created_at, hold: row.legal_hold }))
  },
  async read({ quality }, item) {
    const found = await quality.recordings.library.find(item.id)
    return { callId: item.callId, durationMs: found?.durationMs ?? 0, gaps: found?.gaps ?? [], file: `${item.id}.flac` }
  },
  async erase({ quality }, items, _subject, cause) {
    const { library } = quality.recordings
    const ids = items.map(one => one.id)
    for (let at = 0; at < ids.length; at += KEYS_AT_ONCE)
      await library.eraseAll(ids.slice(at, at + KEYS_AT_ONCE), cause, 'privacy')
    return 'data key destroyed, then the sound deleted'
  }
}

const transcripts: PersonStore = {
  name: 'transcripts',
  async find({ db }, { callIds }) {
    if (callIds.length === 0) return []
    const rows = await db
      .selectFrom('transcripts')
      .select(['id', 'call_id', 'created_at'])
      .where('call_id', 'in', [...callIds])
      .where('status', '<>', 'erased')
      .execute()
    return rows.map(row => ({ id: row.id, callId: row.call_id, at: row.created_at, hold: NO_HOLD }))
  },
  async read({ quality }, item) {
    const found = await readTranscript(quality, item.callId ?? '')
    return {
      callId: item.callId,
      language: found?.row.language ?? '',
      utterances: (found?.utterances ?? []).map(({ speaker, startMs, endMs, text }) => ({
        speaker,
        startMs,
        endMs,
        text
      }))
    }
  },
  async erase({ db }, items) {
    for (const item of items) await eraseTranscript(db, item.id, new Date())
    return 'data key destroyed, then the text deleted'
  }
}

const searchIndex: PersonStore = {
  name: 'searchIndex',
  async find({ db }, { callIds }) {
    if (callIds.length === 0) return []
    const rows = await db
      .selectFrom('call_documents')
      .select(['call_id', 'started_at'])
      .distinct()
      .where('call_id', 'in', [...callIds])
      .execute()
    return rows.map(row => ({ id: row.call_id, callId: row.call_id, at: row.started_at, hold: NO_HOLD }))
  },
  // The index holds what is elsewhere already.
  read: async (_parts, item) => ({ callId: item.callId }),
  async erase({ db }, items) {
    await unindexCalls(
      db,
      items.map(item => item.id)
    )
    return 'rows deleted'
  }
}

const voicemails: PersonStore = {
  name: 'voicemails',
  async find({ db }, { callIds }) {
    if (callIds.length === 0) return []
    const rows = await db
      .selectFrom('voicemails')
      .leftJoin('recordings', 'recordings.id', 'voicemails.recording_id')
      .select(['voicemails.id', 'voicemails.call_id', 'voicemails.created_at', 'recordings.legal_hold'])
      .where('voicemails.call_id', 'in', [...callIds])
      .execute()
    return rows.map(row => ({ id: row.id, callId: row.call_id, at: row.created_at, hold: row.legal_hold }))
  },
  async read({ db }, item) {
    const row = await db
      .selectFrom('voicemails')
      .select(['mailbox', 'duration_ms'])
      .where('id', '=', item.id)
      .executeTakeFirst()
    return { callId: item.callId, mailbox: row?.mailbox ?? '', durationMs: row?.duration_ms ?? 0 }
  },
  async erase({ db, dataDir, quality }, items, _subject, cause) {
    const { library } = quality.recordings
    await eachOf(items, async item => {
      const row = await db
        .selectFrom('voicemails')
        .select(['recording_id', 'file'])
        .where('id', '=', item.id)
        .executeTakeFirst()
      // Takes the message out of its mailbox too.
      if (row?.recording_id != null) await library.erase(row.recording_id, cause, 'privacy')
      else if (row !== undefined) {
        await db.deleteFrom('voicemails').where('id', '=', item.id).execute()
        await rm(join(dataDir, row.file ?? ''), { force: true })
      }
    })
    return 'data key destroyed, then the sound deleted'
  }
}

const notes: PersonStore = {
  name: 'notes',
  async find({ db }, { callIds }) {
    if (callIds.length === 0) return []
    const rows = await db
      .selectFrom('call_notes')
      .select(['call_id', 'agent_id', 'updated_at'])
      .where('call_id', 'in', [...callIds])
      .where('note', '<>', '')
      .execute()
    return rows.map(row => ({
      id: `${row.call_id} ${row.agent_id}`,
      callId: row.call_id,
      at: row.updated_at,
      hold: NO_HOLD
    }))
  },
  async read({ db }, item) {
    const rows = await db
      .selectFrom('call_notes')
      .select(['note', 'disposition'])
      .where('call_id', '=', item.callId ?? '')
      .execute()
    return { callId: item.callId, notes: rows }
  },
  async erase({ db }, items) {
    for (const item of items) {
      const [callId = '', agentId = ''] = item.id.split(' ')
      await db
        .updateTable('call_notes')
        .set({ note: '' })
        .where('call_id', '=', callId)
        .where('agent_id', '=', agentId)
        .execute()
    }
    return 'text removed; the outcome stays'
  }
}

const comments: PersonStore = {
  name: 'comments',
  async find({ db }, { callIds }) {
    if (callIds.length === 0) return []
    const rows = await db
      .selectFrom('call_comments')
      .select(['id', 'call_id', 'created_at'])
      .where('call_id', 'in', [...callIds])
      .where('deleted_at', 'is', null)
      .execute()
    return rows.map(row => ({ id: row.id, callId: row.call_id, at: row.created_at, hold: NO_HOLD }))
  },
  async read({ db }, item) {
    const row = await db
      .selectFrom('call_comments')
      .select(['text', 'at_ms'])
      .where('id', '=', item.id)
      .executeTakeFirst()
    return { callId: item.callId, atMs: row?.at_ms ?? 0, text: row?.text ?? '' }
  },
  async erase({ db }, items) {
    await db
      .updateTable('call_comments')
      .set({ text: '', deleted_at: new Date() })
      .where('id', 'in', [...items.map(item => item.id)])
      .execute()
    return 'text removed'
  }
}

const clips: PersonStore = {
  name: 'clips',
  async find({ db }, { callIds }) {
    if (callIds.length === 0) return []
    const rows = await db
      .selectFrom('clips')
      .select(['id', 'call_id', 'created_at'])
      .where('call_id', 'in', [...callIds])
      .where('revoked_at', 'is', null)
      .execute()
    return rows.map(row => ({ id: row.id, callId: row.call_id, at: row.created_at, hold: NO_HOLD }))
  },
  async read({ db }, item) {
    const row = await db
      .selectFrom('clips')
      .select(['title', 'watermark', 'opens'])
      .where('id', '=', item.id)
      .executeTakeFirst()
    return { callId: item.callId, ...row }
  },
  async erase({ db }, items) {
    await db
      .updateTable('clips')
      .set({ revoked_at: new Date(), title: '', watermark: '' })
      .where('id', 'in', [...items.map(item => item.id)])
      .execute()
    return 'links ended'
  }
}

const surveys: PersonStore = {
  name: 'surveyAnswers',
  async find({ db }, { callIds }) {
    if (callIds.length === 0) return []
    const rows = await db
      .selectFrom('survey_answers')
      .select(['call_id', 'question', 'answered_at'])
      .where('call_id', 'in', [...callIds])
      .execute()
    return rows.map(row => ({
      id: `${row.call_id} ${row.question}`,
      callId: row.call_id,
      at: row.answered_at,
      hold: NO_HOLD
    }))
  },
  async read({ db }, item) {
    const rows = await db
      .selectFrom('survey_answers')
      .select(['question', 'answer'])
      .where('call_id', '=', item.callId ?? '')
      .execute()
    return { callId: item.callId, answers: rows }
  },
  async erase({ db }, items) {
    await db
      .deleteFrom('survey_answers')
      .where('call_id', 'in', [...new Set(items.map(item => item.callId ?? ''))])
      .execute()
    return 'rows deleted'
  }
}

const callbacks: PersonStore = {
  name: 'callbacks',
  async find({ db }, { numbers, callIds }) {
    const rows = await db
      .selectFrom('queue_callbacks')
      .select(['id', 'call_id', 'created_at'])
      .where('number', '<>', '')
      .where(sql<boolean>`(number = any(${[...numbers]}::text[]) or call_id = any(${[...callIds]}::text[]))`)
      .execute()
    return rows.map(row => ({ id: row.id, callId: row.call_id, at: row.created_at, hold: NO_HOLD }))
  },
  async read({ db }, item) {
    const row = await db
      .selectFrom('queue_callbacks')
      .select(['number', 'queue', 'status', 'created_at'])
      .where('id', '=', item.id)
      .executeTakeFirst()
    return { callId: item.callId, ...row }
  },
  async erase({ db }, items) {
    await db
      .updateTable('queue_callbacks')
      .set({ number: '' })
      .where('id', 'in', [...items.map(item => item.id)])
      .execute()
    await db
      .updateTable('queue_callbacks')
      .set({ status: 'withdrawn' })
      .where('id', 'in', [...items.map(item => item.id)])
      .where('status', 'in', ['waiting', 'dialling'])
      .execute()
    return 'number removed, open ones withdrawn'
  }
}

const consents: PersonStore = {
  name: 'consents',
  async find({ db, compliance }, { numbers, emails }) {
    if (numbers.length + emails.length === 0) return []
    const rows = await db
      .selectFrom(sql<{ id: string; at: Date }>`consent_events`.as('events'))
      .select([sql<string>`events.id`.as('id'), sql<Date>`events.at`.as('at')])
      .where(sql<boolean>`events.key_id is not null
        and (events.number_hash = any(${numbers.map(one => compliance.hashOf(one))}::text[])
          or events.person_hash = any(${emails.map(one => hashPerson(compliance.ledger.key, one))}::text[]))
        and exists (select 1 from consent_keys where consent_keys.id = events.key_id and (sealed_key is not null or sealed_part is not null))`)
      .execute()
    return rows.map(row => ({ id: row.id, callId: null, at: row.at, hold: NO_HOLD }))
  },
  async read({ compliance }, item) {
    const row = await compliance.ledger.db
      .selectFrom('consent_events')
      .select(['kind', 'seller', 'grade', 'purposes', 'channels', 'modes', 'evidence', 'expires_at as expiresAt'])
      .select(['sealed', 'key_id as keyId'])
      .where('id', '=', item.id)
      .executeTakeFirst()
    if (row === undefined) return { consentEvent: item.id }
    const { sealed, keyId, ...shown } = row
    return { consentEvent: item.id, ...shown, named: await openConsent(compliance.ledger, { sealed, keyId }) }
  },
  async erase({ compliance }, items) {
    await forgetConsentParts(
      compliance.ledger.db,
      items.map(item => item.id),
      new Date()
    )
    return 'personal part destroyed; the proof by hash stays'
  }
}

const earlierExports: PersonStore = {
  name: 'exports',
  async find(parts, subject) {
    const rows = await parts.db
      .selectFrom('privacy_requests')
      .select(['id', 'created_at'])
      .where('export_file', 'is not', null)
      .where(sql<boolean>`subject_hashes && ${hashesOf(parts, subject)}::text[]`)
      .execute()
    return rows.map(row => ({ id: row.id, callId: null, at: row.created_at, hold: NO_HOLD }))
  },
  read: async (_parts, item) => ({ request: item.id }),
  async erase({ db, dataDir }, items) {
    for (const item of items) {
      const row = await db
        .selectFrom('privacy_requests')
        .select('export_file')
        .where('id', '=', item.id)
        .executeTakeFirst()
      await db
        .updateTable('privacy_requests')
        .set({ export_file: null, export_key: null })
        .where('id', '=', item.id)
        .execute()
      if (row?.export_file != null) await rm(join(dataDir, row.export_file), { force: true })
    }
    return 'key and file deleted'
  }
}

const calls: PersonStore = {
  name: 'calls',
  async find({ db }, { callIds }) {
    if (callIds.length === 0) return []
    const rows = await db
      .selectFrom('cdrs')
      .select(['call_id', 'started_at'])
      .where('call_id', 'in', [...callIds])
      .where(sql<boolean>`(case direction when 'inbound' then caller_number else called_number end) is not null`)
      .orderBy('started_at')
      .execute()
    return rows.map(row => ({ id: row.call_id, callId: row.call_id, at: row.started_at, hold: NO_HOLD }))
  },
  async read({ db }, item) {
    const row = await db
      .selectFrom('cdrs')
      .select([
        'direction',
        'caller_number',
        'called_number',
        'started_at',
        'talk_ms',
        'language',
        'end_reason',
        'tags'
      ])
      .where('call_id', '=', item.id)
      .executeTakeFirst()
    return { callId: item.id, ...row }
  },
  async erase({ db }, items, { numbers }) {
    const callIds = items.map(item => item.id)
    // A campaign may have called the person on a number that the request does not name.
    const dialled = await numbersOfCustomers(db, { callIds, contactIds: [], languageIds: [] })
    const { events } = await forgetCustomer(db, callIds, [...new Set([...numbers, ...dialled])])
    return `the person's number taken out of the calls and of ${events} events of their stories; the calls stay as figures`
  }
}

/**
 * In the order in which they are emptied: calls, and contacts after them, come last, because the others are found by them.
 */
export const STORES: readonly PersonStore[] = [
  recordings,
  transcripts,
  searchIndex,
  voicemails,
  notes,
  comments,
  reviewNotes,
  clips,
  surveys,
  botQuestions,
  callbacks,
  languages,
  consents,
  consentRequests,
  earlierExports,
  earlierRequests,
  attempts,
  leads,
  calls,
  contacts
]
