import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { type Parley, startParley } from './context.ts'
import { DEMO_NUMBERS } from './demo-data.ts'
import { startEngines } from './engines.ts'
import { giveBackMemory } from './give-back-memory.ts'
import { createLoggers } from './log.ts'
import { createWelcome, loadAccounts } from './welcome.ts'

const TAKEN =
  'Another program has that port. PARLEY_HTTP_PORT, PARLEY_SIP_PORT and PARLEY_WEBRTC_PORT choose others; 0 takes any that is free.\n'

/** Starts everything, says where it is, and stops cleanly on SIGINT or SIGTERM: running calls may end by themselves. */
async function main(): Promise<void> {
  const startedAtMs = performance.now()
  const stopping = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      // A second signal means it: leave at once, the story writer's spool keeps the records.
      if (stopping.signal.aborted) process.exit(130)
      stopping.abort()
    })

  const { config, secrets } = await loadConfig()
  const loggers = createLoggers(config.logLevel)
  process.on('unhandledRejection', err => {
    // drachtio-fsmrf leaves this one behind when FreeSWITCH ends a leg before its event socket is up.
    if ((err as { code?: string }).code === 'ENODIALOG' || /unable to find dialog/i.test(String(err))) {
      loggers.media.warn({ err }, 'a leg that had already gone was released')
      return
    }
    loggers.app.fatal({ err }, 'a rejection was not handled')
    process.exit(1)
  })

  await using engines = await startEngines(config, (engine, err) => {
    loggers.app.fatal({ err, engine }, 'an embedded engine ended')
    process.exitCode = 1
    stopping.abort()
  })
  await using parley: Parley = await startParley(config, secrets, engines.addresses, loggers)

  const accounts = await loadAccounts(config.dataDir)
  const facts = {
    http: parley.httpUrl,
    sip: engines.sip ?? { host: config.drachtio?.host ?? '', udpPort: config.sip.port, tcpPort: config.sip.port },
    users: accounts,
    numbers: config.hasDemoData ? DEMO_NUMBERS.map(({ number, label }) => ({ number, purpose: label })) : []
  }
  await writeFile(join(config.dataDir, 'quickstart.json'), `${JSON.stringify(facts, null, 2)}\n`, { mode: 0o600 })
  await giveBackMemory()
  process.stdout.write(
    createWelcome(facts, {
      startedInMs: Math.round(performance.now() - startedAtMs),
      database: config.databaseUrl === null ? 'PGlite' : 'PostgreSQL',
      drachtio: engines.addresses.drachtio.isEmbedded ? 'embedded stand-in' : 'drachtio-server',
      freeswitch: engines.addresses.freeswitch.isEmbedded ? 'embedded stand-in' : 'FreeSWITCH',
      softphones: parley.sfu === 'embedded' ? 'embedded stand-in' : 'mediasoup',
      https: parley.https
    })
  )

  if (!stopping.signal.aborted)
    await new Promise<void>(resolve => stopping.signal.addEventListener('abort', () => resolve(), { once: true }))
  const { size } = parley.liveCalls
  loggers.app.info({ calls: size }, 'stopping: no new calls are taken')
  await parley.drain(config.drainMs)
  await parley.storiesWritten()
}

try {
  await main()
} catch (err) {
  if (err instanceof ConfigError) process.stderr.write(`${err.message}\n`)
  else {
    const text = err instanceof Error ? (err.stack ?? err.message) : String(err)
    process.stderr.write(`Parley could not start: ${text}\n${text.includes('EADDRINUSE') ? TAKEN : ''}`)
  }
  process.exitCode = 1
}
