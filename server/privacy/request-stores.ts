import { sql } from 'kysely'
import { consentRequestsOf } from '../compliance/consent/ledger.ts'
import { hashPerson } from '../compliance/number-hash.ts'
import type { PersonStore, StoreParts } from './stores.ts'
import type { Subject } from './subject.ts'

/** Under what a person's requests are kept: keyed hashes of numbers and addresses. */
export function hashesOf({ compliance }: Pick<StoreParts, 'compliance'>, subject: Pick<Subject, 'numbers' | 'emails'>) {
  return [
    ...subject.numbers.map(number => compliance.hashOf(number)),
    ...subject.emails.map(email => hashPerson(compliance.ledger.key, email))
  ]
}

/** What finished requests say in the person's own words, sealed. That they were made and how they ended stays. */
export const earlierRequests: PersonStore = {
  name: 'requests',
  async find(parts, subject) {
    const rows = await parts.db
      .selectFrom('privacy_requests')
      .select(['id', 'created_at'])
      .where('sealed', 'is not', null)
      .where('status', 'in', ['done', 'refused', 'withdrawn'])
      .where(sql<boolean>`subject_hashes && ${hashesOf(parts, subject)}::text[]`)
      .execute()
    return rows.map(row => ({ id: row.id, callId: null, at: row.created_at, hold: null }))
  },
  async read({ db }, item) {
    const row = await db
      .selectFrom('privacy_requests')
      .select(['reference', 'kind', 'status', 'regime', 'received_at as receivedAt', 'done_at as doneAt'])
      .where('id', '=', item.id)
      .executeTakeFirst()
    return { ...row }
  },
  async erase({ db }, items) {
    await db
      .updateTable('privacy_requests')
      .set({ sealed: null, sealed_key: null })
      .where(
        'id',
        'in',
        items.map(item => item.id)
      )
      .execute()
    return 'key destroyed; that they were made and how they ended stays'
  }
}

/** Messages that asked for consent, sealed, with the number that they were about. What was confirmed is in the ledger. */
export const consentRequests: PersonStore = {
  name: 'consentRequests',
  async find({ compliance }, { numbers }) {
    const rows = await consentRequestsOf(compliance.ledger, numbers)
    return rows.map(row => ({ id: row.id, callId: null, at: row.sentAt, hold: null }))
  },
  async read({ compliance }, item) {
    const row = await compliance.ledger.db
      .selectFrom('consent_requests')
      .select(['channel', 'sent_at', 'confirmed_at'])
      .where('id', '=', item.id)
      .executeTakeFirst()
    return { ...row }
  },
  async erase({ compliance }, items) {
    await compliance.ledger.db
      .deleteFrom('consent_requests')
      .where(
        'id',
        'in',
        items.map(item => item.id)
      )
      .execute()
    return 'rows deleted; links that were sent lead nowhere'
  }
}
