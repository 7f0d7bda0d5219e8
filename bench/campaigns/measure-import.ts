import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ComplianceService } from '../../server/compliance/compliance-service.ts'
import { decodeText } from '../../server/contacts/encoding.ts'
import { ContactImport } from '../../server/contacts/import-contacts.ts'
import { PlaceFinder } from '../../server/contacts/places.ts'
import { readCsv } from '../../server/contacts/read-csv.ts'
import { readXlsx } from '../../server/contacts/read-xlsx.ts'
import type { Row } from '../../server/contacts/rows.ts'
import { Uploads } from '../../server/contacts/uploads.ts'
import { newId } from '../../server/ids.ts'
import { complianceDb } from '../../sql/queries/compliance/db.ts'
import { insertContactList } from '../../sql/queries/campaigns/contacts.ts'
import { openDatabase } from '../../sql/database.ts'
import { migrate } from '../../sql/migrate.ts'
import { csvOf, MAPPING, writeWorkbook } from './contact-files.ts'
import { MemoryByQuarter } from './memory-by-quarter.ts'

export type ImportFigures = Readonly<{
  contacts: number
  seconds: number
  /** The most that the process held beyond what it began with, in each quarter of the file: flat when they are alike. */
  peakMbs: readonly number[]
  duplicates: number
  /** Of the file, in megabytes; null where it is made as it is read. */
  fileMb: number | null
  /** Until the first lines are there, as a person waits who looks into the file. */
  firstLinesMs: number
}>

export type ImportedFormat = 'csv' | 'xlsx'

/** Larger than any workbook of a bench. */
const MAX_UPLOAD_BYTES = 4 * 1024 ** 3

/**
 * Imports so many contacts into a fresh database, each with a consent and its evidence for every number: two in a workbook,
 * `numbers` in a CSV file.
 */
export async function measureImport(
  url: string,
  contacts: number,
  format: ImportedFormat,
  numbers: 1 | 2
): Promise<ImportFigures> {
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
  const file = format === 'csv' ? null : await uploadWorkbook(dataDir, contacts, stack)
  const batches = (): AsyncIterable<readonly Row[]> =>
    file === null ? readCsv(decodeText(csvOf(contacts, numbers), 'utf-8')) : readXlsx(file)
  const lookedAtMs = performance.now()
  for await (const _ of batches()) break
  const firstLinesMs = performance.now() - lookedAtMs
  const memory = new MemoryByQuarter(contacts)
  const startedAtMs = performance.now()
  for await (const rows of batches()) {
    await importing.push(rows)
    memory.passed(rows.length)
  }
  await importing.flush()
  const { imported, duplicates } = importing.counts
  return {
    contacts: imported,
    seconds: (performance.now() - startedAtMs) / 1000,
    peakMbs: memory.peakMbs,
    duplicates,
    fileMb: file === null ? null : file.bytes / 1024 ** 2,
    firstLinesMs
  }
}

/** The workbook as it lies on the disk after an upload: encrypted. */
async function uploadWorkbook(dataDir: string, contacts: number, stack: AsyncDisposableStack) {
  const path = join(dataDir, 'contacts.xlsx')
  await writeWorkbook(path, contacts)
  const uploads = stack.use(await Uploads.open(dataDir))
  return await uploads.add(createReadStream(path), 'contacts.xlsx', MAX_UPLOAD_BYTES)
}
