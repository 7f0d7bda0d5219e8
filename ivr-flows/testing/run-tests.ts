import type { Flow } from '../flow.ts'
import type { NodeDeparture } from '../host.ts'
import type { Json, JsonObject } from '../json.ts'
import { parseFlow } from '../parse.ts'
import type { Path, Problem } from '../problem.ts'
import { runFlow } from '../run.ts'
import type { FlowState } from '../state.ts'
import { type Coverage, coverageOf } from './coverage.ts'
import { type CallResult, unmetExpectations } from './expectations.ts'
import { CallerHungUp, ScriptMismatch, SimulatedCall } from './simulated-call.ts'
import { parseTestFile, type TestCase, type TestFile } from './test-file.ts'

export type CaseFailure = Readonly<{ line: number; column: number; message: string }>
export type CaseReport = Readonly<{
  name: string
  isOk: boolean
  failures: readonly CaseFailure[]
  path: readonly string[]
}>

/** What came of a file of tests. `problems` are faults of the files themselves; no case ran when there are errors. */
export type TestReport = Readonly<{
  isOk: boolean
  problems: readonly (Problem & Readonly<{ file: string }>)[]
  cases: readonly CaseReport[]
  coverage: Coverage | null
}>

/** A Monday on which no office of the examples is closed. */
const DEFAULT_START = '2026-03-02T15:00:00Z'

/**
 * Runs the tests of one file. `read` gives the text of a file named in it.
 * @throws whatever `read` throws.
 */
export async function runTests(
  file: string,
  source: string,
  read: (name: string) => Promise<Readonly<{ file: string; source: string }>>
): Promise<TestReport> {
  const { value: tests, problems, locate } = parseTestFile(source)
  if (tests === null) return refused(problems.map(problem => ({ ...problem, file })))
  const [main, ...others] = await Promise.all([tests.flow, ...(tests.subflows ?? [])].map(read))
  const parsed = [main, ...others].flatMap(one => (one === undefined ? [] : [{ ...one, ...parseFlow(one.source) }]))
  const faults = parsed.flatMap(one => one.problems.map(problem => ({ ...problem, file: one.file })))
  const flows = parsed.flatMap(one => one.flow ?? [])
  const [flow] = flows
  if (flow === undefined || flows.length < parsed.length) return refused(faults)

  const cases: CaseReport[] = []
  const departures: NodeDeparture[] = []
  for (const [index, one] of tests.cases.entries()) {
    const { call, failures } = await runCase(flow, flows, tests, one)
    departures.push(...call.departures)
    const placed = [...failures, ...(failures.length > 0 ? failedNodes(call) : [])].map(({ path, message }) => {
      const { line, column } = locate(['cases', index, ...path])
      return { line, column, message }
    })
    const path = call.visits.map(visit => (visit.flowId === flow.id ? visit.node : `${visit.flowId}/${visit.node}`))
    cases.push({ name: one.name, isOk: placed.length === 0, failures: placed, path })
  }
  const isOk = cases.every(one => one.isOk)
  return { isOk, problems: faults, cases, coverage: coverageOf(flows, departures) }
}

function refused(problems: TestReport['problems']): TestReport {
  return { isOk: false, problems, cases: [], coverage: null }
}

async function runCase(flow: Flow, flows: readonly Flow[], { defaults }: TestFile, one: TestCase) {
  const settings = { ...defaults, ...one, variables: { ...defaults?.variables, ...one.variables } }
  const start = new Date(settings.start ?? DEFAULT_START)
  const hangUp = new AbortController()
  const call = new SimulatedCall({ start, steps: one.steps ?? [], promptFails: settings.promptFails ?? [], hangUp })
  const failures: { path: Path; message: string }[] = []
  if (Number.isNaN(start.getTime())) {
    return { call, failures: [{ path: ['start'], message: `“${settings.start}” is not a time` }] }
  }
  let last: FlowState | undefined
  const result = (end: CallResult['end']): CallResult => ({
    call,
    flowId: flow.id,
    end,
    language: last?.language ?? settings.language ?? flow.defaultLanguage,
    variables: (last?.frames[0]?.vars ?? {}) as JsonObject
  })
  try {
    const end = await runFlow(flow, call, {
      signal: hangUp.signal,
      call: {
        id: 'simulated',
        callerNumber: settings.from ?? '+12025550123',
        calledNumber: settings.to ?? '+12025550100'
      },
      variables: settings.variables as Record<string, Json>,
      ...(settings.language === undefined ? {} : { language: settings.language }),
      ...(settings.preferredLanguage === undefined ? {} : { preferredLanguage: settings.preferredLanguage }),
      resolveSubflow: async id => flows.find(other => other.id === id) ?? null,
      observe: state => {
        last = state
      }
    })
    failures.push(...placed(one, result(end)))
  } catch (err) {
    if (err instanceof CallerHungUp) {
      failures.push(...placed(one, result({ kind: 'callerHungUp', node: call.visits.at(-1)?.node ?? '' })))
    } else if (err instanceof ScriptMismatch) {
      failures.push({ path: err.stepIndex === null ? ['name'] : ['steps', err.stepIndex], message: err.message })
    } else throw err
    return { call, failures }
  }
  if (call.unusedSteps > 0) {
    const message = `the call had ended before this step`
    failures.push({ path: ['steps', call.nextStepIndex], message })
  }
  return { call, failures }
}

/** Why nodes failed: what a test that fails is most often about. */
function failedNodes(call: SimulatedCall): { path: Path; message: string }[] {
  return call.departures.flatMap(({ node, detail }) =>
    typeof detail?.['code'] === 'string'
      ? [{ path: ['name'], message: `“${node}” failed: ${detail['code']}, ${String(detail['reason'])}` }]
      : []
  )
}

function placed(one: TestCase, result: CallResult): { path: Path; message: string }[] {
  return unmetExpectations(one.expect, result).map(({ path, message }) => ({ path: ['expect', ...path], message }))
}
