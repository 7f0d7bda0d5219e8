import { type TSchema, Type } from 'typebox'
import { Calendar } from './calendar/schema.ts'
import { BotNode } from './nodes/bot.ts'
import { BranchNode } from './nodes/branch.ts'
import { CallbackNode } from './nodes/callback.ts'
import { ConsentNode } from './nodes/consent.ts'
import { GatherNode } from './nodes/gather.ts'
import { GreetingNode } from './nodes/greeting.ts'
import { HangupNode } from './nodes/hangup.ts'
import { HoursNode } from './nodes/hours.ts'
import { LanguageNode } from './nodes/language.ts'
import { MenuNode } from './nodes/menu.ts'
import { PlayNode } from './nodes/play.ts'
import { QueueNode } from './nodes/queue.ts'
import { RequestNode } from './nodes/request.ts'
import { ReturnNode } from './nodes/return.ts'
import { SayNode } from './nodes/say.ts'
import { SetNode } from './nodes/set.ts'
import { SubflowNode } from './nodes/subflow.ts'
import { SurveyNode } from './nodes/survey.ts'
import { TagNode } from './nodes/tag.ts'
import { TransferNode } from './nodes/transfer.ts'
import { VoicemailNode } from './nodes/voicemail.ts'
import { closed, LanguageTag, NAME_PATTERN, Name, target, VARIABLE_PATTERN } from './parts.ts'

export const Node = Type.Union(
  [
    BotNode,
    BranchNode,
    CallbackNode,
    ConsentNode,
    GatherNode,
    GreetingNode,
    HangupNode,
    HoursNode,
    LanguageNode,
    MenuNode,
    PlayNode,
    QueueNode,
    RequestNode,
    ReturnNode,
    SayNode,
    SetNode,
    SubflowNode,
    SurveyNode,
    TagNode,
    TransferNode,
    VoicemailNode
  ],
  {
    description: 'One step of the flow; kind says which'
  }
)

export const VariableType = Type.Enum(['string', 'number', 'boolean', 'list', 'object', 'any'], {
  description: 'What the variable holds'
})

const Variable = Type.Object(
  {
    type: VariableType,
    default: Type.Optional(Type.Unknown({ description: 'The value at the start; without it the variable is null' })),
    description: Type.Optional(Type.String({ maxLength: 500 }))
  },
  closed
)

const nameKey = Type.String({ pattern: NAME_PATTERN })
const variableKey = Type.String({ pattern: VARIABLE_PATTERN })

export const DEFAULT_MAX_STEPS = 1_000
export const DEFAULT_MAX_DURATION_MS = 60 * 60_000

/** The JSON Schema of a flow document, with the roles of its values (`x-role`). */
export const flowSchema = Type.Object(
  {
    $schema: Type.Optional(Type.String({ description: 'Where this schema is, for editors' })),
    id: Name,
    name: Type.String({ minLength: 1, maxLength: 200, description: 'The name that people see' }),
    description: Type.Optional(Type.String({ maxLength: 2_000 })),
    languages: Type.Array(LanguageTag, { minItems: 1, maxItems: 50, description: 'Languages that the flow speaks' }),
    defaultLanguage: LanguageTag,
    start: target('The first node'),
    vars: Type.Optional(Type.Record(variableKey, Variable, { ...closed, description: 'Variables by name' })),
    calendars: Type.Optional(Type.Record(nameKey, Calendar, { ...closed, description: 'Opening hours by name' })),
    onFailure: Type.Optional(target('Where to go when a node fails that has no way on of its own')),
    maxDurationMs: Type.Optional(
      Type.Integer({
        minimum: 1_000,
        maximum: 24 * 3_600_000,
        description: 'Longest time in the flow, waiting in queues and talking not counted (default one hour)'
      })
    ),
    maxSteps: Type.Optional(
      Type.Integer({ minimum: 10, maximum: 100_000, description: 'Most nodes that a call may enter (default 1000)' })
    ),
    nodes: Type.Record(nameKey, Node, {
      ...closed,
      minProperties: 1,
      maxProperties: 2_000,
      description: 'Nodes by name'
    })
  },
  { ...closed, title: 'Parley IVR flow' }
) satisfies TSchema
