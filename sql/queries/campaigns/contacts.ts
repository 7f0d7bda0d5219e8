import { type Insertable, type Selectable, sql, type Updateable } from 'kysely'
import type {
  ContactImportsTable,
  ContactListsTable,
  ContactParty,
  ContactsTable,
  NumberKind
} from '../../campaign-tables.ts'
import type { Db } from '../../database.ts'
import { texts } from '../text-column.ts'

export type ContactListRow = Selectable<ContactListsTable>
export type ContactImportRow = Selectable<ContactImportsTable>
export type ContactRow = Selectable<ContactsTable>
export type ContactNumberRow = Readonly<{ position: number; number: string; kind: NumberKind; placeId: number }>

/** A contact ready to be stored; its numbers have their places. */
export type StoredContact = Readonly<{
  line: number
  externalId: string | null
  name: string
  language: string | null
  country: string | null
  region: string | null
  zone: string | null
  party: ContactParty
  isCustomer: boolean | null
  custom: Readonly<Record<string, string>>
  numbers: readonly Readonly<{ number: string; kind: NumberKind; placeId: number }>[]
}>

export async function insertContactList(db: Db, row: Insertable<ContactListsTable>): Promise<void> {
  await db.insertInto('contact_lists').values(row).execute()
}

export async function findContactList(db: Db, id: string): Promise<ContactListRow | undefined> {
  return await db
    .selectFrom('contact_lists')
    .selectAll()
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
}

export async function updateContactList(
  db: Db,
  id: string,
  change: Updateable<ContactListsTable>
): Promise<ContactListRow | undefined> {
  return await db
    .updateTable('contact_lists')
    .set(change)
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .returningAll()
    .executeTakeFirst()
}

/** Lists with how many contacts they hold, by name. */
export async function listContactLists(
  db: Db
): Promise<readonly (ContactListRow & Readonly<{ contacts: number; imports: number }>)[]> {
  const result = await sql<ContactListRow & { contacts: number; imports: number }>`
    select l.*, (select count(*)::int from contacts c where c.list_no = l.no) as contacts,
      (select count(*)::int from contact_imports i where i.list_id = l.id) as imports
    from contact_lists l where l.deleted_at is null order by lower(l.name)`.execute(db)
  return result.rows
}

/** Ids of places by key; makes those that are new. */
export async function ensurePlaces(
  db: Db,
  places: readonly Readonly<{ key: string; jurisdictions: readonly string[]; zones: readonly string[] }>[]
): Promise<ReadonlyMap<string, number>> {
  if (places.length === 0) return new Map()
  const keys = places.map(one => one.key)
  await sql`insert into contact_places (key, jurisdictions, zones)
    select key, coalesce(string_to_array(nullif(laws, ''), ','), '{}'), coalesce(string_to_array(nullif(zones, ''), ','), '{}')
    from unnest(${keys}::text[], ${places.map(one => one.jurisdictions.join(','))}::text[],
      ${places.map(one => one.zones.join(','))}::text[]) as p (key, laws, zones)
    on conflict (key) do nothing`.execute(db)
  const rows = await db.selectFrom('contact_places').select(['id', 'key']).where('key', 'in', keys).execute()
  return new Map(rows.map(row => [row.key, row.id]))
}

export type PlaceRow = Readonly<{ id: number; key: string; jurisdictions: readonly string[]; zones: readonly string[] }>

export async function listPlaces(db: Db, ids: readonly number[]): Promise<readonly PlaceRow[]> {
  if (ids.length === 0) return []
  return await db
    .selectFrom('contact_places')
    .selectAll()
    .where('id', 'in', [...ids])
    .execute()
}

export async function hasContacts(db: Db, listNo: number): Promise<boolean> {
  const { rows } = await sql<{ hasSome: boolean }>`
    select exists (select from contacts where list_no = ${listNo}) as "hasSome"`.execute(db)
  return rows[0]?.hasSome === true
}

/** Which of these numbers and outside ids a list holds already, with the contact that has them. */
export async function findExisting(
  db: Db,
  listNo: number,
  numbers: readonly string[],
  externalIds: readonly string[]
): Promise<Readonly<{ numbers: ReadonlyMap<string, string>; externalIds: ReadonlyMap<string, string> }>> {
  const found = await sql<{ number: string; id: string }>`
    select number, contact_id::text as id from contact_numbers
    where list_no = ${listNo} and number = any(${texts(numbers)})`.execute(db)
  const known =
    externalIds.length === 0
      ? []
      : (
          await sql<{ externalId: string; id: string }>`
            select external_id as "externalId", id::text as id from contacts
            where list_no = ${listNo} and external_id = any(${texts(externalIds)})`.execute(db)
        ).rows
  return {
    numbers: new Map(found.rows.map(row => [row.number, row.id])),
    externalIds: new Map(known.map(row => [row.externalId, row.id]))
  }
}

/** Stores new contacts with their numbers, in one statement. */
export async function insertContacts(
  db: Db,
  listNo: number,
  importId: string | null,
  contacts: readonly StoredContact[]
): Promise<void> {
  if (contacts.length === 0) return
  const column = (read: (contact: StoredContact) => string | number | boolean | null) => texts(contacts.map(read))
  const numbers = contacts.flatMap((contact, index) =>
    contact.numbers.map((one, position) => ({ ...one, position, turn: index + 1 }))
  )
  const part = (read: (number: (typeof numbers)[number]) => string | number) => texts(numbers.map(read))
  await sql`with people as materialized (
      select nextval('contacts_id_seq') as id, c.* from unnest(${column(one => one.line)}::bigint[],
        ${column(one => one.externalId)}, ${column(one => one.name)}, ${column(one => one.language)},
        ${column(one => one.country)}, ${column(one => one.region)}, ${column(one => one.zone)},
        ${column(one => one.party)}, ${column(one => one.isCustomer)}::boolean[],
        ${column(one => JSON.stringify(one.custom))}::jsonb[]) with ordinality
        as c (line, external_id, name, language, country, region, zone, party, is_customer, custom, turn)
    ), stored as (
      insert into contacts (id, list_no, import_id, line, external_id, name, language, country, region, zone, party,
        is_customer, custom)
      select id, ${listNo}, ${importId}, line, external_id, coalesce(name, ''), language, country, region, zone, party,
        is_customer, custom from people
    )
    insert into contact_numbers (contact_id, position, list_no, number, kind, place_id)
    select p.id, n.position, ${listNo}, n.number, n.kind, n.place_id
    from unnest(${part(one => one.turn)}::bigint[], ${part(one => one.position)}::smallint[], ${part(one => one.number)},
      ${part(one => one.kind)}, ${part(one => one.placeId)}::integer[]) as n (turn, position, number, kind, place_id)
    join people p using (turn)`.execute(db)
}

export async function insertNumbers(
  db: Db,
  listNo: number,
  numbers: readonly Readonly<{
    contactId: string
    position: number
    number: string
    kind: NumberKind
    placeId: number
  }>[]
): Promise<void> {
  if (numbers.length === 0) return
  const column = (read: (number: (typeof numbers)[number]) => string | number) => texts(numbers.map(read))
  await sql`insert into contact_numbers (contact_id, position, list_no, number, kind, place_id)
    select contact_id, position, ${listNo}, number, kind, place_id
    from unnest(${column(one => one.contactId)}::bigint[], ${column(one => one.position)}::smallint[],
      ${column(one => one.number)}, ${column(one => one.kind)}, ${column(one => one.placeId)}::integer[])
      as n (contact_id, position, number, kind, place_id)`.execute(db)
}

/** Brings what is on file up to date; what a file leaves out stays. Custom fields are joined. */
export async function updateContacts(
  db: Db,
  contacts: readonly Readonly<{ id: string; contact: StoredContact }>[]
): Promise<void> {
  if (contacts.length === 0) return
  const column = <T>(read: (contact: StoredContact) => T) => contacts.map(one => read(one.contact))
  await sql`update contacts c set
      name = coalesce(nullif(u.name, ''), c.name), language = coalesce(u.language, c.language),
      country = coalesce(u.country, c.country), region = coalesce(u.region, c.region), zone = coalesce(u.zone, c.zone),
      party = case when u.party = 'unknown' then c.party else u.party end,
      is_customer = coalesce(u.is_customer, c.is_customer), custom = c.custom || u.custom
    from unnest(${contacts.map(one => one.id)}::bigint[], ${column(one => one.name)}::text[],
      ${column(one => one.language)}::text[], ${column(one => one.country)}::text[], ${column(one => one.region)}::text[],
      ${column(one => one.zone)}::text[], ${column(one => one.party)}::text[], ${column(one => one.isCustomer)}::boolean[],
      ${column(one => JSON.stringify(one.custom))}::jsonb[])
      as u (id, name, language, country, region, zone, party, is_customer, custom)
    where c.id = u.id`.execute(db)
}

export async function insertImport(db: Db, row: Insertable<ContactImportsTable>): Promise<void> {
  await db.insertInto('contact_imports').values(row).execute()
}

export async function updateImport(db: Db, id: string, change: Updateable<ContactImportsTable>): Promise<void> {
  await db.updateTable('contact_imports').set(change).where('id', '=', id).execute()
}

export async function findImport(db: Db, id: string): Promise<ContactImportRow | undefined> {
  return await db.selectFrom('contact_imports').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function listImports(db: Db, listId: string): Promise<readonly ContactImportRow[]> {
  return await db
    .selectFrom('contact_imports')
    .selectAll()
    .where('list_id', '=', listId)
    .orderBy('started_at', 'desc')
    .limit(50)
    .execute()
}

/** Imports whose control plane has died are over; what they had stored stays. */
export async function failLostImports(db: Db, deadSince: Date, at: Date): Promise<number> {
  const rows = await db
    .updateTable('contact_imports')
    .set({
      state: 'failed',
      ended_at: at,
      failure: JSON.stringify({
        code: 'INTERRUPTED',
        message: 'The server stopped. What was read until then is kept; import the file again for the rest.'
      })
    })
    .where('state', '=', 'running')
    .where('started_at', '<', deadSince)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('control_planes')
            .select('control_planes.id')
            .whereRef('control_planes.id', '=', 'contact_imports.control_plane_id')
            .where('control_planes.heartbeat_at', '>=', deadSince)
        )
      )
    )
    .returning('id')
    .execute()
  return rows.length
}

/** Without `listNo`: those of all lists. */
export type ContactFilter = Readonly<{ listNo?: number; number?: string; name?: string }>

export async function listContacts(
  db: Db,
  filter: ContactFilter,
  afterId: string | null,
  limit: number
): Promise<readonly ContactRow[]> {
  let query = db.selectFrom('contacts').selectAll().orderBy('id').limit(limit)
  if (filter.listNo !== undefined) query = query.where('list_no', '=', filter.listNo)
  if (afterId !== null) query = query.where('id', '>', afterId)
  if (filter.number !== undefined)
    query = query.where('id', 'in', eb =>
      eb
        .selectFrom('contact_numbers')
        .select('contact_id')
        .where('number', '=', filter.number ?? '')
    )
  if (filter.name !== undefined) query = query.where('name', 'ilike', `%${filter.name.replace(/[\\%_]/g, '\\$&')}%`)
  return (await query.execute()).map(withTextId)
}

/** The ids of lists by their numbers. */
export async function listIdsOf(db: Db, listNos: readonly number[]): Promise<ReadonlyMap<number, string>> {
  if (listNos.length === 0) return new Map()
  const rows = await db
    .selectFrom('contact_lists')
    .select(['no', 'id'])
    .where('no', 'in', [...new Set(listNos)])
    .execute()
  return new Map(rows.map(row => [row.no, row.id]))
}

export async function findContact(db: Db, id: string): Promise<ContactRow | undefined> {
  const row = await db.selectFrom('contacts').selectAll().where('id', '=', id).executeTakeFirst()
  return row === undefined ? undefined : withTextId(row)
}

/** Drivers differ in how they give a bigint. */
function withTextId(row: ContactRow): ContactRow {
  return { ...row, id: String(row.id) }
}

export async function numbersOf(
  db: Db,
  contactIds: readonly string[]
): Promise<ReadonlyMap<string, readonly ContactNumberRow[]>> {
  if (contactIds.length === 0) return new Map()
  const { rows } = await sql<ContactNumberRow & { contactId: string }>`
    select contact_id::text as "contactId", position, number, kind, place_id as "placeId" from contact_numbers
    where contact_id = any(${contactIds}::bigint[]) order by contact_id, position`.execute(db)
  const found = new Map<string, ContactNumberRow[]>()
  for (const row of rows) {
    const list = found.get(row.contactId) ?? []
    list.push(row)
    found.set(row.contactId, list)
  }
  return found
}

/**
 * Takes a contact out of its list, with what was promised to it. Attempts keep their number, because limits of calls to one
 * number count them; requests of persons find them by it.
 */
export async function deleteContact(db: Db, id: string): Promise<boolean> {
  return await db.transaction().execute(async trx => {
    await trx.deleteFrom('contact_numbers').where('contact_id', '=', id).execute()
    await trx.updateTable('campaign_leads').set({ callback_note: '' }).where('contact_id', '=', id).execute()
    await trx
      .updateTable('campaign_leads')
      .set({ state: 'done', last_outcome: 'contactRemoved' })
      .where('contact_id', '=', id)
      .where('state', 'in', ['waiting', 'review', 'blocked'])
      .execute()
    const rows = await trx.deleteFrom('contacts').where('id', '=', id).returning('id').execute()
    return rows.length > 0
  })
}
