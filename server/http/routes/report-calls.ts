import { Type } from 'typebox'
import { isMiss, listCountedCalls, OPENABLE } from '../../../sql/reports/counted-calls.ts'
import type { VisitGroup } from '../../../sql/reports/visit-report.ts'
import { AppError } from '../../errors.ts'
import { numberFor } from '../../number-mask.ts'
import { actorOf } from '../actor.ts'
import type { App } from '../fastify-types.ts'
import { decodeCursor, NullableString, PageQuery, pageOf, responses, toPage } from '../schemas.ts'
import type { QueueRouteParts } from './queues.ts'
import { cut, filterOf, type Kind, ReportScope } from './reports.ts'

const GROUPS: Readonly<Record<Kind, VisitGroup>> = {
  queues: 'queue',
  agents: 'agent',
  numbers: 'number',
  languages: 'language'
}

const NullableInteger = Type.Union([Type.Integer(), Type.Null()])

const CountedCallSchema = Type.Object({
  callId: Type.String(),
  at: Type.String({ description: 'By which it was counted' }),
  queueId: NullableString,
  queueName: NullableString,
  agentId: NullableString,
  agentName: NullableString,
  direction: NullableString,
  callerNumber: NullableString,
  calledNumber: NullableString,
  language: NullableString,
  outcome: Type.String(),
  isWithinThreshold: Type.Union([Type.Boolean(), Type.Null()]),
  waitedMs: NullableInteger,
  talkMs: NullableInteger,
  holdMs: NullableInteger,
  wrapUpMs: NullableInteger
})

const CountedCallsQuery = Type.Object({
  ...ReportScope,
  ...PageQuery.properties,
  figure: Type.Enum([...OPENABLE], { description: 'A mean or a share gives the calls that it divides by' }),
  key: Type.Optional(Type.String({ maxLength: 64, description: 'One row of the report; left out: all' }))
})

/** The calls that a figure of a report counted. */
export function registerReportCallsRoutes(app: App, { db, queues, agents }: QueueRouteParts): void {
  for (const kind of ['queues', 'agents', 'numbers', 'languages'] as const)
    app.get(
      `/reports/${kind}/calls`,
      {
        config: { access: 'reports:read' },
        schema: {
          summary: `The calls behind one figure of the report by ${GROUPS[kind]}`,
          description:
            'As many as the figure says for the same time, row and filter, newest first. A call that waited in two queues is there twice.',
          tags: ['reports'],
          querystring: CountedCallsQuery,
          response: responses({ 200: pageOf(CountedCallSchema) })
        }
      },
      async request => {
        const { cursor, limit = 50, figure, key, timeZone = 'UTC' } = request.query
        if (isMiss(figure) && kind !== 'agents')
          throw new AppError('VALIDATION_FAILED', `Only the report by agent counts ${figure}.`)
        const [bucket] = cut(request.query, timeZone)
        if (bucket === undefined) throw new AppError('VALIDATION_FAILED', 'until must be after from.')
        const position = decodeCursor(cursor, 2)
        const rows = await listCountedCalls(
          db,
          {
            figure,
            group: GROUPS[kind],
            from: bucket.from,
            until: bucket.until,
            filter: filterOf(request.query),
            ...(key !== undefined && { key })
          },
          position === null ? null : { at: new Date(position[0] ?? ''), id: position[1] ?? '' },
          limit + 1
        )
        const { role } = actorOf(request)
        return toPage(
          rows,
          limit,
          ({ id: _id, at, ...row }) => ({
            ...row,
            at: at.toISOString(),
            // The far end is the customer; the other number is ours and not personal.
            callerNumber: row.direction === 'outbound' ? row.callerNumber : numberFor(role, row.callerNumber),
            calledNumber: row.direction === 'outbound' ? numberFor(role, row.calledNumber) : row.calledNumber,
            queueName: row.queueId === null ? null : (queues.findQueue(row.queueId)?.name ?? null),
            agentName: row.agentId === null ? null : (agents.view(row.agentId)?.profile.displayName ?? null)
          }),
          row => [row.at.toISOString(), row.id]
        )
      }
    )
}
