import { type ScenarioFile, withDefaults } from '../../ivr-flows/testing/scenario-file.ts'
import type { Db } from '../../sql/database.ts'
import { finishSimulation, findSimulation, insertSimulation } from '../../sql/queries/simulations.ts'
import { storeSurely } from '../calls/store-surely.ts'
import { AppError } from '../errors.ts'
import type { RunnableFlow } from '../flow-library.ts'
import { newId } from '../ids.ts'
import type { Logger } from '../log.ts'
import type { CallReport, SimulationReport, Turn } from './report.ts'
import { simulateCall, type SimulatorParts } from './simulate-call.ts'

/** A file of scripted calls that is made to call one flow. */
export type SimulationRequest = Readonly<{
  runnable: RunnableFlow
  scenarios: ScenarioFile
  /** The text of the scenarios, to be kept beside what came of them. */
  source: string
  startedBy: string
}>

/** How far a simulation is: calls that are over, and the turns of the one that goes on. */
export type SimulationView = Readonly<{
  id: string
  flowId: string
  flowVersion: number
  scenario: string
  startedBy: string
  startedAt: string
  endedAt: string | null
  /** `lost`: the server that ran it stopped before it was over. */
  state: 'running' | 'ended' | 'lost'
  report: SimulationReport
  running: Readonly<{ name: string; turns: readonly Turn[] }> | null
}>

type Running = {
  readonly id: string
  readonly request: SimulationRequest
  readonly startedAt: Date
  readonly calls: CallReport[]
  readonly stop: AbortController
  now: Readonly<{ name: string; turns: readonly Turn[] }> | null
  done: Promise<SimulationReport>
}

/** The calls of one file are made one after the other; this many files wait or run at once at most. */
const MAX_WAITING = 20

/** Lets scripted callers call flows, so many at once as the settings allow. */
export class Simulator implements AsyncDisposable {
  readonly #parts: SimulatorParts
  readonly #db: Db
  readonly #log: Logger
  readonly #maxCalls: number
  readonly #running = new Map<string, Running>()
  readonly #waiting: (() => void)[] = []
  #calls = 0

  constructor(parts: SimulatorParts, maxCalls: number) {
    this.#parts = parts
    this.#db = parts.db
    this.#log = parts.log
    this.#maxCalls = maxCalls
  }

  /**
   * Begins a simulation; `done` resolves with what came of it and never rejects. Rejects with AppError when the server takes no
   * calls, or too many simulations wait.
   */
  async start(request: SimulationRequest): Promise<Readonly<{ id: string; done: Promise<SimulationReport> }>> {
    const { liveCalls, media } = this.#parts
    if (this.#maxCalls === 0) throw new AppError('CONFLICT', 'The simulator is switched off (PARLEY_SIMULATED_CALLS).')
    if (liveCalls.isDraining) throw new AppError('DRAINING', 'Calls are not taken any more.')
    if (!media.isConnected) throw new AppError('ENGINE_UNAVAILABLE', 'The media server cannot be reached.')
    if (this.#running.size >= MAX_WAITING)
      throw new AppError('OVERLOADED', `${MAX_WAITING} simulations wait already.`, { retryAfterSeconds: 30 })
    const { runnable, source, startedBy } = request
    const id = newId()
    const startedAt = new Date()
    await insertSimulation(this.#db, {
      id,
      flow_id: runnable.flowId,
      flow_version: runnable.version,
      scenario: source,
      started_by: startedBy,
      started_at: startedAt
    })
    const running: Running = {
      id,
      request,
      startedAt,
      calls: [],
      stop: new AbortController(),
      now: null,
      done: Promise.resolve({ isSuccess: false, calls: [] })
    }
    this.#running.set(id, running)
    running.done = this.#run(running)
    return { id, done: running.done }
  }

  /** Ends a running simulation; false when none of this server has the id. */
  stop(id: string): boolean {
    const running = this.#running.get(id)
    running?.stop.abort()
    return running !== undefined
  }

  /** Undefined when there never was one, or it was thrown away. */
  async view(id: string): Promise<SimulationView | undefined> {
    const running = this.#running.get(id)
    if (running !== undefined) {
      const { request, startedAt, calls, now } = running
      return {
        id,
        flowId: request.runnable.flowId,
        flowVersion: request.runnable.version,
        scenario: request.source,
        startedBy: request.startedBy,
        startedAt: startedAt.toISOString(),
        endedAt: null,
        state: 'running',
        report: reportOf(calls),
        running: now
      }
    }
    const row = await findSimulation(this.#db, id)
    if (row === undefined) return undefined
    return {
      id,
      flowId: row.flow_id,
      flowVersion: row.flow_version,
      scenario: row.scenario,
      startedBy: row.started_by,
      startedAt: row.started_at.toISOString(),
      endedAt: row.ended_at?.toISOString() ?? null,
      state: row.report === null ? 'lost' : 'ended',
      report: (row.report as SimulationReport | null) ?? { isSuccess: false, calls: [] },
      running: null
    }
  }

  async #run(running: Running): Promise<SimulationReport> {
    const { id, request, calls, stop } = running
    const { runnable, scenarios, startedBy } = request
    for (const one of scenarios.calls) {
      const scenario = withDefaults(scenarios, one)
      await using _place = await this.#place()
      if (stop.signal.aborted || this.#parts.liveCalls.isDraining) break
      running.now = { name: scenario.name, turns: [] }
      calls.push(
        await simulateCall(this.#parts, runnable, scenario, startedBy, stop.signal, (_callId, turns) => {
          running.now = { name: scenario.name, turns }
        })
      )
      running.now = null
    }
    const isWhole = calls.length === scenarios.calls.length
    const report = { ...reportOf(calls), isSuccess: isWhole && calls.every(one => one.score.isSuccess) }
    try {
      const store = () => finishSimulation(this.#db, id, report.isSuccess, report)
      await storeSurely(store, this.#log, 'a simulation’s report')
    } catch (err) {
      this.#log.error({ err, simulationId: id }, 'a simulation’s report could not be stored')
    }
    this.#running.delete(id)
    return report
  }

  /** Waits for a free place among the simulated calls. */
  async #place(): Promise<AsyncDisposable> {
    if (this.#calls >= this.#maxCalls) await new Promise<void>(resolve => this.#waiting.push(resolve))
    else this.#calls += 1
    return {
      [Symbol.asyncDispose]: async () => {
        const next = this.#waiting.shift()
        // Whoever waits takes over this place.
        if (next !== undefined) next()
        else this.#calls -= 1
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { stop } of this.#running.values()) stop.abort()
    await Promise.all([...this.#running.values()].map(one => one.done))
    await this.#parts.voices[Symbol.asyncDispose]()
  }
}

function reportOf(calls: readonly CallReport[]): SimulationReport {
  return { isSuccess: calls.every(one => one.score.isSuccess), calls: [...calls] }
}
