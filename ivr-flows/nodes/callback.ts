import { type Static, Type } from 'typebox'
import { failedExit, type NodeBehaviour, nextExit, unexpectedAnswer } from '../node-kind.ts'
import { closed, common, Failed, Next, ROLE, template } from '../parts.ts'
import { fillText } from '../template.ts'

export const CallbackNode = Type.Object(
  {
    kind: Type.Literal('callback'),
    ...common,
    number: Type.Optional(template('The number to call back (default: the caller’s)')),
    queue: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'The queue whose agents call back', [ROLE]: 'queue' })
    ),
    next: Next,
    failed: Failed
  },
  { ...closed, description: 'Books a callback. Afterwards result holds its id' }
)
export type CallbackNode = Static<typeof CallbackNode>

export const callback: NodeBehaviour<CallbackNode> = {
  exits: node => [nextExit(node.next), failedExit(node.failed)],
  enter: ({ scope }, node) => {
    const number = node.number === undefined ? scope.call.callerNumber : fillText(node.number, scope).trim()
    // A caller who hides their number cannot be called back.
    if (!/\d/.test(number)) return { kind: 'fail', code: 'NO_NUMBER', reason: 'there is no number to call back' }
    const queue = node.queue === undefined ? {} : { queue: fillText(node.queue, scope) }
    return { kind: 'ask', ask: { kind: 'callback', options: { number, ...queue } } }
  },
  resume: (_context, _node, answer) => {
    if (answer.kind !== 'callback') throw unexpectedAnswer(answer)
    const { outcome } = answer
    return outcome.kind === 'booked'
      ? { kind: 'go', exit: 'next', detail: { id: outcome.id }, changes: { result: outcome.id } }
      : { kind: 'fail', code: outcome.code, reason: outcome.reason }
  }
}
