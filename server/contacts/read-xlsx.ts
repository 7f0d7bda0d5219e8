import type { Readable } from 'node:stream'
import { SaxesParser, type SaxesTagPlain } from 'saxes'
import { type Entry, fromRandomAccessReader, RandomAccessReader, type ZipFile } from 'yauzl'
import { ContactFileError } from './contact-error.ts'
import type { Row } from './rows.ts'

/** Bytes that can be read from any place, such as an upload. */
export interface ByteSource {
  readonly bytes: number
  read(from: number, to: number): Readable
}

/** Texts of the workbook are kept while it is read; more than this has to be saved as CSV. */
const MAX_SHARED_CHARACTERS = 64 * 1024 * 1024
/** What a small archive may unpack to. */
const MAX_UNPACKED_BYTES = 4 * 1024 ** 3
const MAX_COLUMNS = 512
const BATCH_ROWS = 2_000

/**
 * Rows of the first sheet of an Excel workbook in batches, streamed. A cell is what the person sees: text, the value
 * that a formula had when it was saved, dates as `YYYY-MM-DD` or with time, whole numbers with all their digits. Cells
 * that are merged with the one above or to the left have its value.
 */
export async function* readXlsx(source: ByteSource): AsyncGenerator<readonly Row[]> {
  const zip = await openZip(source)
  try {
    const entries = await listEntries(zip)
    const sheet = await firstSheet(zip, entries)
    const shared = await readShared(zip, entries.get('xl/sharedStrings.xml'))
    const styles = await readStyles(zip, entries.get('xl/styles.xml'))
    const merged = await readMerged(zip, sheet)
    yield* readSheet(zip, sheet, shared, styles, merged)
  } finally {
    zip.close()
  }
}

class SourceReader extends RandomAccessReader {
  readonly #source: ByteSource

  constructor(source: ByteSource) {
    super()
    this.#source = source
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return this.#source.read(start, end)
  }
}

async function openZip(source: ByteSource): Promise<ZipFile> {
  try {
    return await new Promise<ZipFile>((resolve, reject) => {
      const options = { lazyEntries: true, autoClose: false }
      fromRandomAccessReader(new SourceReader(source), source.bytes, options, (err, zip) =>
        err === null ? resolve(zip) : reject(err)
      )
    })
  } catch (cause) {
    throw new ContactFileError('FILE_UNREADABLE', 'This is not an Excel workbook (.xlsx), or it is damaged.', { cause })
  }
}

async function listEntries(zip: ZipFile): Promise<ReadonlyMap<string, Entry>> {
  const entries = new Map<string, Entry>()
  let unpacked = 0
  await new Promise<void>((resolve, reject) => {
    zip.on('entry', (entry: Entry) => {
      entries.set(entry.fileName.replace(/^\//, ''), entry)
      unpacked += entry.uncompressedSize
      if (entry.isEncrypted()) {
        reject(new ContactFileError('FILE_ENCRYPTED', 'The workbook has a password. Save it without one.'))
        return
      }
      if (unpacked > MAX_UNPACKED_BYTES) {
        reject(new ContactFileError('FILE_TOO_LARGE', 'The workbook unpacks to more than 4 GB. Save it as CSV.'))
        return
      }
      zip.readEntry()
    })
    zip.once('end', resolve)
    zip.once('error', cause => reject(new ContactFileError('FILE_UNREADABLE', 'The workbook is damaged.', { cause })))
    zip.readEntry()
  })
  return entries
}

/** Which file holds the first sheet: workbook.xml names an id, its relations name the file. */
async function firstSheet(zip: ZipFile, entries: ReadonlyMap<string, Entry>): Promise<Entry> {
  let sheetId: string | undefined
  await parseXml(zip, entries.get('xl/workbook.xml'), {
    open: tag => {
      if (local(tag.name) === 'sheet' && tag.attributes['state'] === undefined) sheetId ??= tag.attributes['r:id']
    }
  })
  let path: string | undefined
  await parseXml(zip, entries.get('xl/_rels/workbook.xml.rels'), {
    open: tag => {
      if (local(tag.name) === 'Relationship' && tag.attributes['Id'] === sheetId) path = tag.attributes['Target']
    }
  })
  const name = path === undefined ? 'xl/worksheets/sheet1.xml' : path.startsWith('/') ? path.slice(1) : `xl/${path}`
  const entry = entries.get(name)
  if (entry === undefined) throw new ContactFileError('SHEET_MISSING', 'The workbook has no sheet that can be read.')
  return entry
}

async function readShared(zip: ZipFile, entry: Entry | undefined): Promise<readonly string[]> {
  const texts: string[] = []
  let text = ''
  let characters = 0
  let isText = false
  let isPhonetic = false
  await parseXml(zip, entry, {
    open: tag => {
      const name = local(tag.name)
      if (name === 'si') text = ''
      else if (name === 'rPh') isPhonetic = true
      else if (name === 't') isText = true
    },
    text: part => {
      if (isText && !isPhonetic) text += part
    },
    close: name => {
      if (name === 't') isText = false
      else if (name === 'rPh') isPhonetic = false
      else if (name === 'si') {
        texts.push(text)
        characters += text.length
        if (characters > MAX_SHARED_CHARACTERS)
          throw new ContactFileError('SHEET_TOO_LARGE', 'The workbook holds too much text. Save it as CSV.')
      }
    }
  })
  return texts
}

/** For each cell format, whether it shows a date. */
async function readStyles(zip: ZipFile, entry: Entry | undefined): Promise<readonly boolean[]> {
  const custom = new Map<number, boolean>()
  const isDate: boolean[] = []
  let isInFormats = false
  await parseXml(zip, entry, {
    open: tag => {
      const name = local(tag.name)
      if (name === 'numFmt')
        custom.set(Number(tag.attributes['numFmtId']), showsDate(String(tag.attributes['formatCode'] ?? '')))
      else if (name === 'cellXfs') isInFormats = true
      else if (name === 'xf' && isInFormats) {
        const id = Number(tag.attributes['numFmtId'] ?? 0)
        // ECMA-376 part 1, §18.8.30: built-in formats 14 to 22 and 45 to 47 are dates and times.
        isDate.push(custom.get(id) ?? ((id >= 14 && id <= 22) || (id >= 45 && id <= 47)))
      }
    },
    close: name => {
      if (name === 'cellXfs') isInFormats = false
    }
  })
  return isDate
}

function showsDate(format: string): boolean {
  return /[dmyhs]/i.test(format.replace(/"[^"]*"|\\.|\[[^\]]*\]/g, ''))
}

type Area = Readonly<{ fromRow: number; toRow: number; fromColumn: number; toColumn: number }>

/** Merged cells stand at the end of a sheet, so that it has to be read for them first. */
async function readMerged(zip: ZipFile, entry: Entry): Promise<readonly Area[]> {
  const areas: Area[] = []
  await parseXml(zip, entry, {
    open: tag => {
      if (local(tag.name) !== 'mergeCell') return
      const [from, to] = String(tag.attributes['ref'] ?? '').split(':')
      const start = placeOf(from ?? '')
      const end = placeOf(to ?? from ?? '')
      if (start !== null && end !== null && areas.length < 100_000)
        areas.push({ fromRow: start.row, toRow: end.row, fromColumn: start.column, toColumn: end.column })
    }
  })
  return areas.toSorted((one, other) => one.fromRow - other.fromRow)
}

async function* readSheet(
  zip: ZipFile,
  entry: Entry,
  shared: readonly string[],
  styles: readonly boolean[],
  merged: readonly Area[]
): AsyncGenerator<readonly Row[]> {
  let rows: Row[] = []
  let line = 0
  let cells: string[] = []
  let column = 0
  let type = ''
  let style = 0
  let value = ''
  let isValue = false
  /** Values of merged areas that reach into later rows, by the area's index. */
  const kept = new Map<number, string>()
  let firstArea = 0

  const fill = () => {
    while (firstArea < merged.length && (merged[firstArea]?.toRow ?? 0) < line) {
      kept.delete(firstArea)
      firstArea += 1
    }
    for (let index = firstArea; index < merged.length; index += 1) {
      const area = merged[index]
      if (area === undefined || area.fromRow > line) break
      if (area.toRow < line) continue
      if (area.fromRow === line) kept.set(index, cells[area.fromColumn] ?? '')
      for (let at = area.fromColumn; at <= area.toColumn && at < MAX_COLUMNS; at += 1) cells[at] = kept.get(index) ?? ''
    }
  }

  const handlers: Handlers = {
    open: tag => {
      const name = local(tag.name)
      if (name === 'row') {
        line = Number(tag.attributes['r'] ?? line + 1)
        cells = []
        column = -1
      } else if (name === 'c') {
        column = placeOf(String(tag.attributes['r'] ?? ''))?.column ?? column + 1
        type = String(tag.attributes['t'] ?? '')
        style = Number(tag.attributes['s'] ?? 0)
        value = ''
      } else if (name === 'v' || name === 't') isValue = true
    },
    text: part => {
      if (isValue) value += part
    },
    close: name => {
      if (name === 'v' || name === 't') isValue = false
      else if (name === 'c') {
        if (column < MAX_COLUMNS) cells[column] = cellText(type, value, styles[style] === true, shared)
      } else if (name === 'row') {
        fill()
        const filled = Array.from(cells, cell => cell ?? '')
        if (filled.some(cell => cell !== '')) rows.push({ line, cells: filled })
      }
    }
  }
  for await (const _ of parsePieces(zip, entry, handlers)) {
    if (rows.length < BATCH_ROWS) continue
    const full = rows
    rows = []
    yield full
  }
  if (rows.length > 0) yield rows
}

function cellText(type: string, value: string, isDate: boolean, shared: readonly string[]): string {
  switch (type) {
    case 's':
      return (shared[Number(value)] ?? '').trim()
    case 'b':
      return value === '1' ? 'true' : 'false'
    case 'str':
    case 'inlineStr':
    case 'd':
      return value.trim()
    case 'e':
      return ''
    default: {
      if (value === '') return ''
      const number = Number(value)
      if (!Number.isFinite(number)) return value.trim()
      if (isDate) return dateText(number)
      // Excel writes 491512345678 as 491512345678 and sometimes as 4.91512345678E+11: both are exact.
      return Number.isSafeInteger(number) ? number.toFixed(0) : String(number)
    }
  }
}

/** Days since 1899-12-30, as Excel counts them (with its year 1900 that had a 29 February). */
function dateText(days: number): string {
  const instant = new Date(Math.round((days - 25_569) * 86_400) * 1_000)
  if (Number.isNaN(instant.getTime())) return ''
  const text = instant.toISOString()
  return text.endsWith('T00:00:00.000Z') ? text.slice(0, 10) : text.slice(0, 19)
}

function placeOf(reference: string): Readonly<{ row: number; column: number }> | null {
  const match = /^([A-Z]{1,3})(\d+)$/.exec(reference)
  if (match === null) return null
  let column = 0
  for (const letter of match[1] ?? '') column = column * 26 + letter.charCodeAt(0) - 64
  return { row: Number(match[2]), column: column - 1 }
}

function local(name: string): string {
  const at = name.indexOf(':')
  return at === -1 ? name : name.slice(at + 1)
}

type Handlers = Readonly<{
  open?(tag: SaxesTagPlain): void
  text?(text: string): void
  close?(name: string): void
}>

async function parseXml(zip: ZipFile, entry: Entry | undefined, handlers: Handlers): Promise<void> {
  if (entry === undefined) return
  for await (const _ of parsePieces(zip, entry, handlers)) {
    // The handlers keep what they want.
  }
}

/** Parses a file of the archive piece by piece; whoever iterates can take what the handlers have gathered meanwhile. */
async function* parsePieces(zip: ZipFile, entry: Entry, handlers: Handlers): AsyncGenerator<void> {
  const parser = new SaxesParser({ xmlns: false })
  let failure: unknown
  parser.on('error', err => {
    failure ??= err
  })
  parser.on('opentag', tag => handlers.open?.(tag as SaxesTagPlain))
  parser.on('text', text => handlers.text?.(text))
  parser.on('closetag', tag => handlers.close?.(local(tag.name)))
  const decoder = new TextDecoder()
  try {
    for await (const chunk of await zip.openReadStreamPromise(entry)) {
      parser.write(decoder.decode(chunk as Buffer, { stream: true }))
      if (failure !== undefined) throw failure
      yield
    }
    parser.write(decoder.decode()).close()
    if (failure !== undefined) throw failure
    yield
  } catch (cause) {
    if (cause instanceof ContactFileError) throw cause
    throw new ContactFileError('FILE_UNREADABLE', `${entry.fileName} in the workbook is damaged.`, { cause })
  }
}
