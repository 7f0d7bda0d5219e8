/** Importing contacts and choosing whom to dial next, on PostgreSQL. */
import { parseArgs } from 'node:util'
import { freshDatabase } from './fresh-database.ts'
import { measureImport } from './measure-import.ts'
import { measureSelection } from './measure-selection.ts'

const { values } = parseArgs({
  // Options of other benches pass by.
  strict: false,
  options: {
    /** A PostgreSQL server; left out, there is nothing to measure. */
    database: { type: 'string' },
    contacts: { type: 'string', default: '1000000' },
    leads: { type: 'string', default: '10000000' },
    only: { type: 'string' }
  }
})

if (typeof values.database !== 'string') console.log('Name a PostgreSQL server: --database=postgres://…')
else await measure(values.database)

async function measure(server: string): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const url = await freshDatabase(server, stack)
  if (values.only !== 'selection') {
    const { contacts, seconds, peakMb, duplicates } = await measureImport(url, Number(values.contacts))
    console.log(
      `${contacts} contacts (${duplicates} duplicates) in ${seconds.toFixed(1)} s, ${Math.round(contacts / seconds)} a second, ${Math.round(peakMb)} MB more at most (goal: 1,000,000 in 60 s)`
    )
  }
  if (values.only !== 'import') {
    const { leads, perSecond, p50Ms, p99Ms, taken } = await measureSelection(url, Number(values.leads))
    console.log(
      `${taken} of ${leads} leads taken, ${Math.round(perSecond)} a second, a look takes ${p50Ms.toFixed(1)} ms (p99 ${p99Ms.toFixed(1)} ms) (goal: 2,000 a second, p99 20 ms)`
    )
  }
}
