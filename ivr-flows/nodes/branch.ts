import { type Static, Type } from 'typebox'
import { holds } from '../expression.ts'
import { failedExit, type NodeBehaviour } from '../node-kind.ts'
import { closed, common, expression, Failed, target } from '../parts.ts'

export const BranchNode = Type.Object(
  {
    kind: Type.Literal('branch'),
    ...common,
    cases: Type.Array(
      Type.Object({ when: expression('A condition'), next: target('Where to go when the condition holds') }, closed),
      { minItems: 1, maxItems: 100, description: 'The first case whose condition holds is taken' }
    ),
    otherwise: target('Where to go when no condition holds'),
    failed: Failed
  },
  { ...closed, description: 'Goes different ways by conditions' }
)
export type BranchNode = Static<typeof BranchNode>

export const branch: NodeBehaviour<BranchNode> = {
  exits: node => [
    ...node.cases.map((one, index) => ({
      name: `case ${index + 1}`,
      target: one.next,
      path: ['cases', index, 'next'],
      isInput: false,
      isFailure: false,
      otherwise: { kind: 'end' as const }
    })),
    {
      name: 'otherwise',
      target: node.otherwise,
      path: ['otherwise'],
      isInput: false,
      isFailure: false,
      otherwise: { kind: 'end' }
    },
    failedExit(node.failed)
  ],
  enter: (context, node) => {
    const index = node.cases.findIndex(one => holds(one.when, context.scope))
    return { kind: 'go', exit: index < 0 ? 'otherwise' : `case ${index + 1}` }
  }
}
