import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ComplianceService } from '../../server/compliance/compliance-service.ts'
import { decodeText } from '../../server/contacts/encoding.ts'
import { ContactImport } from '../../server/contacts/import-contacts.ts'
import type { Mapping } from '../../server/contacts/mapping.ts'
import { PlaceFinder } from '../../server/contacts/places.ts'
import { readCsv } from '../../server/contacts/read-csv.ts'
import { newId } from '../../server/ids.ts'
import { complianceDb } from '../../sql/queries/compliance/db.ts'
import { insertContactList } from '../../sql/queries/campaigns/contacts.ts'
import { openDatabase } from '../../sql/database.ts'
import { migrate } from '../../sql/migrate.ts'
import { MemoryByQuarter } from './memory-by-quarter.ts'

const MAPPING: Mapping = {
  hasHeader: true,
  columns: [
    { role: 'externalId' },
    { role: 'name' },
    { role: 'number' },
    { role: 'number' },
    { role: 'language' },
    { role: 'custom', field: 'tier' }
  ]
}

/** Area codes of three countries, so that there are places to tell apart. */
const STARTS = ['+1202555', '+1860555', '+1305555', '+1415555', '+4930231', '+4989231', '+442079', '+4922123'] as const

/** A file of contacts as it comes over the wire, made as it is read. */
export function* csvOf(contacts: number): Generator<Buffer> {
  let lines = 'id,name,phone,mobile,language,tier\n'
  for (let index = 0; index < contacts; index += 1) {
    const start = STARTS[index % STARTS.length] ?? ''
    const rest = String(Math.floor(index / STARTS.length)).padStart(start.startsWith('+1') ? 4 : 6, '0')
    // The North American plan has ten digits; the first ones vary so that a million fit.
    const number = start.startsWith('+1')
      ? `${start.slice(0, 5)}${200 + (Math.floor(index / 80_000) % 700)}${String(Math.floor(index / STARTS.length) % 10_000).padStart(4, '0')}`
      : `${start}${rest}`
    lines += `c${index},Person ${index},${number},,en,gold\n`
    if (lines.length < 64 * 1024) continue
    yield Buffer.from(lines)
    lines = ''
  }
  yield Buffer.from(lines)
}

export type ImportFigures = Readonly<{
  contacts: number
  seconds: number
  /** The most that the process held beyond what it began with, in each quarter of the file: flat when they are alike. */
  peakMbs: readonly number[]
  duplicates: number
}>

/** Imports so many contacts into a fresh database. */
export async function measureImport(url: string, contacts: number): Promise<ImportFigures> {
  await using stack = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-bench-'))
  stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  const { db } = stack.use(
    await openDatabase({ kind: 'postgres', url }, err => {
      throw err
    })
  )
  await migrate(db)
  const compliance = await ComplianceService.open({
    db: complianceDb(db),
    packFolder: fileURLToPath(new URL('../../config/rule-packs', import.meta.url)),
    dataFolder: dataDir,
    secret: randomBytes(32),
    engine: 'bench'
  })
  const listId = newId()
  await insertContactList(db, { id: listId, name: `bench ${listId}`, created_by: null, deleted_at: null })
  const { no: listNo } = await db
    .selectFrom('contact_lists')
    .select('no')
    .where('id', '=', listId)
    .executeTakeFirstOrThrow()
  const importing = new ContactImport(
    { db, ledger: compliance.ledger, places: new PlaceFinder(compliance.packs) },
    { listNo, importId: null, mapping: MAPPING, recordedBy: null, at: new Date() }
  )
  const memory = new MemoryByQuarter(contacts)
  const startedAtMs = performance.now()
  for await (const rows of readCsv(decodeText(csvOf(contacts), 'utf-8'))) {
    await importing.push(rows)
    memory.passed(rows.length)
  }
  await importing.flush()
  const { imported, duplicates } = importing.counts
  return {
    contacts: imported,
    seconds: (performance.now() - startedAtMs) / 1000,
    peakMbs: memory.peakMbs,
    duplicates
  }
}
