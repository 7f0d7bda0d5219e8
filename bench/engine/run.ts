import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { generateTone } from '../../media/audio/tone.ts'
import { writeWav } from '../../media/audio/wav.ts'
import { type BenchCaller, bindCallers, callAll, pace } from './callers.ts'
import { MeasuredProcess, type Reading } from './measured-process.ts'

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '5' },
    full: { type: 'boolean', default: false }
  }
})
const CALLS = Number(values.calls)
const SECONDS = Number(values.seconds)
const WARM_UP_MS = 2_000
const SECRET = 'bench'

type Row = {
  what: string
  calls: number
  'CPU ms per call-second': string
  'within 5 ms': string
  missing: number
  'RSS MB': string
  note: string
}

const sounds = await mkdtemp(join(tmpdir(), 'bench-'))
const prompt = join(sounds, 'prompt.wav')
await writeFile(
  prompt,
  writeWav({
    sampleRateHz: 8_000,
    channels: 1,
    samples: generateTone({ frequenciesHz: [440, 620], durationMs: 60_000 })
  })
)

const options = (low: number) => ({
  eventSocket: { host: '127.0.0.1', port: 0, secret: SECRET },
  sip: { host: '127.0.0.1', port: 0 },
  rtp: { host: '127.0.0.1', portRange: [low, low + 3_000] },
  logLevel: 'error'
})

/** CPU per call and second between two readings. */
function cpuPerCall(before: Reading, after: Reading, calls: number, seconds: number): number {
  return (after.cpuMs - before.cpuMs) / (calls * seconds)
}

async function measure(process: MeasuredProcess, seconds: number): Promise<[Reading, Reading, number]> {
  await delay(WARM_UP_MS)
  const before = await process.read()
  const startedAt = performance.now()
  await delay(seconds * 1000)
  const after = await process.read()
  return [before, after, (performance.now() - startedAt) / 1000]
}

async function reference(calls: number): Promise<Row> {
  await using child = await MeasuredProcess.start(new URL('./sockets-process.ts', import.meta.url), {
    sockets: calls,
    low: 31_000
  })
  const callers = await bindCallers(calls, false)
  for (const [index, caller] of callers.entries()) caller.remotePort = 31_000 + index * 2
  child.send({ ports: callers.map(caller => caller.socket.address().port) })
  const stop = pace(callers)
  const [before, after, seconds] = await measure(child, SECONDS)
  stop()
  for (const caller of callers) caller.socket.close()
  return row('bare Node sockets (reference)', calls, cpuPerCall(before, after, calls, seconds), callers, after, '')
}

function row(
  what: string,
  calls: number,
  cpu: number,
  callers: readonly BenchCaller[],
  after: Reading,
  note: string
): Row {
  const figures = callers.flatMap(caller => (caller.arrivals === undefined ? [] : [caller.arrivals.figures()]))
  const packets = figures.reduce((sum, figure) => sum + figure.packets, 0)
  const within = figures.reduce((sum, figure) => sum + figure.within5Ms * figure.packets, 0)
  return {
    what,
    calls,
    'CPU ms per call-second': cpu.toFixed(2),
    'within 5 ms': packets === 0 ? '-' : `${((within / packets) * 100).toFixed(2)} %`,
    missing: figures.reduce((sum, figure) => sum + figure.missing, 0),
    'RSS MB': after.rssMb.toFixed(0),
    note
  }
}

async function promptCalls(calls: number, seconds: number, isTimed: boolean): Promise<Row> {
  await using child = await MeasuredProcess.start(new URL('./engine-process.ts', import.meta.url), options(21_000))
  const callers = await bindCallers(calls, isTimed)
  const { sipPort } = child.ready as { sipPort: number }
  const hangUp = await callAll(sipPort, callers, (_caller, write) => {
    write(`sendmsg\ncall-command: execute\nexecute-app-name: endless_playback\nexecute-app-arg: ${prompt}\n\n`)
  })
  const stop = pace(callers)
  const [before, after, elapsed] = await measure(child, seconds)
  stop()
  const cpu = cpuPerCall(before, after, calls, elapsed)
  const { lateSlots = 0, slots = 1, lateSlotsMaxMs = 0 } = after.stats
  await hangUp()
  return row(
    'prompt, caller sends too',
    calls,
    cpu,
    callers,
    after,
    `clock late ${((lateSlots / slots) * 100).toFixed(2)} %, at most ${lateSlotsMaxMs.toFixed(0)} ms`
  )
}

async function bridgedCalls(pairs: number): Promise<Row> {
  await using child = await MeasuredProcess.start(new URL('./engine-process.ts', import.meta.url), options(25_000))
  const callers = await bindCallers(pairs * 2, false)
  const { sipPort, eventSocketPort } = child.ready as { sipPort: number; eventSocketPort: number }
  const hangUp = await callAll(sipPort, callers, () => {})
  const control = connect(eventSocketPort, '127.0.0.1')
  await once(control, 'connect')
  control.resume()
  control.write(`auth ${SECRET}\n\n`)
  await delay(500)
  for (let index = 0; index < pairs; index++) {
    control.write(`api uuid_bridge ${callers[index * 2]?.uuid} ${callers[index * 2 + 1]?.uuid}\n\n`)
  }
  const stop = pace(callers)
  const [before, after, elapsed] = await measure(child, SECONDS)
  stop()
  const result = row(
    'bridge of two PCMU legs',
    pairs,
    cpuPerCall(before, after, pairs, elapsed),
    callers,
    after,
    `${after.stats['bridges']} bridges`
  )
  control.destroy()
  await hangUp()
  return result
}

const rows: Row[] = []
try {
  rows.push(await reference(CALLS))
  rows.push(await promptCalls(CALLS, SECONDS, false))
  rows.push(await bridgedCalls(Math.floor(CALLS / 2)))
  rows.push(await promptCalls(values.full ? 300 : CALLS, SECONDS, true))
} finally {
  await rm(sounds, { recursive: true })
}
console.table(rows)
const [base, played] = rows
console.log(
  `prompt against bare sockets: ${(Number(played?.['CPU ms per call-second']) / Number(base?.['CPU ms per call-second'])).toFixed(2)} times`
)
