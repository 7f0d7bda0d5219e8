import { sql } from 'kysely'
import type { Db } from '../../database.ts'

/** The numbers at the customer's end of these calls, of these contacts and of these kept languages. */
export async function numbersOfCustomers(
  db: Db,
  of: Readonly<{ callIds: readonly string[]; contactIds: readonly string[]; languageIds: readonly string[] }>
): Promise<readonly string[]> {
  const { rows } = await sql<{ number: string }>`
    select case direction when 'inbound' then caller_number else called_number end as number
      from cdrs where call_id = any(${[...of.callIds]}::text[])
    union
    select number from contact_numbers where contact_id::text = any(${[...of.contactIds]}::text[])
    union
    select number from caller_languages where id::text = any(${[...of.languageIds]}::text[])`.execute(db)
  return rows.flatMap(row => row.number ?? [])
}
