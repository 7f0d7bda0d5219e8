import { createHash, randomBytes } from 'node:crypto'
import pg from 'pg'
import { openDatabase } from '../../sql/database.ts'
import { startJobs } from '../../sql/jobs.ts'
import { migrate } from '../../sql/migrate.ts'
import { stateOfSources } from './database-template.ts'

const TEMPLATE = 'parley_template_'
/** Any number that nothing else uses: test files run beside each other, and one of them makes the template. */
const ADVISORY_LOCK = 727_539_332

let made: Promise<string> | undefined

/**
 * A migrated database of its own on the PostgreSQL server of this run, dropped with `stack`. It is a copy of one that is
 * made once for each state of the migrations: applying them all again costs more than most tests.
 */
export async function freshDatabase(stack: AsyncDisposableStack): Promise<string> {
  made ??= template()
  return await createDatabase(stack, await made)
}

/** A database of its own without any table, dropped with `stack`. */
export async function emptyDatabase(stack: AsyncDisposableStack): Promise<string> {
  return await createDatabase(stack, null)
}

/** Whether the PostgreSQL server of this run could set up an extension. */
export async function offersExtension(name: string): Promise<boolean> {
  const { rows } = await withClient(client =>
    client.query('select 1 from pg_available_extensions where name = $1', [name])
  )
  return rows.length > 0
}

async function createDatabase(stack: AsyncDisposableStack, from: string | null): Promise<string> {
  const name = `parley_test_${randomBytes(8).toString('hex')}`
  const run = (statement: string) => withClient(client => client.query(statement))
  await run(`create database ${name}${from === null ? '' : ` template ${from}`}`)
  stack.defer(async () => {
    await run(`drop database if exists ${name} with (force)`)
  })
  return urlOf(name)
}

/** The name of the made database; makes it when it is not there. Those of other states may be in use: they stay. */
export async function template(): Promise<string> {
  // A run's role takes what it has made with it when it ends.
  const name = createHash('sha256')
    .update(`${await stateOfSources()} ${server()}`)
    .digest('hex')
    .slice(0, 32)
  const wanted = TEMPLATE + name
  await withClient(async client => {
    await client.query('select pg_advisory_lock($1)', [ADVISORY_LOCK])
    const known = await client.query('select 1 from pg_database where datname = $1', [wanted])
    if (known.rows.length > 0) return
    const making = `${wanted}_making`
    await client.query(`drop database if exists ${making} with (force)`)
    await client.query(`create database ${making}`)
    await fill(urlOf(making))
    await client.query(`alter database ${making} rename to ${wanted}`)
  })
  return wanted
}

async function fill(url: string): Promise<void> {
  await using database = await openDatabase({ kind: 'postgres', url }, err => {
    throw err
  })
  await migrate(database.db)
  const jobs = await startJobs(database, err => {
    throw err
  })
  await jobs.stop({ graceful: true, timeout: 5_000 })
}

async function withClient<T>(use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: server() })
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

function urlOf(name: string): string {
  const url = new URL(server())
  url.pathname = `/${name}`
  return url.href
}

function server(): string {
  const named = process.env['PARLEY_TEST_DATABASE_URL']
  if (named === undefined || named === '') throw new Error('PARLEY_TEST_DATABASE_URL must be set for this run')
  return named
}
