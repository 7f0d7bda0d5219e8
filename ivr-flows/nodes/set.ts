import { type Static, Type } from 'typebox'
import type { Json } from '../json.ts'
import { failedExit, type NodeBehaviour, nextExit } from '../node-kind.ts'
import { closed, common, Failed, KEY_ROLE, Next, ROLE } from '../parts.ts'
import { fillValue } from '../template.ts'
import { fitVariables } from '../variables.ts'

export const SetNode = Type.Object(
  {
    kind: Type.Literal('set'),
    ...common,
    values: Type.Record(Type.String(), Type.Unknown({ [ROLE]: 'template' }), {
      minProperties: 1,
      description: 'New values of variables; "{{ expression }}" alone keeps the expression’s type',
      [KEY_ROLE]: 'variable'
    }),
    next: Next,
    failed: Failed
  },
  { ...closed, description: 'Gives variables new values' }
)
export type SetNode = Static<typeof SetNode>

export const set: NodeBehaviour<SetNode> = {
  exits: node => [nextExit(node.next), failedExit(node.failed)],
  enter: (context, node) => {
    const fitted = fitVariables(context.flow, fillValue(node.values as Json, context.scope) as Record<string, Json>)
    return fitted.kind === 'misfit'
      ? { kind: 'fail', code: 'WRONG_TYPE', reason: fitted.reason }
      : { kind: 'go', exit: 'next', changes: { vars: fitted.vars } }
  }
}
