import { type Static, Type } from 'typebox'
import { Calendar } from '../../../ivr-flows/calendar/schema.ts'
import { isDate, isTimeZone } from '../../../ivr-flows/calendar/local-time.ts'
import { parseSpan } from '../../../ivr-flows/calendar/spans.ts'
import type { InputProblem } from '../../errors.ts'
import { LANGUAGE_LEVELS } from '../../agents/profile.ts'
import { LanguageTag, NullableString } from '../schemas.ts'

const CLOSED = { additionalProperties: false } as const
const HOUR_MS = 3_600_000

export const SkillName = Type.String({
  pattern: '^[a-z0-9][a-z0-9._-]{0,63}$',
  description: 'Small letters, digits, dots and dashes'
})
export const Labels = Type.Record(
  Type.String({ pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$' }),
  Type.String({ maxLength: 200 }),
  {
    ...CLOSED,
    description: 'What people read, by language tag'
  }
)
export const LanguageLevelSchema = Type.Enum([...LANGUAGE_LEVELS], { description: 'CEFR level' })
export const Code = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' })

const nullable = <T extends ReturnType<typeof Type.Integer | typeof Type.Object | typeof Type.String>>(schema: T) =>
  Type.Union([schema, Type.Null()])

export const TierSchema = Type.Object(
  {
    afterMs: Type.Integer({ minimum: 0, maximum: 24 * HOUR_MS, description: 'From this waiting time on' }),
    skills: Type.Array(Type.Object({ skill: SkillName, minLevel: Type.Integer({ minimum: 1, maximum: 5 }) }, CLOSED), {
      maxItems: 20
    }),
    languageLevel: Type.Union([LanguageLevelSchema, Type.Null()], {
      description: 'The caller’s language at least so well; null: the language does not matter'
    })
  },
  CLOSED
)

const OverflowSchema = Type.Object(
  {
    kind: Type.Enum(['queue', 'number', 'extension', 'agent', 'voicemail', 'flow']),
    value: Type.String({ minLength: 1, maxLength: 200 })
  },
  CLOSED
)

/** The calendar of flows without the annotations that only the flow checker understands. */
const CalendarSchema = Type.Unsafe<Calendar>(
  JSON.parse(JSON.stringify(Calendar, (key, value) => (key.startsWith('x-') ? undefined : value)))
)

const STRATEGIES = ['longestIdle', 'roundRobin', 'leastOccupied', 'bestSkill', 'stickyAgent', 'ringAll'] as const

/** Everything that can be set about a queue, with what holds when it is left out. */
export const QUEUE_FIELDS = {
  labels: Labels,
  strategy: Type.Enum([...STRATEGIES]),
  tiers: Type.Array(TierSchema, { maxItems: 10, description: 'Each adds agents to those before; none: anybody' }),
  thresholdMs: Type.Integer({ minimum: 1_000, maximum: HOUR_MS, description: 'Service level threshold' }),
  goalPercent: nullable(Type.Integer({ minimum: 1, maximum: 100, description: 'Service level goal' })),
  priority: Type.Integer({ minimum: -100, maximum: 1_000 }),
  ageingPerMinute: Type.Integer({ minimum: 0, maximum: 1_000, description: 'Priority that a minute of waiting adds' }),
  maxSize: nullable(Type.Integer({ minimum: 1, maximum: 100_000 })),
  maxWaitMs: nullable(Type.Integer({ minimum: 1_000, maximum: 24 * HOUR_MS })),
  calendar: Type.Union([CalendarSchema, Type.Null()]),
  wrapUpMs: Type.Integer({ minimum: 0, maximum: HOUR_MS }),
  wrapUpLimitMs: Type.Integer({ minimum: 0, maximum: 4 * HOUR_MS }),
  ringMs: Type.Integer({ minimum: 3_000, maximum: 300_000 }),
  isAutoAnswered: Type.Boolean(),
  stickyWaitMs: Type.Integer({ minimum: 0, maximum: HOUR_MS, description: 'stickyAgent: alone for the known agent' }),
  ringAllMax: Type.Integer({ minimum: 1, maximum: 50, description: 'ringAll: phones that ring at once' }),
  keepFree: Type.Integer({
    minimum: 0,
    maximum: 1_000,
    description: 'Agents whom callbacks leave to callers on the line'
  }),
  waitsWithoutAgents: Type.Boolean({ description: 'Whether callers wait although nobody is signed in' }),
  overflow: nullable(OverflowSchema),
  afterHours: nullable(OverflowSchema),
  announce: nullable(
    Type.Object(
      {
        position: Type.Boolean(),
        wait: Type.Boolean(),
        everyMs: Type.Integer({ minimum: 5_000, maximum: HOUR_MS })
      },
      CLOSED
    )
  ),
  music: nullable(Type.String({ maxLength: 500 })),
  script: Type.String({ maxLength: 20_000, description: 'What the agent reads during the call' }),
  callbackAfterMs: nullable(Type.Integer({ minimum: 5_000, maximum: 24 * HOUR_MS }))
} as const

const QueueName = Type.String({ minLength: 1, maxLength: 200 })

export const QueueSchema = Type.Object({
  id: Type.String(),
  name: QueueName,
  ...QUEUE_FIELDS,
  calendar: Type.Union([Type.Unsafe<Calendar>(Type.Object({}, { additionalProperties: true })), Type.Null()]),
  version: Type.Integer({ description: 'Counts changes; send it back to be told of others’' })
})

const Changes = Type.Partial(Type.Object(QUEUE_FIELDS))

export const NewQueueSchema = Type.Object({ name: QueueName, ...Changes.properties }, CLOSED)
export const QueueChangeSchema = Type.Object(
  {
    ...Changes.properties,
    name: Type.Optional(QueueName),
    version: Type.Optional(Type.Integer({ description: 'Refused with CONFLICT when somebody else changed it since' }))
  },
  { ...CLOSED, minProperties: 1 }
)
export type QueueChange = Static<typeof QueueChangeSchema>

export const AgentSkillSchema = Type.Object(
  { skill: SkillName, level: Type.Integer({ minimum: 1, maximum: 5 }) },
  CLOSED
)
export const AgentLanguageSchema = Type.Object({ language: LanguageTag, level: LanguageLevelSchema }, CLOSED)

export const DispositionSchema = Type.Object({
  code: Code,
  labels: Labels,
  queueIds: Type.Array(Type.String(), { description: 'Where it can be chosen; none: everywhere' }),
  isActive: Type.Boolean()
})

export const StatusReasonSchema = Type.Object({ code: Code, labels: Labels, isActive: Type.Boolean() })

export const WaitingSchema = Type.Object({ id: Type.String(), name: NullableString })

/** What is wrong in a calendar although its form is right: zones, spans and dates that do not exist. */
export function calendarProblems(calendar: Calendar, at: string): readonly InputProblem[] {
  const problems: InputProblem[] = []
  if (!isTimeZone(calendar.timeZone))
    problems.push({ at: `${at}/timeZone`, message: `there is no time zone ${calendar.timeZone}` })
  const spans = (texts: readonly string[], where: string) => {
    for (const text of texts)
      if (parseSpan(text) === null) problems.push({ at: where, message: `${text} is not a span such as 09:00-17:30` })
  }
  const week = (weekly: Calendar['weekly'], where: string) => {
    for (const [days, texts] of Object.entries(weekly)) spans(texts, `${where}/${days}`)
  }
  week(calendar.weekly, `${at}/weekly`)
  if (calendar.ramadan !== undefined) week(calendar.ramadan.weekly, `${at}/ramadan/weekly`)
  spans(calendar.holidays?.hours ?? [], `${at}/holidays/hours`)
  const dates = [
    ...(calendar.specialDays ?? []).map(day => day.date),
    ...(calendar.ramadan?.dates ?? []).flatMap(({ from, until }) => [from, until])
  ]
  for (const date of dates) if (!isDate(date)) problems.push({ at, message: `${date} is not a date` })
  for (const day of calendar.specialDays ?? []) spans(day.hours, `${at}/specialDays`)
  return problems
}
