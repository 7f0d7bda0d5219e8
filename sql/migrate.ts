import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { CompiledQuery, sql } from 'kysely'
import type { Db } from './database.ts'

/** A migration file that was already applied has been changed or has gone. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError'
  readonly code = 'MIGRATION_FAILED'
}

const FOLDER = new URL('./migrations/', import.meta.url)
const FILE_NAME = /^(\d{4})-[a-z0-9-]+\.sql$/
/** Any number that nothing else uses: two control planes that start together must not migrate together. */
const ADVISORY_LOCK = 727_539_331

type Migration = Readonly<{ name: string; text: string; checksum: string }>

/** Applies every migration file that has not run yet, in order, each in one transaction; returns their names. */
export async function migrate(db: Db): Promise<readonly string[]> {
  const wanted = await readMigrations()
  return await db.connection().execute(async connection => {
    await sql`select pg_advisory_lock(${ADVISORY_LOCK})`.execute(connection)
    try {
      await sql`create table if not exists migrations (
        name text primary key, checksum text not null, applied_at timestamptz not null default now())`.execute(
        connection
      )
      const done = await sql<{ name: string; checksum: string }>`select name, checksum from migrations`.execute(
        connection
      )
      const applied = new Map(done.rows.map(row => [row.name, row.checksum]))
      refuseRewrittenHistory(wanted, applied)
      const names: string[] = []
      for (const migration of wanted) {
        if (applied.has(migration.name)) continue
        await applyOne(connection, migration)
        names.push(migration.name)
      }
      return names
    } finally {
      await sql`select pg_advisory_unlock(${ADVISORY_LOCK})`.execute(connection)
    }
  })
}

async function applyOne(db: Db, migration: Migration): Promise<void> {
  await db.transaction().execute(async trx => {
    try {
      for (const statement of splitStatements(migration.text)) await trx.executeQuery(CompiledQuery.raw(statement))
      await sql`insert into migrations (name, checksum) values (${migration.name}, ${migration.checksum})`.execute(trx)
    } catch (cause) {
      throw new MigrationError(`migration ${migration.name} failed`, { cause })
    }
  })
}

async function readMigrations(): Promise<readonly Migration[]> {
  const names = (await readdir(FOLDER)).filter(name => name.endsWith('.sql')).sort()
  for (const name of names) if (!FILE_NAME.test(name)) throw new MigrationError(`${name} is not named 0000-words.sql`)
  return await Promise.all(
    names.map(async name => {
      const text = await readFile(new URL(name, FOLDER), 'utf8')
      return { name, text, checksum: createHash('sha256').update(text).digest('hex') }
    })
  )
}

function refuseRewrittenHistory(wanted: readonly Migration[], applied: ReadonlyMap<string, string>): void {
  const known = new Map(wanted.map(migration => [migration.name, migration.checksum]))
  for (const [name, checksum] of applied) {
    const now = known.get(name)
    if (now === undefined)
      throw new MigrationError(`the database was migrated by a newer release: ${name} is unknown here`)
    if (now !== checksum) throw new MigrationError(`migration ${name} was changed after it had been applied`)
  }
}

/**
 * Splits a file at semicolons that end a statement: outside quotes, comments and dollar-quoted bodies.
 * PGlite's extended protocol takes one statement at a time.
 */
export function splitStatements(text: string): readonly string[] {
  const statements: string[] = []
  const token = /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$[a-z_]*\$)[\s\S]*?\1|;/gi
  let start = 0
  for (const match of text.matchAll(token)) {
    if (match[0] !== ';') continue
    statements.push(text.slice(start, match.index).trim())
    start = match.index + 1
  }
  statements.push(text.slice(start).trim())
  return statements.filter(statement => statement.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, '').trim() !== '')
}
