import { type Static, Type } from 'typebox'
import type { TransferDestination } from '../host.ts'
import { branchExit, failedExit, type NodeBehaviour, type NodeContext, unexpectedAnswer } from '../node-kind.ts'
import { closed, common, Failed, ONE_OF, Prompts, target, template } from '../parts.ts'
import { fillText } from '../template.ts'

const Destination = Type.Object(
  {
    number: Type.Optional(template('A telephone number with its country, such as +442079460123')),
    extension: Type.Optional(template('A desk phone’s extension')),
    sip: Type.Optional(template('A SIP address, such as sip:desk@example.com')),
    agent: Type.Optional(template('An agent’s user name'))
  },
  { ...closed, description: 'Whom to connect', [ONE_OF]: ['number', 'extension', 'sip', 'agent'] }
)

export const TransferNode = Type.Object(
  {
    kind: Type.Literal('transfer'),
    ...common,
    to: Destination,
    timeoutMs: Type.Optional(
      Type.Integer({ minimum: 1_000, maximum: 180_000, description: 'How long to let it ring (default 30000)' })
    ),
    callerNumber: Type.Optional(template('The number that is shown; without it the caller’s own')),
    whilePlaying: Type.Optional(Prompts),
    next: Type.Optional(target('Where to go after the other side has hung up (default: the call ends)')),
    busy: Type.Optional(target('Where to go when busy (default: failed)')),
    noAnswer: Type.Optional(target('Where to go when nobody answers (default: failed)')),
    failed: Failed
  },
  { ...closed, description: 'Connects the caller with someone else, without asking them first' }
)
export type TransferNode = Static<typeof TransferNode>

export const transfer: NodeBehaviour<TransferNode> = {
  exits: node => [
    { name: 'next', target: node.next, path: ['next'], isInput: true, isFailure: false, otherwise: { kind: 'end' } },
    branchExit('busy', node.busy, 'failed'),
    branchExit('noAnswer', node.noAnswer, 'failed'),
    failedExit(node.failed)
  ],
  enter: (context, node) => {
    const destination = destinationOf(context, node.to)
    if (destination.value === '') return { kind: 'fail', code: 'NO_DESTINATION', reason: 'the destination is empty' }
    const callerNumber = node.callerNumber === undefined ? '' : fillText(node.callerNumber, context.scope)
    return {
      kind: 'ask',
      changes: { pendingDigit: null },
      ask: {
        kind: 'transfer',
        options: {
          destination,
          timeoutMs: node.timeoutMs ?? 30_000,
          ...(callerNumber === '' ? {} : { callerNumber }),
          ...(node.whilePlaying === undefined ? {} : { whilePlaying: context.prompts(node.whilePlaying) })
        }
      }
    }
  },
  resume: (_context, _node, answer) => {
    if (answer.kind !== 'transfer') throw unexpectedAnswer(answer)
    const { outcome } = answer
    switch (outcome.kind) {
      case 'completed':
        return { kind: 'go', exit: 'next' }
      case 'busy':
      case 'noAnswer':
        return { kind: 'go', exit: outcome.kind, changes: { result: outcome.kind } }
      case 'failed':
        return { kind: 'fail', code: outcome.code, reason: outcome.reason }
      default:
        return outcome satisfies never
    }
  }
}

function destinationOf({ scope }: NodeContext, to: TransferNode['to']): TransferDestination {
  const kind = (['number', 'extension', 'sip', 'agent'] as const).find(one => to[one] !== undefined) ?? 'number'
  const written = to[kind] ?? ''
  return { kind, value: fillText(written, scope).trim(), isOwnPlace: !written.includes('{{') }
}
