import type { Db } from '../database.ts'
import type { ApiKeyRole, UserRole } from '../tables.ts'

export type UserRow = Readonly<{
  id: string
  username: string
  displayName: string
  role: UserRole
  language: string
  createdAt: Date
  disabledAt: Date | null
}>

const USER_COLUMNS = [
  'id',
  'username',
  'display_name as displayName',
  'role',
  'language',
  'created_at as createdAt',
  'disabled_at as disabledAt'
] as const

export async function insertUser(
  db: Db,
  user: Readonly<{
    id: string
    username: string
    displayName: string
    passwordHash: string
    role: UserRole
    language: string
  }>
): Promise<void> {
  await db
    .insertInto('users')
    .values({
      id: user.id,
      username: user.username,
      display_name: user.displayName,
      password_hash: user.passwordHash,
      role: user.role,
      language: user.language
    })
    .execute()
}

export async function findUserForLogin(
  db: Db,
  username: string
): Promise<(UserRow & { passwordHash: string }) | undefined> {
  return await db
    .selectFrom('users')
    .select([...USER_COLUMNS, 'password_hash as passwordHash'])
    .where(eb => eb.fn<string>('lower', ['username']), '=', username.toLowerCase())
    .executeTakeFirst()
}

export async function findUser(db: Db, id: string): Promise<UserRow | undefined> {
  return await db.selectFrom('users').select(USER_COLUMNS).where('id', '=', id).executeTakeFirst()
}

export async function listUsers(db: Db, after: string | null, limit: number): Promise<readonly UserRow[]> {
  let query = db.selectFrom('users').select(USER_COLUMNS).orderBy('id').limit(limit)
  if (after !== null) query = query.where('id', '>', after)
  return await query.execute()
}

export async function countUsers(db: Db): Promise<number> {
  const row = await db
    .selectFrom('users')
    .select(eb => eb.fn.countAll<string>().as('count'))
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** Changes what is given; a disabled user loses every session at once. Returns whether the user exists. */
export async function updateUser(
  db: Db,
  id: string,
  change: Readonly<{
    displayName?: string
    passwordHash?: string
    role?: UserRole
    language?: string
    disabledAt?: Date | null
  }>
): Promise<boolean> {
  return await db.transaction().execute(async trx => {
    const result = await trx
      .updateTable('users')
      .set({
        ...(change.displayName !== undefined && { display_name: change.displayName }),
        ...(change.passwordHash !== undefined && { password_hash: change.passwordHash }),
        ...(change.role !== undefined && { role: change.role }),
        ...(change.language !== undefined && { language: change.language }),
        ...(change.disabledAt !== undefined && { disabled_at: change.disabledAt })
      })
      .where('id', '=', id)
      .returning('id')
      .execute()
    // A new password or a lost right must not leave old sessions open.
    if (change.disabledAt || change.passwordHash !== undefined || change.role !== undefined)
      await trx.deleteFrom('sessions').where('user_id', '=', id).execute()
    return result.length > 0
  })
}

export async function insertSession(
  db: Db,
  session: Readonly<{ tokenHash: string; userId: string; expiresAt: Date; ip: string | null; userAgent: string | null }>
): Promise<void> {
  await db
    .insertInto('sessions')
    .values({
      token_hash: session.tokenHash,
      user_id: session.userId,
      expires_at: session.expiresAt,
      ip: session.ip,
      user_agent: session.userAgent
    })
    .execute()
}

export async function findSessionUser(db: Db, tokenHash: string, now: Date): Promise<UserRow | undefined> {
  return await db
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .select([
      'users.id',
      'users.username',
      'users.display_name as displayName',
      'users.role',
      'users.language',
      'users.created_at as createdAt',
      'users.disabled_at as disabledAt'
    ])
    .where('sessions.token_hash', '=', tokenHash)
    .where('sessions.expires_at', '>', now)
    .where('users.disabled_at', 'is', null)
    .executeTakeFirst()
}

export async function deleteSession(db: Db, tokenHash: string): Promise<void> {
  await db.deleteFrom('sessions').where('token_hash', '=', tokenHash).execute()
}

export async function deleteExpiredSessions(db: Db, now: Date): Promise<void> {
  await db.deleteFrom('sessions').where('expires_at', '<=', now).execute()
}

export type ApiKeyRow = Readonly<{
  id: string
  name: string
  prefix: string
  role: ApiKeyRole
  createdBy: string
  createdAt: Date
  expiresAt: Date | null
  lastUsedAt: Date | null
  revokedAt: Date | null
}>

const API_KEY_COLUMNS = [
  'id',
  'name',
  'prefix',
  'role',
  'created_by as createdBy',
  'created_at as createdAt',
  'expires_at as expiresAt',
  'last_used_at as lastUsedAt',
  'revoked_at as revokedAt'
] as const

export async function insertApiKey(
  db: Db,
  key: Readonly<{
    id: string
    name: string
    prefix: string
    keyHash: string
    role: ApiKeyRole
    createdBy: string
    expiresAt: Date | null
  }>
): Promise<void> {
  await db
    .insertInto('api_keys')
    .values({
      id: key.id,
      name: key.name,
      prefix: key.prefix,
      key_hash: key.keyHash,
      role: key.role,
      created_by: key.createdBy,
      expires_at: key.expiresAt,
      last_used_at: null,
      revoked_at: null
    })
    .execute()
}

export async function listApiKeys(db: Db, after: string | null, limit: number): Promise<readonly ApiKeyRow[]> {
  let query = db.selectFrom('api_keys').select(API_KEY_COLUMNS).orderBy('id').limit(limit)
  if (after !== null) query = query.where('id', '>', after)
  return await query.execute()
}

/** The key in force with this hash; notes that it was used. */
export async function useApiKey(db: Db, keyHash: string, now: Date): Promise<ApiKeyRow | undefined> {
  return await db
    .updateTable('api_keys')
    .set({ last_used_at: now })
    .where('key_hash', '=', keyHash)
    .where('revoked_at', 'is', null)
    .where(eb => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
    .returning(API_KEY_COLUMNS)
    .executeTakeFirst()
}

export async function revokeApiKey(db: Db, id: string, now: Date): Promise<boolean> {
  const rows = await db
    .updateTable('api_keys')
    .set({ revoked_at: now })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .returning('id')
    .execute()
  return rows.length > 0
}
