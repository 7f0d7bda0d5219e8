import { type Static, Type } from 'typebox'
import { LanguageTag, ONE_OF } from '../parts.ts'
import { type CheckedFile, readChecked } from './checked-file.ts'

const closed = { additionalProperties: false } as const

/** What a service answers to a request of the flow. */
export const Answer = Type.Object(
  {
    status: Type.Optional(Type.Integer({ minimum: 100, maximum: 599 })),
    body: Type.Optional(Type.Unknown()),
    failed: Type.Optional(Type.Enum(['TIMEOUT', 'UNREACHABLE', 'TOO_LARGE', 'NOT_JSON', 'FORBIDDEN_HOST']))
  },
  { ...closed, [ONE_OF]: ['status', 'failed'] }
)

/** What happens next, from the caller's or the world's side. */
const Step = Type.Object(
  {
    press: Type.Optional(
      Type.String({ pattern: '^[0-9*#A-D]{1,64}$', description: 'Keys pressed at the next question' })
    ),
    say: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'What the caller says at the next question' })
    ),
    confidence: Type.Optional(
      Type.Number({ minimum: 0, maximum: 1, description: 'How surely it is understood (default 1)' })
    ),
    silence: Type.Optional(Type.Literal(true, { description: 'Nothing is pressed at the next question' })),
    interrupt: Type.Optional(
      Type.String({ pattern: '^[0-9*#A-D]$', description: 'A key pressed during the next prompt' })
    ),
    hangUp: Type.Optional(
      Type.Union([Type.Literal(true), Type.String({ minLength: 1 })], {
        description: 'The caller hangs up at the next question, or in the node that is named'
      })
    ),
    request: Type.Optional(Answer),
    transfer: Type.Optional(Type.Enum(['completed', 'busy', 'noAnswer', 'failed'])),
    queue: Type.Optional(Type.Enum(['served', 'closed', 'full', 'maxWait', 'noAgents', 'unavailable'])),
    voicemail: Type.Optional(Type.Enum(['recorded', 'empty', 'failed'])),
    callback: Type.Optional(Type.Enum(['booked', 'failed'])),
    consent: Type.Optional(
      Type.Enum(['granted', 'refused', 'mustRecord', 'never', 'failed'], {
        description: 'What the caller says to recording; without this step the caller agrees'
      })
    ),
    bot: Type.Optional(
      Type.Enum(['handover', 'done', 'noAnswer', 'failed'], {
        description: 'What the conversation with the bot comes to'
      })
    ),
    afterMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400_000, description: 'How long it takes' }))
  },
  {
    ...closed,
    [ONE_OF]: [
      'press',
      'say',
      'silence',
      'interrupt',
      'hangUp',
      'request',
      'transfer',
      'queue',
      'voicemail',
      'callback',
      'consent',
      'bot'
    ]
  }
)
export type TestStep = Static<typeof Step>

const Heard = Type.Union([
  Type.String({ minLength: 1 }),
  Type.Object({ text: Type.String({ minLength: 1 }), language: LanguageTag }, closed)
])

export const Expectations = Type.Object(
  {
    heard: Type.Optional(Type.Array(Heard, { description: 'Parts of what the caller hears, in this order' })),
    notHeard: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
    path: Type.Optional(
      Type.Array(Type.String(), { description: 'All nodes, in order; those of subflows as flow/node' })
    ),
    passes: Type.Optional(Type.Array(Type.String(), { description: 'Some of the nodes, in this order' })),
    end: Type.Optional(
      Type.Union([
        Type.Enum(['hangup', 'transferred', 'served', 'failed', 'callerHungUp']),
        Type.Object(
          {
            kind: Type.Enum(['hangup', 'transferred', 'served', 'failed', 'callerHungUp']),
            node: Type.Optional(Type.String()),
            code: Type.Optional(Type.String()),
            cause: Type.Optional(Type.String())
          },
          closed
        )
      ])
    ),
    language: Type.Optional(LanguageTag),
    keptLanguage: Type.Optional(LanguageTag),
    tags: Type.Optional(Type.Array(Type.String())),
    survey: Type.Optional(Type.Record(Type.String(), Type.String())),
    variables: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    requests: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), { description: 'METHOD address, all of them in order' })
    ),
    destination: Type.Optional(Type.String({ description: 'Where the last transfer went' })),
    mailbox: Type.Optional(Type.String()),
    callbackNumber: Type.Optional(Type.String())
  },
  { ...closed, minProperties: 1 }
)
export type Expectations = Static<typeof Expectations>

/** What a call begins with. */
export const settings = {
  from: Type.Optional(Type.String({ description: 'The caller’s number; empty when hidden' })),
  to: Type.Optional(Type.String({ description: 'The number that was called' })),
  start: Type.Optional(
    Type.String({ format: 'date-time', description: 'When the call begins, such as 2026-03-02T09:30:00+01:00' })
  ),
  language: Type.Optional(LanguageTag),
  preferredLanguage: Type.Optional(LanguageTag),
  variables: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  promptFails: Type.Optional(Type.Array(Type.String(), { description: 'Nodes whose prompts cannot be played' }))
}

const Case = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 300, description: 'A sentence about what the caller experiences' }),
    ...settings,
    steps: Type.Optional(Type.Array(Step)),
    expect: Expectations
  },
  closed
)
export type TestCase = Static<typeof Case>

/** The shape of a `*.test.yaml` file. */
export const testFileSchema = Type.Object(
  {
    $schema: Type.Optional(Type.String()),
    flow: Type.String({ minLength: 1, description: 'The file of the flow, from this file’s folder' }),
    subflows: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), { description: 'Files of the flows that it calls' })
    ),
    defaults: Type.Optional(Type.Object(settings, closed)),
    cases: Type.Array(Case, { minItems: 1 })
  },
  { ...closed, title: 'Parley IVR flow tests' }
)
export type TestFile = Static<typeof testFileSchema>

/** Reads a file of flow tests. */
export function parseTestFile(source: string): CheckedFile<TestFile> {
  return readChecked(source, testFileSchema)
}
