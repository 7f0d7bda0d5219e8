import { parse, type Parser } from 'csv-parse'
import { ContactFileError } from './contact-error.ts'
import type { Row } from './rows.ts'

const DELIMITERS = [',', ';', '\t', '|'] as const
/** One line of contacts is never longer; a quote that is not closed would swallow the file. */
const MAX_RECORD_CHARACTERS = 64 * 1024
const BATCH_ROWS = 2_000

/** The delimiter that splits the first lines most evenly. */
export function detectDelimiter(start: string): string {
  const lines = start.split(/\r\n|\n|\r/, 20).filter(line => line.trim() !== '')
  const counts = DELIMITERS.map(delimiter => {
    const cells = lines.map(line => splitOutsideQuotes(line, delimiter))
    const first = cells[0] ?? 1
    return { delimiter, cells: first, even: cells.filter(count => count === first).length }
  }).filter(one => one.cells > 1)
  counts.sort((one, other) => other.even - one.even || other.cells - one.cells)
  return counts[0]?.delimiter ?? ','
}

/** Rows of a CSV text in batches, with their line in the file. Throws ContactFileError for what is no CSV. */
export async function* readCsv(text: AsyncIterable<string>, delimiter?: string): AsyncGenerator<readonly Row[]> {
  const parser = new CsvRows()
  for await (const chunk of text) {
    if (!parser.isOpen) parser.open(delimiter ?? detectDelimiter(chunk))
    yield* parser.push(chunk)
  }
  if (parser.isOpen) yield* parser.finish()
}

/** csv-parse, fed by hand: its own stream costs twice the time. */
class CsvRows {
  #parser: Parser | undefined
  #rows: Row[] = []
  #failure: unknown

  get isOpen(): boolean {
    return this.#parser !== undefined
  }

  open(delimiter: string): void {
    const parser = parse({
      delimiter,
      bom: true,
      info: true,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
      trim: true,
      max_record_size: MAX_RECORD_CHARACTERS
    })
    parser.on('data', ({ record, info }: { record: string[]; info: { lines: number } }) => {
      this.#rows.push({ line: info.lines, cells: record })
    })
    parser.on('error', err => {
      this.#failure = err
    })
    this.#parser = parser
  }

  async *push(chunk: string): AsyncGenerator<readonly Row[]> {
    const parser = this.#parser
    if (parser === undefined) return
    if (!parser.write(chunk) && this.#failure === undefined)
      await new Promise<void>(resolve => {
        const done = () => {
          parser.off('drain', done)
          parser.off('error', done)
          resolve()
        }
        parser.on('drain', done)
        parser.on('error', done)
      })
    this.#throwFailure()
    if (this.#rows.length >= BATCH_ROWS) yield this.#take()
  }

  async *finish(): AsyncGenerator<readonly Row[]> {
    const parser = this.#parser
    if (parser === undefined) return
    await new Promise<void>(resolve => {
      parser.once('end', resolve)
      parser.once('error', () => resolve())
      parser.end()
    })
    this.#throwFailure()
    if (this.#rows.length > 0) yield this.#take()
  }

  #take(): readonly Row[] {
    const rows = this.#rows
    this.#rows = []
    return rows
  }

  #throwFailure(): void {
    if (this.#failure === undefined) return
    const { code, lines } = this.#failure as { code?: string; lines?: number }
    throw new ContactFileError(
      'FILE_UNREADABLE',
      code === 'CSV_MAX_RECORD_SIZE'
        ? `The line that begins before line ${lines ?? '?'} is too long. A quotation mark may not be closed.`
        : `The file is not a table of values separated by commas, from line ${lines ?? '?'} on.`,
      { cause: this.#failure }
    )
  }
}

function splitOutsideQuotes(line: string, delimiter: string): number {
  let cells = 1
  let isQuoted = false
  for (const letter of line) {
    if (letter === '"') isQuoted = !isQuoted
    else if (letter === delimiter && !isQuoted) cells += 1
  }
  return cells
}
