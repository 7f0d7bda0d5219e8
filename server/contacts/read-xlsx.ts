import { pipeline, type Readable } from 'node:stream'
import { createInflateRaw } from 'node:zlib'
import { type Entry, fromRandomAccessReader, RandomAccessReader, type ZipFile } from 'yauzl'
import { ContactFileError } from './contact-error.ts'
import type { Row } from './rows.ts'
import { SharedTexts } from './shared-texts.ts'
import { type XmlHandlers, XmlScanner } from './xml-scanner.ts'

/** Bytes that can be read from any place, such as an upload. */
export interface ByteSource {
  readonly bytes: number
  read(from: number, to: number): Readable
}

type OnRead = (bytes: number) => void

/** Excel’s own limit: what is longer was cut off when it was saved there. */
export const EXCEL_ROWS = 1_048_576
/** Texts of the workbook are kept while it is read; more bytes of UTF-8 than this have to be saved as CSV. */
const MAX_SHARED_BYTES = 256 * 1024 * 1024
/** What a small archive may unpack to. */
const MAX_UNPACKED_BYTES = 4 * 1024 ** 3
const MAX_COLUMNS = 512
const BATCH_ROWS = 2_000
/** Sixteen times what zlib gives by itself: each piece costs a way to another thread and back. */
const PIECE_BYTES = 256 * 1024
/** APPNOTE.TXT §4.4.5. */
const DEFLATED = 8

/**
 * Rows of the first sheet of an Excel workbook in batches, streamed. A cell is what the person sees: text, the value
 * that a formula had when it was saved, dates as `YYYY-MM-DD` or with time, whole numbers with all their digits. Cells
 * that are merged with the one above or to the left have its value. `onRead` is told how many bytes of the file more have
 * been used up; other sheets, and what is looked through twice the first time, do not count.
 */
export async function* readXlsx(source: ByteSource, onRead: OnRead = () => {}): AsyncGenerator<readonly Row[]> {
  const zip = await openZip(source)
  try {
    const entries = await listEntries(zip)
    const sheet = await firstSheet(zip, entries)
    const shared = await readShared(zip, entries.get('xl/sharedStrings.xml'), onRead)
    const styles = await readStyles(zip, entries.get('xl/styles.xml'))
    const merged = await readMerged(zip, sheet)
    yield* readSheet(zip, sheet, { shared, styles, merged }, onRead)
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
    open: (name, tag) => {
      if (name === 'sheet' && tag.get('state') === undefined) sheetId ??= tag.get('r:id')
    }
  })
  let path: string | undefined
  await parseXml(zip, entries.get('xl/_rels/workbook.xml.rels'), {
    open: (name, tag) => {
      if (name === 'Relationship' && tag.get('Id') === sheetId) path = tag.get('Target')
    }
  })
  const name = path === undefined ? 'xl/worksheets/sheet1.xml' : path.startsWith('/') ? path.slice(1) : `xl/${path}`
  const entry = entries.get(name)
  if (entry === undefined) throw new ContactFileError('SHEET_MISSING', 'The workbook has no sheet that can be read.')
  return entry
}

async function readShared(zip: ZipFile, entry: Entry | undefined, onRead: OnRead): Promise<SharedTexts> {
  const texts = new SharedTexts()
  let text = ''
  let isText = false
  let isPhonetic = false
  const handlers: XmlHandlers = {
    open: name => {
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
        texts.add(text)
        if (texts.bytes > MAX_SHARED_BYTES)
          throw new ContactFileError('SHEET_TOO_LARGE', 'The workbook holds too much text. Save it as CSV.')
      }
    }
  }
  await parseXml(zip, entry, handlers, onRead)
  return texts
}

/** For each cell format, whether it shows a date. */
async function readStyles(zip: ZipFile, entry: Entry | undefined): Promise<readonly boolean[]> {
  const custom = new Map<number, boolean>()
  const isDate: boolean[] = []
  let isInFormats = false
  await parseXml(zip, entry, {
    open: (name, tag) => {
      if (name === 'numFmt') custom.set(Number(tag.get('numFmtId')), showsDate(tag.get('formatCode') ?? ''))
      else if (name === 'cellXfs') isInFormats = true
      else if (name === 'xf' && isInFormats) {
        const id = Number(tag.get('numFmtId') ?? 0)
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

const MERGED = Buffer.from('mergeCell')

/** Merged cells stand at the end of a sheet, so that it has to be looked through for them first; most have none. */
async function readMerged(zip: ZipFile, entry: Entry): Promise<readonly Area[]> {
  const areas: Area[] = []
  if (!(await holds(zip, entry, MERGED))) return areas
  await parseXml(zip, entry, {
    open: (name, tag) => {
      if (name !== 'mergeCell') return
      const [from, to] = (tag.get('ref') ?? '').split(':')
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
  { shared, styles, merged }: Readonly<{ shared: SharedTexts; styles: readonly boolean[]; merged: readonly Area[] }>,
  onRead: OnRead
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

  const handlers: XmlHandlers = {
    open: (name, tag) => {
      if (name === 'row') {
        line = Number(tag.get('r') ?? line + 1)
        cells = []
        column = -1
      } else if (name === 'c') {
        column = columnOf(tag.get('r')) ?? column + 1
        type = tag.get('t') ?? ''
        style = Number(tag.get('s') ?? 0)
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
  for await (const _ of parsePieces(zip, entry, handlers, onRead)) {
    if (rows.length < BATCH_ROWS) continue
    const full = rows
    rows = []
    yield full
  }
  if (rows.length > 0) yield rows
}

function cellText(type: string, value: string, isDate: boolean, shared: SharedTexts): string {
  switch (type) {
    case 's':
      return (shared.get(Number(value)) ?? '').trim()
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
  return { row: Number(match[2]), column: columnOf(match[1]) ?? 0 }
}

const A = 65
const LETTERS = 26

/** The column of `AB12`, counted from 0; null where there is no reference. */
function columnOf(reference: string | undefined): number | null {
  if (reference === undefined) return null
  let column = 0
  for (let at = 0; at < reference.length; at += 1) {
    const letter = reference.charCodeAt(at) - A
    if (letter < 0 || letter >= LETTERS) break
    column = column * LETTERS + letter + 1
  }
  return column === 0 ? null : column - 1
}

/** Whether a file of the archive has these bytes anywhere. */
async function holds(zip: ZipFile, entry: Entry, wanted: Buffer): Promise<boolean> {
  let before = Buffer.alloc(0)
  try {
    for await (const bytes of unpack(zip, entry)) {
      if (bytes.includes(wanted)) return true
      // It may begin in one piece and end in the next.
      const joint = Buffer.concat([before, bytes.subarray(0, wanted.length - 1)])
      if (joint.includes(wanted)) return true
      before = Buffer.concat([before, bytes]).subarray(-(wanted.length - 1))
    }
    return false
  } catch (cause) {
    throw new ContactFileError('FILE_UNREADABLE', `${entry.fileName} in the workbook is damaged.`, { cause })
  }
}

/** The bytes of a file of the archive. Rejects when they are damaged, or are more than the archive says. */
async function* unpack(zip: ZipFile, entry: Entry, onRead: OnRead = () => {}): AsyncGenerator<Buffer> {
  const isDeflated = entry.compressionMethod === DEFLATED
  const packed = await zip.openReadStreamPromise(entry, isDeflated ? { decompress: false } : {})
  const inflate = isDeflated ? createInflateRaw({ chunkSize: PIECE_BYTES }) : null
  const unpacked: Readable =
    inflate === null
      ? packed
      : pipeline(packed, inflate, () => {
          // Whoever reads hears of the error.
        })
  let size = 0
  let read = 0
  for await (const bytes of unpacked) {
    size += (bytes as Buffer).length
    if (size > entry.uncompressedSize) throw new Error('there is more than the archive says')
    const packedSize = inflate?.bytesWritten ?? size
    onRead(packedSize - read)
    read = packedSize
    yield bytes as Buffer
  }
  if (size < entry.uncompressedSize) throw new Error('there is less than the archive says')
}

async function parseXml(zip: ZipFile, entry: Entry | undefined, handlers: XmlHandlers, onRead?: OnRead): Promise<void> {
  if (entry === undefined) return
  for await (const _ of parsePieces(zip, entry, handlers, onRead)) {
    // The handlers keep what they want.
  }
}

/** Parses a file of the archive piece by piece; whoever iterates can take what the handlers have gathered meanwhile. */
async function* parsePieces(zip: ZipFile, entry: Entry, handlers: XmlHandlers, onRead?: OnRead): AsyncGenerator<void> {
  const scanner = new XmlScanner(handlers)
  const decoder = new TextDecoder()
  try {
    for await (const bytes of unpack(zip, entry, onRead)) {
      scanner.write(decoder.decode(bytes, { stream: true }))
      yield
    }
    scanner.write(decoder.decode())
    scanner.end()
    yield
  } catch (cause) {
    if (cause instanceof ContactFileError) throw cause
    throw new ContactFileError('FILE_UNREADABLE', `${entry.fileName} in the workbook is damaged.`, { cause })
  }
}
