import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { sql } from 'kysely'
import { numbersOfCustomers } from '../../sql/queries/privacy/customers.ts'
import { type ErasureRow, insertErasures } from '../../sql/queries/privacy/items.ts'
import type { Db } from '../../sql/database.ts'
import { STORES, type StoreParts } from './stores.ts'
import type { Subject } from './subject.ts'

const BLOCK_BYTES = 256 * 1024
const AT_ONCE = 500

/** What a line of the file holds: no word, no number, nothing that names a person. */
type Tombstone = Pick<ErasureRow, 'store' | 'itemId' | 'callId' | 'cause'>

/**
 * What was erased, in a file beside the database: a database that is restored from a backup has forgotten its erasures, and
 * the file says which ones to do again. Keep it out of the backup, or keep the newest one.
 */
export class TombstoneFile {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** On disk when the promise resolves. */
  async append(rows: readonly Tombstone[]): Promise<void> {
    if (rows.length === 0) return
    await mkdir(dirname(this.path), { recursive: true })
    await using file = await open(this.path, 'a', 0o600)
    const at = new Date().toISOString()
    const lines = rows.map(({ store, itemId, callId, cause }) => JSON.stringify({ at, store, itemId, callId, cause }))
    await file.write(`${lines.join('\n')}\n`)
    await file.sync()
  }

  /** From the newest back, a block at a time; a line that was cut off by a crash is passed over. */
  async *newestFirst(): AsyncGenerator<readonly Tombstone[]> {
    await using file = await open(this.path, 'r').catch(err => {
      if (err.code === 'ENOENT') return null
      throw err
    })
    if (file === null) return
    let end = (await file.stat()).size
    let rest = ''
    while (end > 0) {
      const from = Math.max(0, end - BLOCK_BYTES)
      const { buffer, bytesRead } = await file.read(Buffer.alloc(end - from), 0, end - from, from)
      const lines = (buffer.toString('latin1', 0, bytesRead) + rest).split('\n')
      rest = from === 0 ? '' : (lines.shift() ?? '')
      end = from
      yield lines.flatMap(readLine).reverse()
    }
  }
}

/** Ids are ASCII, so that bytes of a block cut anywhere can be read one by one. */
function readLine(line: string): readonly Tombstone[] {
  try {
    const { store, itemId, callId, cause } = JSON.parse(line)
    return [{ store, itemId, callId, cause }]
  } catch (err) {
    if (err instanceof SyntaxError) return []
    throw err
  }
}

/** Writes that things are gone: into the file first, because the table may be replaced by an older one. */
export async function bury(
  { db, tombstones }: Pick<StoreParts, 'db' | 'tombstones'>,
  rows: readonly ErasureRow[]
): Promise<void> {
  await tombstones.append(rows)
  await insertErasures(db, rows)
}

/**
 * Erases again what the file says was erased and the database does not know of: it was restored from a backup that is
 * older. Rejects when something cannot be erased; then nobody may work with the data yet. Returns how many things were.
 */
export async function eraseAgain(parts: StoreParts): Promise<number> {
  const missing: Tombstone[] = []
  for await (const batch of parts.tombstones.newestFirst()) {
    const unknown = await unknownOf(parts.db, batch)
    missing.push(...unknown)
    // Lines are in the order of their time: before a block that is wholly known there is nothing new.
    if (batch.length > 0 && unknown.length === 0) break
  }
  for (const [cause, rows] of Map.groupBy(missing, one => one.cause))
    for (let from = 0; from < rows.length; from += AT_ONCE)
      await eraseBatch(parts, cause, rows.slice(from, from + AT_ONCE))
  return missing.length
}

async function unknownOf(db: Db, batch: readonly Tombstone[]): Promise<readonly Tombstone[]> {
  if (batch.length === 0) return []
  const { rows } = await sql<{ place: number }>`
    select given.place::int as place
    from unnest(${batch.map(one => one.store)}::text[], ${batch.map(one => one.itemId)}::text[])
      with ordinality as given (store, item_id, place)
    where not exists (select 1 from erasures where erasures.store = given.store and erasures.item_id = given.item_id)`.execute(
    db
  )
  return rows.flatMap(row => batch[row.place - 1] ?? [])
}

async function eraseBatch(parts: StoreParts, cause: string, rows: readonly Tombstone[]): Promise<void> {
  const subject = await subjectOf(parts.db, rows)
  for (const store of STORES) {
    const own = rows.filter(one => one.store === store.name)
    if (own.length === 0) continue
    const ids = new Set(own.map(one => one.itemId))
    const back = (await store.find(parts, subject)).filter(item => ids.has(item.id))
    const method = back.length === 0 ? 'nothing came back' : await store.erase(parts, back, subject, cause)
    await insertErasures(
      parts.db,
      own.map(({ itemId, callId }) => ({
        store: store.name,
        itemId,
        callId,
        cause,
        method,
        proof: { isAfterRestore: true }
      }))
    )
  }
}

/** Who it was: the restored rows say so once more. */
async function subjectOf(db: Db, rows: readonly Tombstone[]): Promise<Subject> {
  const callIds = [...new Set(rows.flatMap(one => one.callId ?? []))]
  const ids = (store: string) => rows.flatMap(one => (one.store === store ? [one.itemId] : []))
  // A lead is named by its campaign and its contact.
  const contactIds = [...new Set([...ids('contacts'), ...ids('leads').map(id => id.split(' ')[1] ?? '')])]
  return {
    numbers: await numbersOfCustomers(db, { callIds, contactIds, languageIds: ids('languages') }),
    emails: [],
    callIds,
    contactIds
  }
}
