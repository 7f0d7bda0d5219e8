import { constants, cpus, loadavg, setPriority } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openSoftphoneMedia } from '../../media/webrtc/open-softphone-media.ts'
import { SoftphoneMediaError } from '../../media/webrtc/softphone-media.ts'
import { BareAgent, BenchAgent, type Delays } from './agent.ts'
import { MeasuredSfu, type Usage } from './measured-sfu.ts'

const { values } = parseArgs({
  options: {
    agents: { type: 'string', default: '20,50,100' },
    seconds: { type: 'string', default: '5' }
  }
})
const SIZES = values.agents.split(',').map(Number)
const SECONDS = Number(values.seconds)
const FRAME_MS = 20
/** Long enough for the stand-in to notice a busy machine and to raise its thread. */
const WARM_UP_MS = 4_000
/** What the stand-in may cost at most, as a multiple of mediasoup. */
const LIMIT = 1.5
const MB = 2 ** 20

type Row = {
  engine: string
  agents: number
  cpuShare: number | undefined
  setUpCpuMs: number | undefined
  memoryMb: number | undefined
  memoryPerAgentKb: number | undefined
  delays: Delays
  expected: number
  loadShare: number
}

/** Lets everybody talk, each in a phase of its own within the 20 ms. */
function talkAll(agents: readonly Readonly<{ talk(): void }>[]): () => void {
  const startedAt = performance.now()
  const sent = new Array<number>(agents.length).fill(0)
  const timer = setInterval(() => {
    const elapsed = performance.now() - startedAt
    for (const [index, agent] of agents.entries()) {
      const due = Math.floor((elapsed - (index * FRAME_MS) / agents.length) / FRAME_MS)
      for (; (sent[index] as number) < due; sent[index] = (sent[index] as number) + 1) agent.talk()
    }
  }, 1)
  return () => clearInterval(timer)
}

async function measure(
  agents: readonly Readonly<{ talk(): void }>[],
  delays: Delays,
  usage: () => Promise<Usage>
): Promise<Readonly<{ cpuShare: number; loadShare: number; expected: number; after: Usage; heard: Delays }>> {
  const stop = talkAll(agents)
  await delay(WARM_UP_MS)
  const before = await usage()
  const loadBefore = process.cpuUsage()
  const startedAt = performance.now()
  delays.length = 0
  await delay(SECONDS * 1000)
  const heard = [...delays]
  const seconds = (performance.now() - startedAt) / 1000
  const after = await usage()
  const load = process.cpuUsage(loadBefore)
  stop()
  const cpuShare = (after.cpuMs - before.cpuMs) / (seconds * 1000)
  const loadShare = (load.user + load.system) / 1000 / (seconds * 1000)
  return { cpuShare, loadShare, after, heard, expected: (seconds * 1000 * 2 * agents.length) / FRAME_MS }
}

async function measureSfu(engine: 'embedded' | 'mediasoup', size: number): Promise<Row> {
  await using sfu = await MeasuredSfu.start(engine)
  const delays: Delays = []
  const idle = await sfu.usage()
  const agents: BenchAgent[] = []
  // In small groups, so that the simulated browsers' own handshakes do not keep each other waiting.
  for (let joined = 0; joined < size; joined += 10) {
    const group = Array.from({ length: Math.min(10, size - joined) }, () => BenchAgent.join(sfu, delays))
    agents.push(...(await Promise.all(group)))
  }
  const ready = await sfu.usage()
  const { cpuShare, loadShare, after, heard, expected } = await measure(agents, delays, () => sfu.usage())
  for (const agent of agents) agent.leave()
  const grown =
    after.memoryBytes === null || idle.memoryBytes === null ? undefined : after.memoryBytes - idle.memoryBytes
  return {
    engine,
    agents: size,
    cpuShare,
    setUpCpuMs: (ready.cpuMs - idle.cpuMs) / size,
    memoryMb: after.memoryBytes === null ? undefined : after.memoryBytes / MB,
    memoryPerAgentKb: grown === undefined ? undefined : grown / 1024 / size,
    delays: heard,
    expected,
    loadShare
  }
}

async function measureBare(size: number): Promise<Row> {
  const delays: Delays = []
  const agents = await Promise.all(Array.from({ length: size }, () => BareAgent.join(delays)))
  const { heard, expected, loadShare } = await measure(agents, delays, async () => ({ cpuMs: 0, memoryBytes: null }))
  for (const agent of agents) agent.leave()
  const none = { cpuShare: undefined, setUpCpuMs: undefined, memoryMb: undefined, memoryPerAgentKb: undefined }
  return { engine: 'no SFU', agents: size, ...none, delays: heard, expected, loadShare }
}

async function hasMediasoup(): Promise<boolean> {
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const where = { listenAddress: '127.0.0.1', udpPort: 0, plainListenAddress: '127.0.0.1' } as const
  try {
    await using _media = await openSoftphoneMedia({ ...where, engine: 'mediasoup', plainPorts: [30_000, 30_999], log })
    return true
  } catch (err) {
    if (!(err instanceof SoftphoneMediaError)) throw err
    console.log(`mediasoup is not measured: ${err.message}`)
    return false
  }
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

const loadBefore = loadavg()[0] ?? 0
try {
  // What is measured is the SFU, not how long this process waits for its turn.
  setPriority(constants.priority.PRIORITY_HIGH)
} catch (err) {
  console.warn('the load may not go before others; on a busy machine it sends and reads late', err)
}
const engines = (await hasMediasoup()) ? (['embedded', 'mediasoup'] as const) : (['embedded'] as const)
const rows: Row[] = []
for (const size of SIZES) {
  rows.push(await measureBare(size))
  for (const engine of engines) rows.push(await measureSfu(engine, size))
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`
console.log(
  `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}, ` +
    `load average ${loadBefore.toFixed(1)} before the run, ${SECONDS} s a row, ${new Date().toISOString().slice(0, 10)}`
)
console.table(
  rows.map(row => {
    const sorted = [...row.delays].sort((a, b) => a - b)
    const rival = rows.find(one => one.engine === 'mediasoup' && one.agents === row.agents)?.cpuShare
    const ratio = row.engine === 'embedded' && rival !== undefined ? (row.cpuShare ?? 0) / rival : undefined
    return {
      engine: row.engine,
      agents: row.agents,
      'CPU of a core': row.cpuShare === undefined ? '' : percent(row.cpuShare),
      'CPU ms per agent-second': row.cpuShare === undefined ? '' : ((row.cpuShare * 1000) / row.agents).toFixed(2),
      'times mediasoup': ratio?.toFixed(2) ?? '',
      'at most': ratio === undefined ? '' : LIMIT,
      'CPU of the load': percent(row.loadShare),
      'set-up CPU ms': row.setUpCpuMs?.toFixed(1) ?? '',
      'one way p50 ms': quantile(sorted, 0.5).toFixed(2),
      'p99 ms': quantile(sorted, 0.99).toFixed(2),
      heard: percent(row.delays.length / row.expected),
      'memory MB': row.memoryMb?.toFixed(0) ?? '',
      'kB per agent': row.memoryPerAgentKb?.toFixed(0) ?? ''
    }
  })
)
