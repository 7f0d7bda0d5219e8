import type { Db } from '../database.ts'
import type { RegistrationRow, SipAccountRow } from './telephony.ts'

/** The first thousand accounts of desk phones, by name. */
export async function listSipAccounts(db: Db): Promise<readonly Omit<SipAccountRow, 'ha1Md5' | 'ha1Sha256'>[]> {
  return await db
    .selectFrom('sip_accounts')
    .select(['username', 'user_id as userId', 'extension', 'realm'])
    .orderBy('username')
    .limit(1000)
    .execute()
}

export type LiveRegistration = Pick<
  RegistrationRow,
  'username' | 'sourceAddress' | 'sourcePort' | 'protocol' | 'userAgent' | 'expiresAt'
>

/** Every phone that is registered at an instant; of one account the one that stays longest comes first. */
export async function listLiveRegistrations(db: Db, now: Date): Promise<readonly LiveRegistration[]> {
  return await db
    .selectFrom('registrations')
    .select([
      'username',
      'source_address as sourceAddress',
      'source_port as sourcePort',
      'protocol',
      'user_agent as userAgent',
      'expires_at as expiresAt'
    ])
    .where('expires_at', '>', now)
    .orderBy('username')
    .orderBy('expires_at', 'desc')
    .execute()
}

export async function insertSipAccount(db: Db, account: SipAccountRow): Promise<void> {
  await db
    .insertInto('sip_accounts')
    .values({
      username: account.username,
      user_id: account.userId,
      extension: account.extension,
      realm: account.realm,
      ha1_md5: account.ha1Md5,
      ha1_sha256: account.ha1Sha256
    })
    .execute()
}

/** Changes what is given; false when there is no such account. */
export async function updateSipAccount(
  db: Db,
  username: string,
  change: Partial<Omit<SipAccountRow, 'username'>>
): Promise<boolean> {
  const rows = await db
    .updateTable('sip_accounts')
    .set({
      ...(change.userId !== undefined && { user_id: change.userId }),
      ...(change.extension !== undefined && { extension: change.extension }),
      ...(change.realm !== undefined && { realm: change.realm }),
      ...(change.ha1Md5 !== undefined && { ha1_md5: change.ha1Md5 }),
      ...(change.ha1Sha256 !== undefined && { ha1_sha256: change.ha1Sha256 })
    })
    .where('username', '=', username)
    .returning('username')
    .execute()
  return rows.length > 0
}

/** Its registrations go with it. */
export async function deleteSipAccount(db: Db, username: string): Promise<boolean> {
  const rows = await db.deleteFrom('sip_accounts').where('username', '=', username).returning('username').execute()
  return rows.length > 0
}
