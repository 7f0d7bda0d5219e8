import { type Static, Type } from 'typebox'
import type { Prompt } from '../host.ts'
import {
  type Answer,
  branchExit,
  failedExit,
  type Move,
  type NodeBehaviour,
  type NodeContext,
  nextExit,
  unexpectedAnswer
} from '../node-kind.ts'
import { closed, common, Failed, Keys, Next, Prompts, target, template } from '../parts.ts'
import { fillText } from '../template.ts'

export const VoicemailNode = Type.Object(
  {
    kind: Type.Literal('voicemail'),
    ...common,
    prompt: Type.Optional(Prompts),
    mailbox: template('The mailbox that the message is for'),
    maxMs: Type.Optional(
      Type.Integer({ minimum: 1_000, maximum: 1_800_000, description: 'Longest message (default 120000)' })
    ),
    silenceMs: Type.Optional(
      Type.Integer({ minimum: 500, maximum: 60_000, description: 'A pause of this length ends it (default 4000)' })
    ),
    finishKeys: Type.Optional(Keys),
    beep: Type.Optional(
      Type.Boolean({
        description: 'Whether a tone tells when to speak (default true; without a prompt there always is one)'
      })
    ),
    next: Next,
    empty: Type.Optional(target('Where to go when nothing was said (default: failed)')),
    failed: Failed
  },
  { ...closed, description: 'Records a message' }
)
export type VoicemailNode = Static<typeof VoicemailNode>

export const voicemail: NodeBehaviour<VoicemailNode> = {
  exits: node => [nextExit(node.next), branchExit('empty', node.empty, 'failed'), failedExit(node.failed)],
  enter: (context, node) => {
    const prompts = promptsOf(context, node)
    return prompts.length === 0
      ? record(context, node)
      : { kind: 'ask', changes: { pendingDigit: null }, ask: { kind: 'play', prompts, options: { bargeIn: true } } }
  },
  resume: (context, node, answer) => afterPart(context, node, answer)
}

function afterPart(context: NodeContext, node: VoicemailNode, answer: Answer): Move {
  // A key during the words before the tone means: I know, let me speak.
  if (answer.kind === 'play') {
    const { outcome } = answer
    return outcome.kind === 'failed'
      ? { kind: 'fail', code: outcome.code, reason: outcome.reason }
      : record(context, node)
  }
  if (answer.kind !== 'voicemail') throw unexpectedAnswer(answer)
  const { outcome } = answer
  switch (outcome.kind) {
    case 'recorded':
      return { kind: 'go', exit: 'next', detail: { durationMs: outcome.durationMs } }
    case 'empty':
      return { kind: 'go', exit: 'empty' }
    case 'failed':
      return { kind: 'fail', code: outcome.code, reason: outcome.reason }
    default:
      return outcome satisfies never
  }
}

function promptsOf(context: NodeContext, node: VoicemailNode): readonly Prompt[] {
  return node.prompt === undefined ? [] : context.prompts(node.prompt)
}

function record(context: NodeContext, node: VoicemailNode): Move {
  return {
    kind: 'ask',
    changes: { pendingDigit: null },
    ask: {
      kind: 'voicemail',
      options: {
        told: promptsOf(context, node),
        mailbox: fillText(node.mailbox, context.scope),
        maxMs: node.maxMs ?? 120_000,
        silenceMs: node.silenceMs ?? 4_000,
        finishKeys: node.finishKeys ?? '#',
        beep: node.beep ?? true
      }
    }
  }
}
