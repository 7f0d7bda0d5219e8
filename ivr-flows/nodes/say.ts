import { type Static, Type } from 'typebox'
import { failedExit, type NodeBehaviour, nextExit } from '../node-kind.ts'
import { closed, common, Failed, Next, Prompts } from '../parts.ts'
import { afterPlaying, playOnce } from './playing.ts'

export const SayNode = Type.Object(
  {
    kind: Type.Literal('say'),
    ...common,
    prompt: Prompts,
    bargeIn: Type.Optional(
      Type.Boolean({
        description: 'Whether a key stops the prompt; the key then counts for the next question (default false)'
      })
    ),
    next: Next,
    failed: Failed
  },
  { ...closed, description: 'Says something' }
)
export type SayNode = Static<typeof SayNode>

export const say: NodeBehaviour<SayNode> = {
  exits: node => [nextExit(node.next), failedExit(node.failed)],
  enter: (context, node) => playOnce(context, context.prompts(node.prompt), node.bargeIn ?? false),
  resume: (_context, _node, answer) => afterPlaying(answer)
}
