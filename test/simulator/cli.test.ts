import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { MENU } from './support.ts'

const CLI = fileURLToPath(new URL('../../server/simulate.ts', import.meta.url))

type Result = Readonly<{ code: number; out: string; err: string }>

function simulate(...args: readonly string[]): Promise<Result> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PARLEY_')))
  return new Promise(resolve => {
    execFile(process.execPath, [CLI, ...args], { env, timeout: 120_000 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err })
    })
  })
}

async function folder(files: Record<string, string>): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'parley-simulate-test-'))
  t.teardown(() => rm(made, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(made, name), text)
  return made
}

t.test('a build fails when a scripted caller does, and is told where', { timeout: 280_000 }, async t => {
  const made = await folder({
    'shop.yaml': MENU,
    'shop.call.yaml': `flow: shop.yaml
calls:
  - name: A caller wants a person
    steps: [{ press: "2" }]
    expect: { passes: [person, bye] }
  - name: A caller hopes for a miracle
    steps: [{ press: "2" }]
    expect:
      passes: [miracle]
`
  })
  const junit = join(made, 'junit.xml')
  const { code, out, err } = await simulate('--junit', junit, made)
  t.equal(code, 1, err)
  t.match(out, /ok {3}A caller wants a person/)
  t.match(out, /shop\.call\.yaml:9:16 the call did not come to “miracle”/)
  t.match(out, /1 of 2 calls succeeded/)
  t.match(await readFile(junit, 'utf8'), /<testsuite name="[^"]+shop\.call\.yaml" tests="2" failures="1">/)
})

t.test('nothing is started for what cannot be read', async t => {
  const made = await folder({
    'flow.yaml': MENU.replace('"1": order', '"1": oder'),
    'flow.call.yaml': 'flow: flow.yaml\ncalls: [{ name: x, expect: { end: hangup } }]',
    'shape.call.yaml': 'flow: flow.yaml\ncalls: [{ name: x, expect: {} }]',
    'alone.call.yaml': 'calls: [{ name: x, expect: { end: hangup } }]'
  })
  const said = await Promise.all([
    simulate(),
    simulate('--what'),
    simulate(join(made, 'flow.call.yaml')),
    simulate(join(made, 'shape.call.yaml')),
    simulate(join(made, 'alone.call.yaml')),
    simulate(join(made, 'nothing.call.yaml'))
  ])
  t.same(
    said.map(one => one.code),
    [2, 2, 2, 2, 2, 2]
  )
  t.match(said[2]?.err, /flow\.yaml:\d+:\d+ UNKNOWN_TARGET .*oder/)
  t.match(said[3]?.err, /shape\.call\.yaml:2:\d+ WRONG_VALUE/)
  t.match(said[4]?.err, /does not name its flow/)
})
