import type { Insertable, Updateable } from 'kysely'
import type { Db } from '../database.ts'
import type { NumbersTable, TrunksTable } from '../tables.ts'

export type NumberRow = Readonly<{
  id: string
  number: string
  label: string
  language: string
  region: string
  flowId: string | null
  trunkId: string | null
  isEnabled: boolean
}>

const NUMBER_COLUMNS = [
  'id',
  'number',
  'label',
  'language',
  'region',
  'flow_id as flowId',
  'trunk_id as trunkId',
  'is_enabled as isEnabled'
] as const

export async function insertNumber(db: Db, row: Insertable<NumbersTable>): Promise<void> {
  await db.insertInto('numbers').values(row).execute()
}

export async function updateNumber(db: Db, id: string, change: Updateable<NumbersTable>): Promise<boolean> {
  const rows = await db.updateTable('numbers').set(change).where('id', '=', id).returning('id').execute()
  return rows.length > 0
}

export async function deleteNumber(db: Db, id: string): Promise<boolean> {
  const rows = await db.deleteFrom('numbers').where('id', '=', id).returning('id').execute()
  return rows.length > 0
}

export async function findNumber(db: Db, id: string): Promise<NumberRow | undefined> {
  return await db.selectFrom('numbers').select(NUMBER_COLUMNS).where('id', '=', id).executeTakeFirst()
}

export async function listNumbers(db: Db, after: string | null, limit: number): Promise<readonly NumberRow[]> {
  let query = db.selectFrom('numbers').select(NUMBER_COLUMNS).orderBy('id').limit(limit)
  if (after !== null) query = query.where('id', '>', after)
  return await query.execute()
}

export type TrunkRow = Readonly<{
  id: string
  name: string
  carrier: string
  authentication: 'ip' | 'digest'
  addresses: readonly string[]
  username: string | null
  passwordSealed: string | null
  outboundAddress: string | null
  transport: 'udp' | 'tcp' | 'tls'
  defaultCallerNumber: string | null
  allowsForeignCallerNumber: boolean
  allowedPrefixes: readonly string[]
  maxCalls: number
  maxCallsPerSecond: number
  priority: number
  isEnabled: boolean
}>

const TRUNK_COLUMNS = [
  'id',
  'name',
  'carrier',
  'authentication',
  'addresses',
  'username',
  'password_sealed as passwordSealed',
  'outbound_address as outboundAddress',
  'transport',
  'default_caller_number as defaultCallerNumber',
  'allows_foreign_caller_number as allowsForeignCallerNumber',
  'allowed_prefixes as allowedPrefixes',
  'max_calls as maxCalls',
  'max_calls_per_second as maxCallsPerSecond',
  'priority',
  'is_enabled as isEnabled'
] as const

export async function insertTrunk(db: Db, row: Insertable<TrunksTable>): Promise<void> {
  await db.insertInto('trunks').values(row).execute()
}

export async function updateTrunk(db: Db, id: string, change: Updateable<TrunksTable>): Promise<boolean> {
  const rows = await db.updateTable('trunks').set(change).where('id', '=', id).returning('id').execute()
  return rows.length > 0
}

export async function deleteTrunk(db: Db, id: string): Promise<boolean> {
  const rows = await db.deleteFrom('trunks').where('id', '=', id).returning('id').execute()
  return rows.length > 0
}

export async function findTrunk(db: Db, id: string): Promise<TrunkRow | undefined> {
  return await db.selectFrom('trunks').select(TRUNK_COLUMNS).where('id', '=', id).executeTakeFirst()
}

export async function listTrunks(db: Db, after: string | null, limit: number): Promise<readonly TrunkRow[]> {
  let query = db.selectFrom('trunks').select(TRUNK_COLUMNS).orderBy('id').limit(limit)
  if (after !== null) query = query.where('id', '>', after)
  return await query.execute()
}

/** Everything that routing needs, in two reads; callers keep it for a short time (see server/routing). */
export async function readRoutingTables(
  db: Db
): Promise<{ numbers: readonly NumberRow[]; trunks: readonly TrunkRow[] }> {
  const numbers = await db.selectFrom('numbers').select(NUMBER_COLUMNS).execute()
  const trunks = await db.selectFrom('trunks').select(TRUNK_COLUMNS).orderBy('priority').orderBy('id').execute()
  return { numbers, trunks }
}

export type SipAccountRow = Readonly<{
  username: string
  userId: string | null
  extension: string | null
  realm: string
  ha1Md5: string
  ha1Sha256: string
}>

const ACCOUNT_COLUMNS = [
  'username',
  'user_id as userId',
  'extension',
  'realm',
  'ha1_md5 as ha1Md5',
  'ha1_sha256 as ha1Sha256'
] as const

export async function findSipAccount(db: Db, username: string): Promise<SipAccountRow | undefined> {
  return await db.selectFrom('sip_accounts').select(ACCOUNT_COLUMNS).where('username', '=', username).executeTakeFirst()
}

/** The account of a person's own desk phone; the one with the lowest name when there are several. */
export async function findSipAccountOfUser(db: Db, userId: string): Promise<{ username: string } | undefined> {
  return await db
    .selectFrom('sip_accounts')
    .select('username')
    .where('user_id', '=', userId)
    .orderBy('username')
    .limit(1)
    .executeTakeFirst()
}

export async function findSipAccountByExtension(db: Db, extension: string): Promise<SipAccountRow | undefined> {
  return await db
    .selectFrom('sip_accounts')
    .select(ACCOUNT_COLUMNS)
    .where('extension', '=', extension)
    .executeTakeFirst()
}

export type RegistrationRow = Readonly<{
  username: string
  contact: string
  sourceAddress: string
  sourcePort: number
  protocol: string
  sipCallId: string
  cseq: number
  userAgent: string | null
  expiresAt: Date
}>

export async function listRegistrations(db: Db, username: string, now: Date): Promise<readonly RegistrationRow[]> {
  return await db
    .selectFrom('registrations')
    .select([
      'username',
      'contact',
      'source_address as sourceAddress',
      'source_port as sourcePort',
      'protocol',
      'sip_call_id as sipCallId',
      'cseq',
      'user_agent as userAgent',
      'expires_at as expiresAt'
    ])
    .where('username', '=', username)
    .where('expires_at', '>', now)
    .orderBy('expires_at', 'desc')
    .execute()
}

export async function upsertRegistration(db: Db, row: RegistrationRow): Promise<void> {
  const values = {
    source_address: row.sourceAddress,
    source_port: row.sourcePort,
    protocol: row.protocol,
    sip_call_id: row.sipCallId,
    cseq: row.cseq,
    user_agent: row.userAgent,
    expires_at: row.expiresAt
  }
  await db
    .insertInto('registrations')
    .values({ username: row.username, contact: row.contact, ...values })
    .onConflict(conflict => conflict.columns(['username', 'contact']).doUpdateSet(values))
    .execute()
}

export async function deleteRegistrations(db: Db, username: string, contact: string | null): Promise<void> {
  let query = db.deleteFrom('registrations').where('username', '=', username)
  if (contact !== null) query = query.where('contact', '=', contact)
  await query.execute()
}

export async function deleteExpiredRegistrations(db: Db, now: Date): Promise<void> {
  await db.deleteFrom('registrations').where('expires_at', '<=', now).execute()
}
