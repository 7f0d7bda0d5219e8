import { type Static, type TSchema, Type } from 'typebox'
import { CERTAINTIES, GRADES, LAYERS, MODES, OBLIGATIONS, PARTIES, PURPOSES, REASONS, SECTORS } from '../codes.ts'
import { OBSERVANCES } from '../time/holidays.ts'

const literals = <const T extends readonly string[]>(values: T, description?: string) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values], ...(description !== undefined && { description }) })

const closed = { additionalProperties: false }
const DayText = Type.String({
  pattern: '^\\d{4}-\\d{2}-\\d{2}$',
  description: 'A date without a zone: local where the call rings'
})
const InstantText = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?Z$' })
const ClockText = Type.String({
  pattern: '^(([01]\\d|2[0-3]):[0-5]\\d|24:00)$',
  description: 'HH:mm of local wall time'
})
const Jurisdiction = Type.String({ pattern: '^(\\*|[A-Z]{2}(-[A-Z0-9]{1,3})?)$' })
const Duration = Type.String({ pattern: '^(PT\\d+H|P\\d+D|forever)$', description: 'PT24H, P30D or forever; rolling' })

export const DAY_WORDS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

const HolidaySchema = Type.Object(
  {
    name: Type.String(),
    on: Type.Optional(Type.String({ pattern: '^\\d{2}-\\d{2}$' })),
    nth: Type.Optional(
      Type.Object(
        {
          n: Type.Integer({ minimum: -1, maximum: 5 }),
          weekday: literals(DAY_WORDS),
          month: Type.Integer({ minimum: 1, maximum: 12 }),
          plusDays: Type.Optional(Type.Integer())
        },
        closed
      )
    ),
    easter: Type.Optional(Type.Integer({ description: 'Days after Western Easter Sunday' })),
    dates: Type.Optional(Type.Array(DayText, { minItems: 1 })),
    observed: Type.Optional(literals(OBSERVANCES)),
    fromYear: Type.Optional(Type.Integer()),
    toYear: Type.Optional(Type.Integer()),
    years: Type.Optional(literals(['even', 'odd'] as const)),
    regions: Type.Optional(Type.Array(Jurisdiction))
  },
  closed
)

const SourceSchema = Type.Object(
  {
    cite: Type.String({ minLength: 2 }),
    url: Type.Optional(Type.String()),
    seen: Type.Optional(DayText),
    grade: literals(CERTAINTIES, 'P primary text read, S secondary source, K well known, UNVERIFIED not sure')
  },
  closed
)

/** What makes a rule not apply. Closed: there is no expression language. */
const ExceptionSchema = Type.Union([
  Type.Object(
    { when: Type.Literal('solicited') },
    { ...closed, description: 'The person asked for this call within 24 hours' }
  ),
  Type.Object(
    {
      when: Type.Literal('relationship'),
      purchaseMonths: Type.Optional(Type.Integer({ minimum: 1 })),
      inquiryMonths: Type.Optional(Type.Integer({ minimum: 1 }))
    },
    { ...closed, description: 'An established business relationship that is not too old' }
  ),
  Type.Object({ when: Type.Literal('customer') }, { ...closed, description: 'A customer, whatever the date' }),
  Type.Object(
    { when: Type.Literal('contract'), endedDays: Type.Optional(Type.Integer({ minimum: 0 })) },
    { ...closed, description: 'A running contract and a related offer, or one that ended lately' }
  ),
  Type.Object({ when: Type.Literal('consent'), grade: literals(GRADES) }, closed),
  Type.Object(
    { when: Type.Literal('consentHours') },
    { ...closed, description: 'The consent names calls at other hours' }
  ),
  Type.Object({ when: Type.Literal('landline') }, closed)
])

const VersionBase = {
  from: DayText,
  to: Type.Optional(DayText),
  status: literals(['enacted', 'proposed', 'enjoined', 'repealed'] as const),
  note: Type.Optional(Type.String()),
  source: Type.Array(SourceSchema, { minItems: 1 })
}

const version = <T extends Record<string, TSchema>>(own: T) =>
  Type.Array(Type.Object({ ...VersionBase, ...own }, closed), { minItems: 1 })

const PackTestSchema = Type.Object(
  {
    at: InstantText,
    number: Type.Optional(Type.String({ description: 'By default the sample number of the pack' })),
    mode: Type.Optional(literals(MODES)),
    purpose: Type.Optional(literals(PURPOSES)),
    given: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), { description: 'Facts that replace those of a clean call' })
    ),
    expect: Type.Union([Type.Literal('pass'), literals(REASONS), literals(OBLIGATIONS)]),
    next: Type.Optional(InstantText)
  },
  closed
)

const RuleBase = {
  id: Type.String({ pattern: '^[a-z0-9-]+\\.[a-z0-9-]+$' }),
  title: Type.String({ minLength: 3 }),
  purposes: Type.Optional(Type.Array(literals(PURPOSES), { minItems: 1, description: 'Left out: all' })),
  modes: Type.Optional(Type.Array(literals(MODES), { minItems: 1, description: 'Left out: all' })),
  party: Type.Optional(Type.Array(literals(PARTIES), { minItems: 1, description: 'Left out: all' })),
  sectors: Type.Optional(Type.Array(literals(SECTORS), { minItems: 1 })),
  exceptSectors: Type.Optional(Type.Array(literals(SECTORS), { minItems: 1 })),
  exceptWhen: Type.Optional(Type.Array(ExceptionSchema)),
  certainty: literals(CERTAINTIES, 'How sure the value is; UNVERIFIED ships as the stricter choice and shows its mark'),
  reviewBy: Type.Optional(DayText),
  tests: Type.Array(PackTestSchema, { minItems: 2, description: 'At least one on each side of a boundary' })
}

const rule = <K extends string, T extends Record<string, TSchema>>(check: K, own: T) =>
  Type.Object({ ...RuleBase, check: Type.Literal(check), versions: version(own) }, closed)

export const RuleSchema = Type.Union([
  rule('window', {
    windows: Type.Array(
      Type.Object(
        {
          days: Type.String({ description: 'mon-fri, or a list: "mon-sat holiday holiday-eve"' }),
          start: ClockText,
          end: ClockText
        },
        closed
      ),
      { description: 'Half-open [start, end); days without a window are closed' }
    )
  }),
  rule('holiday', {
    except: Type.Optional(Type.Array(Type.String(), { description: 'Names of the pack’s holidays that do not count' }))
  }),
  rule('courtesy', {
    padDays: Type.Integer({ minimum: 0, maximum: 3 }),
    places: Type.Array(
      Type.Object(
        {
          country: Type.String({ pattern: '^[A-Z]{2}$' }),
          zone: Type.Optional(Type.String()),
          city: Type.String(),
          latitude: Type.Number({ minimum: -66, maximum: 66 }),
          longitude: Type.Number({ minimum: -180, maximum: 180 }),
          sunsetPlusMinutes: Type.Optional(Type.Integer({ description: 'What the local authority adds to sunset' }))
        },
        closed
      )
    )
  }),
  rule('frequency', {
    limit: Type.Integer({ minimum: 1 }),
    per: Duration,
    key: Type.Optional(literals(['number', 'subject'] as const)),
    counts: Type.Optional(literals(['attempts', 'answered', 'abandoned', 'hung_up'] as const)),
    countsIf: Type.Optional(literals(['alerting'] as const))
  }),
  rule('pause', {
    after: literals(['refusal', 'conversation'] as const),
    for: Duration,
    key: Type.Optional(literals(['number', 'subject'] as const)),
    firstDay: Type.Optional(literals(['same'] as const, 'same: whole local days, the day itself is the first of them'))
  }),
  rule('preference', {}),
  rule('suspension', {}),
  rule('registry', {
    registry: Type.String({ pattern: '^[a-z]{2}(-[a-z0-9]+)+$' }),
    maxAgeDays: Type.Optional(Type.Integer({ minimum: 1 })),
    lookup: Type.Optional(
      literals(['before', 'at_dial'] as const, 'at_dial: may be open while planning, must be there when dialling')
    ),
    revokesEarlierConsent: Type.Optional(Type.Boolean())
  }),
  rule('internal', {}),
  rule('revocation', {}),
  rule('consent', {
    grade: literals(GRADES),
    lapsesAfterMonths: Type.Optional(Type.Integer({ minimum: 1, description: 'For a consent without a term' }))
  }),
  rule('prohibition', {
    because: literals(['form', 'scope'] as const, 'form: no form of consent is enough; scope: nothing can permit it')
  }),
  rule('reassigned', { maxAgeDays: Type.Integer({ minimum: 1 }) }),
  rule('cli', {
    forbidMobileOf: Type.Optional(Type.Array(Type.String({ pattern: '^[A-Z]{2}$' }))),
    country: Type.Optional(
      Type.String({ pattern: '^[A-Z]{2}$', description: 'The caller ID must be of this country' })
    ),
    startsWith: Type.Optional(Type.Array(Type.String({ pattern: '^\\+\\d+$' })))
  }),
  rule('abandon', { capPercent: Type.Number({ minimum: 0, maximum: 100 }), per: Type.String() }),
  rule('registration', { registration: Type.String({ pattern: '^[a-z]{2}(-[a-z0-9]+)+$' }) }),
  rule('disclosure', {
    obligations: Type.Array(
      Type.Object({ code: literals(OBLIGATIONS), seconds: Type.Optional(Type.Integer({ minimum: 1 })) }, closed),
      { minItems: 1 }
    )
  }),
  rule('recording', {
    policy: literals(['one_party', 'notice', 'notice_object', 'all_party', 'opt_in', 'never'] as const),
    isCompulsory: Type.Optional(Type.Boolean({ description: 'The call must be recorded; a refusal ends the offer' })),
    whenRecorderFails: Type.Optional(
      Type.Union([Type.Literal('end'), Type.Literal('goOn')], {
        description:
          'What becomes of a call that must be recorded and cannot be any more (default end): it ends with a word to both, or goes on and a supervisor is alarmed'
      })
    ),
    onDemand: Type.Optional(Type.Boolean({ description: 'Recording begins only when it is needed' }))
  })
])

export const PackSchema = Type.Object(
  {
    pack: Type.String({ pattern: '^[a-z0-9-]+$' }),
    version: Type.String({ pattern: '^\\d{4}\\.\\d{1,2}\\.\\d+$' }),
    kind: literals(LAYERS),
    title: Type.String({ minLength: 3 }),
    jurisdictions: Type.Array(Jurisdiction, {
      minItems: 1,
      description: 'Applies when one of these is in the set; * always'
    }),
    extends: Type.Optional(
      Type.String({ description: 'A pack that applies as well; named for the reader and checked' })
    ),
    isOptional: Type.Optional(Type.Boolean({ description: 'Off until the settings name it; courtesy and house only' })),
    owner: Type.String({ minLength: 2 }),
    reviewBy: DayText,
    needsTzdb: Type.Optional(Type.String({ pattern: '^\\d{4}[a-z]+$' })),
    note: Type.Optional(Type.String()),
    sample: Type.String({ pattern: '^\\+\\d{7,15}$', description: 'Fictitious number that the tests call' }),
    holidays: Type.Optional(Type.Array(HolidaySchema)),
    holidaysKnownTo: Type.Optional(
      Type.Integer({ description: 'Last year that lists of dates cover; later days are not decided without review' })
    ),
    rules: Type.Array(RuleSchema)
  },
  { ...closed, title: 'Rule pack of Parley' }
)

export type Pack = Static<typeof PackSchema>
export type PackRule = Static<typeof RuleSchema>
export type PackHoliday = Static<typeof HolidaySchema>
export type PackException = Static<typeof ExceptionSchema>
export type PackTest = Static<typeof PackTestSchema>
export type Check = PackRule['check']
export type RuleOf<K extends Check> = Extract<PackRule, { check: K }>
export type VersionOf<K extends Check> = RuleOf<K>['versions'][number]
