import { type Static, Type } from 'typebox'
import type { NodeBehaviour } from '../node-kind.ts'
import { closed, common, NAME_PATTERN } from '../parts.ts'

export const ReturnNode = Type.Object(
  {
    kind: Type.Literal('return'),
    ...common,
    outcome: Type.Optional(
      Type.String({ pattern: NAME_PATTERN, description: 'A word that the calling flow may go different ways by' })
    )
  },
  { ...closed, description: 'Goes back to the flow that called this one; without one, ends the call' }
)
export type ReturnNode = Static<typeof ReturnNode>

export const returnNode: NodeBehaviour<ReturnNode> = {
  exits: () => [],
  enter: (_context, node) => ({ kind: 'leaveFlow', outcome: node.outcome ?? null })
}
