import { decodeText } from '../../server/contacts/encoding.ts'
import { readCsv } from '../../server/contacts/read-csv.ts'
import { csvOf } from './contact-files.ts'
import { MemoryByQuarter } from './memory-by-quarter.ts'

export type ParseFigures = Readonly<{ rows: number; seconds: number; peakMbs: readonly number[] }>

/** Reads a file of so many contacts as an import does, without storing anybody. */
export async function measureParse(contacts: number): Promise<ParseFigures> {
  const memory = new MemoryByQuarter(contacts)
  const startedAtMs = performance.now()
  let rows = 0
  for await (const batch of readCsv(decodeText(csvOf(contacts, 2), 'utf-8'))) {
    rows += batch.length
    memory.passed(batch.length)
  }
  return { rows, seconds: (performance.now() - startedAtMs) / 1000, peakMbs: memory.peakMbs }
}
