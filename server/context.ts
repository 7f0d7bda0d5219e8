import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config } from '../config/config.ts'
import type { Secrets } from '../config/secrets.ts'
import { connectFreeswitch } from '../media/freeswitch.ts'
import { createEspeak } from '../media/prompts/espeak.ts'
import { PromptLibrary } from '../media/prompts/prompt-library.ts'
import { TapServer } from '../media/tap/tap-server.ts'
import { complianceDb } from '../sql/queries/compliance/db.ts'
import { type DatabaseLocation, type Db, openDatabase } from '../sql/database.ts'
import { type PgBoss, startJobs } from '../sql/jobs.ts'
import { migrate } from '../sql/migrate.ts'
import { sql } from 'kysely'
import { Call } from './calls/call.ts'
import { LiveCalls } from './calls/live-calls.ts'
import { startHeartbeat, startReconciler } from './calls/reconciler.ts'
import { StoryWriter } from './calls/story-writer.ts'
import { ComplianceService } from './compliance/compliance-service.ts'
import { type Account, seedDatabase } from './demo-data.ts'
import { BusinessEvents } from './events.ts'
import { FlowLibrary } from './flow-library.ts'
import { startHousekeeping } from './housekeeping.ts'
import { createApp } from './http/app.ts'
import type { App } from './http/fastify-types.ts'
import type { EngineStatus } from './http/parts.ts'
import { newId } from './ids.ts'
import { type InboundParts, serveInboundCall } from './inbound-call.ts'
import type { Loggers } from './log.ts'
import { createMetrics } from './metrics.ts'
import { startOutboundCall } from './outbound-call.ts'
import { RoutingCache } from './routing/routing-cache.ts'
import { TrunkLoad } from './routing/trunk-load.ts'
import { DigestGuard } from './telephony/digest.ts'
import { onInvite } from './telephony/on-invite.ts'
import { Registrar } from './telephony/registrar.ts'
import { connectSipServer } from './telephony/sip-server.ts'
import { PromptWarmer } from './warm-prompts.ts'

/** Where the engines are, whether real or stand-ins; this file never asks which. */
export type EngineAddresses = Readonly<{
  drachtio: Readonly<{ host: string; port: number; secret: string; isEmbedded: boolean }>
  freeswitch: Readonly<{ host: string; port: number; secret: string; isEmbedded: boolean }>
}>

/** The running control plane: what main.ts and tests hold. */
export interface Parley extends AsyncDisposable {
  /** Where web pages and the API are served. */
  readonly httpUrl: string
  /** Accounts made on the first start, with their passwords; null on later starts. */
  readonly newAccounts: readonly Account[] | null
  readonly app: App
  readonly db: Db
  readonly liveCalls: LiveCalls
  /** Resolves when everything that was written about calls is in the database. */
  storiesWritten(): Promise<void>
  /** Takes no more calls, waits for the running ones, then releases everything. */
  drain(limitMs: number): Promise<void>
}

const ENGINE_READY_MS = 10_000

/**
 * Builds every long-lived object, in the order in which they need each other, and takes them apart in reverse.
 * The only place that does so.
 */
export async function startParley(
  config: Config,
  secrets: Secrets,
  engines: EngineAddresses,
  loggers: Loggers
): Promise<Parley> {
  const stack = new AsyncDisposableStack()
  try {
    const metrics = createMetrics()
    const location: DatabaseLocation =
      config.databaseUrl === null
        ? { kind: 'pglite', folder: join(config.dataDir, 'database') }
        : { kind: 'postgres', url: config.databaseUrl }
    const database = stack.use(
      await openDatabase(location, err => loggers.database.warn({ err }, 'a database connection broke'))
    )
    const { db } = database
    const applied = await migrate(db)
    if (applied.length > 0) loggers.database.info({ applied }, 'database migrated')
    const newAccounts = await seedDatabase(db, {
      adminPassword: secrets.adminPassword,
      hasDemoData: config.hasDemoData
    })

    const jobs: PgBoss = await startJobs(database, err => loggers.jobs.warn({ err }, 'the job runner met an error'))
    stack.defer(() => jobs.stop({ graceful: true, timeout: 5_000 }))

    const story = stack.use(new StoryWriter(db, loggers.database, join(config.dataDir, 'spool', 'call-events.jsonl')))
    const recovered = await story.recover()
    if (recovered > 0) loggers.database.warn({ events: recovered }, 'call events of an earlier run are being delivered')
    const events = new BusinessEvents(story, metrics, loggers.app)
    const liveCalls = new LiveCalls()
    const controlPlaneId = newId()
    stack.use(await startHeartbeat(db, controlPlaneId, loggers.database))
    await story.flushed(AbortSignal.timeout(10_000))
    stack.use(await startReconciler(db, story, events, loggers.calls))
    await startHousekeeping(jobs, db)

    const flows = new FlowLibrary(db)
    const routing = new RoutingCache(db, loggers.telephony)
    const trunkLoad = new TrunkLoad()
    const guard = new DigestGuard(config.sip.realm)
    const registrar = new Registrar(db, guard, loggers.telephony)
    const taps = stack.use(await TapServer.start(config.eventSocketHost, loggers.media))
    const synthesizer = stack.use(createEspeak(loggers.prompts))
    const prompts = new PromptLibrary({
      synthesizer,
      cacheDir: config.prompts.cacheDir,
      recordedDir: config.prompts.recordedDir,
      mediaDir: config.prompts.mediaDir,
      onMade(origin, tookMs) {
        metrics.promptsMade.inc({ source: origin })
        if (origin === 'made') metrics.promptSeconds.observe(tookMs / 1000)
      }
    })
    const warmer = stack.use(new PromptWarmer(db, flows, prompts, loggers.prompts))
    warmer.start()
    const newCall = () => new Call({ direction: 'inbound', log: loggers.calls, sink: events.call })

    const sip = stack.use(
      connectSipServer(
        engines.drachtio,
        {
          invite: invite => void onInvite(inviteParts, invite),
          register: request => void registrar.handle(request),
          state(isConnected) {
            metrics.engineUp.set({ engine: 'drachtio' }, isConnected ? 1 : 0)
            // Dialogs die with the SIP server: nobody could end these calls any more.
            if (!isConnected) for (const call of liveCalls.values()) call.end('signallingLost')
          }
        },
        loggers.telephony
      )
    )
    await sip.ready(AbortSignal.timeout(ENGINE_READY_MS))
    const media = stack.use(
      connectFreeswitch({
        address: engines.freeswitch,
        listenHost: config.eventSocketHost,
        srf: sip.srf,
        log: loggers.media,
        onState: isConnected => metrics.engineUp.set({ engine: 'freeswitch' }, isConnected ? 1 : 0)
      })
    )
    await media.ready(AbortSignal.timeout(ENGINE_READY_MS))

    const parts: InboundParts = {
      db,
      media,
      sip,
      routing,
      trunkLoad,
      secretKey: secrets.key,
      log: loggers.calls,
      prompts,
      taps,
      metrics,
      dataDir: config.dataDir,
      requestHosts: config.requestHosts,
      flows,
      controlPlaneId
    }
    const inviteParts = {
      routing,
      liveCalls,
      trunkLoad,
      guard,
      secretKey: secrets.key,
      realm: config.sip.realm,
      unknownSources: config.sip.unknownSources,
      maxCalls: config.sip.maxCalls,
      controlPlaneId,
      log: loggers.telephony,
      newCall,
      serve: (...args: Parameters<typeof serveInboundCall> extends [unknown, ...infer Rest] ? Rest : never) =>
        serveInboundCall(parts, ...args)
    }

    const compliance = await ComplianceService.open({
      db: complianceDb(db),
      packFolder: fileURLToPath(new URL('../config/rule-packs', import.meta.url)),
      dataFolder: config.dataDir,
      secret: secrets.key,
      engine: 'parley',
      newId
    })
    const app = await createApp(
      {
        config,
        secretKey: secrets.key,
        db,
        log: loggers.http,
        metrics,
        events,
        liveCalls,
        engines: (): readonly EngineStatus[] => [
          { name: 'drachtio', isEmbedded: engines.drachtio.isEmbedded, isUp: sip.isConnected },
          { name: 'freeswitch', isEmbedded: engines.freeswitch.isEmbedded, isUp: media.isConnected }
        ],
        isDatabaseUp: () => answersWithin(sql`select 1`.execute(db), 1_000),
        startCall: (request, requestedBy) =>
          startOutboundCall(
            {
              ...parts,
              liveCalls,
              maxCalls: config.sip.maxCalls,
              newCall: () => new Call({ direction: 'outbound', log: loggers.calls, sink: events.call })
            },
            request,
            requestedBy
          ),
        settingsChanged() {
          flows.refresh()
          routing.refresh()
          warmer.start()
        }
      },
      compliance
    )
    stack.defer(() => app.close())
    const httpUrl = await app.listen({ host: config.http.host, port: config.http.port })
    // Calls end before what they stand on is taken away.
    stack.defer(() => liveCalls.drain(0))

    return {
      httpUrl,
      newAccounts,
      app,
      db,
      liveCalls,
      storiesWritten: () => story.flushed(AbortSignal.timeout(10_000)),
      drain: limitMs => liveCalls.drain(limitMs),
      [Symbol.asyncDispose]: () => stack.disposeAsync()
    }
  } catch (err) {
    await stack.disposeAsync()
    throw err
  }
}

async function answersWithin(running: Promise<unknown>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<false>(resolve => {
    timer = setTimeout(() => resolve(false), limitMs)
  })
  try {
    return await Promise.race([
      running.then(
        () => true,
        () => false
      ),
      limit
    ])
  } finally {
    clearTimeout(timer)
  }
}
