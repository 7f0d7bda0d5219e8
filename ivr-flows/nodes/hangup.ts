import { type Static, Type } from 'typebox'
import type { Move, NodeBehaviour, NodeContext } from '../node-kind.ts'
import { closed, common, Prompts } from '../parts.ts'

export const HangupNode = Type.Object(
  {
    kind: Type.Literal('hangup'),
    ...common,
    prompt: Type.Optional(Prompts),
    cause: Type.Optional(
      Type.Enum(['normal', 'busy', 'rejected'], {
        description: 'What the caller’s side is told (default normal)'
      })
    )
  },
  { ...closed, description: 'Says goodbye, if given, and ends the call' }
)
export type HangupNode = Static<typeof HangupNode>

export const hangup: NodeBehaviour<HangupNode> = {
  exits: () => [],
  enter: (context, node) => {
    const prompts = node.prompt === undefined ? [] : context.prompts(node.prompt)
    return prompts.length === 0
      ? end(context, node)
      : { kind: 'ask', ask: { kind: 'play', prompts, options: { bargeIn: false } } }
  },
  // A goodbye that cannot be played does not keep the call open; the story says that it was not heard.
  resume: (context, node, answer) =>
    end(context, node, answer.kind === 'play' && answer.outcome.kind === 'failed' ? answer.outcome.code : undefined)
}

function end(context: NodeContext, { cause }: HangupNode, promptFailure?: string): Move {
  return {
    kind: 'end',
    exit: 'hangup',
    end: { kind: 'hangup', node: context.nodeName, ...(cause === undefined ? {} : { cause }) },
    ...(promptFailure === undefined ? {} : { detail: { promptFailure } })
  }
}
