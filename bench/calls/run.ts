/**
 * Whole calls through control plane and stand-ins: how fast a caller is answered, what a call costs, and whether anything
 * stays behind. The callers are another process; the engines are threads whose CPU is counted apart.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { parseConfig } from '../../config/config.ts'
import { loadSecrets } from '../../config/secrets.ts'
import { startParley } from '../../server/context.ts'
import { startEngines } from '../../server/engines.ts'
import { giveBackMemory } from '../../server/give-back-memory.ts'
import { createLoggers } from '../../server/log.ts'
import type { CallersReport } from './callers.ts'
import { printFigures } from '../figures.ts'
import { freshDatabase } from '../fresh-database.ts'

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '500' },
    rate: { type: 'string', default: '25' },
    hold: { type: 'string', default: '2000' },
    leak: { type: 'string', default: '2000' },
    /** A PostgreSQL server, on which a database of its own is made; left out, PGlite. */
    database: { type: 'string' },
    /** `needed` shows what calls cost that nobody listens to. */
    tap: { type: 'string', default: 'always' }
  }
})
const NUMBER = '+12025550100'
await using stack = new AsyncDisposableStack()
const database = values.database === undefined ? undefined : await freshDatabase(values.database, stack)
const dataDir = await mkdtemp(join(tmpdir(), 'parley-bench-'))
const config = parseConfig({
  PARLEY_DATA_DIR: dataDir,
  PARLEY_HTTP_PORT: '0',
  PARLEY_SIP_PORT: '0',
  PARLEY_WEBRTC_PORT: '0',
  PARLEY_RTP_PORTS: '44000-47999',
  PARLEY_MAX_CALLS: '1000',
  PARLEY_TAP: values.tap,
  ...(database !== undefined && { PARLEY_DATABASE_URL: database })
})
const loggers = createLoggers('error')
{
  await using engines = await startEngines(config, engine => {
    throw new Error(`the ${engine} ended`)
  })
  await using parley = await startParley(config, await loadSecrets({}, dataDir), engines.addresses, loggers)
  // As main.ts does.
  await giveBackMemory()
  const { sip } = engines
  if (sip === null || engines.drachtio === null || engines.freeswitch === null)
    throw new Error('this bench measures the stand-ins')
  // Prompts are made ahead; callers of this bench are to be answered from the cache, as in a running shop.
  await delay(6_000)
  await call(100, 25, 500)

  const before = await cpu()
  const seen = await call(Number(values.calls), Number(values.rate), Number(values.hold))
  await delay(1_000)
  const after = await cpu()
  const rss = process.memoryUsage().rss / 1e6
  const perCall = (part: keyof typeof before) => ((after[part] - before[part]) / seen.calls).toFixed(1)
  const release = await figure('parley_call_release_seconds')
  printFigures([
    row('calls, failed', `${seen.calls}, ${seen.failed}`, `${seen.calls}, 0`),
    row('INVITE to 200, median', `${at(seen.setupMs, 0.5)} ms`, '≤ 20 ms'),
    row('INVITE to 200, p99', `${at(seen.setupMs, 0.99)} ms`, '≤ 60 ms'),
    row('hang-up to everything released, at most', `${release} ms`, '≤ 200 ms'),
    row('BYE to its 200, p99', `${at(seen.byeMs, 0.99)} ms`, ''),
    row('control plane, CPU a call', `${perCall('controlPlane')} ms`, '≤ 15 ms'),
    row('stand-in for drachtio, CPU a call', `${perCall('drachtio')} ms`, ''),
    row(`stand-in for FreeSWITCH, CPU a call of ${values.hold} ms`, `${perCall('freeswitch')} ms`, ''),
    row('memory of the whole server', `${rss.toFixed(0)} MB`, '< 500 MB')
  ])

  const leak = Number(values.leak)
  if (leak > 0) {
    const more = await call(leak, 100, 100)
    await delay(2_000)
    await parley.storiesWritten()
    const media = await engines.freeswitch.stats()
    const signalling = await engines.drachtio.stats()
    const stored = await parley.db
      .selectFrom('cdrs')
      .select(eb => [eb.fn.countAll<string>().as('all'), eb.fn.count<string>('ended_at').as('ended')])
      .executeTakeFirstOrThrow()
    printFigures([
      row('more calls, failed', `${more.calls}, ${more.failed}`, `${leak}, 0`),
      row(`after ${leak} more calls: channels, voice ports`, `${media.channels}, ${media.rtpPortsInUse}`, '0, 0'),
      row('SIP dialogs', String(signalling.dialogs), '0'),
      row('calls in memory', String(parley.liveCalls.size), '0'),
      row(
        'CDRs, of which ended',
        `${stored.all}, ${stored.ended}`,
        `${100 + seen.calls + leak}, ${100 + seen.calls + leak}`
      ),
      row('event-socket connections', String(media.eventSocketConnections), '1'),
      row('memory of the whole server', `${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`, '< 500 MB')
    ])
  }

  async function call(calls: number, rate: number, holdMs: number): Promise<CallersReport> {
    const file = fileURLToPath(new URL('./callers.ts', import.meta.url))
    const child = spawn(
      process.execPath,
      [file, sip?.host ?? '', String(sip?.udpPort), NUMBER, String(calls), String(rate), String(holdMs)],
      { stdio: ['ignore', 'pipe', 'inherit'] }
    )
    let output = ''
    child.stdout.on('data', chunk => {
      output += String(chunk)
    })
    await once(child, 'exit')
    return JSON.parse(output) as CallersReport
  }

  async function cpu(): Promise<{ controlPlane: number; drachtio: number; freeswitch: number }> {
    const own = process.threadCpuUsage()
    return {
      controlPlane: (own.user + own.system) / 1000,
      drachtio: (await engines.drachtio?.cpuMs()) ?? 0,
      freeswitch: (await engines.freeswitch?.cpuMs()) ?? 0
    }
  }

  /** The upper bound of the highest bucket that was used, in milliseconds. */
  async function figure(name: string): Promise<string> {
    const text = await (await fetch(`${parley.httpUrl}/metrics`)).text()
    const buckets = [...text.matchAll(new RegExp(`^${name}_bucket\\{le="([^"]+)"\\} (\\d+)`, 'gm'))]
    const total = Number(buckets.at(-1)?.[2])
    const bound = buckets.find(bucket => Number(bucket[2]) === total)?.[1]
    return bound === '+Inf' ? '> 5000' : String(Number(bound) * 1000)
  }
}
await rm(dataDir, { recursive: true, force: true })

function row(what: string, measured: string, wanted: string) {
  return { what, measured, wanted }
}

function at(sorted: readonly number[], share: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN).toFixed(1)
}
