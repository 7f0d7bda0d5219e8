import type { Prompt } from '../host.ts'
import { type Answer, type Move, type NodeContext, unexpectedAnswer } from '../node-kind.ts'

/** Plays prompts and moves on. A caller who has already pressed a key is not made to listen to what a key would stop. */
export function playOnce(context: NodeContext, prompts: readonly Prompt[], bargeIn: boolean): Move {
  if (prompts.length === 0) return { kind: 'go', exit: 'next' }
  if (bargeIn && context.pendingDigit !== null) return { kind: 'go', exit: 'next', detail: { skipped: true } }
  return { kind: 'ask', ask: { kind: 'play', prompts, options: { bargeIn } } }
}

/** What follows when the prompts are through. */
export function afterPlaying(answer: Answer): Move {
  if (answer.kind !== 'play') throw unexpectedAnswer(answer)
  const { outcome } = answer
  switch (outcome.kind) {
    case 'finished':
      return { kind: 'go', exit: 'next' }
    case 'interrupted':
      return { kind: 'go', exit: 'next', changes: { pendingDigit: outcome.digit } }
    case 'failed':
      return { kind: 'fail', code: outcome.code, reason: outcome.reason }
    default:
      return outcome satisfies never
  }
}
