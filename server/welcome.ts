import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from './demo-data.ts'

/** What `<data>/quickstart.json` holds. */
export type QuickstartFacts = Readonly<{
  http: string
  sip: Readonly<{ host: string; udpPort: number; tcpPort: number }>
  users: readonly Account[]
  numbers: readonly Readonly<{ number: string; purpose: string }>[]
}>

export type StartFacts = Readonly<{
  startedInMs: number
  database: string
  drachtio: string
  freeswitch: string
  softphones: string
  https: Readonly<{ url: string; isSelfMade: boolean }> | null
}>

/** What the terminal shows when everything is up. */
export function createWelcome(facts: QuickstartFacts, start: StartFacts): string {
  const { host, udpPort } = facts.sip
  const users = facts.users.map(user => `    ${user.username.padEnd(10)} ${user.password.padEnd(24)} ${user.role}`)
  const numbers = facts.numbers.map(
    ({ number, purpose }) => `    sip:${`${number}@${host}:${udpPort}`.padEnd(32)} ${purpose}`
  )
  return [
    '',
    `  Parley is ready after ${(start.startedInMs / 1000).toFixed(1)} s.`,
    `  Database: ${start.database}. SIP: ${start.drachtio}. Media: ${start.freeswitch}. Softphones: ${start.softphones}.`,
    '',
    `  Web      ${facts.http}`,
    `  Start    ${facts.http}/start   hear yourself through flow and queue`,
    `  API      ${facts.http}/api/docs`,
    ...(start.https === null
      ? []
      : [
          `  TLS 1.3  ${start.https.url}${start.https.isSelfMade ? '   certificate made here: browsers ask once' : ''}`
        ]),
    ...(users.length > 0 ? ['', '  Sign in as', ...users] : []),
    ...(numbers.length > 0 ? ['', '  Dial with any SIP phone on this machine', ...numbers] : []),
    '',
    '  Ctrl-C drains running calls and stops.',
    '',
    ''
  ].join('\n')
}

/**
 * Keeps the passwords of a first start for the next starts' welcome, readable by the owner only. The database holds
 * hashes; deleting this file makes the passwords unknown to everybody but their owners.
 */
export async function rememberAccounts(dataDir: string, accounts: readonly Account[]): Promise<void> {
  // With a database elsewhere nothing may have needed the folder before.
  await mkdir(dataDir, { recursive: true })
  await writeFile(join(dataDir, 'first-accounts.json'), `${JSON.stringify(accounts, null, 2)}\n`, { mode: 0o600 })
}

export async function loadAccounts(dataDir: string): Promise<readonly Account[]> {
  try {
    return JSON.parse(await readFile(join(dataDir, 'first-accounts.json'), 'utf8')) as Account[]
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw err
  }
}
