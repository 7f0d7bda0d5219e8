import { sql } from 'kysely'
import {
  attemptsOfPerson,
  contactsOfPerson,
  type KnownAttempt,
  leadsOfContacts
} from '../../sql/queries/privacy/people.ts'
import type { PersonStore } from './stores.ts'

const LIVE: readonly string[] = ['reserved', 'permitted', 'dialling', 'answered']

/** A call to the person is under way: the store is emptied when it is over. */
export class CallUnderWayError extends Error {
  override readonly name = 'CallUnderWayError'
  readonly code = 'CONFLICT'
}

/** Dials of campaigns, also those to contacts that were deleted since. */
export const attempts: PersonStore = {
  name: 'attempts',
  async find({ db }, subject) {
    const rows = await attemptsOfPerson(db, subject)
    return rows.filter(row => row.number !== '').map(row => ({ id: row.id, callId: row.id, at: row.at, hold: null }))
  },
  async read({ db }, item) {
    const row = await db
      .selectFrom('campaign_attempts as a')
      .leftJoin('campaigns as c', 'c.no', 'a.campaign_no')
      .select([
        'c.name as campaign',
        'a.number',
        'a.caller_number as shownNumber',
        'a.state',
        'a.outcome',
        'a.disposition',
        'a.decision_id as decision',
        'a.reserved_at as reservedAt',
        'a.dialled_at as dialledAt',
        'a.answered_at as answeredAt',
        'a.ended_at as endedAt'
      ])
      .where('a.id', '=', item.id)
      .executeTakeFirst()
    return { callId: item.callId, ...row }
  },
  async erase({ db }, items) {
    const ids = items.map(item => item.id)
    const rows: readonly KnownAttempt[] = await attemptsOfPerson(db, { numbers: [], contactIds: [], callIds: ids })
    if (rows.some(row => LIVE.includes(row.state)))
      throw new CallUnderWayError('a campaign is calling this person at the moment')
    await db.updateTable('campaign_attempts').set({ number: '' }).where('id', 'in', ids).execute()
    return 'number removed; when and how it was dialled stays'
  }
}

/** A person's places in campaigns, with what was promised to them. */
export const leads: PersonStore = {
  name: 'leads',
  async find({ db }, { contactIds }) {
    const rows = await leadsOfContacts(db, contactIds)
    return rows.map(row => ({ id: `${row.campaignNo} ${row.contactId}`, callId: null, at: row.at, hold: null }))
  },
  async read({ db }, item) {
    const { campaignNo, contactId } = leadOf(item.id)
    const row = await db
      .selectFrom('campaign_leads as l')
      .leftJoin('campaigns as c', 'c.no', 'l.campaign_no')
      .select([
        'c.name as campaign',
        'l.state',
        'l.attempts',
        'l.last_outcome as lastOutcome',
        'l.last_at as lastAt',
        'l.reasons',
        'l.callback_at as callbackAt',
        'l.callback_note as callbackNote'
      ])
      .where('l.campaign_no', '=', campaignNo)
      .where('l.contact_id', '=', contactId)
      .executeTakeFirst()
    return { ...row }
  },
  async erase({ db }, items) {
    await db.transaction().execute(async trx => {
      for (const [campaignNo, some] of Map.groupBy(items, item => leadOf(item.id).campaignNo))
        await trx
          .deleteFrom('campaign_leads')
          .where('campaign_no', '=', campaignNo)
          .where(
            'contact_id',
            'in',
            some.map(item => leadOf(item.id).contactId)
          )
          .execute()
    })
    return 'rows deleted, promised callbacks too'
  }
}

export const contacts: PersonStore = {
  name: 'contacts',
  async find({ db }, { numbers, emails, contactIds }) {
    const rows = [
      ...(await contactsOfPerson(db, numbers, emails)),
      ...(contactIds.length === 0
        ? []
        : (
            await sql<{ id: string; at: Date }>`select id::text as id, created_at as at from contacts
              where id = any(${[...contactIds]}::bigint[])`.execute(db)
          ).rows)
    ]
    const byId = new Map(rows.map(row => [row.id, row]))
    return [...byId.values()].map(row => ({ id: row.id, callId: null, at: row.at, hold: null }))
  },
  async read({ db }, item) {
    const row = await db
      .selectFrom('contacts')
      .select(['name', 'language', 'country', 'region', 'zone', 'external_id', 'custom'])
      .where('id', '=', item.id)
      .executeTakeFirst()
    const numbers = await db
      .selectFrom('contact_numbers')
      .select(['number', 'kind'])
      .where('contact_id', '=', item.id)
      .orderBy('position')
      .execute()
    return { ...row, numbers }
  },
  async erase({ db }, items) {
    const ids = items.map(item => item.id)
    await db.transaction().execute(async trx => {
      await trx.deleteFrom('campaign_leads').where('contact_id', 'in', ids).execute()
      await trx.deleteFrom('contact_numbers').where('contact_id', 'in', ids).execute()
      await trx.deleteFrom('contacts').where('id', 'in', ids).execute()
    })
    return 'contact and all of its numbers deleted'
  }
}

function leadOf(id: string): Readonly<{ campaignNo: number; contactId: string }> {
  const [campaignNo = '', contactId = ''] = id.split(' ')
  return { campaignNo: Number(campaignNo), contactId }
}
