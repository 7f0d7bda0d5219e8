import { type Static, Type } from 'typebox'
import type { Prompt } from '../host.ts'
import {
  branchExit,
  type Move,
  type NodeBehaviour,
  type NodeContext,
  nextExit,
  unexpectedAnswer
} from '../node-kind.ts'
import { closed, common, Failed, Next, type Prompts, Prompts as PromptsSchema, target } from '../parts.ts'

export const ConsentNode = Type.Object(
  {
    kind: Type.Literal('consent'),
    ...common,
    notice: Type.Optional(PromptsSchema),
    objection: Type.Optional(PromptsSchema),
    question: Type.Optional(PromptsSchema),
    refusal: Type.Optional(PromptsSchema),
    yesKey: Type.Optional(Type.String({ pattern: '^[0-9*#]$', description: 'The key that agrees (default 1)' })),
    noKey: Type.Optional(Type.String({ pattern: '^[0-9*#]$', description: 'The key that refuses (default 2)' })),
    stopKeys: Type.Optional(
      Type.String({
        pattern: '^[0-9*#]{2,6}$',
        description: 'Keys with which the caller stops the recording at any time (default *0)'
      })
    ),
    timeoutMs: Type.Optional(
      Type.Integer({ minimum: 500, maximum: 60_000, description: 'How long to wait for the key (default 5000)' })
    ),
    attempts: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 5, description: 'How many times to ask in all (default 2)' })
    ),
    next: Next,
    refused: Type.Optional(target('Where to go when the caller does not agree (default: next, unrecorded)')),
    mustRecord: Type.Optional(
      target(
        'Where to go when the law wants the call recorded and it cannot be: the caller does not agree, or it cannot be asked or recorded (default: the call ends with a word)'
      )
    ),
    failed: Failed
  },
  { ...closed, description: 'Asks whether the call may be recorded, as the law of its places wants it' }
)
export type ConsentNode = Static<typeof ConsentNode>

/** What is said and asked is the host's to decide: it knows the places of the call and their law. */
export const consent: NodeBehaviour<ConsentNode> = {
  exits: node => [
    nextExit(node.next),
    // Nobody is sent away for not agreeing, nor for a prompt that cannot be played: the call is not recorded.
    branchExit('refused', node.refused, 'next', false),
    {
      name: 'mustRecord',
      target: node.mustRecord,
      path: ['mustRecord'],
      isInput: false,
      isFailure: false,
      otherwise: { kind: 'end' }
    },
    branchExit('failed', node.failed, 'refused', false)
  ],
  enter: (context, node) => ({
    kind: 'ask',
    changes: { pendingDigit: null },
    ask: {
      kind: 'consent',
      options: {
        texts: {
          ...textOf(context, 'notice', node.notice),
          ...textOf(context, 'objection', node.objection),
          ...textOf(context, 'question', node.question),
          ...textOf(context, 'refusal', node.refusal)
        },
        yesKey: node.yesKey ?? '1',
        noKey: node.noKey ?? '2',
        stopKeys: node.stopKeys ?? '*0',
        timeoutMs: node.timeoutMs ?? 5_000,
        attempts: node.attempts ?? 2,
        hasMustRecordWay: node.mustRecord !== undefined
      }
    }
  }),
  resume: (_context, _node, answer): Move => {
    if (answer.kind !== 'consent') throw unexpectedAnswer(answer)
    const { outcome } = answer
    const changes = { result: outcome.kind }
    switch (outcome.kind) {
      case 'granted':
        return { kind: 'go', exit: 'next', detail: { policy: outcome.policy, method: outcome.method }, changes }
      case 'refused': {
        const detail = { policy: outcome.policy, method: outcome.method }
        return { kind: 'go', exit: outcome.mustRecord ? 'mustRecord' : 'refused', detail, changes }
      }
      case 'never':
        return { kind: 'go', exit: 'next', detail: { reason: outcome.reason }, changes }
      case 'failed':
        if (outcome.mustRecord === true)
          return { kind: 'go', exit: 'mustRecord', detail: { code: outcome.code }, changes }
        return { kind: 'fail', code: outcome.code, reason: outcome.reason, changes }
      default:
        return outcome satisfies never
    }
  }
}

function textOf(
  context: NodeContext,
  name: 'notice' | 'objection' | 'question' | 'refusal',
  prompts: Prompts | undefined
): { [key in typeof name]?: readonly Prompt[] } {
  return prompts === undefined ? {} : { [name]: context.prompts(prompts) }
}
