import { createHash } from 'node:crypto'
import { type ListFormat, type LineReader, type National, isPlain, lineReader, NATIONAL } from './formats.ts'
import { type NumberSet, NumberSetBuilder } from './number-set.ts'

/** A list cannot be taken over. What was in force before stays in force. */
export class ImportError extends Error {
  override readonly name = 'ImportError'
  readonly code: ImportErrorCode
  readonly report: ImportReport

  constructor(code: ImportErrorCode, message: string, report: ImportReport) {
    super(message)
    this.code = code
    this.report = report
  }
}

export type ImportErrorCode =
  | 'DNC_EMPTY'
  | 'DNC_ENCODING'
  | 'DNC_TOO_MANY_WRONG_LINES'
  | 'DNC_TRUNCATED'
  | 'DNC_CHECKSUM'
  | 'DNC_SHRUNK'
  | 'DNC_OUT_OF_ORDER'

export type ImportReport = Readonly<{
  lines: number
  /** Numbers in the new version. */
  numbers: number
  listedLines: number
  removedLines: number
  /** Lines that named a number which was already there. */
  duplicates: number
  wrongLines: number
  /** The first hundred lines that are wrong, with what is wrong with them; never the number itself. */
  problems: readonly Readonly<{ line: number; message: string }>[]
  bytes: number
  sha256: string
  encoding: 'utf-8' | 'utf-16le' | 'utf-16be' | 'latin1'
}>

export type ImportOptions = Readonly<{
  format: ListFormat
  /** `full` replaces the list, `change` is applied to `base`. */
  method: 'full' | 'change'
  base?: NumberSet
  /** What the registry says that the file holds; anything else is a broken download. */
  expected?: Readonly<{ sha256?: string; lines?: number; bytes?: number }>
  /** Share of wrong lines from which the file is refused, 0.01 by default. */
  maxWrongShare?: number
  /** Takes a full list that is less than half of the one before. */
  acceptsShrinking?: boolean
  /** Awaited between the parts of long work, so that the program has its turn; it may give nothing to await. */
  pause?: () => Promise<void> | undefined
  onProgress?: (progress: Readonly<{ bytes: number; lines: number }>) => void
  signal?: AbortSignal
}>

const MAX_PROBLEMS = 100
const MAX_LINE_BYTES = 64 * 1024
const MAX_WRONG_SHARE = 0.01
/** A file that small may be wrong in one line without being refused for its share. */
const FEW_LINES = 100

/**
 * Reads a list from chunks of bytes in one pass, with memory for the numbers only, and makes a new set of it.
 * Throws ImportError with the report; then nothing was changed.
 */
export async function importList(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ImportOptions
): Promise<Readonly<{ set: NumberSet; report: ImportReport }>> {
  const state = new ListScanner(options)
  for await (const chunk of chunks) {
    options.signal?.throwIfAborted()
    state.push(chunk)
    options.onProgress?.({ bytes: state.bytes, lines: state.lines })
  }
  return await state.finish()
}

const LF = 10
const CR = 13

class ListScanner {
  readonly #options: ImportOptions
  readonly #builder: NumberSetBuilder
  readonly #hash = createHash('sha256')
  readonly #read: LineReader
  readonly #national: National | null
  readonly #isPlain: boolean
  #decoder: TextDecoder | null = null
  #encoding: ImportReport['encoding'] = 'utf-8'
  #rest: Uint8Array = new Uint8Array(0)
  #endsWithLine = true
  #lastWasWrong = false
  #problems: { line: number; message: string }[] = []
  #listed = 0
  #removed = 0
  #wrong = 0
  bytes = 0
  lines = 0

  constructor(options: ImportOptions) {
    this.#options = options
    this.#builder =
      options.method === 'change' && options.base !== undefined ? options.base.edit() : new NumberSetBuilder()
    this.#read = lineReader(options.format)
    this.#national = NATIONAL[options.format]
    this.#isPlain = isPlain(options.format)
  }

  push(chunk: Uint8Array): void {
    this.#hash.update(chunk)
    let data = chunk
    if (this.bytes === 0) data = this.#detect(chunk)
    this.bytes += chunk.length
    if (this.#decoder !== null) data = Buffer.from(this.#decoder.decode(data, { stream: true }), 'utf8')
    this.#scan(data)
  }

  async finish(): Promise<{ set: NumberSet; report: ImportReport }> {
    if (this.#rest.length > 0) {
      const last = this.#rest
      this.#rest = new Uint8Array(0)
      this.#endsWithLine = false
      this.#line(last, 0, last.length)
    }
    const set = await this.#builder.build(this.#options.pause)
    const report = this.#report(set.size)
    this.#refuse(report, set)
    return { set, report }
  }

  #report(numbers: number): ImportReport {
    const before = this.#options.method === 'change' ? (this.#options.base?.size ?? 0) : 0
    return {
      lines: this.lines,
      numbers,
      listedLines: this.#listed,
      removedLines: this.#removed,
      duplicates: Math.max(0, this.#listed - Math.max(0, numbers - before)),
      wrongLines: this.#wrong,
      problems: this.#problems,
      bytes: this.bytes,
      sha256: this.#hash.digest('hex'),
      encoding: this.#encoding
    }
  }

  #refuse(report: ImportReport, set: NumberSet): void {
    const { expected, base, method, maxWrongShare = MAX_WRONG_SHARE } = this.#options
    const refuse = (code: ImportErrorCode, message: string): never => {
      throw new ImportError(code, message, report)
    }
    if (expected?.sha256 !== undefined && expected.sha256.toLowerCase() !== report.sha256)
      refuse('DNC_CHECKSUM', 'the file is not the one whose checksum was given')
    if (expected?.bytes !== undefined && expected.bytes !== report.bytes)
      refuse('DNC_TRUNCATED', `the file has ${report.bytes} bytes of ${expected.bytes}`)
    if (expected?.lines !== undefined && expected.lines !== report.lines)
      refuse('DNC_TRUNCATED', `the file has ${report.lines} lines of ${expected.lines}`)
    if (this.#listed + this.#removed === 0)
      refuse('DNC_EMPTY', report.lines === 0 ? 'the file has no lines' : 'no line of the file holds a number')
    if (!this.#endsWithLine && this.#lastWasWrong)
      refuse('DNC_TRUNCATED', `the file breaks off in line ${report.lines}`)
    if (report.wrongLines > Math.max(FEW_LINES * maxWrongShare, report.lines * maxWrongShare))
      refuse(
        'DNC_TOO_MANY_WRONG_LINES',
        `${report.wrongLines} of ${report.lines} lines are wrong, the first is line ${report.problems[0]?.line ?? 0}`
      )
    if (method === 'full' && base !== undefined && set.size * 2 < base.size && this.#options.acceptsShrinking !== true)
      refuse('DNC_SHRUNK', `the list has ${set.size} numbers, less than half of the ${base.size} before`)
  }

  #detect(first: Uint8Array): Uint8Array {
    const [a, b, c] = first
    if (a === 0xff && b === 0xfe) return this.#use('utf-16le', first.subarray(2))
    if (a === 0xfe && b === 0xff) return this.#use('utf-16be', first.subarray(2))
    if (a === 0xef && b === 0xbb && c === 0xbf) return first.subarray(3)
    if (first.subarray(0, 64).includes(0)) {
      // Every second byte is zero: UTF-16 without its mark.
      if (b === 0 && a !== 0) return this.#use('utf-16le', first)
      if (a === 0 && b !== 0) return this.#use('utf-16be', first)
    }
    return first
  }

  #use(encoding: 'utf-16le' | 'utf-16be', data: Uint8Array): Uint8Array {
    this.#encoding = encoding
    this.#decoder = new TextDecoder(encoding)
    return data
  }

  #scan(data: Uint8Array): void {
    let all = data
    if (this.#rest.length > 0) {
      all = new Uint8Array(this.#rest.length + data.length)
      all.set(this.#rest)
      all.set(data, this.#rest.length)
    }
    let start = 0
    for (let end = all.indexOf(LF, start); end >= 0; end = all.indexOf(LF, start)) {
      this.#line(all, start, end)
      start = end + 1
    }
    this.#rest = all.slice(start)
    if (this.#rest.length > MAX_LINE_BYTES)
      throw new ImportError('DNC_ENCODING', `line ${this.lines + 1} has no end: is this a text file?`, this.#report(0))
  }

  #line(data: Uint8Array, start: number, lineEnd: number): void {
    this.lines += 1
    const end = lineEnd > start && data[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd
    this.#lastWasWrong = false
    if (this.#isPlain && this.#national !== null) {
      const value = plainValue(data, start, end, this.#national)
      if (value > 0) {
        this.#builder.add(value)
        this.#listed += 1
        return
      }
    }
    this.#slowLine(data.subarray(start, end))
  }

  #slowLine(bytes: Uint8Array): void {
    if (bytes.includes(0)) {
      this.#complain('holds bytes that are no text')
      return
    }
    const found = this.#read(this.#text(bytes), this.lines)
    switch (found.kind) {
      case 'nothing':
        return
      case 'wrong':
        this.#complain(found.message)
        return
      case 'listed':
        this.#listed += 1
        this.#builder.add(found.value)
        return
      case 'unlisted':
        // In a full list this is an answer about a number that is not on it.
        if (this.#options.method === 'change') this.#builder.delete(found.value)
        this.#removed += 1
        return
      default:
        found satisfies never
    }
  }

  #text(bytes: Uint8Array): string {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const text = buffer.toString('utf8')
    if (!text.includes('\ufffd')) return text
    this.#encoding = 'latin1'
    return buffer.toString('latin1')
  }

  #complain(message: string): void {
    this.#wrong += 1
    this.#lastWasWrong = true
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push({ line: this.lines, message })
  }
}

/** The number in a line of digits and commas, read from its bytes; 0 when the line needs a closer look. */
function plainValue(data: Uint8Array, start: number, end: number, national: National): number {
  let value = 0
  let digits = 0
  let first = 0
  let fourth = 0
  for (let index = start; index < end; index += 1) {
    const byte = data[index] ?? 0
    if (byte >= 48 && byte <= 57) {
      digits += 1
      if (digits === 1) first = byte
      else if (digits === 4) fourth = byte
      value = value * 10 + byte - 48
    } else if (byte !== 44) return 0
  }
  if (national.isNanp) return digits === 10 && first >= 50 && fourth >= 50 ? 10_000_000_000 + value : 0
  // A national number with its zero: the zero adds nothing to the value.
  if (first !== 48 || national.trunk !== '0') return 0
  const own = digits - 1
  if (own < national.minDigits || own > national.maxDigits) return 0
  return Number(national.callingCode) * 10 ** own + value
}
