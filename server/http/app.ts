import type { Duplex } from 'node:stream'
import cookie from '@fastify/cookie'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, LogController } from 'fastify'
import type { CardSources } from '../card-sources.ts'
import type { AgentCalls } from '../agent-calls/agent-calls.ts'
import type { KnownTime } from '../calls/known-time.ts'
import type { KnowledgeParts } from '../bots/knowledge/knowledge.ts'
import type { ComplianceService } from '../compliance/compliance-service.ts'
import type { ContactService } from '../contacts/contact-service.ts'
import { newId } from '../ids.ts'
import type { PrivacyService } from '../privacy/privacy-service.ts'
import type { Quality } from '../quality/quality.ts'
import type { Wallboard } from '../queues/wallboard.ts'
import { createLazyCompilers } from './lazy-compilers.ts'
import { registerAuthentication, SESSION_COOKIE } from './authentication.ts'
import { limitBodies, NODE_LIMITS } from './body-limits.ts'
import type { App } from './fastify-types.ts'
import type { HttpParts } from './parts.ts'
import { registerProblems } from './problems.ts'
import { registerAgentRoutes } from './routes/agents.ts'
import { registerBotRoutes } from './routes/bots.ts'
import { registerCardSourceRoutes } from './routes/card-sources.ts'
import { registerCallScenarioRoute } from './routes/call-scenario.ts'
import { registerCallRoutes } from './routes/calls.ts'
import { registerCallerIdRoutes } from './routes/caller-ids.ts'
import { registerCampaignAlarmRoutes } from './routes/campaign-alarms.ts'
import { registerCampaignAttemptRoutes } from './routes/campaign-attempts.ts'
import { registerCampaignPromiseRoutes } from './routes/campaign-promises.ts'
import { type CampaignRouteParts, registerCampaignRoutes } from './routes/campaigns.ts'
import { registerContactListRoutes } from './routes/contact-lists.ts'
import { registerContactRoutes } from './routes/contacts.ts'
import { registerClockRoutes } from './routes/compliance/clock.ts'
import { registerClipPages, registerClipRoutes } from './routes/clips.ts'
import { registerComplianceRoutes } from './routes/compliance.ts'
import { registerOptInPage } from './routes/compliance/opt-in.ts'
import { registerDirectoryRoutes } from './routes/directory.ts'
import { registerDispositionRoutes } from './routes/dispositions.ts'
import { registerDisputeRoutes } from './routes/disputes.ts'
import { registerFlowRoutes } from './routes/flows.ts'
import { registerNumberRoutes } from './routes/numbers.ts'
import { registerKnowledgeRoutes } from './routes/knowledge.ts'
import { registerLiveEventRoutes } from './routes/live-events.ts'
import { registerHealthRoutes, registerOperationRoutes } from './routes/operations.ts'
import { type QueueRouteParts, registerQueueRoutes } from './routes/queues.ts'
import type { Recordings } from '../recordings/recordings.ts'
import { registerRecordingAlarmRoutes } from './routes/recording-alarms.ts'
import { registerRecordingRoutes } from './routes/recordings.ts'
import { registerReportCallsRoutes } from './routes/report-calls.ts'
import { registerReportRoutes } from './routes/reports.ts'
import { registerPrivacyPages } from './routes/privacy-public.ts'
import { registerPrivacyRequestRoutes } from './routes/privacy-requests.ts'
import { registerQualityRoutes } from './routes/quality.ts'
import { registerRetentionRoutes } from './routes/retention.ts'
import { registerCalibrationRoutes } from './routes/calibrations.ts'
import { registerMachineReviewRoutes } from './routes/machine-reviews.ts'
import { registerRecordingConsentRoutes } from './routes/recording-consents.ts'
import { registerReviewRoutes } from './routes/reviews.ts'
import { registerScorecardRoutes } from './routes/scorecards.ts'
import { registerSearchRoutes } from './routes/search.ts'
import { registerSessionRoutes } from './routes/session.ts'
import { registerSipAccountRoutes } from './routes/sip-accounts.ts'
import { registerSimulationRoutes, type SimulationRouteParts } from './routes/simulations.ts'
import { registerSkillRoutes } from './routes/skills.ts'
import { registerSpeechRoutes } from './routes/speech.ts'
import { registerSoftphoneRoute } from './routes/softphone.ts'
import { registerTranscriptRoutes } from './routes/transcripts.ts'
import { registerTrunkRoutes } from './routes/trunks.ts'
import { registerUserRoutes } from './routes/users.ts'
import { registerVoicemailRoutes } from './routes/voicemails.ts'
import { registerWallboardLinkRoutes } from './routes/wallboard-links.ts'
import { registerWallboardRoutes } from './routes/wallboard.ts'
import { registerWebhookRoutes } from './routes/webhooks.ts'
import { registerWebPages } from './web-pages.ts'

/** Requests of one address within a minute before 429; far above what a person or a wallboard does. */
const REQUESTS_PER_MINUTE = 3_000
const MAX_BODY_BYTES = 2 * 1024 * 1024
const GOODBYE_MS = 300

/** The web server, ready to listen. Every route is in the list below. */
export async function createApp(
  parts: HttpParts,
  { compliance, time }: Readonly<{ compliance: ComplianceService; time: KnownTime }>,
  agentCalls: AgentCalls,
  queueing: QueueRouteParts & Readonly<{ wallboard: Wallboard }>,
  cardSources: CardSources,
  contacts: ContactService,
  campaigning: CampaignRouteParts,
  quality: Quality,
  privacy: PrivacyService,
  recordings: Recordings,
  knowledge: KnowledgeParts,
  simulating: SimulationRouteParts
): Promise<App> {
  const compilers = createLazyCompilers()
  const app: App = Fastify({
    loggerInstance: parts.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => newId(),
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: NODE_LIMITS.requestTimeout,
    http: { headersTimeout: NODE_LIMITS.headersTimeout },
    forceCloseConnections: true,
    ajv: { customOptions: { removeAdditional: false, coerceTypes: 'array', allErrors: true } },
    schemaController: { compilersFactory: compilers.compilersFactory as never }
  }).withTypeProvider<TypeBoxTypeProvider>()

  app.removeContentTypeParser('text/plain')
  registerProblems(app)
  await app.register(helmet, { contentSecurityPolicy: { directives: CONTENT_SECURITY } })
  await app.register(cookie)
  await app.register(rateLimit, { max: REQUESTS_PER_MINUTE, timeWindow: '1 minute' })
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Parley',
        version: '1',
        description:
          'Self-hosted contact centre. Errors are application/problem+json with a stable code; lists page by cursor.'
      },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'Session token or API key' },
          cookie: { type: 'apiKey', in: 'cookie', name: SESSION_COOKIE }
        }
      },
      security: [{ bearer: [] }, { cookie: [] }]
    }
  })
  app.decorate('compileSchemas', () => compilers.compileAll())
  limitBodies(app)
  registerAuthentication(app, parts.db)
  endUpgradedSockets(app)

  app.addHook('onResponse', async (request, reply) => {
    parts.metrics.httpSeconds.observe(
      { method: request.method, route: request.routeOptions.url ?? 'unknown', status: reply.statusCode },
      reply.elapsedTime / 1000
    )
  })

  await app.register(swaggerUi, { routePrefix: '/api/docs' })
  registerHealthRoutes(app, parts)
  registerClipPages(app, quality)
  await registerPrivacyPages(app, privacy, parts.config.privacy, parts.messages)
  registerOptInPage(app, compliance)
  await registerWebPages(app)
  await app.register(
    async api => {
      registerSessionRoutes(api, parts)
      registerUserRoutes(api, parts)
      registerNumberRoutes(api, parts)
      registerTrunkRoutes(api, parts)
      registerSipAccountRoutes(api, parts)
      registerFlowRoutes(api, parts, compliance)
      registerSimulationRoutes(api, simulating)
      registerCallRoutes(api, parts)
      registerCallScenarioRoute(api, quality)
      registerVoicemailRoutes(api, parts, recordings.library)
      registerRecordingConsentRoutes(api, parts)
      registerRecordingRoutes(api, parts, recordings)
      registerRecordingAlarmRoutes(api, parts)
      registerOperationRoutes(api, parts)
      registerLiveEventRoutes(api, { ...parts, agents: queueing.agents, queues: queueing.queues })
      registerComplianceRoutes(api, parts, compliance)
      registerClockRoutes(api, parts, time)
      registerQueueRoutes(api, queueing)
      registerAgentRoutes(api, queueing)
      registerDirectoryRoutes(api, queueing)
      registerSkillRoutes(api, queueing)
      registerDispositionRoutes(api, queueing)
      registerWallboardRoutes(api, queueing)
      registerWallboardLinkRoutes(api, queueing)
      registerReportRoutes(api, queueing)
      registerReportCallsRoutes(api, queueing)
      registerCardSourceRoutes(api, parts, cardSources)
      registerWebhookRoutes(api, parts)
      registerContactListRoutes(api, { db: parts.db, contacts })
      registerContactRoutes(api, { db: parts.db })
      registerCampaignRoutes(api, campaigning)
      registerCampaignAttemptRoutes(api, campaigning)
      registerCampaignPromiseRoutes(api, campaigning)
      registerCampaignAlarmRoutes(api, campaigning)
      registerCallerIdRoutes(api, campaigning)
      registerTranscriptRoutes(api, quality)
      registerSearchRoutes(api, quality)
      registerScorecardRoutes(api, quality)
      registerReviewRoutes(api, quality)
      registerDisputeRoutes(api, quality)
      registerCalibrationRoutes(api, quality)
      registerMachineReviewRoutes(api, quality)
      registerClipRoutes(api, quality)
      registerQualityRoutes(api, quality)
      registerRetentionRoutes(api, privacy)
      registerPrivacyRequestRoutes(api, privacy)
      registerKnowledgeRoutes(api, knowledge)
      registerBotRoutes(api, parts)
      registerSpeechRoutes(api, parts)
      await registerSoftphoneRoute(api, parts, agentCalls)
    },
    { prefix: '/api/v1' }
  )
  return app
}

/**
 * A socket whose upgrade was refused is no longer known to Node's HTTP server, and nobody would end it: the server could
 * not be closed while it lives.
 */
function endUpgradedSockets(app: App): void {
  const sockets = new Set<Duplex>()
  app.server.on('upgrade', (_request, socket) => {
    sockets.add(socket)
    socket.once('end', () => socket.end())
    socket.once('close', () => sockets.delete(socket))
  })
  app.addHook('preClose', async () => {
    // Softphones were told before and have a moment to say goodbye; whoever holds on is cut off.
    for (const socket of sockets) socket.end()
    setTimeout(() => {
      for (const socket of sockets) socket.destroy()
    }, GOODBYE_MS)
  })
}

const CONTENT_SECURITY = {
  defaultSrc: ["'self'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", 'data:'],
  mediaSrc: ["'self'", 'blob:'],
  // 'self' covers WebSockets of the same origin (CSP level 3).
  connectSrc: ["'self'"],
  frameAncestors: ["'none'"],
  upgradeInsecureRequests: null
}
