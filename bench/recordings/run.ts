/**
 * What it costs to tap and record calls: the same calls three times, with no tap, tapped with nobody who listens, and recorded; and the
 * differences of what the control plane and the recording thread have used. Then whether voice still leaves in time.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { parseConfig } from '../../config/config.ts'
import { loadSecrets } from '../../config/secrets.ts'
import { startParley } from '../../server/context.ts'
import { startEngines } from '../../server/engines.ts'
import { createLoggers } from '../../server/log.ts'
import type { CallersReport } from '../calls/callers.ts'
import { printFigures } from '../figures.ts'
import { freshDatabase } from '../fresh-database.ts'

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '200' },
    rate: { type: 'string', default: '25' },
    hold: { type: 'string', default: '20000' },
    /** A PostgreSQL server, on which each pass has a database of its own; left out, PGlite. */
    database: { type: 'string' }
  }
})
const NUMBER = '+12025550111'
const PASSWORD = 'only for this bench'
const WORDS =
  'Thank you for calling Example Trading. Your call is important to us, and somebody will be with you in a moment. While you wait, you may want to have your order number at hand.'
const FLOW = `
id: recorded
name: Recorded
languages: [en]
defaultLanguage: en
start: consent
onFailure: bye
nodes:
  consent: { kind: consent, next: words }
  words: { kind: say, prompt: ['${WORDS}', '${WORDS}', '${WORDS}'], next: bye }
  bye: { kind: hangup }
`

type Pass = Readonly<{
  report: CallersReport
  controlPlaneMs: number
  recordingMs: number
  freeswitchMs: number
  inTime: number
  recordings: number
  audioMs: number
  bytes: number
  lostMs: number
}>

const callSeconds = (Number(values.calls) * Number(values.hold)) / 1000
const off = await pass('off', 'needed')
const tapped = await pass('off', 'always')
const on = await pass('on', 'always')
const each = (ms: number) => `${(ms / callSeconds).toFixed(2)} ms`
const inControlPlane = on.controlPlaneMs - off.controlPlaneMs
printFigures([
  row('calls at once, failed', `${values.calls}, ${on.report.failed}`, `${values.calls}, 0`),
  row('tap that nobody listens to, CPU a call-second', each(tapped.controlPlaneMs - off.controlPlaneMs), ''),
  row('tap and recorder, CPU a call-second', each(inControlPlane + on.recordingMs), '≤ 3 ms'),
  row('  of it in the control plane’s thread', each(inControlPlane), ''),
  row('  of it in the recording thread', each(on.recordingMs), ''),
  row('fork in the stand-in for FreeSWITCH', each(on.freeswitchMs - off.freeswitchMs), ''),
  row(
    'voice that left in time, untapped, tapped and recorded: the same',
    `${share(off.inTime)}, ${share(tapped.inTime)}, ${share(on.inTime)}`,
    ''
  ),
  row('recordings', `${on.recordings}`, `${values.calls}`),
  row(
    'audio that was lost on the way',
    `${(on.lostMs / 1000).toFixed(1)} s of ${(on.audioMs / 1000).toFixed(0)} s`,
    '≤ 0 s'
  ),
  row('a minute of recording', `${((on.bytes / on.audioMs) * 60).toFixed(0)} kB`, '')
])

async function pass(recording: 'on' | 'off', tap: 'needed' | 'always'): Promise<Pass> {
  await using stack = new AsyncDisposableStack()
  const database = values.database === undefined ? undefined : await freshDatabase(values.database, stack)
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-bench-'))
  const config = parseConfig({
    PARLEY_DATA_DIR: dataDir,
    PARLEY_HTTP_PORT: '0',
    PARLEY_SIP_PORT: '0',
    PARLEY_WEBRTC_PORT: '0',
    PARLEY_RTP_PORTS: '48000-50999',
    PARLEY_MAX_CALLS: '1000',
    PARLEY_DEMO_DATA: 'false',
    PARLEY_RECORDING: recording,
    PARLEY_TAP: tap,
    ...(database !== undefined && { PARLEY_DATABASE_URL: database })
  })
  try {
    await using engines = await startEngines(config, engine => {
      throw new Error(`the ${engine} ended`)
    })
    const secrets = { ...(await loadSecrets({}, dataDir)), adminPassword: PASSWORD }
    await using parley = await startParley(config, secrets, engines.addresses, createLoggers('fatal'))
    const { sip, freeswitch } = engines
    if (sip === null || freeswitch === null) throw new Error('this bench measures the stand-ins')
    await prepare(parley.httpUrl)
    // Once for the prompt, the code and the thread to be warm.
    await call(sip, 20, 10, 1_000)
    await parley.recordings.settled()
    const before = await read()
    const report = await call(sip, Number(values.calls), Number(values.rate), Number(values.hold))
    await parley.recordings.settled()
    const after = await read()
    const kept = (await parley.recordings.library.list({}, null, Number(values.calls))).filter(
      one => one.durationMs > 5_000
    )
    const sum = (figures: readonly number[]) => figures.reduce((total, one) => total + one, 0)
    return {
      report,
      controlPlaneMs: after.own - before.own,
      recordingMs: after.recording - before.recording,
      freeswitchMs: after.freeswitch - before.freeswitch,
      inTime: 1 - (after.late - before.late) / Math.max(1, after.turns - before.turns),
      recordings: kept.length,
      audioMs: sum(kept.map(one => one.durationMs)),
      bytes: sum(kept.map(one => one.bytes ?? 0)),
      lostMs: sum(kept.flatMap(one => one.gaps.filter(gap => gap.kind === 'lost').map(gap => gap.toMs - gap.fromMs)))
    }

    async function read() {
      const own = process.threadCpuUsage()
      const stats = await freeswitch?.stats()
      return {
        own: (own.user + own.system) / 1000,
        recording: recording === 'on' ? await parley.recordings.cpuMs() : 0,
        freeswitch: (await freeswitch?.cpuMs()) ?? 0,
        turns: stats?.turns ?? 0,
        late: stats?.lateTurns ?? 0
      }
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function prepare(url: string): Promise<void> {
  let token = ''
  const post = async (path: string, body: unknown): Promise<Record<string, unknown>> => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token !== '' && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body)
    })
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`)
    return (await response.json()) as Record<string, unknown>
  }
  token = String((await post('/session', { username: 'admin', password: PASSWORD }))['token'])
  await post('/flows', { source: FLOW })
  await post('/flows/recorded/publish', { version: 1 })
  await post('/numbers', { number: NUMBER, language: 'en', flowId: 'recorded' })
}

async function call(
  sip: Readonly<{ host: string; udpPort: number }>,
  calls: number,
  rate: number,
  holdMs: number
): Promise<CallersReport> {
  const file = fileURLToPath(new URL('../calls/callers.ts', import.meta.url))
  const args = [file, sip.host, String(sip.udpPort), NUMBER, String(calls), String(rate), String(holdMs)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', chunk => {
    output += String(chunk)
  })
  await once(child, 'exit')
  return JSON.parse(output) as CallersReport
}

function row(what: string, measured: string, wanted: string) {
  return { what, measured, wanted }
}

function share(part: number): string {
  return `${(part * 100).toFixed(1)} %`
}
