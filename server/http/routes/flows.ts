import { Type } from 'typebox'
import { compareFlows } from '../../../ivr-flows/compare.ts'
import { flowGraph } from '../../../ivr-flows/graph.ts'
import { parseFlow } from '../../../ivr-flows/parse.ts'
import { flowSchema } from '../../../ivr-flows/schema.ts'
import {
  findFlow,
  findFlowVersion,
  insertFlow,
  insertFlowVersion,
  listFlows,
  listFlowVersions,
  publishFlowVersion
} from '../../../sql/queries/flows.ts'
import type { ComplianceService } from '../../compliance/compliance-service.ts'
import { AppError, refuseDuplicate } from '../../errors.ts'
import { checkFlow } from '../../flow-library.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import type { HttpParts } from '../parts.ts'
import { decodeCursor, IdParams, NullableString, PageQuery, pageOf, responses, toPage } from '../schemas.ts'

const FlowSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  publishedVersion: Type.Union([Type.Integer(), Type.Null()]),
  latestVersion: Type.Integer(),
  createdAt: Type.String()
})

const ProblemsSchema = Type.Array(
  Type.Object({}, { additionalProperties: true, description: 'code, message, line, column, severity' })
)

const VersionSchema = Type.Object({
  flowId: Type.String(),
  version: Type.Integer(),
  checksum: Type.String(),
  note: Type.String(),
  createdBy: NullableString,
  createdAt: Type.String()
})

const SourceSchema = Type.String({ minLength: 1, maxLength: 500_000, description: 'The flow as YAML or JSON' })
const VersionParams = Type.Object({ ...IdParams.properties, version: Type.Integer({ minimum: 1 }) })

/** Flows: immutable versions, publishing, rolling back, comparing. */
export function registerFlowRoutes(
  app: App,
  { db, settingsChanged }: HttpParts,
  compliance: Pick<ComplianceService, 'packs'>
): void {
  app.get(
    '/flows',
    {
      config: { access: 'flows:read' },
      schema: {
        summary: 'List flows',
        tags: ['flows'],
        querystring: PageQuery,
        response: responses({ 200: pageOf(FlowSchema) })
      }
    },
    async request => {
      const { cursor, limit = 50 } = request.query
      const rows = await listFlows(db, decodeCursor(cursor, 1)?.[0] ?? null, limit + 1)
      return toPage(
        rows,
        limit,
        row => ({ ...row, createdAt: row.createdAt.toISOString() }),
        row => [row.id]
      )
    }
  )

  app.get(
    '/flows/schema',
    {
      config: { access: 'public' },
      schema: {
        summary: 'JSON Schema of flows, for editors',
        tags: ['flows'],
        security: [],
        response: { 200: Type.Any() }
      }
    },
    async () => flowSchema
  )

  app.post(
    '/flows/check',
    {
      config: { access: 'flows:read' },
      schema: {
        summary: 'Check a flow without storing it',
        tags: ['flows'],
        body: Type.Object({ source: SourceSchema }, { additionalProperties: false }),
        response: responses({
          200: Type.Object({ isValid: Type.Boolean(), problems: ProblemsSchema, graph: Type.Unknown() })
        })
      }
    },
    async request => {
      const { flow, problems } = await checkFlow(db, compliance.packs, request.body.source)
      return { isValid: flow !== null, problems: [...problems], graph: flow === null ? null : flowGraph(flow) }
    }
  )

  app.post(
    '/flows',
    {
      config: { access: 'flows:write' },
      schema: {
        summary: 'Add a flow with its first version',
        description: 'The id is the one in the document. Not published yet.',
        tags: ['flows'],
        body: Type.Object(
          { source: SourceSchema, note: Type.Optional(Type.String({ maxLength: 500 })) },
          { additionalProperties: false }
        ),
        response: responses({ 201: FlowSchema })
      }
    },
    async (request, reply) => {
      const { source, note = '' } = request.body
      const flow = await validFlow(source)
      await insertFlow(db, { id: flow.id, name: flow.name ?? flow.id, description: flow.description ?? '' }).catch(
        refuseDuplicate(`A flow with the id ${flow.id} or the same name exists.`)
      )
      await insertFlowVersion(db, { flowId: flow.id, source, note, createdBy: actorOf(request).id })
      await audit(db, request, 'flow.created', { kind: 'flow', id: flow.id })
      return reply.status(201).send(await existing(flow.id))
    }
  )

  app.get(
    '/flows/:id',
    {
      config: { access: 'flows:read' },
      schema: { summary: 'Read a flow', tags: ['flows'], params: IdParams, response: responses({ 200: FlowSchema }) }
    },
    async request => await existing(request.params.id)
  )

  app.get(
    '/flows/:id/versions',
    {
      config: { access: 'flows:read' },
      schema: {
        summary: 'List versions, newest first',
        tags: ['flows'],
        params: IdParams,
        response: responses({ 200: pageOf(VersionSchema) })
      }
    },
    async request => {
      await existing(request.params.id)
      const rows = await listFlowVersions(db, request.params.id)
      return { items: rows.map(row => ({ ...row, createdAt: row.createdAt.toISOString() })), nextCursor: null }
    }
  )

  app.get(
    '/flows/:id/versions/:version',
    {
      config: { access: 'flows:read' },
      schema: {
        summary: 'Read a version with its text and graph',
        tags: ['flows'],
        params: VersionParams,
        response: responses({
          200: Type.Object({ ...VersionSchema.properties, source: Type.String(), graph: Type.Unknown() })
        })
      }
    },
    async request => {
      const row = await existingVersion(request.params.id, request.params.version)
      const { flow } = parseFlow(row.source)
      return { ...row, createdAt: row.createdAt.toISOString(), graph: flow === null ? null : flowGraph(flow) }
    }
  )

  app.post(
    '/flows/:id/versions',
    {
      config: { access: 'flows:write' },
      schema: {
        summary: 'Add a version',
        description: 'A version never changes. The same text as the newest version gives that version.',
        tags: ['flows'],
        params: IdParams,
        body: Type.Object(
          { source: SourceSchema, note: Type.Optional(Type.String({ maxLength: 500 })) },
          { additionalProperties: false }
        ),
        response: responses({ 201: Type.Object({ flowId: Type.String(), version: Type.Integer() }) })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      await existing(id)
      const { source, note = '' } = request.body
      const flow = await validFlow(source)
      if (flow.id !== id) throw new AppError('VALIDATION_FAILED', `The document is the flow ${flow.id}, not ${id}.`)
      const version = await insertFlowVersion(db, { flowId: id, source, note, createdBy: actorOf(request).id })
      await audit(db, request, 'flow.versioned', { kind: 'flow', id }, { version })
      return reply.status(201).send({ flowId: id, version })
    }
  )

  app.post(
    '/flows/:id/publish',
    {
      config: { access: 'flows:write' },
      schema: {
        summary: 'Publish a version, or roll back to an older one',
        description: 'New calls get it at once; running calls keep theirs.',
        tags: ['flows'],
        params: IdParams,
        body: Type.Object({ version: Type.Integer({ minimum: 1 }) }, { additionalProperties: false }),
        response: responses({ 200: FlowSchema })
      }
    },
    async request => {
      const { id } = request.params
      const { version } = request.body
      const row = await existingVersion(id, version)
      // What was valid when stored may point at a flow that does not exist any more.
      await validFlow(row.source)
      await publishFlowVersion(db, id, version, actorOf(request).id)
      await audit(db, request, 'flow.published', { kind: 'flow', id }, { version })
      settingsChanged()
      return await existing(id)
    }
  )

  app.get(
    '/flows/:id/compare',
    {
      config: { access: 'flows:read' },
      schema: {
        summary: 'What changed between two versions, by meaning',
        tags: ['flows'],
        params: IdParams,
        querystring: Type.Object({ from: Type.Integer({ minimum: 1 }), to: Type.Integer({ minimum: 1 }) }),
        response: responses({ 200: Type.Unknown() })
      }
    },
    async request => {
      const { id } = request.params
      const [from, to] = [
        parseFlow((await existingVersion(id, request.query.from)).source).flow,
        parseFlow((await existingVersion(id, request.query.to)).source).flow
      ]
      if (from === null || to === null)
        throw new AppError('FLOW_INVALID', 'One of the versions cannot be read by this release.')
      return compareFlows(from, to)
    }
  )

  async function validFlow(source: string) {
    const { flow, problems } = await checkFlow(db, compliance.packs, source)
    if (flow !== null) return flow
    throw new AppError('FLOW_INVALID', problems[0]?.message ?? 'The flow cannot be read.', {
      problems: problems.map(one => ({ at: `${one.line}:${one.column}`, message: `${one.code} ${one.message}` }))
    })
  }

  async function existing(id: string) {
    const row = await findFlow(db, id)
    if (row === undefined) throw new AppError('NOT_FOUND', 'No flow has this id.')
    return { ...row, createdAt: row.createdAt.toISOString() }
  }

  async function existingVersion(id: string, version: number) {
    const row = await findFlowVersion(db, id, version)
    if (row === undefined) throw new AppError('NOT_FOUND', `The flow ${id} has no version ${version}.`)
    return row
  }
}
