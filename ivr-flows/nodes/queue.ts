import { type Static, Type } from 'typebox'
import { branchExit, type Exit, failedExit, type NodeBehaviour, unexpectedAnswer } from '../node-kind.ts'
import { closed, common, Failed, Prompts, ROLE, target, template } from '../parts.ts'
import { fillText } from '../template.ts'

export const QueueNode = Type.Object(
  {
    kind: Type.Literal('queue'),
    ...common,
    queue: Type.String({ minLength: 1, maxLength: 200, description: 'The queue’s name', [ROLE]: 'queue' }),
    priority: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 100, description: 'Higher is served first (default 50)' })
    ),
    skills: Type.Optional(Type.Array(template('A skill that the agent must have'), { maxItems: 20 })),
    maxWaitMs: Type.Optional(Type.Integer({ minimum: 1_000, maximum: 24 * 3_600_000, description: 'Longest wait' })),
    reason: Type.Optional(template('Why the customer calls, in one line that the agent sees before answering')),
    card: Type.Optional(
      Type.Record(Type.String({ minLength: 1, maxLength: 60 }), template('What the agent sees beside the label'), {
        description: 'What the flow has found out, for the agent’s screen: label and value'
      })
    ),
    music: Type.Optional(Prompts),
    announce: Type.Optional(
      Type.Object(
        { prompt: Prompts, everyMs: Type.Integer({ minimum: 5_000, maximum: 3_600_000 }) },
        { ...closed, description: 'What the waiting caller is told from time to time' }
      )
    ),
    next: Type.Optional(target('Where to go after the agent has hung up (default: the call ends)')),
    overflow: Type.Optional(target('Where to go when nobody can serve the caller, whatever the reason')),
    closed: Type.Optional(target('Where to go when the queue is closed (default: overflow)')),
    full: Type.Optional(target('Where to go when the queue is full (default: overflow)')),
    maxWait: Type.Optional(target('Where to go after the longest wait (default: overflow)')),
    noAgents: Type.Optional(target('Where to go when no agent is signed in (default: overflow)')),
    failed: Failed
  },
  { ...closed, description: 'Waits for an agent' }
)
export type QueueNode = Static<typeof QueueNode>

export const queue: NodeBehaviour<QueueNode> = {
  exits: node => [
    served(node),
    branchExit('closed', node.closed, 'overflow'),
    branchExit('full', node.full, 'overflow'),
    branchExit('maxWait', node.maxWait, 'overflow'),
    branchExit('noAgents', node.noAgents, 'overflow'),
    branchExit('overflow', node.overflow, 'failed'),
    failedExit(node.failed)
  ],
  enter: (context, node) => {
    const [music] = node.music === undefined ? [] : context.prompts(node.music)
    const { announce, maxWaitMs, priority = 50, skills = [], reason, card = {} } = node
    return {
      kind: 'ask',
      changes: { pendingDigit: null },
      ask: {
        kind: 'queue',
        options: {
          queue: fillText(node.queue, context.scope),
          priority,
          skills: skills.map(skill => fillText(skill, context.scope)).filter(skill => skill !== ''),
          ...(maxWaitMs === undefined ? {} : { maxWaitMs }),
          ...(reason === undefined ? {} : { reason: fillText(reason, context.scope) }),
          answers: Object.entries(card).flatMap(([label, text]) => {
            const value = fillText(text, context.scope)
            return value === '' ? [] : [{ label, value, source: 'flow' }]
          }),
          ...(music === undefined ? {} : { music }),
          ...(announce === undefined
            ? {}
            : { announce: { prompts: context.prompts(announce.prompt), everyMs: announce.everyMs } })
        }
      }
    }
  },
  resume: (_context, _node, answer) => {
    if (answer.kind !== 'queue') throw unexpectedAnswer(answer)
    const { outcome } = answer
    switch (outcome.kind) {
      case 'served':
        return { kind: 'go', exit: 'next' }
      case 'overflow':
        return {
          kind: 'go',
          exit: outcome.reason,
          detail: { reason: outcome.reason },
          changes: { result: outcome.reason }
        }
      case 'unavailable':
        return { kind: 'fail', code: 'QUEUE_UNAVAILABLE', reason: outcome.reason }
      default:
        return outcome satisfies never
    }
  }
}

function served(node: QueueNode): Exit {
  return {
    name: 'next',
    target: node.next,
    path: ['next'],
    isInput: true,
    isFailure: false,
    otherwise: { kind: 'end' }
  }
}
