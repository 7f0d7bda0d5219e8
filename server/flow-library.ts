import { readFile } from 'node:fs/promises'
import type { Flow } from '../ivr-flows/flow.ts'
import { type ParsedFlow, parseFlow } from '../ivr-flows/parse.ts'
import type { Db } from '../sql/database.ts'
import { findFlowVersion, findPublishedFlow } from '../sql/queries/flows.ts'
import type { PackSet } from './compliance/packs/compile.ts'
import { mustRecordPlaces } from './compliance/recording-policy.ts'
import { DAY_MS } from './compliance/time/calendar.ts'
import { orAfter } from './or-after.ts'

/** A published flow as calls run it. It never changes; a new version is another object. */
export type RunnableFlow = Readonly<{ flowId: string; version: number; flow: Flow }>

/** How long a published version is taken for the newest without asking the database. Publishing here clears it at once. */
const FRESH_MS = 2_000
/** A database that does not answer holds a ringing caller up no longer than this when an earlier version is known. */
const READ_LIMIT_MS = 500
const MAX_PARSED = 500

/**
 * Flows for running calls: read once, parsed once. Serves the last known version while the database is away, so that
 * an outage does not stop calls to numbers that were already served.
 */
export class FlowLibrary {
  readonly #db: Db
  readonly #published = new Map<string, { readAtMs: number; runnable: RunnableFlow | null }>()
  readonly #parsed = new Map<string, RunnableFlow>()
  readonly #reading = new Map<string, Promise<RunnableFlow | null>>()
  /** Counts what was published here, so that a read which began before it does not pass for fresh. */
  #changes = 0

  constructor(db: Db) {
    this.#db = db
  }

  /** The version that new calls get, or null when none is published. */
  async published(flowId: string): Promise<RunnableFlow | null> {
    const known = this.#published.get(flowId)
    if (known !== undefined && performance.now() - known.readAtMs < FRESH_MS) return known.runnable
    let reading = this.#reading.get(flowId)
    if (reading === undefined) {
      const own = this.#read(flowId).finally(() => {
        if (this.#reading.get(flowId) === own) this.#reading.delete(flowId)
      })
      this.#reading.set(flowId, own)
      reading = own
    }
    return known === undefined ? await reading : await orAfter(READ_LIMIT_MS, reading, known.runnable)
  }

  /** One version, whether or not it is published. */
  async version(flowId: string, version: number): Promise<RunnableFlow | null> {
    const known = this.#parsed.get(`${flowId}@${version}`)
    if (known !== undefined) return known
    const row = await findFlowVersion(this.#db, flowId, version)
    return row === undefined ? null : this.#parse(row.flowId, row.version, row.source)
  }

  /** Forgets which versions are published. */
  refresh(): void {
    this.#changes += 1
    this.#published.clear()
    this.#reading.clear()
  }

  async #read(flowId: string): Promise<RunnableFlow | null> {
    const known = this.#published.get(flowId)
    const changes = this.#changes
    const readAtMs = performance.now()
    let row: Awaited<ReturnType<typeof findPublishedFlow>>
    try {
      row = await findPublishedFlow(this.#db, flowId)
    } catch (err) {
      if (known === undefined) throw err
      if (changes === this.#changes) this.#published.set(flowId, { readAtMs, runnable: known.runnable })
      return known.runnable
    }
    const runnable = row === undefined ? null : this.#parse(row.flowId, row.version, row.source)
    // Whoever asked before a flow was published here gets what was true then; it is not kept.
    if (changes === this.#changes) this.#published.set(flowId, { readAtMs, runnable })
    return runnable
  }

  #parse(flowId: string, version: number, source: string): RunnableFlow {
    const key = `${flowId}@${version}`
    const known = this.#parsed.get(key)
    if (known !== undefined) return known
    const { flow, problems } = parseFlow(source)
    // Only flows without errors are stored, so this is damage or a newer release's flow.
    if (flow === null) throw new Error(`flow ${key} cannot be read: ${problems[0]?.message ?? 'unknown'}`)
    const runnable = { flowId, version, flow }
    if (this.#parsed.size >= MAX_PARSED) this.#parsed.delete(this.#parsed.keys().next().value ?? '')
    this.#parsed.set(key, runnable)
    return runnable
  }
}

/** Checks a flow's text against what exists: its subflows, and laws that want calls recorded. */
export async function checkFlow(db: Db, packs: PackSet | null, source: string): Promise<ParsedFlow> {
  const flows = await db.selectFrom('flows').select('id').execute()
  const mustRecord = packs === null ? [] : mustRecordPlaces(packs, Math.floor(Date.now() / DAY_MS))
  return parseFlow(source, { known: { flows: flows.map(row => row.id), mustRecord } })
}

/** The example flows that a first start installs, by file name without suffix. */
export async function readExampleFlow(name: string): Promise<string> {
  return await readFile(new URL(`../ivr-flows/examples/${name}.yaml`, import.meta.url), 'utf8')
}
