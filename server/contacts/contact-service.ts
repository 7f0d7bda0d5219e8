import type { Db } from '../../sql/database.ts'
import {
  failLostImports,
  findContactList,
  insertImport,
  updateContactList,
  updateImport
} from '../../sql/queries/campaigns/contacts.ts'
import type { ComplianceService } from '../compliance/compliance-service.ts'
import { AppError, refuseDuplicate } from '../errors.ts'
import { newId } from '../ids.ts'
import type { Logger } from '../log.ts'
import { LifeSigns } from '../life-signs.ts'
import { ContactFileError } from './contact-error.ts'
import { decodeText, detectEncoding, type Encoding } from './encoding.ts'
import { ContactImport, type ImportCounts } from './import-contacts.ts'
import { type Mapping, proposeMapping } from './mapping.ts'
import { PlaceFinder } from './places.ts'
import type { RowProblem } from './read-contact.ts'
import { readCsv } from './read-csv.ts'
import { EXCEL_ROWS, readXlsx } from './read-xlsx.ts'
import type { Row } from './rows.ts'
import { startOf, type Upload, type Uploads } from './uploads.ts'

export type ContactServiceParts = Readonly<{
  db: Db
  compliance: ComplianceService
  uploads: Uploads
  controlPlaneId: string
  log: Logger
  now?: () => Date
}>

/** What a file looks like before it is imported. */
export type Preview = Readonly<{
  format: 'csv' | 'xlsx'
  encoding: Encoding | null
  rows: readonly (readonly string[])[]
  mapping: Mapping
}>

export type ImportRequest = Readonly<{
  listId: string
  uploadId: string
  mapping: Mapping
  encoding?: Encoding
  by: string | null
}>

type Running = { readonly cancel: AbortController; readonly done: Promise<void>; progress: Progress }
export type Progress = ImportCounts & Readonly<{ bytes: number; totalBytes: number }>

const PREVIEW_BYTES = 128 * 1024
const PREVIEW_ROWS = 20
const STORE_PROGRESS_MS = 1_000
/** A file of which so little can be read is the wrong file, or read in the wrong way. */
const MIN_LINES_TO_JUDGE = 200
const MAX_WRONG_SHARE = 0.9

/** Lists of contacts: looking into uploads, importing them in the background, contacts from programs. */
export class ContactService implements AsyncDisposable {
  readonly #parts: ContactServiceParts
  readonly #lifeSigns: LifeSigns
  readonly #running = new Map<string, Running>()

  constructor(parts: ContactServiceParts) {
    this.#parts = parts
    this.#lifeSigns = new LifeSigns(parts.db)
  }

  get uploads(): Uploads {
    return this.#parts.uploads
  }

  progress(importId: string): Progress | null {
    return this.#running.get(importId)?.progress ?? null
  }

  /** The first rows, and how the columns would be read. Throws AppError for a file that cannot be read. */
  async preview(upload: Upload, remembered: Mapping | null, encoding?: Encoding): Promise<Preview> {
    const rows: (readonly string[])[] = []
    const used = upload.format === 'csv' ? (encoding ?? detectEncoding(await startOf(upload, PREVIEW_BYTES * 2))) : null
    try {
      const whole = used === null ? readXlsx(upload) : readCsv(decodeText(upload.read(0, upload.bytes), used))
      for await (const batch of whole) {
        for (const row of batch) if (rows.length < PREVIEW_ROWS) rows.push(row.cells)
        if (rows.length >= PREVIEW_ROWS) break
      }
    } catch (err) {
      throw refusal(err)
    }
    if (rows.length === 0) throw refusal(new ContactFileError('FILE_EMPTY', 'The file has no lines.'))
    return { format: upload.format, encoding: used, rows, mapping: proposeMapping(rows, remembered) }
  }

  /** Begins an import; it goes on by itself and its progress is in its row. One import of a list at a time. */
  async begin(request: ImportRequest): Promise<string> {
    const { db, uploads, controlPlaneId } = this.#parts
    const upload = uploads.get(request.uploadId)
    if (upload === undefined) throw new AppError('NOT_FOUND', 'The upload is not here any more. Upload the file again.')
    const list = await findContactList(db, request.listId)
    if (list === undefined) throw new AppError('NOT_FOUND', 'No list has this id.')
    if (!request.mapping.columns.some(one => one.role === 'number'))
      throw new AppError('VALIDATION_FAILED', 'Say which column holds the number.', {
        problems: [{ at: '/body/mapping/columns', message: 'No column is a number.' }]
      })
    const id = newId()
    try {
      await insertImport(db, {
        id,
        list_id: request.listId,
        source_name: upload.name,
        format: upload.format,
        total_bytes: upload.bytes,
        mapping: JSON.stringify(request.mapping),
        encoding: null,
        control_plane_id: controlPlaneId,
        created_by: request.by,
        started_at: this.#now(),
        ended_at: null
      })
    } catch (err) {
      return refuseDuplicate('An import into this list is under way.')(err)
    }
    await updateContactList(db, request.listId, { mapping: JSON.stringify(request.mapping) })
    const cancel = new AbortController()
    const progress = { lines: 0, imported: 0, updated: 0, duplicates: 0, wrong: 0, bytes: 0, totalBytes: upload.bytes }
    const running: Running = { cancel, progress, done: Promise.resolve() }
    this.#running.set(id, { ...running, done: this.#run(id, list.no, upload, request, running) })
    return id
  }

  /** Stops an import; what was read is kept. False when it is not running here. */
  async cancel(importId: string): Promise<boolean> {
    const running = this.#running.get(importId)
    if (running === undefined) return false
    running.cancel.abort()
    await running.done
    return true
  }

  /** Takes contacts that a program gives, at once; the answer says what became of each line, counted from 1. */
  async add(
    listNo: number,
    rows: readonly Row[],
    mapping: Mapping,
    by: string | null
  ): Promise<Readonly<{ counts: ImportCounts; problems: readonly RowProblem[] }>> {
    const importing = this.#importing(listNo, null, mapping, by)
    await importing.push(rows)
    await importing.flush()
    return { counts: importing.counts, problems: importing.problems }
  }

  /** Ends imports whose control plane has died. */
  async sweep(): Promise<void> {
    const deadSince = await this.#lifeSigns.deadSince()
    if (deadSince !== null) await failLostImports(this.#parts.db, deadSince, this.#now())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { cancel } of this.#running.values()) cancel.abort()
    await Promise.allSettled([...this.#running.values()].map(one => one.done))
  }

  #now(): Date {
    return this.#parts.now?.() ?? new Date()
  }

  #importing(listNo: number, importId: string | null, mapping: Mapping, by: string | null): ContactImport {
    const { db, compliance } = this.#parts
    return new ContactImport(
      { db, ledger: compliance.ledger, places: new PlaceFinder(compliance.packs) },
      { listNo, importId, mapping, recordedBy: by, at: this.#now() }
    )
  }

  async #run(id: string, listNo: number, upload: Upload, request: ImportRequest, running: Running): Promise<void> {
    const { db, log } = this.#parts
    const importing = this.#importing(listNo, id, request.mapping, request.by)
    const { signal } = running.cancel
    let encoding: Encoding | null = null
    let storedAtMs = performance.now()
    let bytes = 0
    const onRead = (more: number) => {
      bytes += more
      Object.assign(running.progress, { bytes })
    }
    const sent = async function* (this: void): AsyncGenerator<Uint8Array> {
      for await (const chunk of upload.read(0, upload.bytes)) {
        onRead((chunk as Buffer).length)
        yield chunk as Buffer
      }
    }
    const store = (extra: Parameters<typeof updateImport>[2]) => {
      const { lines, imported, updated, duplicates, wrong } = importing.counts
      return updateImport(db, id, { bytes, lines, imported, updated, duplicates, wrong, encoding, ...extra })
    }
    try {
      if (upload.format === 'csv')
        encoding = request.encoding ?? detectEncoding(await startOf(upload, PREVIEW_BYTES * 2))
      const batches = encoding === null ? readXlsx(upload, onRead) : readCsv(decodeText(sent(), encoding))
      let lastLine = 0
      for await (const rows of batches) {
        signal.throwIfAborted()
        await importing.push(rows)
        lastLine = rows.at(-1)?.line ?? lastLine
        Object.assign(running.progress, importing.counts)
        refuseWrongFile(importing.counts)
        if (performance.now() - storedAtMs < STORE_PROGRESS_MS) continue
        storedAtMs = performance.now()
        await store({ problems: JSON.stringify(importing.problems) })
      }
      await importing.flush()
      if (upload.format === 'xlsx' && lastLine === EXCEL_ROWS)
        importing.warn({
          line: lastLine,
          code: 'SHEET_FULL',
          message:
            'The sheet is full: Excel keeps no more lines, and has left out what came after. Import the rest as CSV.'
        })
      if (importing.counts.lines === 0) throw new ContactFileError('FILE_EMPTY', 'The file has no lines.')
      bytes = upload.bytes
      await store({ state: 'done', ended_at: this.#now(), problems: JSON.stringify(importing.problems) })
    } catch (err) {
      const isCancelled = signal.aborted
      if (!isCancelled && !(err instanceof ContactFileError)) log.error({ err, importId: id }, 'an import has failed')
      const failure = isCancelled
        ? null
        : err instanceof ContactFileError
          ? { code: err.code, message: err.message }
          : { code: 'INTERRUPTED', message: 'The server made an error; what was read until then is kept.' }
      await store({
        state: isCancelled ? 'cancelled' : 'failed',
        ended_at: this.#now(),
        problems: JSON.stringify(importing.problems),
        failure: failure === null ? null : JSON.stringify(failure)
      }).catch(cause => log.error({ err: cause, importId: id }, 'the end of an import could not be stored'))
    } finally {
      this.#running.delete(id)
      await this.#parts.uploads.remove(upload.id)
    }
  }
}

function refuseWrongFile({ lines, wrong }: ImportCounts): void {
  if (lines >= MIN_LINES_TO_JUDGE && wrong / lines > MAX_WRONG_SHARE)
    throw new ContactFileError(
      'TOO_MANY_WRONG_LINES',
      `${wrong} of the first ${lines} lines have no number that can be read. Look at the columns and the country.`
    )
}

/** What a person can mend becomes an answer of the API. */
export function refusal(err: unknown): unknown {
  return err instanceof ContactFileError
    ? new AppError('VALIDATION_FAILED', `${err.code}: ${err.message}`, { cause: err })
    : err
}
