import { type Static, Type } from 'typebox'
import { ONE_OF } from '../parts.ts'
import type { Finding } from '../problem.ts'
import { type CheckedFile, readChecked } from './checked-file.ts'
import { Answer, Expectations, settings } from './test-file.ts'

const closed = { additionalProperties: false } as const

export const MAX_CALLS = 50
export const MAX_CALL_MS = 300_000
export const DEFAULT_CALL_MS = 120_000

/** What the caller does next, or how the world answers the flow; exactly one of the two kinds. */
const Step = Type.Object(
  {
    say: Type.Optional(
      Type.String({ minLength: 1, maxLength: 500, description: 'What the caller says at the next question' })
    ),
    press: Type.Optional(
      Type.String({ pattern: '^[0-9*#A-D]{1,64}$', description: 'Keys pressed at the next question' })
    ),
    silence: Type.Optional(Type.Literal(true, { description: 'The caller lets the next question pass' })),
    hangUp: Type.Optional(
      Type.Union([Type.Literal(true), Type.String({ minLength: 1 })], {
        description: 'The caller hangs up at the next question, or in the node that is named'
      })
    ),
    interruptAtMs: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 60_000,
        description: 'Says or presses it so long after the next prompt is first heard, instead of waiting for its end'
      })
    ),
    confidence: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description: 'How surely it is understood where words are given to the flow as text (default 0.95)'
      })
    ),
    request: Type.Optional(Answer),
    transfer: Type.Optional(Type.Enum(['completed', 'busy', 'noAnswer', 'failed'])),
    queue: Type.Optional(Type.Enum(['served', 'closed', 'full', 'maxWait', 'noAgents', 'unavailable'])),
    voicemail: Type.Optional(Type.Enum(['recorded', 'empty', 'failed'])),
    callback: Type.Optional(Type.Enum(['booked', 'failed'])),
    afterMs: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 60_000,
        description: 'How long the caller hesitates, or what is asked of the world takes'
      })
    )
  },
  {
    ...closed,
    [ONE_OF]: ['say', 'press', 'silence', 'hangUp', 'request', 'transfer', 'queue', 'voicemail', 'callback']
  }
)
export type ScenarioStep = Static<typeof Step>

const Caller = Type.Object(
  {
    voice: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z]{2,3}([-+][A-Za-z0-9]{1,12}){0,5}$',
        description: 'A voice of eSpeak NG, such as en-gb-scotland, en-029 or en-us+f3; by default that of the language'
      })
    ),
    noise: Type.Optional(
      Type.Object(
        {
          kind: Type.Enum(['white', 'street', 'voices']),
          snrDb: Type.Number({
            minimum: -5,
            maximum: 60,
            description: 'How far the voice is above the noise, in decibels'
          })
        },
        closed
      )
    )
  },
  closed
)

const Limits = Type.Object(
  {
    turns: Type.Optional(Type.Integer({ minimum: 0, description: 'At most so many turns of the caller' })),
    latencyMs: Type.Optional(
      Type.Integer({ minimum: 0, description: 'From the end of any turn to the first sound after it, at most' })
    ),
    medianLatencyMs: Type.Optional(Type.Integer({ minimum: 0, description: 'The same, for half of the turns' })),
    interruptMs: Type.Optional(
      Type.Integer({ minimum: 0, description: 'From an interruption to the end of the prompt, at most' })
    ),
    wordErrorRate: Type.Optional(
      Type.Number({ minimum: 0, maximum: 1, description: 'Share of words that may be heard wrong' })
    ),
    durationMs: Type.Optional(Type.Integer({ minimum: 0, description: 'From answer to end, at most' }))
  },
  { ...closed, minProperties: 1, description: 'What makes the call fail although it reached its goals' }
)
export type ScenarioLimits = Static<typeof Limits>

const { promptFails: _, ...callSettings } = settings
const given = {
  ...callSettings,
  hearing: Type.Optional(
    Type.Enum(['words', 'sound'], {
      description:
        'words: what the caller says is given to the flow as text, at the moment at which it is said (default). sound: it is spoken, and heard by the recognisers of this installation'
    })
  ),
  caller: Type.Optional(Caller),
  ringAgents: Type.Optional(
    Type.Boolean({ description: 'Queues really ring agents; otherwise the steps tell how they end (default false)' })
  ),
  maxMs: Type.Optional(
    Type.Integer({
      minimum: 1_000,
      maximum: MAX_CALL_MS,
      description: `A call that is longer is cut off and has failed (default ${DEFAULT_CALL_MS})`
    })
  )
}

const Scenario = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 300, description: 'A sentence about what the caller wants' }),
    ...given,
    steps: Type.Optional(Type.Array(Step, { maxItems: 200 })),
    expect: Expectations,
    limits: Type.Optional(Limits)
  },
  closed
)
export type Scenario = Static<typeof Scenario>

/** The shape of a `*.call.yaml` file. */
export const scenarioFileSchema = Type.Object(
  {
    $schema: Type.Optional(Type.String()),
    flow: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'The file of the flow, from this file’s folder; not needed where the flow is known'
      })
    ),
    subflows: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { description: 'Files of flows that it calls' })),
    defaults: Type.Optional(Type.Object({ ...given, limits: Type.Optional(Limits) }, closed)),
    calls: Type.Array(Scenario, { minItems: 1, maxItems: MAX_CALLS })
  },
  { ...closed, title: 'Parley scripted calls' }
)
export type ScenarioFile = Static<typeof scenarioFileSchema>

/** Reads a file of scripted calls. */
export function parseScenarioFile(source: string): CheckedFile<ScenarioFile> {
  return readChecked(source, scenarioFileSchema, misplacedIn)
}

/** What the shape alone does not tell: an interruption needs something to interrupt with, a start must be a time. */
function misplacedIn({ calls }: ScenarioFile): readonly Finding[] {
  return calls.flatMap(({ steps = [], start }, call) => [
    ...(start !== undefined && Number.isNaN(Date.parse(start))
      ? [{ code: 'BAD_DATE' as const, message: `“${start}” is not a time`, path: ['calls', call, 'start'] }]
      : []),
    ...steps.flatMap((step, index) =>
      step.interruptAtMs !== undefined && step.say === undefined && step.press === undefined
        ? [
            {
              code: 'WRONG_VALUE' as const,
              message: 'Only what is said or pressed can interrupt a prompt',
              path: ['calls', call, 'steps', index, 'interruptAtMs']
            }
          ]
        : []
    )
  ])
}

/** A scenario with what the file says for all of its calls. Pure. */
export function withDefaults({ defaults }: ScenarioFile, one: Scenario): Scenario {
  const limits = { ...defaults?.limits, ...one.limits }
  return {
    ...defaults,
    ...one,
    ...(Object.keys(limits).length > 0 && { limits }),
    variables: { ...defaults?.variables, ...one.variables }
  }
}
