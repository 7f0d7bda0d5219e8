import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config } from '../config/config.ts'
import type { Secrets } from '../config/secrets.ts'
import { connectFreeswitch } from '../media/freeswitch.ts'
import type { Recognizer } from '../media/speech/recognizer.ts'
import { openSpeechProviders } from '../media/speech/providers/open-providers.ts'
import { PromptLibrary } from '../media/prompts/prompt-library.ts'
import { pronounce, readPronunciations } from '../media/prompts/pronunciations.ts'
import { TapServer } from '../media/tap/tap-server.ts'
import { complianceDb } from '../sql/queries/compliance/db.ts'
import { type DatabaseLocation, type Db, openDatabase } from '../sql/database.ts'
import { type PgBoss, startJobs } from '../sql/jobs.ts'
import { migrate } from '../sql/migrate.ts'
import { sql } from 'kysely'
import { openSoftphoneMedia } from '../media/webrtc/open-softphone-media.ts'
import { callbackRequestedAt } from '../sql/queries/desk.ts'
import { WakeUps } from '../sql/wake-ups.ts'
import { AgentCalls } from './agent-calls/agent-calls.ts'
import type { BotParts } from './bots/converse.ts'
import { createOpenAiEmbedder } from './bots/knowledge/embedder.ts'
import { KnowledgeEmbeddings } from './bots/knowledge/embeddings.ts'
import type { KnowledgeParts } from './bots/knowledge/knowledge.ts'
import { createOpenAiModel } from './bots/model/openai-model.ts'
import { PassingPrompts } from './bots/passing-prompts.ts'
import { Speech } from './bots/speech.ts'
import { SilenceGuards } from './bots/silence-guard.ts'
import { DEFAULT_MAX_FILLERS, fillerText } from './bots/turn-silence.ts'
import { callBack } from './agent-calls/call-back.ts'
import type { CardParts } from './agent-calls/customer-card.ts'
import { CampaignService } from './campaigns/campaign-service.ts'
import type { CampaignCallParts } from './campaigns/attempt.ts'
import { Dialer } from './campaigns/dialer.ts'
import { runCampaignFlow } from './run-campaign-flow.ts'
import { AgentService } from './agents/agent-service.ts'
import { Call } from './calls/call.ts'
import type { Clocks } from './calls/clock-watch.ts'
import { KnownTime } from './calls/known-time.ts'
import { LiveCalls } from './calls/live-calls.ts'
import { OutboundLaw } from './calls/outbound-law.ts'
import { promptSources } from './calls/prompt-sources.ts'
import { repeat, startHeartbeat, startReconciler } from './calls/reconciler.ts'
import { StoryWriter } from './calls/story-writer.ts'
import { CardSources } from './card-sources.ts'
import { ComplianceService } from './compliance/compliance-service.ts'
import { ContactService } from './contacts/contact-service.ts'
import { Uploads } from './contacts/uploads.ts'
import { serveDemoCall } from './demo-call.ts'
import { type Account, seedDatabase } from './demo-data.ts'
import { PASSWORD_COST, type PasswordCost } from './http/passwords.ts'
import { BusinessEvents } from './events.ts'
import { FlowLibrary } from './flow-library.ts'
import { makeFlowRequest } from './flow-requests.ts'
import { startHousekeeping } from './housekeeping.ts'
import { createApp } from './http/app.ts'
import type { App } from './http/fastify-types.ts'
import { startHttps } from './http/https-server.ts'
import type { EngineStatus } from './http/parts.ts'
import { deriveKey, hashNumber } from './compliance/number-hash.ts'
import { newId } from './ids.ts'
import { forgottenCalls } from './privacy/late-stories.ts'
import { type InboundParts, serveInboundCall } from './inbound-call.ts'
import type { Loggers } from './log.ts'
import { MessageHook } from './webhooks/message-hook.ts'
import { createMetrics } from './metrics.ts'
import { startOutboundCall } from './outbound-call.ts'
import { startSpeechChecks } from './speech-checks.ts'
import { TombstoneFile } from './privacy/tombstones.ts'
import { PrivacyService } from './privacy/privacy-service.ts'
import { listConfigs } from './quality/search-words.ts'
import { startQualityJobs } from './quality/jobs.ts'
import { LiveTranscription } from './quality/live/live-transcription.ts'
import { startQuality } from './quality/quality.ts'
import { recordingSource } from './quality/recording-source.ts'
import { openTranscriptionQueue, startTranscription } from './quality/transcription/start-transcription.ts'
import { CallbackDesk } from './queues/callbacks.ts'
import { HeldLegs } from './planes/held-legs.ts'
import { PlaneLink } from './planes/plane-link.ts'
import { PlaneWatch } from './planes/plane-watch.ts'
import { QueueService } from './queues/queue-service.ts'
import { Wallboard } from './queues/wallboard.ts'
import { openKeyRing } from './recordings/open-key-ring.ts'
import { CONSENT_SPEECH } from './recordings/consent-words.ts'
import { Recordings } from './recordings/recordings.ts'
import { Storage } from './recordings/storage.ts'
import { CallerVoices } from './simulator/caller-voice.ts'
import { Simulator } from './simulator/simulator.ts'
import { RoutingCache } from './routing/routing-cache.ts'
import { TrunkLoad } from './routing/trunk-load.ts'
import { DigestGuard } from './telephony/digest.ts'
import { onInvite } from './telephony/on-invite.ts'
import { Registrar } from './telephony/registrar.ts'
import { CLOSE_CODES } from './softphone/protocol.ts'
import { SfuKeeper } from './softphone/sfu-keeper.ts'
import { connectSipServer } from './telephony/sip-server.ts'
import { PromptWarmer } from './warm-prompts.ts'
import { rememberAccounts } from './welcome.ts'
import { WebhookSender } from './webhooks/webhook-sender.ts'

/** Where the engines are, whether real or stand-ins; this file never asks which. */
export type EngineAddresses = Readonly<{
  drachtio: Readonly<{ host: string; port: number; secret: string; isEmbedded: boolean }>
  freeswitch: Readonly<{ host: string; port: number; secret: string; isEmbedded: boolean }>
}>

/** The running control plane: what main.ts and tests hold. */
export interface Parley extends AsyncDisposable {
  /** Where web pages and the API are served. */
  readonly httpUrl: string
  /** What carries softphones’ audio. */
  readonly sfu: 'mediasoup' | 'embedded'
  /** The same over TLS 1.3; null when that is off. */
  readonly https: Readonly<{ url: string; isSelfMade: boolean }> | null
  /** Accounts made on the first start, with their passwords; null on later starts. */
  readonly newAccounts: readonly Account[] | null
  readonly app: App
  readonly db: Db
  readonly liveCalls: LiveCalls
  readonly recordings: Recordings
  readonly simulator: Simulator
  /** Resolves when everything that was written about calls is in the database. */
  storiesWritten(): Promise<void>
  /** Takes no more calls, waits for the running ones, then releases everything. */
  drain(limitMs: number): Promise<void>
}

const ENGINE_READY_MS = 10_000
const LISTS_MS = 10_000

/**
 * Builds every long-lived object, in the order in which they need each other, and takes them apart in reverse.
 * The only place that does so.
 */
export async function startParley(
  config: Config,
  secrets: Secrets,
  engines: EngineAddresses,
  loggers: Loggers,
  options: Readonly<{
    now?: () => Date
    /** Told before each step of a campaign’s call after which a crash would matter; for tests. */
    campaignStep?: CampaignCallParts['step']
    /** By which it is known whether the time is; for tests, whose `now` jumps. */
    clocks?: Clocks
    /** How long a person may wait for an agent of a campaign; for tests that are not about that, on slow machines. */
    campaignWithinMs?: number
    /** How long a recording waits for a disk that is full; for tests. */
    diskPatienceMs?: number
    /** Recognisers that are asked before all others; for tests. */
    recognizers?: readonly Recognizer[]
    /** Where the rule packs are, by default ours; for tests of rules that we do not have. */
    packFolder?: string
    /** For tests, which sign many people in. */
    passwordCost?: PasswordCost
  }> = {}
): Promise<Parley> {
  const stack = new AsyncDisposableStack()
  const { passwordCost = PASSWORD_COST } = options
  try {
    const metrics = createMetrics()
    const location: DatabaseLocation =
      config.databaseUrl === null
        ? { kind: 'pglite', folder: join(config.dataDir, 'database'), hasVectors: config.embedding !== null }
        : { kind: 'postgres', url: config.databaseUrl }
    const database = stack.use(
      await openDatabase(location, err => loggers.database.warn({ err }, 'a database connection broke'))
    )
    const { db } = database
    const applied = await migrate(db)
    if (applied.length > 0) loggers.database.info({ applied }, 'database migrated')
    const newAccounts = await seedDatabase(
      db,
      {
        passwordCost,
        adminPassword: secrets.adminPassword,
        hasDemoData: config.hasDemoData
      },
      accounts => rememberAccounts(config.dataDir, accounts)
    )

    const jobs: PgBoss = await startJobs(database, err => loggers.jobs.warn({ err }, 'the job runner met an error'))
    stack.defer(() => jobs.stop({ graceful: true, timeout: 5_000 }))

    const numbersKey = deriveKey(secrets.key, 'numbers')
    const story = stack.use(
      new StoryWriter(db, loggers.database, join(config.dataDir, 'spool', 'call-events.jsonl'), events =>
        forgottenCalls(db, number => hashNumber(numbersKey, number), events, new Date())
      )
    )
    const recovered = await story.recover()
    if (recovered > 0) loggers.database.warn({ events: recovered }, 'call events of an earlier run are being delivered')
    const events = new BusinessEvents(story, metrics, loggers.app)
    const liveCalls = new LiveCalls()
    const controlPlaneId = newId()
    const heartbeat = stack.use(await startHeartbeat(db, controlPlaneId, loggers.database))
    await story.flushed(AbortSignal.timeout(10_000))
    stack.use(await startReconciler(db, story, events, loggers.calls))
    await startHousekeeping(jobs, db)
    const { hold } = stack.use(new HeldLegs(db, controlPlaneId, loggers.database))

    const flows = new FlowLibrary(db)
    const routing = new RoutingCache(db, loggers.telephony)
    const trunkLoad = new TrunkLoad()
    const guard = new DigestGuard(config.sip.realm, secrets.key)
    const registrar = new Registrar(db, guard, loggers.telephony)
    const taps = stack.use(await TapServer.start(config.eventSocketHost, loggers.media))
    const providers = stack.use(await openSpeechProviders(speechSettings(config, secrets), loggers.prompts))
    const isTranscribing = config.speech.isTranscribing && providers.batches.length > 0
    stack.use(await startSpeechChecks(jobs, { ...providers, metrics, log: loggers.prompts }))
    const pronunciations = await readPronunciations(join(config.dataDir, 'pronunciations.yaml'))
    const prompts = new PromptLibrary({
      voices: providers.voices,
      pronounce: (text, language) => pronounce(pronunciations, text, language),
      cacheDir: config.prompts.cacheDir,
      recordedDir: config.prompts.recordedDir,
      mediaDir: config.prompts.mediaDir,
      onMade(origin, tookMs) {
        metrics.promptsMade.inc({ source: origin })
        if (origin === 'made') metrics.promptSeconds.observe(tookMs / 1000)
      },
      onFallOver(change) {
        metrics.speechFallOvers.inc(change)
        loggers.prompts.warn(change, 'another voice had to speak')
      }
    })
    const warmer = stack.use(new PromptWarmer(db, flows, prompts, loggers.prompts))
    warmer.start()
    const callOptions = { log: loggers.calls, sink: events.call, tapping: { taps, ...config.tap } }
    const newCall = () => new Call({ direction: 'inbound', ...callOptions })

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
        loggers.telephony,
        hold
      )
    )
    await sip.ready(AbortSignal.timeout(ENGINE_READY_MS))
    const media = stack.use(
      connectFreeswitch({
        address: engines.freeswitch,
        listenHost: config.eventSocketHost,
        srf: sip.srf,
        log: loggers.media,
        onState: isConnected => metrics.engineUp.set({ engine: 'freeswitch' }, isConnected ? 1 : 0),
        hold
      })
    )
    await media.ready(AbortSignal.timeout(ENGINE_READY_MS))
    const watch = stack.use(PlaneWatch.start({ db, sip, media, controlPlaneId, log: loggers.calls }))

    const compliance = await ComplianceService.open({
      db: complianceDb(db),
      packFolder: options.packFolder ?? fileURLToPath(new URL('../config/rule-packs', import.meta.url)),
      dataFolder: config.dataDir,
      secret: secrets.key,
      engine: 'parley',
      newId
    })
    // Lists that another control plane has imported; decisions say how old the list is that they used.
    stack.use(repeat(LISTS_MS, () => compliance.dnc.refresh(), loggers.database, 'do-not-call lists cannot be read'))
    const { clocks } = options
    const time = stack.use(
      await KnownTime.start({ db, log: loggers.calls, toleranceMs: config.clockToleranceMs, ...(clocks && { clocks }) })
    )
    const law = new OutboundLaw(compliance, loggers.calls, () => time.doubt(), options.now)
    const recognizers = [...(options.recognizers ?? []), ...providers.recognizers]
    const speech = stack.use(new Speech(recognizers, loggers.calls))
    const storage = stack.use(
      await Storage.open(config.recordings.storageFile, config.dataDir, {
        all: secrets.store ?? null,
        byStore: secrets.storeKeys ?? new Map()
      })
    )
    const wantTranscription = await openTranscriptionQueue(jobs, isTranscribing, loggers.quality)
    const recordings = stack.use(
      await Recordings.start({
        db,
        compliance,
        storage,
        keys: await openKeyRing({
          service: config.recordings.keyService,
          token: secrets.keyServiceToken,
          written: secrets.recordingKeys,
          file: join(config.dataDir, 'recording-keys.json')
        }),
        jobs,
        dataDir: config.dataDir,
        isOn: config.recordings.isOn,
        areAgentCallsOn: config.recordings.areAgentCallsOn,
        cardLimitMs: config.recordings.cardLimitMs,
        controlPlaneId,
        metrics,
        log: loggers.media,
        prepare: async (asked, signal) => (await promptSources(prompts, asked, signal)).sources,
        listenHere: (call, language, signal, other) => speech.listenHere(call, language, CONSENT_SPEECH, signal, other),
        onStored: wantTranscription,
        diskPatienceMs: options.diskPatienceMs
      })
    )
    const wakeUps = stack.use(
      await WakeUps.open(database, err => loggers.database.warn({ err }, 'the listener for changes was cut off'))
    )
    const agents = stack.use(
      await AgentService.start({
        db,
        wakeUps,
        controlPlaneId,
        log: loggers.calls,
        settings: { graceMs: config.softphone.reconnectMs }
      })
    )
    const queues = stack.use(await QueueService.start({ db, wakeUps, agents, controlPlaneId, log: loggers.calls }))
    const wallboard = stack.use(new Wallboard({ db, queues, agents, log: loggers.calls }))
    const sfu = stack.use(
      await SfuKeeper.start(
        () =>
          openSoftphoneMedia({
            engine: config.softphone.sfu,
            legCodec: config.softphone.codec === 'opus' ? 'opus' : 'PCMU',
            listenAddress: config.softphone.host,
            ...(config.softphone.announcedHost !== null && { announcedAddress: config.softphone.announcedHost }),
            udpPort: config.softphone.port,
            plainListenAddress: config.sip.host,
            plainPorts: config.softphone.rtpPorts,
            log: loggers.media,
            onEngine: (engine, reason) => loggers.media.info({ engine, reason }, 'softphones are carried by')
          }),
        loggers.media
      )
    )
    const newOutboundCall = (id?: string) =>
      new Call({ direction: 'outbound', ...callOptions, ...(id !== undefined && { id }) })
    stack.use(new WebhookSender(db, secrets.key, loggers.jobs))
    const cardSources = new CardSources(db, secrets.key)
    const cards: CardParts = { db, log: loggers.calls, sources: () => cardSources.list() }
    const holdMusic = (language: string) => prompts.holdMusic(language)
    const agentCalls: AgentCalls = new AgentCalls({
      db,
      media,
      sip,
      routing,
      trunkLoad,
      secretKey: secrets.key,
      log: loggers.calls,
      agents,
      queues,
      sfu,
      metrics,
      cards,
      law,
      liveCalls,
      recordings,
      link: stack.use(PlaneLink.open({ db, wakeUps, controlPlaneId, log: loggers.calls })),
      watch,
      maxCalls: config.sip.maxCalls,
      controlPlaneId,
      reconnectMs: config.softphone.reconnectMs,
      newCall: newOutboundCall,
      holdMusic,
      prepare: async (asked, signal) => (await promptSources(prompts, asked, signal)).sources,
      serveDemo: (call, customer) => serveDemoCall({ ...parts, liveCalls, cards }, call, customer)
    })

    stack.use(
      new CallbackDesk(
        {
          db,
          queues,
          wakeUps,
          log: loggers.calls,
          mayCall: () => time.doubt() === null && !liveCalls.isDraining && liveCalls.size < config.sip.maxCalls
        },
        async (due, signal) => callBack(agentCalls, due, await callbackRequestedAt(db, due.callbackId), signal)
      )
    )

    const meaning =
      config.embedding === null
        ? undefined
        : stack.use(
            await KnowledgeEmbeddings.open(
              db,
              createOpenAiEmbedder({ ...config.embedding, key: secrets.embeddingKey }),
              loggers.database
            )
          )
    const knowledge: KnowledgeParts = {
      db,
      configs: await listConfigs(db),
      embeddings: meaning && { embeddings: meaning, leastSimilarity: config.embedding?.leastSimilarity ?? 1 }
    }
    const bots: BotParts = {
      db,
      prompts,
      promptFolders: config.prompts,
      speech,
      knowledge,
      passing: await PassingPrompts.open(
        providers.voices,
        (text, language) => pronounce(pronunciations, text, language),
        config.prompts
      ),
      model: config.llm === null ? null : createOpenAiModel({ ...config.llm, key: secrets.llmKey })
    }
    const parts: InboundParts = {
      bots,
      serveQueue: (...args) => agentCalls.serve(...args),
      db,
      media,
      sip,
      routing,
      trunkLoad,
      secretKey: secrets.key,
      log: loggers.calls,
      law,
      prompts,
      recordings,
      speech,
      silence: new SilenceGuards({
        settings: { limitMs: config.tap.maxSilenceMs, maxFillers: DEFAULT_MAX_FILLERS },
        filler: async (language, signal) =>
          (await promptSources(prompts, [{ kind: 'speech', ...fillerText(language) }], signal)).sources
      }),
      metrics,
      makeRequest: (asked, signal) => makeFlowRequest(asked, config.requestHosts, signal),
      flows,
      controlPlaneId
    }
    const simulator = stack.use(
      new Simulator(
        {
          ...parts,
          media,
          recordings,
          liveCalls,
          recognizers,
          phoneHost: config.sip.host,
          voices: new CallerVoices(loggers.prompts),
          newCall
        },
        config.maxSimulatedCalls
      )
    )
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

    const contacts = stack.use(
      new ContactService({
        db,
        compliance,
        uploads: stack.use(await Uploads.open(config.dataDir)),
        controlPlaneId,
        log: loggers.jobs,
        ...(options.now !== undefined && { now: options.now })
      })
    )
    stack.use(repeat(LISTS_MS, () => contacts.sweep(), loggers.jobs, 'lost imports cannot be looked for'))
    const quality = stack.use(
      await startQuality({
        db,
        secretKey: secrets.key,
        log: loggers.quality,
        recordings: recordingSource(db, recordings.library, callId => recordings.find(callId)?.consent)
      })
    )
    await startQualityJobs(jobs, quality)
    if (isTranscribing)
      stack.use(
        await startTranscription(jobs, {
          quality,
          recognizers: providers.batches,
          mayProcess: (places, host) => storage.mayProcess(places, host)
        })
      )
    if (config.speech.isTranscribingLive) {
      const live = stack.use(
        new LiveTranscription({
          db,
          secretKey: secrets.key,
          recognizers: [...(options.recognizers ?? []), ...providers.recognizers],
          mayHear: (call, places) => recordings.mayHear(call, places),
          isRestricted: number => quality.isRestricted(number),
          log: loggers.quality
        })
      )
      recordings.follow((...started) => live.begin(...started))
    }
    const privacy = await PrivacyService.start({
      db,
      dataDir: config.dataDir,
      quality,
      compliance,
      tombstones: new TombstoneFile(config.privacy.tombstonesFile),
      secretKey: secrets.key,
      jobs
    })

    const now = options.now ?? (() => new Date())
    const dialer = stack.use(
      new Dialer({
        db,
        log: loggers.calls,
        now,
        calls: agentCalls,
        compliance,
        controlPlaneId,
        speech,
        clockWatch: time.watch,
        ...(options.campaignStep !== undefined && { step: options.campaignStep }),
        ...(options.campaignWithinMs !== undefined && { withinMs: options.campaignWithinMs }),
        prepare: async (asked, signal) => (await promptSources(prompts, asked, signal)).sources,
        runFlow: (call, leg, flowId, facts) => runCampaignFlow(parts, call, leg, flowId, facts)
      })
    )
    dialer.start()
    const campaigns = stack.use(
      new CampaignService({
        db,
        compliance,
        calls: agentCalls,
        dialer,
        log: loggers.jobs,
        now,
        flow: async flowId => (await flows.published(flowId))?.flow ?? null
      })
    )

    const app = await createApp(
      {
        config,
        secretKey: secrets.key,
        turnSecret: secrets.turnSecret,
        passwordCost,
        db,
        log: loggers.http,
        metrics,
        events,
        messages: new MessageHook({ url: config.messageHook, secret: secrets.messageHookSecret }, loggers.app),
        liveCalls,
        engines: (): readonly EngineStatus[] => [
          { name: 'drachtio', isEmbedded: engines.drachtio.isEmbedded, isUp: sip.isConnected },
          { name: 'freeswitch', isEmbedded: engines.freeswitch.isEmbedded, isUp: media.isConnected },
          { name: 'sfu', isEmbedded: sfu.engine === 'embedded', isUp: sfu.isUp }
        ],
        speechProviders: providers.statuses,
        embeddings: () => meaning?.state ?? null,
        isDatabaseUp: async () => heartbeat.isHeard && (await answersWithin(sql`select 1`.execute(db), 1_000)),
        startCall: (request, requestedBy) =>
          startOutboundCall(
            {
              ...parts,
              liveCalls,
              maxCalls: config.sip.maxCalls,
              newCall: () => newOutboundCall()
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
      { compliance, time },
      agentCalls,
      { db, queues, agents, wallboard },
      cardSources,
      contacts,
      { db, campaigns, dialer, now },
      quality,
      privacy,
      recordings,
      knowledge,
      { db, simulator }
    )
    stack.defer(() => app.close())
    stack.defer(() => agentCalls.close(CLOSE_CODES.draining, 'The server is shutting down'))
    const httpUrl = await app.listen({ host: config.http.host, port: config.http.port })
    const https =
      config.https === null
        ? null
        : stack.use(await startHttps(app, { host: config.http.host, https: config.https, dataDir: config.dataDir }))
    // Calls end before what they stand on is taken away.
    stack.defer(() => liveCalls.drain(0))

    return {
      httpUrl,
      https,
      sfu: sfu.engine,
      newAccounts,
      app,
      db,
      liveCalls,
      recordings,
      simulator,
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

/** The providers of speech as they are set up, with their keys. */
function speechSettings({ speech, pocketsphinx }: Config, secrets: Secrets) {
  return {
    ...speech,
    azure: speech.azure && { ...speech.azure, key: secrets.speech?.azureKey ?? '' },
    openai: speech.openai && { ...speech.openai, key: secrets.speech?.openaiKey ?? null },
    pocketsphinx,
    needsBatch: speech.isTranscribing && !speech.isTranscribingLive
  }
}
