import { Type } from 'typebox'
import { type ScenarioFile, parseScenarioFile } from '../../../ivr-flows/testing/scenario-file.ts'
import type { Db } from '../../../sql/database.ts'
import { findFlow, findFlowVersion } from '../../../sql/queries/flows.ts'
import { listScenarios, listSimulations, removeScenario, saveScenario } from '../../../sql/queries/simulations.ts'
import { AppError } from '../../errors.ts'
import { checkFlow, type RunnableFlow } from '../../flow-library.ts'
import type { SimulationView, Simulator } from '../../simulator/simulator.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { Actor, App } from '../fastify-types.ts'
import { isPermitted } from '../permissions.ts'
import { IdParams, NullableDate, NullableString, pageOf, responses } from '../schemas.ts'

export type SimulationRouteParts = Readonly<{ db: Db; simulator: Simulator }>

const MAX_SOURCE = 100_000
/** Of a draft that was never stored. */
const DRAFT = 0

const ScenarioSource = Type.String({ minLength: 1, maxLength: MAX_SOURCE, description: 'Scripted calls as YAML' })
const FlowSource = Type.String({
  minLength: 1,
  maxLength: 500_000,
  description: 'A draft of the flow, as YAML or JSON'
})
const NameParams = Type.Object({ ...IdParams.properties, name: Type.String({ minLength: 1, maxLength: 100 }) })
const ScenarioSchema = Type.Object({
  name: Type.String(),
  source: Type.String(),
  updatedBy: NullableString,
  updatedAt: Type.String()
})
const SummarySchema = Type.Object({
  id: Type.String(),
  flowId: Type.String(),
  flowVersion: Type.Integer({ description: '0: a draft' }),
  startedBy: Type.String(),
  startedAt: Type.String(),
  endedAt: NullableDate,
  isSuccess: Type.Union([Type.Boolean(), Type.Null()])
})

const NullableNumber = Type.Union([Type.Number(), Type.Null()])
const Times = Type.Object({ medianMs: NullableNumber, maxMs: NullableNumber, turns: Type.Integer() })
const TurnSchema = Type.Object(
  {
    who: Type.Enum(['flow', 'caller']),
    fromMs: Type.Integer({ description: 'Since the answer' }),
    toMs: Type.Integer()
  },
  { additionalProperties: true, description: 'What the flow said, or what the caller did and how it was taken' }
)
const CallSchema = Type.Object({
  name: Type.String(),
  callId: NullableString,
  hearing: Type.Enum(['words', 'sound']),
  path: Type.Array(Type.String()),
  endReason: NullableString,
  turns: Type.Array(TurnSchema),
  score: Type.Object({
    isSuccess: Type.Boolean(),
    goals: Type.Object({ met: Type.Integer(), of: Type.Integer() }),
    turns: Type.Integer(),
    latency: Times,
    interrupt: Times,
    words: Type.Object({ wrong: Type.Integer(), of: Type.Integer(), rate: NullableNumber }),
    durationMs: Type.Integer()
  }),
  failures: Type.Array(
    Type.Object({ path: Type.Array(Type.Union([Type.Integer(), Type.String()])), message: Type.String() })
  )
})
const SimulationSchema = Type.Object({
  id: Type.String(),
  flowId: Type.String(),
  flowVersion: Type.Integer({ description: '0: a draft' }),
  scenario: Type.String(),
  startedBy: Type.String(),
  startedAt: Type.String(),
  endedAt: NullableDate,
  state: Type.Enum(['running', 'ended', 'lost']),
  report: Type.Object({ isSuccess: Type.Boolean(), calls: Type.Array(CallSchema) }),
  running: Type.Union([Type.Object({ name: Type.String(), turns: Type.Array(TurnSchema) }), Type.Null()])
})

/** Scripted callers of a flow, and what came of their calls. */
export function registerSimulationRoutes(app: App, { db, simulator }: SimulationRouteParts): void {
  app.get(
    '/flows/:id/scenarios',
    {
      config: { access: 'flows:read' },
      schema: {
        summary: 'List the scripted calls that are kept for a flow',
        tags: ['flows'],
        params: IdParams,
        response: responses({ 200: pageOf(ScenarioSchema) })
      }
    },
    async request => {
      await existing(request.params.id)
      const rows = await listScenarios(db, request.params.id)
      const items = rows.map(row => ({
        name: row.name,
        source: row.source,
        updatedBy: row.updated_by,
        updatedAt: row.updated_at.toISOString()
      }))
      return { items, nextCursor: null }
    }
  )

  app.put(
    '/flows/:id/scenarios/:name',
    {
      config: { access: 'flows:write' },
      schema: {
        summary: 'Keep scripted calls for a flow',
        tags: ['flows'],
        params: NameParams,
        body: Type.Object({ source: ScenarioSource }, { additionalProperties: false }),
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id, name } = request.params
      await existing(id)
      readScenarios(request.body.source)
      await saveScenario(db, { flowId: id, name, source: request.body.source, updatedBy: actorOf(request).name })
      await audit(db, request, 'flow.scenario.saved', { kind: 'flow', id }, { name })
      return reply.status(204).send(null)
    }
  )

  app.delete(
    '/flows/:id/scenarios/:name',
    {
      config: { access: 'flows:write' },
      schema: {
        summary: 'Remove scripted calls of a flow',
        tags: ['flows'],
        params: NameParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id, name } = request.params
      if (!(await removeScenario(db, id, name)))
        throw new AppError('NOT_FOUND', 'The flow has no scripted calls of this name.')
      await audit(db, request, 'flow.scenario.removed', { kind: 'flow', id }, { name })
      return reply.status(204).send(null)
    }
  )

  app.post(
    '/flows/:id/simulations',
    {
      config: { access: 'flows:write' },
      schema: {
        summary: 'Let scripted callers call a flow',
        description:
          'The calls are made one after the other, over the media server and in real time; nothing is dialled and nothing is stored of them but their stories and this report. Without `version` and `draft` the newest version is called. Queues ring agents only where the scenario asks for it.',
        tags: ['flows'],
        params: IdParams,
        body: Type.Object(
          {
            scenario: ScenarioSource,
            version: Type.Optional(Type.Integer({ minimum: 1 })),
            draft: Type.Optional(FlowSource)
          },
          { additionalProperties: false }
        ),
        response: responses({ 202: Type.Object({ id: Type.String() }) })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const actor = actorOf(request)
      const { scenario: source, version, draft } = request.body
      const flow = await existing(id)
      const scenarios = readScenarios(source)
      refuseRinging(scenarios, actor)
      const runnable =
        draft === undefined ? await storedFlow(id, version ?? flow.latestVersion) : await draftFlow(id, draft)
      const started = await simulator.start({ runnable, scenarios, source, startedBy: actor.name })
      await audit(db, request, 'flow.simulated', { kind: 'flow', id }, { simulationId: started.id })
      return reply.status(202).header('location', `/api/v1/simulations/${started.id}`).send({ id: started.id })
    }
  )

  app.get(
    '/flows/:id/simulations',
    {
      config: { access: 'flows:read' },
      schema: {
        summary: 'List what scripted callers did, newest first',
        tags: ['flows'],
        params: IdParams,
        response: responses({ 200: pageOf(SummarySchema) })
      }
    },
    async request => {
      await existing(request.params.id)
      const rows = await listSimulations(db, request.params.id, 50)
      const items = rows.map(row => ({
        id: row.id,
        flowId: row.flow_id,
        flowVersion: row.flow_version,
        startedBy: row.started_by,
        startedAt: row.started_at.toISOString(),
        endedAt: row.ended_at?.toISOString() ?? null,
        isSuccess: row.is_success
      }))
      return { items, nextCursor: null }
    }
  )

  app.get(
    '/simulations/:id',
    {
      config: { access: 'flows:read' },
      schema: {
        summary: 'What scripted callers did and heard so far, and how it is judged',
        tags: ['flows'],
        params: IdParams,
        response: responses({ 200: Type.Unsafe<SimulationView>(SimulationSchema) })
      }
    },
    async request => {
      const view = await simulator.view(request.params.id)
      if (view === undefined) throw new AppError('NOT_FOUND', 'No simulation has this id.')
      return view
    }
  )

  app.delete(
    '/simulations/:id',
    {
      config: { access: 'flows:write' },
      schema: {
        summary: 'End a running simulation',
        tags: ['flows'],
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      if (!simulator.stop(request.params.id))
        throw new AppError('NOT_FOUND', 'No running simulation of this server has this id.')
      return reply.status(204).send(null)
    }
  )

  async function existing(id: string) {
    const row = await findFlow(db, id)
    if (row === undefined) throw new AppError('NOT_FOUND', 'No flow has this id.')
    return row
  }

  async function storedFlow(flowId: string, version: number): Promise<RunnableFlow> {
    const row = await findFlowVersion(db, flowId, version)
    if (row === undefined) throw new AppError('NOT_FOUND', `The flow ${flowId} has no version ${version}.`)
    return { ...(await draftFlow(flowId, row.source)), version }
  }

  async function draftFlow(flowId: string, source: string): Promise<RunnableFlow> {
    const { flow, problems } = await checkFlow(db, null, source)
    if (flow === null)
      throw new AppError('FLOW_INVALID', problems[0]?.message ?? 'The flow cannot be read.', {
        problems: problems.map(one => ({ at: `${one.line}:${one.column}`, message: `${one.code} ${one.message}` }))
      })
    if (flow.id !== flowId)
      throw new AppError('VALIDATION_FAILED', `The document is the flow ${flow.id}, not ${flowId}.`)
    return { flowId, version: DRAFT, flow }
  }
}

function readScenarios(source: string): ScenarioFile {
  const { value: scenarios, problems } = parseScenarioFile(source)
  if (scenarios !== null) return scenarios
  throw new AppError('SCENARIO_INVALID', problems[0]?.message ?? 'The scenario cannot be read.', {
    problems: problems.map(one => ({ at: `${one.line}:${one.column}`, message: `${one.code} ${one.message}` }))
  })
}

/** A rung agent is disturbed at work: only who may direct agents may have that done. */
function refuseRinging({ defaults, calls }: ScenarioFile, actor: Actor): void {
  if (!calls.some(call => call.ringAgents ?? defaults?.ringAgents) || isPermitted(actor.role, 'agents:control')) return
  throw new AppError('FORBIDDEN', 'Your role may not let simulated calls ring agents.')
}
