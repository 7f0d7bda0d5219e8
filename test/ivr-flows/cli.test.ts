import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { EXAMPLES, example } from './support.ts'

const CLI = fileURLToPath(new URL('../../ivr-flows/cli.ts', import.meta.url))
const inExamples = (name: string) => fileURLToPath(new URL(name, EXAMPLES))

type Result = { code: number; out: string; err: string }

function flows(...args: string[]): Promise<Result> {
  return new Promise(resolve => {
    execFile(process.execPath, [CLI, ...args], { timeout: 280_000 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err })
    })
  })
}

async function folder(files: Record<string, string>): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'parley-flows-'))
  t.teardown(() => rm(made, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(made, name), text)
  return made
}

t.test('an author checks flows and is told file, line and column', async t => {
  const good = await flows('check', inExamples(''))
  t.match(good, { code: 0, out: /8 flows, 0 errors, 0 warnings/ })
  const made = await folder({
    'bad.yaml': (await example('welcome-en.yaml'))
      .replace(/(['"])3\1: message/, "'3': mesage")
      .replace('    mustRecord: unrecorded\n', '')
  })
  const bad = await flows('check', path.join(made, 'bad.yaml'))
  t.equal(bad.code, 1)
  t.match(bad.out, /bad\.yaml:\d+:12 error UNKNOWN_TARGET There is no node “mesage”\. Did you mean “message”\?/)
  t.match(bad.out, /bad\.yaml:\d+:3 warning NO_MUST_RECORD_WAY “consent” has no way on .*\(ID\)/)
  const json = await flows('check', '--json', path.join(made, 'bad.yaml'))
  t.match(JSON.parse(json.out), [{ problems: [{ code: 'UNKNOWN_TARGET' }] }])
})

t.test('an author is told which test fails, where, and which paths no test took', async t => {
  const tests = `flow: flow.yaml
cases:
  - name: A caller is bid goodbye
    steps:
      - press: '9'
    expect:
      heard:
        - Auf Wiederhören
      end: transferred
  - name: A caller orders
    steps:
      - press: '1'
      - press: '1234#'
    expect:
      path: [greet]
  - name: A caller hangs up too late
    steps:
      - press: '9'
      - hangUp: true
    expect:
      end: hangup
`
  const made = await folder({ 'flow.yaml': await example('welcome-en.yaml'), 'flow.test.yaml': tests })
  const { code, out } = await flows('test', path.join(made, 'flow.test.yaml'))
  t.equal(code, 1)
  t.match(out, /flow\.test\.yaml:8:11 the caller did not hear “Auf Wiederhören”/)
  t.match(out, /flow\.test\.yaml:9:12 the call ended by .*"hangup".*, not .*"transferred"/)
  t.match(out, /flow\.test\.yaml:10:11 the flow comes to a request at “lookUp”, but no step tells how it ends/)
  t.match(out, /flow\.test\.yaml:19:9 the call had ended before this step/)
  t.match(out, /0 of 3 cases passed/)
  t.match(out, /not taken: welcome-en main key 2 -> information/)
  const { out: json } = await flows('test', '--json', path.join(made, 'flow.test.yaml'))
  t.match(JSON.parse(json), {
    isOk: false,
    files: [{ cases: [{ isOk: false, failures: [{ line: 8, column: 11 }, {}] }] }]
  })
})

t.test('tests of the examples pass on every path', async t => {
  const { code, out } = await flows('test', '--strict', inExamples('welcome-de.test.yaml'))
  t.equal(code, 0)
  t.match(out, /36 of 36 cases passed\n {2}59 of 59 paths taken \(100 %\)/)
})

t.test('an author prints a graph and compares two versions', async t => {
  t.match((await flows('graph', inExamples('reception.yaml'))).out, /desk \(hours\) start\n {4}open -> hello/)
  t.match((await flows('graph', '--mermaid', inExamples('reception.yaml'))).out, /^flowchart TD/)
  const made = await folder({ 'new.yaml': (await example('reception.yaml')).replace(/(['"])100\1/, "'101'") })
  const { code, out } = await flows('diff', inExamples('reception.yaml'), path.join(made, 'new.yaml'))
  t.equal(code, 0)
  t.match(out, 'changed deskPhone to.extension: "100" -> "101"')
})

t.test('a wrong call of the program is answered with how to call it', async t => {
  const wrong = [[], ['dance'], ['check'], ['graph'], ['check', '--what', 'x'], ['check', '/does/not/exist.yaml']]
  const results = await Promise.all(wrong.map(args => flows(...args)))
  for (const [index, { code, out, err }] of results.entries()) {
    t.equal(code, 2, wrong[index]?.join(' ') ?? '')
    t.match(out + err, /Usage|no such file/)
  }
})
