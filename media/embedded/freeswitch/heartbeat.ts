import type { Engine } from './engine.ts'

const INTERVAL_MS = 20_000

/** Fires HEARTBEAT every 20 s. */
export function startHeartbeat(engine: Engine): Disposable {
  let cpu = process.cpuUsage()
  let peak = 0
  const timer = setInterval(() => {
    const used = process.cpuUsage(cpu)
    cpu = process.cpuUsage()
    peak = Math.max(peak, engine.channels.size)
    const idle = Math.max(0, 100 - (used.user + used.system) / (INTERVAL_MS * 10))
    engine.bus.fire('HEARTBEAT', () => [
      ['Event-Info', 'System Ready'],
      ['Up-Time', uptimeText(Date.now() - engine.startedAtMs)],
      ['FreeSWITCH-Version', engine.version],
      ['Uptime-msec', String(Date.now() - engine.startedAtMs)],
      ['Session-Count', String(engine.channels.size)],
      ['Max-Sessions', String(engine.maxChannels)],
      ['Session-Per-Sec', '500'],
      ['Session-Per-Sec-Last', '0'],
      ['Session-Per-Sec-Max', '0'],
      ['Session-Per-Sec-FiveMin', '0'],
      ['Session-Since-Startup', String(engine.sessionsSinceStart)],
      ['Session-Peak-Max', String(peak)],
      ['Session-Peak-FiveMin', String(peak)],
      ['Idle-CPU', idle.toFixed(6)]
    ])
  }, INTERVAL_MS)
  timer.unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

/** An uptime in the real server's words. */
export function uptimeText(ms: number): string {
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(ms / 31_536_000_000), 'year'],
    [Math.floor(ms / 86_400_000) % 365, 'day'],
    [Math.floor(ms / 3_600_000) % 24, 'hour'],
    [Math.floor(ms / 60_000) % 60, 'minute'],
    [Math.floor(ms / 1000) % 60, 'second'],
    [ms % 1000, 'millisecond'],
    [0, 'microsecond']
  ]
  return parts.map(([count, unit]) => `${count} ${unit}${count === 1 ? '' : 's'}`).join(', ')
}
