import { sql } from 'kysely'
import type { Db } from '../sql/database.ts'
import { countUsers, insertUser } from '../sql/queries/access.ts'
import { insertFlow, insertFlowVersion, publishFlowVersion } from '../sql/queries/flows.ts'
import { insertNumber } from '../sql/queries/telephony.ts'
import type { UserRole } from '../sql/tables.ts'
import { checkFlow, readExampleFlow } from './flow-library.ts'
import { hashPassword, newPassword, type PasswordCost } from './http/passwords.ts'
import { newId } from './ids.ts'
import { seedScorecard } from './quality/demo-scorecard.ts'
import { seedQueues } from './queues/seed.ts'

export type Account = Readonly<{ username: string; password: string; role: UserRole }>

/**
 * Numbers that can never ring a person: from the ranges kept for fiction in the United States (NANPA 555-01xx) and
 * Germany (Bundesnetzagentur, Berlin 23125), elsewhere from blocks that the national plan does not assign.
 */
export const DEMO_NUMBERS = [
  { number: '+12025550100', language: 'en', region: 'US', flow: 'welcome-en', label: 'English greeting' },
  { number: '+34500000100', language: 'es', region: 'ES', flow: 'welcome-es', label: 'Spanish greeting' },
  { number: '+493023125100', language: 'de', region: 'DE', flow: 'welcome-de', label: 'German greeting' },
  { number: '+861000000100', language: 'zh', region: 'CN', flow: 'welcome-zh', label: 'Chinese greeting' },
  { number: '+97140000100', language: 'ar', region: 'AE', flow: 'welcome-ar', label: 'Arabic greeting' }
] as const

const FIRST_MINUTE = 'first-minute'

const DEMO_PEOPLE = [
  { username: 'ana', displayName: 'Ana Example', role: 'agent', language: 'es' },
  { username: 'karim', displayName: 'Karim Example', role: 'agent', language: 'ar' },
  { username: 'sara', displayName: 'Sara Example', role: 'supervisor', language: 'en' },
  { username: 'chen', displayName: 'Chen Example', role: 'campaign-manager', language: 'zh' },
  { username: 'quinn', displayName: 'Quinn Example', role: 'qa-reviewer', language: 'de' }
] as const

/**
 * Fills an empty database, as a whole or not at all: the administrator always, and numbers, flows and people when `hasDemoData`.
 * Returns the accounts with their passwords; null when the database was not empty. `remember` is told them before anybody can
 * sign in with them: a start that fails right afterwards would have made accounts that nobody knows the passwords of.
 */
export async function seedDatabase(
  db: Db,
  options: Readonly<{ adminPassword: string | undefined; hasDemoData: boolean; passwordCost: PasswordCost }>,
  remember: (accounts: readonly Account[]) => Promise<void>
): Promise<readonly Account[] | null> {
  if ((await countUsers(db)) > 0) return null
  const people = [
    { username: 'admin', displayName: 'Administrator', role: 'admin' as const, language: 'en' },
    ...(options.hasDemoData ? DEMO_PEOPLE : [])
  ]
  const accounts = await Promise.all(
    people.map(async person => {
      const password = (person.role === 'admin' ? options.adminPassword : undefined) ?? newPassword()
      return { person, password, passwordHash: await hashPassword(password, options.passwordCost) }
    })
  )
  const users = accounts.map(({ person, passwordHash }) => ({ id: newId(), ...person, passwordHash }))
  const made = accounts.map(({ person, password }) => ({ username: person.username, password, role: person.role }))
  return await db.transaction().execute(async trx => {
    // Of two control planes that start on one empty database, one fills it.
    await sql`lock table users in share row exclusive mode`.execute(trx)
    if ((await countUsers(trx)) > 0) return null
    for (const user of users) await insertUser(trx, user)
    if (options.hasDemoData) {
      await seedNumbers(trx)
      await seedFlow(trx, FIRST_MINUTE)
      await seedQueues(trx, users)
      await seedScorecard(trx, 'Quinn Example')
    }
    await remember(made)
    return made
  })
}

async function seedNumbers(db: Db): Promise<void> {
  for (const { number, language, region, flow, label } of DEMO_NUMBERS) {
    await seedFlow(db, flow)
    await insertNumber(db, { id: newId(), number, label, language, region, flow_id: flow, trunk_id: null })
  }
}

async function seedFlow(db: Db, name: string): Promise<void> {
  const source = await readExampleFlow(name)
  const { flow, problems } = await checkFlow(db, null, source)
  if (flow === null) throw new Error(`the example flow ${name} has errors: ${problems[0]?.message ?? ''}`)
  await insertFlow(db, { id: flow.id, name: flow.name ?? flow.id, description: flow.description ?? '' })
  const version = await insertFlowVersion(db, { flowId: flow.id, source, note: 'demo', createdBy: null })
  await publishFlowVersion(db, flow.id, version, null)
}
