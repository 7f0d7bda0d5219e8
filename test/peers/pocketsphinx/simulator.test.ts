import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { FileReport } from '../../../server/simulator/report-text.ts'

const inRepository = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))

t.test('the scripted callers of the examples are understood and reach their goals', { timeout: 280_000 }, async t => {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PARLEY_')))
  const args = [inRepository('server/simulate.ts'), '--json', inRepository('ivr-flows/examples/calls')]
  const out = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, args, { env, timeout: 170_000 }, (error, said, err) => {
      if (error === null) resolve(said)
      else reject(new Error(`${said}\n${err}`, { cause: error }))
    })
  })
  const report = JSON.parse(out) as { isSuccess: boolean; files: readonly FileReport[] }
  t.equal(report.isSuccess, true)
  const calls = report.files.flatMap(file => file.calls)
  t.same(
    calls.map(call => call.hearing),
    ['words', 'words', 'sound', 'sound']
  )
  const [, , heard] = calls
  t.match(heard?.score, { words: { wrong: 0, of: 2, rate: 0 } })
  for (const call of calls)
    t.ok(
      call.turns.some(turn => turn.who === 'flow' && turn.text.length > 10),
      call.name
    )
})
