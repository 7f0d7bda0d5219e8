import { spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { boardOf } from '../../server/queues/distribute.ts'
import type { Candidate, Waiting } from '../../server/queues/snapshot.ts'
import { makeAgent, makeCaller, makeQueues, percentile, randomFrom } from './load.ts'
import { ModCallcenter } from './mod-callcenter.ts'
import { measureWithDatabase } from './with-database.ts'

// Under the options that a server has (scripts/runtime.mjs): what dies young is collected in small pieces there.
const SERVER_OPTIONS = ['--max-semi-space-size=4', '--max-old-space-size=1024']
if (!SERVER_OPTIONS.every(option => process.execArgv.includes(option))) {
  const { status } = spawnSync(process.execPath, [...SERVER_OPTIONS, ...process.argv.slice(1)], { stdio: 'inherit' })
  process.exit(status ?? 1)
}

const { values } = parseArgs({
  // Options of other benches pass by.
  strict: false,
  options: {
    agents: { type: 'string', default: '10000' },
    callers: { type: 'string', default: '50000' },
    /** A PostgreSQL server; left out, the row with the database is missing. */
    database: { type: 'string' },
    rate: { type: 'string', default: '1000' },
    only: { type: 'string' },
    seconds: { type: 'string', default: '10' }
  }
})
const AGENTS = Number(values.agents)
const CALLERS = Number(values.callers)
const NOW = 1_800_000_000_000
const MATCHES = 5_000

const rows: { what: string; figure: string; goal: string }[] = []

if (values.only !== 'database') measureInProcess()
if (values.only !== 'database') measureModCallcenter()
if (typeof values.database === 'string') await measureDatabase(values.database)
print()

function crowd(areFree: boolean): { agents: Candidate[]; entries: Waiting[]; queues: ReturnType<typeof makeQueues> } {
  const random = randomFrom(1)
  const queues = makeQueues(at => `q${at}`)
  const queueIds = queues.map(queue => queue.id)
  return {
    queues,
    agents: Array.from({ length: AGENTS }, (_, at) => makeAgent(`a${at}`, random, areFree)),
    entries: Array.from({ length: CALLERS }, (_, at) => makeCaller(`c${at}`, queueIds, random, NOW))
  }
}

/** Everybody is busy and the queues are full: one agent after the other becomes free. */
function measureInProcess(): void {
  const facts = crowd(false)
  const startedAtMs = performance.now()
  const board = boardOf(facts, NOW)
  board.match(NOW)
  rows.push({ what: 'reading everything in once', figure: `${ms(performance.now() - startedAtMs)} ms`, goal: '' })
  const random = randomFrom(2)
  const times: number[] = []
  for (let at = 0; at < MATCHES; at += 1) {
    const agent = facts.agents[at % AGENTS]
    if (agent === undefined) continue
    const now = NOW + at
    const from = performance.now()
    board.setAgent({ ...agent, isFree: true }, now)
    const [match] = board.match(now)
    times.push(performance.now() - from)
    board.setAgent({ ...agent, isFree: false }, now)
    if (match !== undefined)
      board.setEntry(
        makeCaller(
          `n${at}`,
          facts.queues.map(queue => queue.id),
          random,
          now
        ),
        now
      )
  }
  const sorted = times.toSorted((one, other) => one - other)
  const perSecond = (1_000 * times.length) / times.reduce((sum, one) => sum + one, 0)
  rows.push({
    what: 'an agent becomes free, in process',
    figure: `${Math.round(perSecond).toLocaleString('en')} decisions a second; p99 ${ms(percentile(sorted, 0.99))} ms`,
    goal: ''
  })
  const all = boardOf({ ...facts, agents: facts.agents.map(agent => ({ ...agent, isFree: true })) }, NOW)
  const from = performance.now()
  const { length } = all.match(NOW)
  const tookMs = performance.now() - from
  rows.push({
    what: 'all agents become free at once, in process',
    figure: `${length.toLocaleString('en')} matches in ${ms(tookMs)} ms`,
    goal: ''
  })
}

function measureModCallcenter(): void {
  const facts = crowd(false)
  const module = new ModCallcenter(facts.queues, facts.agents)
  for (const entry of facts.entries) module.add(entry)
  const times: number[] = []
  let matches = 0
  const untilMs = performance.now() + 10_000
  for (let at = 0; times.length < 20 && performance.now() < untilMs; at += 1) {
    const agent = facts.agents[at % AGENTS]
    if (agent === undefined) continue
    const from = performance.now()
    module.setWaiting(agent.id, true)
    matches += module.round(NOW + at).length
    times.push(performance.now() - from)
    module.setWaiting(agent.id, false)
  }
  const sorted = times.toSorted((one, other) => one - other)
  const perSecond = (1_000 * matches) / times.reduce((sum, one) => sum + one, 0)
  rows.push({
    what: 'the same by mod_callcenter’s algorithm, in process',
    figure: `${perSecond.toLocaleString('en', { maximumSignificantDigits: 2 })} decisions a second; a round ${ms(percentile(sorted, 0.5))} ms`,
    goal: ''
  })
}

async function measureDatabase(server: string): Promise<void> {
  const perSecond = Number(values.rate)
  const result = await measureWithDatabase(server, {
    agents: AGENTS,
    callers: CALLERS,
    perSecond,
    seconds: Number(values.seconds)
  })
  rows.push({
    what: `with PostgreSQL, ${perSecond.toLocaleString('en')} agents a second become free`,
    figure: `${Math.round(result.matches / result.seconds).toLocaleString('en')} matches a second; p50 ${ms(result.p50Ms)} ms, p99 ${ms(result.p99Ms)} ms; ${ms(result.cpuMsPerMatch)} ms CPU of the control plane a match`,
    goal: '1,000 a second; p99 50 ms'
  })
}

function ms(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: 3 })
}

function print(): void {
  console.log(
    `Distribution on ${cpus()[0]?.model ?? 'an unknown processor'}, Node ${process.version}: ${AGENTS.toLocaleString('en')} agents, ${CALLERS.toLocaleString('en')} waiting callers, 40 queues, 6 languages\n`
  )
  console.log('| what | measured | goal |')
  console.log('| --- | --- | --- |')
  for (const { what, figure, goal } of rows) console.log(`| ${what} | ${figure} | ${goal} |`)
}
