/** Importing contacts and choosing whom to dial next, on PostgreSQL; how soon the abandoned hear who called. */
import { parseArgs } from 'node:util'
import { loadavg } from 'node:os'
import { freshDatabase } from '../fresh-database.ts'
import { measureAbandoned } from './measure-abandoned.ts'
import { type ImportedFormat, measureImport } from './measure-import.ts'
import { inQuarters } from './memory-by-quarter.ts'
import { measureParse } from './measure-parse.ts'
import { measureSelection } from './measure-selection.ts'

const { values } = parseArgs({
  // Options of other benches pass by.
  strict: false,
  options: {
    /** A PostgreSQL server; left out, there is nothing to measure. */
    database: { type: 'string' },
    contacts: { type: 'string', default: '1000000' },
    lines: { type: 'string', default: '10000000' },
    leads: { type: 'string', default: '10000000' },
    /** How often twenty leads are taken. */
    looks: { type: 'string', default: '5000' },
    persons: { type: 'string', default: '20' },
    /** Of each contact of the CSV file: 1 or 2. */
    numbers: { type: 'string', default: '1' },
    only: { type: 'string' }
  }
})
const isWanted = (name: string) => values.only === undefined || values.only === name

console.log(
  `load before: ${loadavg()
    .map(one => one.toFixed(1))
    .join(' ')}`
)
if (isWanted('abandoned')) {
  const waits = [...(await measureAbandoned(Number(values.persons)))].sort((one, other) => one - other)
  const [middle = Number.NaN, longest = Number.NaN] = [waits[waits.length >> 1], waits.at(-1)]
  console.log(
    `${waits.length} abandoned persons hear the message ${Math.round(middle)} ms after their greeting, ${Math.round(longest)} ms at most (goal: 2,000 ms)`
  )
}

if (isWanted('parse')) {
  const { rows, seconds, peakMbs } = await measureParse(Number(values.lines))
  console.log(
    `${rows} lines read in ${seconds.toFixed(1)} s, ${Math.round(rows / seconds)} a second, at most ${inQuarters(peakMbs)} more in the quarters of the file (goal: flat)`
  )
}

if (isWanted('import') || isWanted('import-xlsx') || isWanted('selection')) {
  if (typeof values.database !== 'string') console.log('Name a PostgreSQL server: --database=postgres://…')
  else await measure(values.database)
}

async function measure(server: string): Promise<void> {
  const importAs = async (format: ImportedFormat) => {
    await using stack = new AsyncDisposableStack()
    const url = await freshDatabase(server, stack)
    const figures = await measureImport(url, Number(values.contacts), format, values.numbers === '2' ? 2 : 1)
    const { contacts, seconds, peakMbs, duplicates, fileMb, firstLinesMs } = figures
    const file = fileMb === null ? 'a CSV file' : `a workbook of ${Math.round(fileMb)} MB`
    console.log(
      `${contacts} contacts (${duplicates} duplicates) from ${file} in ${seconds.toFixed(1)} s, ${Math.round(contacts / seconds)} a second, first lines after ${Math.round(firstLinesMs)} ms, at most ${inQuarters(peakMbs)} more in the quarters of the file (goal: 1,000,000 in 60 s, flat)`
    )
  }
  if (isWanted('import')) await importAs('csv')
  if (isWanted('import-xlsx')) await importAs('xlsx')
  if (isWanted('selection')) {
    await using stack = new AsyncDisposableStack()
    const url = await freshDatabase(server, stack)
    const figures = await measureSelection(url, Number(values.leads), Number(values.looks))
    const { leads, perSecond, p50Ms, p99Ms, p99MsByQuarter, peakMbs, taken } = figures
    const quarters = p99MsByQuarter.map(one => one.toFixed(1)).join(', ')
    console.log(
      `${taken} of ${leads} leads taken, ${Math.round(perSecond)} a second, a look takes ${p50Ms.toFixed(1)} ms (p99 ${p99Ms.toFixed(1)} ms; ${quarters} ms in the quarters), at most ${inQuarters(peakMbs)} more (goal: 2,000 a second, p99 20 ms, flat)`
    )
  }
}
console.log(
  `load after: ${loadavg()
    .map(one => one.toFixed(1))
    .join(' ')}`
)
