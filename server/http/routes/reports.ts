import { DateTime } from 'luxon'
import { Type } from 'typebox'
import { isTimeZone } from '../../../ivr-flows/calendar/local-time.ts'
import type { Db } from '../../../sql/database.ts'
import { type Bucket, bucketsOf, INTERVALS, instantOf, type Interval } from '../../../sql/reports/buckets.ts'
import { DEFINITIONS } from '../../../sql/reports/definitions.ts'
import { agentReport, type Report, visitReport } from '../../../sql/reports/reports.ts'
import type { VisitFilter } from '../../../sql/reports/visit-report.ts'
import { AppError } from '../../errors.ts'
import type { App } from '../fastify-types.ts'
import { NullableString, responses } from '../schemas.ts'
import { toCsv } from './report-csv.ts'
import type { QueueRouteParts } from './queues.ts'

/** Rows of one report; more would be no report but an export. */
const MAX_ROWS = 50_000

const Instant = Type.String({
  maxLength: 40,
  description: 'An instant (2026-11-01T00:00:00Z) or a date (2026-11-01): midnight in the time zone'
})
const List = Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 200 }))

/** Which time and whose visits; the interval and the form come on top. */
export const ReportScope = {
  from: Instant,
  until: Type.String({ maxLength: 40, description: 'Not included' }),
  timeZone: Type.Optional(Type.String({ maxLength: 64, description: 'An IANA zone; by default UTC' })),
  queueId: List,
  agentId: List,
  language: List,
  number: List
}
const ReportQuery = Type.Object({
  ...ReportScope,
  interval: Type.Optional(Type.Enum([...INTERVALS], { description: 'Left out: all in one' })),
  format: Type.Optional(Type.Enum(['json', 'csv']))
})
export type ReportScopeValues = Readonly<{
  from: string
  until: string
  timeZone?: string
  queueId?: string[]
  agentId?: string[]
  language?: string[]
  number?: string[]
}>
type ReportQueryValues = ReportScopeValues & Readonly<{ interval?: Interval; format?: 'json' | 'csv' }>

const Figures = Type.Record(Type.String(), Type.Union([Type.Number(), Type.Null()]))

const BucketFields = {
  from: Type.String(),
  until: Type.String(),
  isPartial: Type.Boolean({ description: 'Still running: the figures will grow' })
}

const ReportSchema = Type.Object({
  title: Type.String(),
  from: Type.String(),
  until: Type.String(),
  timeZone: Type.String(),
  interval: NullableString,
  asOf: Type.String(),
  filters: Type.Record(Type.String(), Type.Array(Type.String())),
  definitions: Type.Record(Type.String(), Type.String()),
  rows: Type.Array(Type.Object({ key: Type.String(), name: Type.String(), ...BucketFields, figures: Figures })),
  totals: Type.Array(Type.Object({ ...BucketFields, figures: Figures })),
  total: Figures
})

export type Kind = 'queues' | 'agents' | 'numbers' | 'languages'

const TITLES: Readonly<Record<Kind, string>> = {
  queues: 'Queues',
  agents: 'Agents',
  numbers: 'Called numbers',
  languages: 'Languages'
}

/** Reports by queue, agent, called number and language, as JSON and as CSV with the same figures. */
export function registerReportRoutes(app: App, { db, queues, agents }: QueueRouteParts): void {
  const names: Readonly<Record<Kind, (key: string) => string>> = {
    queues: key => queues.findQueue(key)?.name ?? key,
    agents: key => agents.view(key)?.profile.displayName ?? key,
    numbers: key => key,
    languages: key => key
  }

  app.get(
    '/reports',
    {
      config: { access: 'reports:read' },
      schema: {
        summary: 'What reports there are',
        tags: ['reports'],
        response: responses({
          200: Type.Object({
            items: Type.Array(Type.Object({ name: Type.String(), title: Type.String(), path: Type.String() }))
          })
        })
      }
    },
    async () => ({
      items: Object.entries({ ...TITLES, quality: 'Quality', bots: 'Bots' }).map(([name, title]) => ({
        name,
        title,
        path: `/api/v1/reports/${name}`
      }))
    })
  )

  for (const kind of ['queues', 'agents', 'numbers', 'languages'] as const)
    app.get(
      `/reports/${kind}`,
      {
        config: { access: 'reports:read' },
        schema: {
          summary: `Report by ${TITLES[kind].toLowerCase()}`,
          description:
            'A visit counts at the instant at which its wait ended. Days are those of the named time zone and have 23 or 25 hours when its clock changes. With format=csv the same figures come as text/csv.',
          tags: ['reports'],
          querystring: ReportQuery,
          response: responses({ 200: ReportSchema })
        }
      },
      async (request, reply) => {
        const report = await build(kind, request.query)
        if (request.query.format !== 'csv') return report
        return reply
          .type('text/csv; charset=utf-8')
          .header('content-disposition', `attachment; filename="${kind}-${report.from.slice(0, 10)}.csv"`)
          .send(toCsv(report) as never)
      }
    )

  async function build(kind: Kind, query: ReportQueryValues) {
    const { timeZone = 'UTC', interval } = query
    const buckets = cut(query, timeZone)
    const asOf = new Date()
    const filter = filterOf(query)
    const report = await read(db, kind, buckets, asOf, filter)
    if (report.rows.length > MAX_ROWS)
      throw new AppError('VALIDATION_FAILED', `The report has more than ${MAX_ROWS} rows: take a longer interval.`)
    const local = (instant: Date) => DateTime.fromJSDate(instant, { zone: timeZone }).toISO() ?? instant.toISOString()
    const edges = buckets.map(bucket => ({
      from: local(bucket.from),
      until: local(bucket.until),
      isPartial: bucket.until > asOf
    }))
    const nameOf = await withRemoved(kind, names[kind])
    const figures = (of: object) => ({ ...of }) as Record<string, number | null>
    const used = Object.keys(report.total)
    return {
      title: TITLES[kind],
      from: local(buckets[0]?.from ?? asOf),
      until: local(buckets.at(-1)?.until ?? asOf),
      timeZone,
      interval: interval ?? null,
      asOf: local(asOf),
      filters: { ...filter } as Record<string, string[]>,
      definitions: Object.fromEntries(Object.entries(DEFINITIONS).filter(([name]) => used.includes(name))),
      rows: report.rows.flatMap(row => {
        const edge = edges[row.bucket]
        return edge === undefined
          ? []
          : [{ key: row.key, name: nameOf(row.key), ...edge, figures: figures(row.figures) }]
      }),
      totals: edges.map((edge, at) => ({ ...edge, figures: figures(report.totals[at] ?? {}) })),
      total: figures(report.total)
    }
  }

  /** Queues that were removed keep their names in reports. */
  async function withRemoved(kind: Kind, nameOf: (key: string) => string): Promise<(key: string) => string> {
    if (kind !== 'queues') return nameOf
    const rows = await db.selectFrom('queues').select(['id', 'name']).where('deleted_at', 'is not', null).execute()
    const removed = new Map(rows.map(row => [row.id, row.name]))
    return key => removed.get(key) ?? nameOf(key)
  }
}

async function read(
  db: Db,
  kind: Kind,
  buckets: readonly Bucket[],
  asOf: Date,
  filter: VisitFilter
): Promise<Report<object>> {
  switch (kind) {
    case 'queues':
      return await visitReport(db, buckets, 'queue', filter)
    case 'numbers':
      return await visitReport(db, buckets, 'number', filter)
    case 'languages':
      return await visitReport(db, buckets, 'language', filter)
    case 'agents':
      return await agentReport(db, buckets, asOf, filter)
    default:
      return kind satisfies never
  }
}

/** Whose visits a query asks for. */
export function filterOf(query: ReportScopeValues): VisitFilter {
  return {
    ...(query.queueId !== undefined && { queueIds: query.queueId }),
    ...(query.agentId !== undefined && { agentIds: query.agentId }),
    ...(query.language !== undefined && { languages: query.language }),
    ...(query.number !== undefined && { calledNumbers: query.number })
  }
}

/** The buckets of a query; throws AppError VALIDATION_FAILED for times that are none. */
export function cut({ from, until, interval }: ReportQueryValues, timeZone: string): readonly Bucket[] {
  if (!isTimeZone(timeZone)) throw new AppError('VALIDATION_FAILED', `There is no time zone ${timeZone}.`)
  const start = instantOf(from, timeZone)
  const end = instantOf(until, timeZone)
  if (start === null || end === null)
    throw new AppError('VALIDATION_FAILED', 'from and until are instants with an offset, or dates.')
  if (start >= end) throw new AppError('VALIDATION_FAILED', 'until must be after from.')
  try {
    return bucketsOf(start, end, interval ?? null, timeZone)
  } catch (cause) {
    if (cause instanceof RangeError)
      throw new AppError('VALIDATION_FAILED', 'These are too many intervals: take longer ones or less time.', { cause })
    throw cause
  }
}
