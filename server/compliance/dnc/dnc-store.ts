import { createReadStream } from 'node:fs'
import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import {
  activate,
  type DncListRow,
  type DncVersionRow,
  findList,
  insertList,
  insertVersion,
  listActive,
  listLists,
  listVersions,
  withImportLock
} from '../../../sql/queries/compliance/dnc.ts'
import type { ComplianceDb } from '../../../sql/queries/compliance/db.ts'
import { LIST_FORMATS, type ListFormat } from './formats.ts'
import { ImportError, type ImportOptions, type ImportReport, importList } from './import.ts'
import type { NumberSet } from './number-set.ts'
import { readSetFile, writeSetFile } from './set-file.ts'

/** A third of the time between two packets of a call. */
const LONGEST_STRETCH_MS = 6

/** There is no such list or version, or it was changed by somebody else meanwhile. */
export class DncStoreError extends Error {
  override readonly name = 'DncStoreError'
  readonly code: 'DNC_UNKNOWN' | 'DNC_CONFLICT'

  constructor(code: 'DNC_UNKNOWN' | 'DNC_CONFLICT', message: string) {
    super(message)
    this.code = code
  }
}

export type ActiveList = Readonly<{ list: DncListRow; version: DncVersionRow; set: NumberSet }>

export type ImportRequest = Readonly<{
  listId: string
  method: 'full' | 'change'
  sourceName: string
  /** When the registry made the file available to us; the age counts from here. */
  obtainedAt: Date
  /** Number of a change file as the registry counts; each must follow the one before. */
  sequence?: number
  accountRef?: string
  scope?: readonly string[]
  by: string | null
}> &
  Pick<ImportOptions, 'expected' | 'acceptsShrinking' | 'onProgress' | 'signal'>

/** What a registry's lists say about a number, as facts want it. */
export type RegistryAnswer = Readonly<{ obtainedAt: Date; listed: boolean; snapshotId: string }>

/**
 * The do-not-call lists of this installation: their numbers in memory, their versions in the database, their files in
 * the data folder. A new version takes the place of the old one between two look-ups; on any error the old one stays.
 */
export class DncStore {
  readonly #db: ComplianceDb
  readonly #folder: string
  #active: ReadonlyMap<string, ActiveList> = new Map()
  #byRegistry: ReadonlyMap<string, readonly ActiveList[]> = new Map()

  private constructor(db: ComplianceDb, folder: string) {
    this.#db = db
    this.#folder = folder
  }

  /** Reads the version in force of every list. Rejects with SetFileError when a file is damaged. */
  static async open(db: ComplianceDb, folder: string): Promise<DncStore> {
    await mkdir(folder, { recursive: true })
    const store = new DncStore(db, folder)
    await store.refresh()
    return store
  }

  /** Takes over what other control planes have activated since. */
  async refresh(): Promise<void> {
    const rows = await listActive(this.#db)
    const next = new Map<string, ActiveList>()
    for (const { list, version } of rows) {
      const known = this.#active.get(list.id)
      next.set(
        list.id,
        known?.version.version === version.version
          ? { ...known, list, version }
          : { list, version, set: await readSetFile(join(this.#folder, version.file), version.fileSha256) }
      )
    }
    this.#swap(next)
  }

  get active(): readonly ActiveList[] {
    return [...this.#active.values()]
  }

  lists(): Promise<readonly DncListRow[]> {
    return listLists(this.#db)
  }

  versions(listId: string): Promise<readonly DncVersionRow[]> {
    return listVersions(this.#db, listId)
  }

  /**
   * What the lists of a registry say; null when none was ever imported. With several lists (area codes bought apart)
   * the oldest counts, and one that lists the number is enough.
   */
  lookup(registry: string, e164: string): RegistryAnswer | null {
    const lists = this.#byRegistry.get(registry)
    if (lists === undefined) return null
    let oldest: ActiveList | undefined
    let isListed = false
    for (const one of lists) {
      if (oldest === undefined || one.version.obtainedAt < oldest.version.obtainedAt) oldest = one
      isListed ||= one.set.has(e164)
    }
    if (oldest === undefined) return null
    return {
      obtainedAt: oldest.version.obtainedAt,
      listed: isListed,
      snapshotId: `${oldest.list.id}@${oldest.version.version}`
    }
  }

  async create(
    list: Readonly<{ id: string; name: string; registry: string; format: ListFormat; by: string | null }>
  ): Promise<void> {
    await insertList(this.#db, {
      id: list.id,
      name: list.name,
      registry: list.registry,
      format: list.format,
      created_by: list.by
    })
  }

  /** Imports a file. Rejects with ImportError (with its report) or DncStoreError; then nothing has changed. */
  async importFile(path: string, request: ImportRequest): Promise<Readonly<{ version: number; report: ImportReport }>> {
    await stat(path)
    return await this.import(createReadStream(path, { highWaterMark: 256 * 1024 }), request)
  }

  async import(
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    request: ImportRequest
  ): Promise<Readonly<{ version: number; report: ImportReport }>> {
    const list = await findList(this.#db, request.listId)
    if (list === undefined) throw new DncStoreError('DNC_UNKNOWN', `there is no list ${request.listId}`)
    const base = this.#active.get(list.id)
    refuseOutOfOrder(request, base)
    const { set, report } = await importList(chunks, {
      format: formatOf(list, request.method),
      method: request.method,
      pause: pauses(),
      ...(base !== undefined && { base: base.set }),
      ...(request.expected !== undefined && { expected: request.expected }),
      ...(request.acceptsShrinking !== undefined && { acceptsShrinking: request.acceptsShrinking }),
      ...(request.onProgress !== undefined && { onProgress: request.onProgress }),
      ...(request.signal !== undefined && { signal: request.signal })
    })
    const version = await withImportLock(this.#db, async trx => {
      const newest = (await listVersions(trx, list.id))[0]?.version ?? 0
      const number = newest + 1
      const current = (await listActive(trx)).find(one => one.list.id === list.id)?.version.version
      if (current !== base?.version.version)
        throw new DncStoreError('DNC_CONFLICT', 'another import of this list finished meanwhile; import again')
      const file = `${list.id}-${number}.pdnc`
      const fileSha256 = await writeSetFile(join(this.#folder, file), set)
      await insertVersion(
        trx,
        {
          list_id: list.id,
          version: number,
          method: request.method,
          base_version: request.method === 'change' ? (base?.version.version ?? null) : null,
          sequence: request.sequence ?? null,
          source_name: request.sourceName,
          source_sha256: report.sha256,
          source_bytes: report.bytes,
          source_lines: report.lines,
          account_ref: request.accountRef ?? null,
          scope: [...(request.scope ?? base?.version.scope ?? [])],
          numbers: report.numbers,
          file,
          file_sha256: fileSha256,
          report: JSON.stringify(report),
          obtained_at: request.obtainedAt,
          created_by: request.by
        },
        { reason: 'import', by: request.by }
      )
      return number
    })
    await this.refresh()
    return { version, report }
  }

  /** Puts an earlier version in force again. */
  async rollBack(listId: string, version: number, reason: string, by: string | null): Promise<void> {
    const known = (await listVersions(this.#db, listId)).some(one => one.version === version)
    if (!known) throw new DncStoreError('DNC_UNKNOWN', `the list has no version ${version}`)
    await activate(this.#db, listId, version, reason, by)
    await this.refresh()
  }

  #swap(next: ReadonlyMap<string, ActiveList>): void {
    const byRegistry = new Map<string, ActiveList[]>()
    for (const one of next.values()) {
      const lists = byRegistry.get(one.list.registry)
      if (lists === undefined) byRegistry.set(one.list.registry, [one])
      else lists.push(one)
    }
    this.#active = next
    this.#byRegistry = byRegistry
  }
}

/** Lets the program have its turn when long work has run for a while. */
function pauses(): () => Promise<void> | undefined {
  let sinceMs = performance.now()
  return () => {
    if (performance.now() - sinceMs < LONGEST_STRETCH_MS) return undefined
    return setImmediate().then(() => {
      sinceMs = performance.now()
    })
  }
}

function formatOf(list: DncListRow, method: 'full' | 'change'): ListFormat {
  if (list.format === 'ftc' && method === 'change') return 'ftc-change'
  const format = LIST_FORMATS.find(one => one === list.format)
  if (format === undefined) throw new DncStoreError('DNC_UNKNOWN', `${list.format} is not a format of lists`)
  return format
}

/** A change file only makes sense on exactly the state that it was cut from. */
function refuseOutOfOrder(request: ImportRequest, base: ActiveList | undefined): void {
  const refuse = (message: string): never => {
    throw new ImportError('DNC_OUT_OF_ORDER', message, EMPTY_REPORT)
  }
  if (request.method === 'full') return
  if (base === undefined) refuse('a change file needs a full list before it')
  else if (request.obtainedAt < base.version.obtainedAt)
    refuse(
      `the change file is older (${request.obtainedAt.toISOString()}) than the list (${base.version.obtainedAt.toISOString()})`
    )
  else if (
    request.sequence !== undefined &&
    base.version.sequence !== null &&
    request.sequence !== base.version.sequence + 1
  )
    refuse(`change file ${request.sequence} does not follow ${base.version.sequence}`)
}

const EMPTY_REPORT: ImportReport = {
  lines: 0,
  numbers: 0,
  listedLines: 0,
  removedLines: 0,
  duplicates: 0,
  wrongLines: 0,
  problems: [],
  bytes: 0,
  sha256: '',
  encoding: 'utf-8'
}
