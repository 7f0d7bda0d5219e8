import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { readDocument } from './check/document.ts'
import { filesIn, readArguments, UsageError } from './command-line.ts'
import { compareFlows, type FlowComparison } from './compare.ts'
import type { Flow } from './flow.ts'
import { flowGraph, graphMermaid, graphText } from './graph.ts'
import { isRecord } from './json.ts'
import { parseFlow } from './parse.ts'
import type { Problem } from './problem.ts'
import { runTests, type TestReport } from './testing/run-tests.ts'

const USAGE = `Usage:
  check FILE…            finds what is wrong with flows; prints file:line:column
  test FILE…             runs flow tests (*.test.yaml) and lists the paths that no test took
  graph FILE             prints a flow's nodes and ways on
  diff OLD NEW           compares two versions of a flow by meaning
A folder stands for the files in it.
Options:
  --json                 prints data for programs
  --mermaid              with graph: prints a drawing for Mermaid
  --strict               with check: warnings count as errors; with test: paths not taken do
`

type Options = Readonly<{ json: boolean; mermaid: boolean; strict: boolean }>
type Result = Readonly<{ text: string; data: unknown; isOk: boolean }>

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    json: { type: 'boolean' },
    mermaid: { type: 'boolean' },
    strict: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' }
  })
  const [command, ...names] = positionals
  const options = { json: values.json ?? false, mermaid: values.mermaid ?? false, strict: values.strict ?? false }
  if (command === undefined || values.help === true) {
    process.stdout.write(USAGE)
    return command === undefined && values.help !== true ? 2 : 0
  }
  const result = await run(command, names, options)
  process.stdout.write(options.json ? `${JSON.stringify(result.data, null, 2)}\n` : result.text)
  return result.isOk ? 0 : 1
}

async function run(command: string, names: readonly string[], options: Options): Promise<Result> {
  switch (command) {
    case 'check':
      return await check(await filesIn(names, isFlowFile), options)
    case 'test':
      return await test(await filesIn(names, isTestFile), options)
    case 'graph':
      return await graph(names, options)
    case 'diff':
      return await diff(names)
    default:
      throw new UsageError(`there is no command “${command}”`)
  }
}

async function check(files: readonly string[], { strict }: Options): Promise<Result> {
  const known = new Map<string, readonly string[]>()
  const mustRecord = await mustRecordPlaces()
  const reports = await Promise.all(
    files.map(async file => {
      const folder = path.dirname(file)
      if (!known.has(folder)) known.set(folder, await flowIdsIn(folder))
      const { problems } = parseFlow(await readFile(file, 'utf8'), {
        file,
        known: { flows: known.get(folder) ?? [], mustRecord }
      })
      return { file, problems }
    })
  )
  const lines = reports.flatMap(({ file, problems }) => problems.map(problem => problemLine(file, problem)))
  const all = reports.flatMap(report => report.problems)
  const errors = all.filter(problem => problem.severity === 'error').length
  const summary = `${files.length} ${files.length === 1 ? 'flow' : 'flows'}, ${errors} errors, ${all.length - errors} warnings\n`
  return { text: [...lines, summary].join('\n'), data: reports, isOk: errors === 0 && !(strict && all.length > 0) }
}

async function test(files: readonly string[], { strict }: Options): Promise<Result> {
  const reports: (TestReport & { file: string })[] = []
  for (const file of files) {
    const read = async (name: string) => {
      const found = path.join(path.dirname(file), name)
      return { file: found, source: await readFile(found, 'utf8') }
    }
    reports.push({ file, ...(await runTests(file, await readFile(file, 'utf8'), read)) })
  }
  const isCovered = reports.every(({ coverage }) => coverage !== null && coverage.untaken.length === 0)
  const isOk = reports.every(report => report.isOk) && (isCovered || !strict)
  return { text: `${reports.map(testText).join('\n')}`, data: { isOk, files: reports }, isOk }
}

function testText({ file, problems, cases, coverage }: TestReport & { file: string }): string {
  const lines = [file, ...problems.map(problem => `  ${problemLine(problem.file, problem)}`)]
  for (const { name, isOk, failures } of cases) {
    lines.push(`  ${isOk ? 'ok  ' : 'FAIL'} ${name}`)
    for (const { line, column, message } of failures) lines.push(`       ${file}:${line}:${column} ${message}`)
  }
  const passed = cases.filter(one => one.isOk).length
  lines.push(`  ${passed} of ${cases.length} cases passed`)
  if (coverage !== null) {
    const percent = coverage.total === 0 ? 100 : Math.floor((100 * coverage.taken) / coverage.total)
    lines.push(`  ${coverage.taken} of ${coverage.total} paths taken (${percent} %)`)
    for (const { flowId, node, exit, to } of coverage.untaken) {
      lines.push(`    not taken: ${flowId} ${node} ${exit} -> ${to ?? 'the call ends'}`)
    }
  }
  return `${lines.join('\n')}\n`
}

async function graph(names: readonly string[], { mermaid }: Options): Promise<Result> {
  const flow = await readFlow(only(names, 1)[0] ?? '')
  const data = flowGraph(flow)
  return { text: mermaid ? graphMermaid(data) : graphText(data), data, isOk: true }
}

async function diff(names: readonly string[]): Promise<Result> {
  const [before = '', after = ''] = only(names, 2)
  const data = compareFlows(await readFlow(before), await readFlow(after))
  return { text: diffText(data), data, isOk: true }
}

function diffText({ isSame, flow, added, removed, renamed, changed, rewired, texts }: FlowComparison): string {
  if (isSame) return 'The two mean the same.\n'
  const lines = [
    ...flow.map(({ path: at, before, after }) => `flow ${at}: ${show(before)} -> ${show(after)}`),
    ...added.map(({ node, kind }) => `added ${node} (${kind})`),
    ...removed.map(({ node, kind }) => `removed ${node} (${kind})`),
    ...renamed.map(({ before, after }) => `renamed ${before} -> ${after}`),
    ...changed.flatMap(({ node, properties }) =>
      properties.map(({ path: at, before, after }) => `changed ${node} ${at}: ${show(before)} -> ${show(after)}`)
    ),
    ...rewired.map(
      ({ node, exit, before, after }) => `rewired ${node} ${exit}: ${before ?? 'nowhere'} -> ${after ?? 'nowhere'}`
    ),
    ...texts.map(
      ({ node, path: at, language, before, after }) =>
        `text ${node} ${at} ${language}: ${show(before)} -> ${show(after)}`
    )
  ]
  return `${lines.join('\n')}\n`
}

function only(names: readonly string[], count: number): readonly string[] {
  if (names.length !== count) throw new UsageError(`${count === 1 ? 'one file is' : `${count} files are`} needed`)
  return names
}

async function readFlow(file: string): Promise<Flow> {
  const { flow, problems } = parseFlow(await readFile(file, 'utf8'), { file })
  if (flow !== null) return flow
  throw new UsageError(`the flow has errors:\n${problems.map(problem => problemLine(file, problem)).join('\n')}`)
}

const isTestFile = (file: string) => /\.test\.ya?ml$/.test(file)
/** Scripted calls lie beside flows too; `npm run simulate` makes them. */
const isFlowFile = (file: string) => /\.(ya?ml|json)$/.test(file) && !isTestFile(file) && !/\.call\.ya?ml$/.test(file)

/** Flows that a flow may call live beside it. */
async function flowIdsIn(folder: string): Promise<readonly string[]> {
  const files = (await readdir(folder)).filter(isFlowFile)
  const ids = await Promise.all(
    files.map(async file => {
      const { value } = readDocument(await readFile(path.join(folder, file), 'utf8'))
      return isRecord(value) && typeof value['id'] === 'string' ? [value['id']] : []
    })
  )
  return ids.flat()
}

/** Places for which a rule pack of the program wants calls recorded, today or later. */
async function mustRecordPlaces(): Promise<readonly string[]> {
  const folder = new URL('../config/rule-packs/', import.meta.url)
  const names = (await readdir(folder)).filter(name => name.endsWith('.yaml'))
  const sources = await Promise.all(names.map(name => readFile(new URL(name, folder), 'utf8')))
  const today = new Date().toISOString().slice(0, 10)
  const places = sources
    .filter(source => source.includes('isCompulsory'))
    .flatMap(source => {
      const pack = readDocument(source).value
      return isRecord(pack) && wantsRecording(pack, today) && Array.isArray(pack['jurisdictions'])
        ? pack['jurisdictions'].map(String)
        : []
    })
  return [...new Set(places)].toSorted()
}

function wantsRecording(pack: Readonly<Record<string, unknown>>, today: string): boolean {
  const records = (value: unknown) => (Array.isArray(value) ? value.filter(isRecord) : [])
  return records(pack['rules'])
    .filter(rule => rule['check'] === 'recording')
    .some(rule =>
      records(rule['versions']).some(
        version => version['isCompulsory'] === true && !(String(version['to'] ?? '9999') <= today)
      )
    )
}

function problemLine(file: string, { line, column, severity, code, message, suggestion }: Problem): string {
  return `${file}:${line}:${column} ${severity} ${code} ${message}${suggestion === undefined ? '' : ` ${suggestion}`}`
}

function show(value: unknown): string {
  return value === undefined || value === null ? 'nothing' : JSON.stringify(value)
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (err) {
  const isExpected = err instanceof UsageError || (err instanceof Error && 'code' in err && err.code === 'ENOENT')
  if (!isExpected) throw err
  process.stderr.write(`${err.message}\n${err instanceof UsageError ? USAGE : ''}`)
  process.exitCode = 2
}
