import { type Static, Type } from 'typebox'
import type { Json, JsonObject } from '../json.ts'
import { failedExit, type NodeBehaviour, nextExit, unexpectedAnswer } from '../node-kind.ts'
import { closed, common, Failed, KEY_ROLE, Next, ROLE, target, VARIABLE_PATTERN } from '../parts.ts'
import { fillValue } from '../template.ts'

const otherFlowsVariable = Type.String({ pattern: VARIABLE_PATTERN, description: 'A variable of the other flow' })

export const SubflowNode = Type.Object(
  {
    kind: Type.Literal('subflow'),
    ...common,
    flow: Type.String({ minLength: 1, maxLength: 64, description: 'The id of the other flow', [ROLE]: 'flow' }),
    inputs: Type.Optional(
      Type.Record(Type.String({ pattern: VARIABLE_PATTERN }), Type.Unknown({ [ROLE]: 'template' }), {
        description: 'Values for variables of the other flow'
      })
    ),
    outputs: Type.Optional(
      Type.Record(Type.String(), otherFlowsVariable, {
        description: 'Variables of this flow that take the value of one of the other flow’s when it returns',
        [KEY_ROLE]: 'variable'
      })
    ),
    outcomes: Type.Optional(
      Type.Record(Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_-]{0,63}$' }), target('Where to go with this outcome'), {
        description: 'Other ways by the outcome that the other flow returns with'
      })
    ),
    next: Next,
    failed: Failed
  },
  { ...closed, description: 'Runs another flow and comes back when that returns' }
)
export type SubflowNode = Static<typeof SubflowNode>

export const subflow: NodeBehaviour<SubflowNode> = {
  exits: node => [
    nextExit(node.next),
    ...Object.entries(node.outcomes ?? {}).map(([outcome, to]) => ({
      name: `outcome ${outcome}`,
      target: to,
      path: ['outcomes', outcome],
      isInput: false,
      isFailure: false,
      otherwise: { kind: 'end' as const }
    })),
    failedExit(node.failed)
  ],
  enter: (_context, node) => ({ kind: 'ask', ask: { kind: 'loadFlow', flowId: node.flow } }),
  resume: (context, node, answer) => {
    if (answer.kind !== 'loadFlow') throw unexpectedAnswer(answer)
    if (answer.outcome.kind === 'unknown') {
      return { kind: 'fail', code: 'UNKNOWN_FLOW', reason: `there is no flow ${node.flow}` }
    }
    const vars = fillValue((node.inputs ?? {}) as Json, context.scope) as JsonObject
    return { kind: 'enterFlow', flowId: node.flow, vars }
  }
}

/** The exit to take when the other flow returned, and the values that it gives back. */
export function returned(node: SubflowNode, childVars: JsonObject, outcome: string | null) {
  const values = Object.entries(node.outputs ?? {}).map(([name, from]) => [name, childVars[from] ?? null] as const)
  const isNamed = outcome !== null && Object.hasOwn(node.outcomes ?? {}, outcome)
  return { exit: isNamed ? `outcome ${outcome}` : 'next', values: Object.fromEntries(values) as JsonObject }
}
