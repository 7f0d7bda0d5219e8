import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { generateTone } from '../../media/audio/tone.ts'
import { writeWav } from '../../media/audio/wav.ts'
import { type BenchCaller, bindCallers, pace } from './callers.ts'
import { callAll } from './dialler.ts'
import { EventSocketClient } from './event-socket-client.ts'
import { MeasuredProcess, type Reading } from './measured-process.ts'
import { type Engine, realEngine, standIn } from './measured-engine.ts'

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '5' },
    /** 300 calls in the row that is timed, 10 s each. */
    full: { type: 'boolean', default: false },
    /** Process id of a running FreeSWITCH with profile `drachtio_mrf` that is measured beside the stand-in. */
    'real-pid': { type: 'string' },
    'real-sip-port': { type: 'string', default: '5080' },
    'real-event-socket-port': { type: 'string', default: '8021' },
    'real-secret': { type: 'string', default: 'ClueCon' }
  }
})
const CALLS = Number(values.calls)
const SECONDS = values.full ? Math.max(10, Number(values.seconds)) : Number(values.seconds)
const TIMED_CALLS = values.full ? 300 : CALLS
const WARM_UP_MS = 2_000
/** Long enough for the stand-in to notice a busy machine and to raise its thread. */
const TIMED_WARM_UP_MS = 5_000

type Figures = {
  what: string
  calls: number
  cpuMs: number
  rssMb: number
  /** What the same work may cost at most, against bare sockets. */
  limit?: number
  sentInTime?: number
  heardInTime?: number
  missing?: number
}

const sounds = await mkdtemp(join(tmpdir(), 'bench-'))
const prompt = join(sounds, 'prompt.wav')
const playPrompt = `sendmsg\ncall-command: execute\nexecute-app-name: endless_playback\nexecute-app-arg: ${prompt}\n\n`

type Measured = Readonly<{ before: Reading; after: Reading; seconds: number }>

async function measure(read: () => Promise<Reading>): Promise<Measured> {
  await delay(WARM_UP_MS)
  const before = await read()
  const startedAt = performance.now()
  await delay(SECONDS * 1000)
  const after = await read()
  return { before, after, seconds: (performance.now() - startedAt) / 1000 }
}

function figures(what: string, calls: number, { before, after, seconds }: Measured): Figures {
  return { what, calls, cpuMs: (after.cpuMs - before.cpuMs) / (calls * seconds), rssMb: after.rssMb }
}

async function bareSockets(calls: number): Promise<Figures> {
  const callers = await bindCallers(calls)
  await using child = await MeasuredProcess.start(new URL('./sockets-process.ts', import.meta.url), { sockets: calls })
  for (const [index, port] of (child.ready as number[]).entries()) {
    const caller = callers[index]
    if (caller !== undefined) caller.remotePort = port
  }
  child.send({ ports: callers.map(caller => caller.port) })
  const stop = pace(callers)
  const measured = await measure(() => child.read())
  stop()
  for (const caller of callers) caller.socket.close()
  return figures('bare Node sockets', calls, measured)
}

/** Every call hears a prompt without end and sends silence. */
async function prompts(engine: Engine, calls: number): Promise<Figures> {
  const callers = await bindCallers(calls)
  const hangUp = await callAll(engine.sipPort, callers, (_caller, write) => write(playPrompt))
  const stop = pace(callers)
  const measured = await measure(() => engine.read())
  stop()
  await hangUp()
  return { ...figures(`${engine.name}: prompt, caller sends too`, calls, measured), limit: 1.2 / 0.7 }
}

/** Two calls each are joined and both send. */
async function bridges(engine: Engine, pairs: number): Promise<Figures> {
  const callers = await bindCallers(pairs * 2)
  const hangUp = await callAll(engine.sipPort, callers, () => {})
  await using control = await EventSocketClient.connect(engine.eventSocketPort, engine.secret)
  for (let index = 0; index < pairs; index++) {
    const reply = await control.api(`uuid_bridge ${callers[index * 2]?.uuid} ${callers[index * 2 + 1]?.uuid}`)
    if (!reply.startsWith('+OK')) throw new Error(`no bridge: ${reply}`)
  }
  const stop = pace(callers)
  const measured = await measure(() => engine.read())
  stop()
  const silent = callers.filter(caller => caller.received === 0).length
  if (silent > 0) throw new Error(`${silent} bridged callers heard nothing`)
  await hangUp()
  return { ...figures(`${engine.name}: bridge of two PCMU legs`, pairs, measured), limit: 2 / 0.7 }
}

/** The prompt load once more, with what is heard timed in a process of its own. */
async function timedPrompts(engine: Engine, calls: number): Promise<Figures> {
  const callers = await bindCallers(calls, true)
  const hangUp = await callAll(engine.sipPort, callers, (_caller, write) => write(playPrompt))
  await using receiver = await MeasuredProcess.start(new URL('./receiver-process.ts', import.meta.url), {
    calls: callers.map(({ port, remotePort }: BenchCaller) => ({ port, remotePort }))
  })
  const stop = pace(callers)
  await delay(TIMED_WARM_UP_MS)
  receiver.send('forget')
  const before = await engine.read()
  const startedAt = performance.now()
  await delay(SECONDS * 1000)
  const after = await engine.read()
  const seconds = (performance.now() - startedAt) / 1000
  const heard = (await receiver.read()).stats
  stop()
  await hangUp()
  if (heard['streams'] !== calls) throw new Error(`${heard['streams']} of ${calls} calls were heard`)
  const turns = (after.stats['turns'] ?? 0) - (before.stats['turns'] ?? 0)
  const late = (after.stats['lateTurns'] ?? 0) - (before.stats['lateTurns'] ?? 0)
  return {
    ...figures(`${engine.name}: prompt, timed`, calls, { before, after, seconds }),
    ...(turns === 0 ? {} : { sentInTime: 1 - late / turns }),
    heardInTime: (heard['within5Ms'] ?? 0) / Math.max(1, heard['packets'] ?? 0),
    missing: heard['missing'] ?? 0
  }
}

const rows: Figures[] = []
async function measureEngine(start: () => Promise<Engine>, timedCalls: number): Promise<void> {
  for (const load of [
    (engine: Engine) => prompts(engine, CALLS),
    (engine: Engine) => bridges(engine, Math.floor(CALLS / 2)),
    (engine: Engine) => timedPrompts(engine, timedCalls)
  ]) {
    await using engine = await start()
    rows.push(await load(engine))
  }
}

const loadBefore = loadavg()[0] ?? 0
try {
  const samples = generateTone({ frequenciesHz: [440, 620], durationMs: 60_000 })
  await writeFile(prompt, writeWav({ sampleRateHz: 8_000, channels: 1, samples }))
  rows.push(await bareSockets(CALLS))
  await measureEngine(standIn, TIMED_CALLS)
  const pid = values['real-pid']
  if (pid !== undefined) {
    const where = {
      pid: Number(pid),
      sipPort: Number(values['real-sip-port']),
      eventSocketPort: Number(values['real-event-socket-port']),
      secret: values['real-secret']
    }
    // A machine that carries 300 calls with the stand-in may not do so with the real server.
    await measureEngine(() => realEngine(where), CALLS)
  }
  // Once more at the end, because other work on the machine changes what a packet costs.
  rows.push(await bareSockets(CALLS))
} finally {
  await rm(sounds, { recursive: true })
}

const references = rows.filter(row => row.what === 'bare Node sockets')
const reference = references.reduce((sum, row) => sum + row.cpuMs, 0) / references.length
const percent = (share: number | undefined) => (share === undefined ? '' : `${(share * 100).toFixed(2)} %`)
console.log(
  `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}, ` +
    `load average ${loadBefore.toFixed(1)} before the run, ${SECONDS} s a row, ${new Date().toISOString().slice(0, 10)}`
)
console.table(
  rows.map(row => ({
    what: row.what,
    calls: row.calls,
    'CPU ms per call-second': row.cpuMs.toFixed(2),
    'times bare sockets': (row.cpuMs / reference).toFixed(2),
    'at most': row.limit?.toFixed(2) ?? '',
    'sent within 5 ms': percent(row.sentInTime),
    'heard within 5 ms': percent(row.heardInTime),
    missing: row.missing ?? '',
    'RSS MB': row.rssMb.toFixed(0)
  }))
)
