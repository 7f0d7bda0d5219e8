import { createHash } from 'node:crypto'
import { type Static, Type } from 'typebox'
import { PARTIES, PURPOSES, SECTORS } from '../compliance/codes.ts'

const closed = { additionalProperties: false }
const literals = <const T extends readonly string[]>(values: T) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values] })
const Text = (maxLength: number, description: string) => Type.String({ minLength: 1, maxLength, description })
const Clock = Type.String({ pattern: '^([01]\\d|2[0-3]):[0-5]\\d-(([01]\\d|2[0-3]):[0-5]\\d|24:00)$' })
const Day = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' })

/** What becomes of a dial, apart from talk with a person; each has a rule for trying again. */
export const RETRY_OUTCOMES = ['busy', 'noAnswer', 'machine', 'refused', 'failed', 'abandoned'] as const
export type RetryOutcome = (typeof RETRY_OUTCOMES)[number]

const RetrySchema = Type.Object(
  {
    times: Type.Integer({ minimum: 0, maximum: 20, description: 'How often after this outcome' }),
    gapMinutes: Type.Integer({ minimum: 1, maximum: 43_200 }),
    nextNumber: Type.Optional(Type.Boolean({ description: 'Try the person’s next number' }))
  },
  closed
)

/** What is said to people, in one language. Dates and amounts come from the flow; these are the words that a law wants. */
export const StatementsSchema = Type.Object(
  {
    identification: Text(500, 'Who calls, in the first sentence: the company by its name'),
    purpose: Type.Optional(Text(500, 'What the call is about')),
    aiDisclosure: Type.Optional(Text(500, 'That no human speaks')),
    optOut: Type.Optional(Text(500, 'Which key ends such calls for good; names the key')),
    callbackNumber: Type.Optional(Text(500, 'Under which number the company can be reached')),
    abandoned: Type.Optional(Text(500, 'For a person whom no agent could take: who called, under which number')),
    voicemail: Type.Optional(Text(1_000, 'What is left on a machine, with name and number'))
  },
  closed
)
export type Statements = Static<typeof StatementsSchema>

export const DISPOSITION_ACTIONS = ['done', 'retry', 'stop', 'wrongNumber', 'machine'] as const

export const CampaignSettingsSchema = Type.Object(
  {
    purpose: literals(PURPOSES),
    subject: Type.Optional(Text(128, 'What it is about; some laws count attempts by it')),
    seller: Text(200, 'On whose behalf: whom people have given their consent'),
    party: Type.Optional(literals(PARTIES)),
    sector: Type.Optional(literals(SECTORS)),
    lists: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 50 }),
    segment: Type.Optional(
      Type.Object(
        {
          languages: Type.Optional(Type.Array(Type.String({ maxLength: 35 }), { maxItems: 50 })),
          countries: Type.Optional(Type.Array(Type.String({ pattern: '^[A-Z]{2}$' }), { maxItems: 100 })),
          custom: Type.Optional(
            Type.Record(
              Type.String({ maxLength: 60 }),
              Type.Array(Type.String({ maxLength: 200 }), { minItems: 1, maxItems: 100 }),
              { description: 'Only contacts whose field has one of these values' }
            )
          )
        },
        closed
      )
    ),
    first: Type.Optional(
      Type.Array(
        Type.Object(
          {
            field: Text(60, 'A custom field'),
            value: Type.String({ maxLength: 200 }),
            priority: Type.Integer({ minimum: 0, maximum: 9 })
          },
          closed
        ),
        { maxItems: 20, description: 'Who goes before others: priority 0 first, 5 for all who are not named' }
      )
    ),
    suppress: Type.Optional(
      Type.Object(
        {
          campaigns: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 50 }),
          days: Type.Integer({ minimum: 1, maximum: 3_650 })
        },
        { ...closed, description: 'Leave out whom these campaigns have reached within so many days' }
      )
    ),
    queue: Type.Optional(Type.String({ maxLength: 200, description: 'Id or name; for all but agentless' })),
    flowId: Type.Optional(Type.String({ maxLength: 64, description: 'What an agentless call runs' })),
    recordsNotices: Type.Optional(
      Type.Boolean({
        description:
          'Record calls that a machine begins from their answer, where the law of both ends lets that be done without asking: the proof of what was said'
      })
    ),
    isAi: Type.Optional(Type.Boolean({ description: 'The flow is a bot that answers, not a message' })),
    script: Type.Optional(Type.String({ maxLength: 20_000, description: 'What agents read' })),
    schedule: Type.Object(
      {
        weekly: Type.Record(
          Type.String({ pattern: '^(daily|(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?)$' }),
          Type.Array(Clock, { maxItems: 6 }),
          closed
        ),
        from: Type.Optional(Day),
        until: Type.Optional(Day),
        except: Type.Optional(Type.Array(Day, { maxItems: 100 }))
      },
      { ...closed, description: 'In the time of the person who is called; the law may allow less' }
    ),
    callerIds: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 500 }),
    languages: Type.Record(Type.String({ pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$' }), StatementsSchema, {
      description: 'What is said, by language'
    }),
    defaultLanguage: Type.String({ pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$' }),
    optOutKey: Type.Optional(Type.String({ pattern: '^[0-9*#]$' })),
    amd: Type.Object(
      {
        isOn: Type.Boolean(),
        onMachine: literals(['hangUp', 'message', 'agent'] as const),
        onScreening: Type.Optional(
          Type.Unsafe<'hangUp' | 'identify'>({
            type: 'string',
            enum: ['hangUp', 'identify'],
            description:
              'An assistant asks who calls. hangUp (default): no word; identify: say who calls and wait for the person'
          })
        ),
        settings: Type.Optional(
          Type.Object(
            {
              machineGreetingMs: Type.Optional(
                Type.Integer({
                  minimum: 1_000,
                  maximum: 6_000,
                  description: 'A greeting that lasts so long is a machine’s'
                })
              ),
              afterGreetingMs: Type.Optional(
                Type.Integer({ minimum: 300, maximum: 2_000, description: 'So much quiet after it: somebody waits' })
              ),
              initialSilenceMs: Type.Optional(
                Type.Integer({ minimum: 1_000, maximum: 8_000, description: 'So long nobody says anything: unknown' })
              ),
              screeningQuietMs: Type.Optional(
                Type.Integer({
                  minimum: 500,
                  maximum: 5_000,
                  description: 'So much quiet without a beep: an assistant'
                })
              ),
              limitMs: Type.Optional(
                Type.Integer({ minimum: 2_000, maximum: 12_000, description: 'By then there is a verdict' })
              )
            },
            {
              ...closed,
              description: 'How people answer there, where it is not as the detector knows of their country'
            }
          )
        )
      },
      closed
    ),
    ringMs: Type.Integer({ minimum: 15_000, maximum: 60_000, description: '15 s at least: 47 CFR 64.1200(a)(6)' }),
    retries: Type.Object(
      Object.fromEntries(RETRY_OUTCOMES.map(outcome => [outcome, Type.Optional(RetrySchema)])) as Record<
        RetryOutcome,
        ReturnType<typeof Type.Optional<typeof RetrySchema>>
      >,
      closed
    ),
    maxAttempts: Type.Integer({ minimum: 1, maximum: 50 }),
    maxLines: Type.Integer({ minimum: 1, maximum: 5_000 }),
    maxCallsPerSecond: Type.Integer({ minimum: 1, maximum: 1_000 }),
    registrations: Type.Optional(Type.Array(Type.String({ pattern: '^[a-z]{2}(-[a-z0-9]+)+$' }), { maxItems: 50 })),
    promiseWaitMinutes: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1_440,
        description: 'So long a promised call waits for who has promised it (10); then anybody of the queue makes it'
      })
    ),
    goal: Type.Optional(Type.Integer({ minimum: 1, description: 'Ends after so many conversations' })),
    dispositions: Type.Optional(
      Type.Record(
        Type.String({ maxLength: 64 }),
        Type.Object(
          {
            action: literals(DISPOSITION_ACTIONS),
            gapMinutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 525_600 }))
          },
          closed
        )
      )
    )
  },
  { ...closed, title: 'Settings of a campaign' }
)
export type CampaignSettings = Static<typeof CampaignSettingsSchema>

/** The same settings have the same hash, in whatever order their fields stand. */
export function hashSettings(name: string, pacing: string, settings: CampaignSettings): string {
  return createHash('sha256').update(sorted({ name, pacing, settings })).digest('hex')
}

function sorted(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sorted).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  return `{${Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, one]) => `${JSON.stringify(key)}:${sorted(one)}`)
    .join()}}`
}

/** The statements of the language that is nearest to the wanted one. */
export function statementsFor(
  settings: Pick<CampaignSettings, 'languages' | 'defaultLanguage'>,
  wanted: string | null
): Readonly<{ language: string; statements: Statements | null }> {
  const base = wanted?.split('-')[0]
  for (const language of [wanted, base, settings.defaultLanguage]) {
    if (language === null || language === undefined) continue
    const statements = settings.languages[language]
    if (statements !== undefined) return { language, statements }
  }
  return { language: settings.defaultLanguage, statements: null }
}
