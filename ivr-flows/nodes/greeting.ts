import { type Static, Type } from 'typebox'
import { localTime } from '../calendar/local-time.ts'
import { isOccasion } from '../calendar/occasions.ts'
import { TimeZone } from '../calendar/schema.ts'
import { failedExit, type NodeBehaviour, nextExit } from '../node-kind.ts'
import { closed, common, Failed, KEY_ROLE, Next, Prompts } from '../parts.ts'
import { afterPlaying, playOnce } from './playing.ts'

const DayParts = Type.Object(
  { morning: Type.Optional(Prompts), afternoon: Type.Optional(Prompts), evening: Type.Optional(Prompts) },
  { ...closed, minProperties: 1, description: 'Morning is from 4 to 12, afternoon from 12 to 18, evening the rest' }
)

export const GreetingNode = Type.Object(
  {
    kind: Type.Literal('greeting'),
    ...common,
    timeZone: TimeZone,
    dayParts: Type.Optional(DayParts),
    occasions: Type.Optional(
      Type.Record(Type.String(), Prompts, {
        minProperties: 1,
        description: 'Greetings by occasion, such as christmas or eid-al-fitr; the first that applies is said',
        [KEY_ROLE]: 'occasion'
      })
    ),
    otherwise: Type.Optional(Prompts),
    bargeIn: Type.Optional(Type.Boolean({ description: 'Whether a key stops it (default true)' })),
    next: Next,
    failed: Failed
  },
  {
    ...closed,
    description:
      'Greets by the time of day, then by the calendar; otherwise is said when no occasion applies. Afterwards result names the occasion'
  }
)
export type GreetingNode = Static<typeof GreetingNode>

export const greeting: NodeBehaviour<GreetingNode> = {
  exits: node => [nextExit(node.next), failedExit(node.failed)],
  enter: (context, node) => {
    const { date, minutes } = localTime(context.now, node.timeZone)
    const occasion = Object.keys(node.occasions ?? {}).find(id => isOccasion(id, date)) ?? null
    const byDay = node.dayParts?.[partOf(minutes)]
    const byOccasion = occasion === null ? node.otherwise : node.occasions?.[occasion]
    const prompts = [byDay, byOccasion].flatMap(one => (one === undefined ? [] : context.prompts(one)))
    const move = playOnce(context, prompts, node.bargeIn ?? true)
    return move.kind === 'ask' || move.kind === 'go'
      ? { ...move, changes: { ...move.changes, result: occasion } }
      : move
  },
  resume: (context, _node, answer) => {
    const move = afterPlaying(answer)
    const { result } = context.scope
    return move.kind === 'go' && typeof result === 'string' ? { ...move, detail: { occasion: result } } : move
  }
}

function partOf(minutes: number): 'morning' | 'afternoon' | 'evening' {
  const hour = Math.floor(minutes / 60)
  return hour >= 4 && hour < 12 ? 'morning' : hour >= 12 && hour < 18 ? 'afternoon' : 'evening'
}
