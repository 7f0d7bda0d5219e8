import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ConfigError } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { filesIn, readArguments, UsageError } from '../ivr-flows/command-line.ts'
import { parseFlow } from '../ivr-flows/parse.ts'
import type { Problem } from '../ivr-flows/problem.ts'
import type { CheckedFile } from '../ivr-flows/testing/checked-file.ts'
import { parseScenarioFile, type ScenarioFile } from '../ivr-flows/testing/scenario-file.ts'
import type { Db } from '../sql/database.ts'
import { insertFlow, insertFlowVersion, publishFlowVersion } from '../sql/queries/flows.ts'
import type { Parley } from './context.ts'
import type { RunnableFlow } from './flow-library.ts'
import { createLoggers } from './log.ts'
import { type FileReport, reportJunit, reportText } from './simulator/report-text.ts'

const USAGE = `Usage:
  npm run simulate -- FILE…      lets scripted callers (*.call.yaml) call their flows, in real time
A folder stands for the files in it. Everything starts on this machine for it and ends with it; no number is dialled.
Speech engines are those of the settings (PARLEY_…).
Options:
  --json           prints data for programs
  --junit FILE     writes the results for build servers
  --turns          prints the turns of all calls, not only of those that failed
Exit code: 0 when every call reached its goals within its limits, 1 when one did not, 2 when nothing could be tried.
`

type Planned = Readonly<{
  file: string
  scenarios: ScenarioFile
  source: string
  locate: CheckedFile<ScenarioFile>['locate']
  flows: readonly Readonly<{ id: string; name: string; source: string; flow: RunnableFlow['flow'] }>[]
}>

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    json: { type: 'boolean' },
    junit: { type: 'string' },
    turns: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' }
  })
  if (values.help === true) {
    process.stdout.write(USAGE)
    return 0
  }
  const planned = await Promise.all((await filesIn(positionals, isScenarioFile, '*.call.yaml')).map(plan))
  const reports = await withParley(async parley => {
    const done: FileReport[] = []
    for (const one of planned) {
      done.push(await simulate(parley, one))
      if (values.json !== true)
        process.stdout.write(reportText(done.at(-1) as FileReport, { allTurns: values.turns === true }))
    }
    return done
  })
  const isSuccess = reports.every(report => report.calls.every(call => call.score.isSuccess))
  if (values.json === true) process.stdout.write(`${JSON.stringify({ isSuccess, files: reports }, null, 2)}\n`)
  if (values.junit !== undefined) await writeFile(values.junit, reportJunit(reports))
  return isSuccess ? 0 : 1
}

const isScenarioFile = (file: string) => /\.call\.ya?ml$/.test(file)

/** Reads a file of scripted calls with its flows; nothing is started when one of them has errors. */
async function plan(file: string): Promise<Planned> {
  const source = await readFile(file, 'utf8')
  const { value: scenarios, problems, locate } = parseScenarioFile(source)
  if (scenarios === null) throw refusal(file, problems)
  if (scenarios.flow === undefined) throw new UsageError(`${file} does not name its flow`)
  const flows = await Promise.all(
    [scenarios.flow, ...(scenarios.subflows ?? [])].map(async name => {
      const at = path.join(path.dirname(file), name)
      const text = await readFile(at, 'utf8')
      const parsed = parseFlow(text, { file: at })
      if (parsed.flow === null) throw refusal(at, parsed.problems)
      return { id: parsed.flow.id, name: parsed.flow.name ?? parsed.flow.id, source: text, flow: parsed.flow }
    })
  )
  return { file, scenarios, source, locate, flows }
}

function refusal(file: string, problems: readonly Problem[]): UsageError {
  const lines = problems.map(one => `${file}:${one.line}:${one.column} ${one.code} ${one.message}`)
  return new UsageError(lines.join('\n'))
}

/** A whole Parley of its own, on free ports, with nothing in it. */
async function withParley<T>(use: (parley: Parley) => Promise<T>): Promise<T> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'parley-simulate-'))
  try {
    const { config, secrets } = await loadConfig(undefined, {
      PARLEY_DATA_DIR: dataDir,
      PARLEY_DATABASE_URL: '',
      PARLEY_HTTP_PORT: '0',
      PARLEY_HTTPS_PORT: '',
      PARLEY_SIP_PORT: '0',
      PARLEY_WEBRTC_PORT: '0',
      PARLEY_DEMO_DATA: 'false',
      PARLEY_DRAIN_MS: '0',
      PARLEY_LOG_LEVEL: 'error'
    })
    // What the engines log goes where errors go, so that a report can be read by a program.
    const loggers = createLoggers(config.logLevel, process.stderr)
    // Fetched only now: whoever made a mistake in a file is told so at once.
    const [{ startParley }, { startEngines }] = await Promise.all([import('./context.ts'), import('./engines.ts')])
    await using engines = await startEngines(config, (engine, err) => {
      throw new Error(`the embedded ${engine} ended`, { cause: err })
    })
    await using parley = await startParley(config, secrets, engines.addresses, loggers)
    return await use(parley)
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function simulate(parley: Parley, { file, scenarios, source, locate, flows }: Planned): Promise<FileReport> {
  const versions = new Map<string, number>()
  for (const flow of flows) versions.set(flow.id, await store(parley.db, flow))
  const [main] = flows
  if (main === undefined) throw new UsageError(`${file} does not name its flow`)
  const runnable = { flowId: main.id, version: versions.get(main.id) ?? 1, flow: main.flow }
  const { done } = await parley.simulator.start({ runnable, scenarios, source, startedBy: 'npm run simulate' })
  const { calls } = await done
  return {
    file,
    calls: calls.map((call, index) => ({
      ...call,
      places: call.failures.map(failure => locate(['calls', index, ...failure.path]))
    }))
  }
}

async function store(db: Db, { id, name, source }: Planned['flows'][number]): Promise<number> {
  const known = await db.selectFrom('flows').select('id').where('id', '=', id).executeTakeFirst()
  if (known === undefined) await insertFlow(db, { id, name, description: '' })
  const version = await insertFlowVersion(db, { flowId: id, source, note: '', createdBy: null })
  await publishFlowVersion(db, id, version, null)
  return version
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (err) {
  const isExpected =
    err instanceof UsageError ||
    err instanceof ConfigError ||
    (err instanceof Error && 'code' in err && err.code === 'ENOENT')
  if (!isExpected) throw err
  process.stderr.write(`${err.message}\n${err instanceof UsageError ? USAGE : ''}`)
  process.exitCode = 2
}
