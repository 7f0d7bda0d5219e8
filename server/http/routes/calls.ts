import type { Selectable } from 'kysely'
import { Type } from 'typebox'
import { findCdr, listCallEvents, listCdrs } from '../../../sql/queries/calls.ts'
import type { CdrsTable } from '../../../sql/tables.ts'
import { END_REASONS, type EndReason } from '../../calls/end-reasons.ts'
import { PARTIES, type Party, PURPOSES, type Purpose } from '../../compliance/codes.ts'
import { AppError } from '../../errors.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { Actor, App } from '../fastify-types.ts'
import type { HttpParts } from '../parts.ts'
import { numberFor } from '../../number-mask.ts'
import {
  decodeCursor,
  IdParams,
  LanguageTag,
  NullableDate,
  NullableString,
  PageQuery,
  pageOf,
  responses,
  toPage
} from '../schemas.ts'

const NullableInteger = Type.Union([Type.Integer(), Type.Null()])

const CallSchema = Type.Object({
  id: Type.String(),
  direction: Type.Union([Type.Literal('inbound'), Type.Literal('outbound')]),
  state: Type.Union([Type.Literal('ringing'), Type.Literal('answered'), Type.Literal('ended')]),
  callerNumber: NullableString,
  calledNumber: NullableString,
  sipCallId: NullableString,
  trunkId: NullableString,
  numberId: NullableString,
  flowId: NullableString,
  flowVersion: NullableInteger,
  language: NullableString,
  startedAt: Type.String(),
  answeredAt: NullableDate,
  endedAt: NullableDate,
  durationMs: NullableInteger,
  talkMs: NullableInteger,
  endReason: NullableString,
  endReasonSays: NullableString,
  endedBy: NullableString,
  fault: NullableString,
  hangupCause: NullableString,
  tags: Type.Array(Type.String()),
  isSimulated: Type.Boolean({ description: 'A scripted caller’s' })
})

const StorySchema = Type.Object({
  ...CallSchema.properties,
  events: Type.Array(
    Type.Object({
      seq: Type.Integer(),
      at: Type.String(),
      kind: Type.String(),
      data: Type.Record(Type.String(), Type.Unknown())
    })
  )
})

const CallFilter = Type.Object({
  ...PageQuery.properties,
  direction: Type.Optional(Type.Union([Type.Literal('inbound'), Type.Literal('outbound')])),
  state: Type.Optional(Type.Union([Type.Literal('ringing'), Type.Literal('answered'), Type.Literal('ended')])),
  endReason: Type.Optional(Type.String({ maxLength: 50 })),
  number: Type.Optional(Type.String({ maxLength: 20, description: 'Caller or called number, E.164' })),
  tag: Type.Optional(Type.String({ maxLength: 100 })),
  isSimulated: Type.Optional(Type.Boolean({ description: 'Only calls of scripted callers, or only others' })),
  from: Type.Optional(Type.String({ format: 'date-time' })),
  until: Type.Optional(Type.String({ format: 'date-time' }))
})

/** Calls, their stories, and calls that are started from here. */
export function registerCallRoutes(app: App, { db, liveCalls, startCall }: HttpParts): void {
  app.get(
    '/calls',
    {
      config: { access: 'calls:read' },
      schema: {
        summary: 'List calls, newest first',
        tags: ['calls'],
        querystring: CallFilter,
        response: responses({ 200: pageOf(CallSchema) })
      }
    },
    async request => {
      const { cursor, limit = 50, from, until, ...filter } = request.query
      const position = decodeCursor(cursor, 2)
      const before = position === null ? null : { startedAt: new Date(position[0] ?? ''), callId: position[1] ?? '' }
      const rows = await listCdrs(
        db,
        {
          ...filter,
          ...(from !== undefined && { from: new Date(from) }),
          ...(until !== undefined && { until: new Date(until) })
        },
        before,
        limit + 1
      )
      const actor = actorOf(request)
      return toPage(
        rows,
        limit,
        row => toCall(row, actor),
        row => [row.started_at.toISOString(), row.call_id]
      )
    }
  )

  app.get(
    '/calls/:id',
    {
      config: { access: 'calls:read' },
      schema: {
        summary: 'A call and its story, event by event',
        tags: ['calls'],
        params: IdParams,
        response: responses({ 200: StorySchema })
      }
    },
    async request => {
      const { id } = request.params
      const actor = actorOf(request)
      const row = await findCdr(db, id)
      if (row === undefined)
        throw new AppError('NOT_FOUND', 'No call has this id. A call that began this second may not be stored yet.')
      const events = await listCallEvents(db, id)
      await audit(db, request, 'call.read', { kind: 'call', id })
      return {
        ...toCall(row, actor),
        events: events.map(event => ({
          seq: event.seq,
          at: event.at.toISOString(),
          kind: event.kind,
          data: maskNumbers(event.data, row, actor)
        }))
      }
    }
  )

  app.post(
    '/calls',
    {
      config: { access: 'calls:start' },
      schema: {
        summary: 'Start a call',
        description:
          'Calls a number in E.164 form through a trunk that may dial it, or an extension of a registered phone, and runs a flow when it is answered. A number is called only if the rules for outbound calls allow it now; the refusal names the decision and its reasons.',
        tags: ['calls'],
        body: Type.Object(
          {
            to: Type.String({ pattern: '^(\\+[1-9]\\d{6,14}|\\d{2,6})$', description: 'E.164 number or extension' }),
            flowId: Type.Optional(Type.String({ maxLength: 64 })),
            from: Type.Optional(Type.String({ pattern: '^\\+[1-9]\\d{6,14}$', description: 'A number of ours' })),
            language: Type.Optional(LanguageTag),
            variables: Type.Optional(
              Type.Record(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' }), Type.String({ maxLength: 1000 }))
            ),
            purpose: Type.Optional(
              Type.Unsafe<Purpose>({ type: 'string', enum: [...PURPOSES], description: 'By default: service' })
            ),
            party: Type.Optional(Type.Unsafe<Party>({ type: 'string', enum: [...PARTIES] })),
            ringMs: Type.Optional(Type.Integer({ minimum: 1000, maximum: 120_000, default: 30_000 }))
          },
          { additionalProperties: false }
        ),
        response: responses({ 202: Type.Object({ id: Type.String() }) })
      }
    },
    async (request, reply) => {
      const call = await startCall(request.body, actorOf(request).name)
      await audit(db, request, 'call.started', { kind: 'call', id: call.id })
      return reply.status(202).header('location', `/api/v1/calls/${call.id}`).send({ id: call.id })
    }
  )

  app.delete(
    '/calls/:id',
    {
      config: { access: 'calls:control' },
      schema: {
        summary: 'End a running call',
        tags: ['calls'],
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const call = liveCalls.get(id)
      if (call === undefined) throw new AppError('NOT_FOUND', 'No running call of this server has this id.')
      await audit(db, request, 'call.ended', { kind: 'call', id })
      call.end('operatorEnded', { detail: actorOf(request).name })
      return reply.status(204).send(null)
    }
  )
}

function toCall(row: Selectable<CdrsTable>, actor: Actor) {
  const isInbound = row.direction === 'inbound'
  return {
    id: row.call_id,
    direction: row.direction,
    state: row.state,
    // The far end is the customer; the other number is ours and not personal.
    callerNumber: isInbound ? numberFor(actor.role, row.caller_number) : row.caller_number,
    calledNumber: isInbound ? row.called_number : numberFor(actor.role, row.called_number),
    sipCallId: row.sip_call_id,
    trunkId: row.trunk_id,
    numberId: row.number_id,
    flowId: row.flow_id,
    flowVersion: row.flow_version,
    language: row.language,
    startedAt: row.started_at.toISOString(),
    answeredAt: row.answered_at?.toISOString() ?? null,
    endedAt: row.ended_at?.toISOString() ?? null,
    durationMs: row.duration_ms,
    talkMs: row.talk_ms,
    endReason: row.end_reason,
    endReasonSays: END_REASONS[row.end_reason as EndReason]?.says ?? null,
    endedBy: row.ended_by,
    fault: row.fault,
    hangupCause: row.hangup_cause,
    tags: row.tags,
    isSimulated: row.is_simulated
  }
}

/** Replaces the customer's number wherever it stands in an event's data. */
function maskNumbers(
  data: Readonly<Record<string, unknown>>,
  row: Selectable<CdrsTable>,
  actor: Actor
): Record<string, unknown> {
  const customer = row.direction === 'inbound' ? row.caller_number : row.called_number
  if (customer === null) return { ...data }
  const shown = numberFor(actor.role, customer)
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, value === customer ? shown : value]))
}
