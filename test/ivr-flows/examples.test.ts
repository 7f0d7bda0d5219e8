import { readdir, readFile } from 'node:fs/promises'
import t from 'tap'
import { parseFlow } from '../../ivr-flows/parse.ts'
import { runTests } from '../../ivr-flows/testing/run-tests.ts'
import { EXAMPLES } from './support.ts'

for (const folder of [EXAMPLES, new URL('nodes/', EXAMPLES)]) {
  const names = await readdir(folder)
  const read = async (name: string) => ({ file: name, source: await readFile(new URL(name, folder), 'utf8') })
  for (const name of names.filter(one => one.endsWith('.yaml') && !one.endsWith('.test.yaml'))) {
    t.test(`the example ${name} has no problem, not even a warning`, async t => {
      t.same(
        parseFlow((await read(name)).source, { known: { flows: ['example-pin'], mustRecord: ['ID'] } }).problems,
        []
      )
    })
  }
  for (const name of names.filter(one => one.endsWith('.test.yaml'))) {
    t.test(`callers experience what ${name} says, on every path of the flow`, async t => {
      const report = await runTests(name, (await read(name)).source, read)
      t.same(report.problems, [])
      for (const { name: sentence, failures } of report.cases) t.same(failures, [], sentence)
      t.same(report.coverage?.untaken, [])
    })
  }
}
