import { type Static, Type } from 'typebox'
import { holds } from '../expression.ts'
import type { Prompt } from '../host.ts'
import { isRecord, type Json, type JsonObject } from '../json.ts'
import {
  type Answer,
  askingExits,
  type Move,
  type NodeBehaviour,
  type NodeContext,
  unexpectedAnswer
} from '../node-kind.ts'
import {
  asking,
  closed,
  common,
  DEFAULT_ATTEMPTS,
  DEFAULT_INTER_DIGIT_MS,
  DEFAULT_TIMEOUT_MS,
  expression,
  Failed,
  Keys,
  Next,
  Prompts,
  ROLE,
  VariableName
} from '../parts.ts'
import type { AnswerValue } from '../understand/answer.ts'
import { closedGrammar } from '../understand/closed-grammar.ts'
import { ask, askAgain, askNow, judgeKeys, oneKeyQuestion, type Question } from './asking.ts'
import { confirmationPrompts, judgeConfidence } from './confirmation.ts'
import { keyedValue, keyLimits, listeningFor, SpokenAnswer, spokenValue } from './spoken-answer.ts'

export const GatherNode = Type.Object(
  {
    kind: Type.Literal('gather'),
    ...common,
    prompt: Prompts,
    accept: Type.Optional(
      Type.Array(Type.Enum(['digits', 'speech']), {
        minItems: 1,
        maxItems: 2,
        description: 'How the caller may answer: digits, or also speech where speech is given. Keys always work'
      })
    ),
    speech: Type.Optional(SpokenAnswer),
    save: Type.Optional(VariableName),
    min: Type.Optional(Type.Integer({ minimum: 1, maximum: 64, description: 'Fewest digits (default 1)' })),
    max: Type.Optional(Type.Integer({ minimum: 1, maximum: 64, description: 'Most digits (default 20)' })),
    terminators: Type.Optional(Keys),
    interDigitMs: Type.Optional(
      Type.Integer({ minimum: 200, maximum: 30_000, description: 'Longest wait between two keys (default 3000)' })
    ),
    pattern: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description: 'A regular expression that the answer must match as a whole',
        [ROLE]: 'pattern'
      })
    ),
    valid: Type.Optional(expression('A condition on the answer, which is in result')),
    public: Type.Optional(
      Type.Boolean({ description: 'Whether the answer may be written into the call’s story (default false)' })
    ),
    card: Type.Optional(
      Type.Boolean({
        description:
          'Whether the digits are those of a payment card: the recording has a gap, and nobody hears or writes them (default false)'
      })
    ),
    ...asking,
    next: Next,
    failed: Failed
  },
  { ...closed, description: 'Collects digits, or a spoken answer' }
)
export type GatherNode = Static<typeof GatherNode>

export const gather: NodeBehaviour<GatherNode> = {
  exits: node => [
    { name: 'next', target: node.next, path: ['next'], isInput: true, isFailure: false, otherwise: { kind: 'end' } },
    ...askingExits(node)
  ],
  enter: (context, node) => ask(context, question(node)),
  resume(context, node, answer, memory) {
    const pending = pendingOf(memory)
    if (pending !== null) return judgeConfirmation(context, node, answer, pending)
    return judgeKeys<AnswerValue>(
      context,
      question(node),
      answer,
      memory,
      digits => {
        const value = spokenOf(node) === undefined ? digits : keyedValue(node.speech as SpokenAnswer, digits)
        return value !== null && isLong(node, digits) && isValid(context, node, value)
          ? { kind: 'match', value }
          : { kind: 'noMatch' }
      },
      (value, attempt) => taken(node, value, { attempts: attempt }),
      (phrase, confidence, attempt) => judgeSpoken(context, node, phrase, confidence, attempt)
    )
  }
}

/** What was understood and waits for the caller's yes. */
type Pending = Readonly<{ value: AnswerValue; said: string; confidence: number; attempt: number; tries: number }>

/** A confirmation that is not understood is repeated once, and then counts as a no. */
const MAX_CONFIRMATIONS = 2

function judgeSpoken(
  context: NodeContext,
  node: GatherNode,
  said: string,
  confidence: number,
  attempt: number
): Move | null {
  const speech = spokenOf(node)
  const value = speech === undefined ? null : spokenValue(context, speech, said)
  if (speech === undefined || value === null || !isValid(context, node, value)) return null
  if (typeof value === 'string' && speech.kind === 'digits' && !isLong(node, value)) return null
  const judged = judgeConfidence(confidence, speech.confirm)
  switch (judged) {
    case 'take':
      return taken(node, value, { attempts: attempt, by: 'speech', confidence: rounded(confidence) })
    case 'again':
      return null
    case 'confirm':
      return askToConfirm(context, node, speech, { value, said, confidence, attempt, tries: 1 })
    default:
      return judged satisfies never
  }
}

function askToConfirm(context: NodeContext, node: GatherNode, speech: SpokenAnswer, pending: Pending): Move {
  const prompts = confirmationPrompts(context, speech, pending.value, pending.said)
  return askNow(context, confirmation(node, prompts), prompts, { pending: plain(pending) }, null)
}

/** One key, or yes or no, answers. */
function confirmation(node: GatherNode, prompts: readonly Prompt[]): Question {
  const settings = { bargeIn: node.bargeIn, timeoutMs: node.timeoutMs }
  return {
    ...oneKeyQuestion(settings, () => prompts),
    speech: ({ language }) => ({ kind: 'yesNo', grammar: closedGrammar('yesNo', language) })
  }
}

function judgeConfirmation(context: NodeContext, node: GatherNode, answer: Answer, pending: Pending): Move {
  if (answer.kind !== 'gather') throw unexpectedAnswer(answer)
  const { outcome } = answer
  const speech = node.speech as SpokenAnswer
  if (outcome.kind === 'failed') return { kind: 'fail', code: outcome.code, reason: outcome.reason }
  const isYes =
    outcome.kind === 'digits'
      ? keyedValue({ kind: 'yesNo' }, outcome.digits)
      : outcome.kind === 'spoken'
        ? spokenValue(context, { kind: 'yesNo' }, outcome.phrase)
        : null
  if (isYes === true)
    return taken(node, pending.value, {
      attempts: pending.attempt,
      by: 'speech',
      confidence: rounded(pending.confidence),
      confirmed: true
    })
  if (isYes === null && pending.tries < MAX_CONFIRMATIONS)
    return askToConfirm(context, node, speech, { ...pending, tries: pending.tries + 1 })
  const reason = outcome.kind === 'noInput' ? 'noInput' : 'noMatch'
  return askAgain(context, question(node), reason, node.noMatchPrompt, {}, pending.attempt)
}

function taken(node: GatherNode, value: AnswerValue, detail: JsonObject): Move {
  const result = plain(value)
  return {
    kind: 'go',
    exit: 'next',
    // An answer is personal data: it stays out of the story unless the flow's author says otherwise.
    detail: { ...detail, ...(node.public === true && node.card !== true ? storyOf(node, result) : {}) },
    changes: { result, ...(node.save === undefined ? {} : { vars: { [node.save]: result } }) }
  }
}

function storyOf(node: GatherNode, result: Json): JsonObject {
  return node.speech === undefined ? { digits: result } : { answer: result }
}

/** What may be said; nothing of a card number ever. */
function spokenOf(node: GatherNode): SpokenAnswer | undefined {
  return node.card === true ? undefined : node.speech
}

function pendingOf(memory: Json): Pending | null {
  return isRecord(memory) && isRecord(memory['pending']) ? (memory['pending'] as unknown as Pending) : null
}

/** As the state of a call may hold it. */
function plain(value: AnswerValue | Pending): Json {
  return structuredClone(value) as Json
}

function rounded(confidence: number): number {
  return Math.round(confidence * 100) / 100
}

function question(node: GatherNode): Question {
  const speech = spokenOf(node)
  const limits = speech === undefined ? { min: 1, max: 20 } : keyLimits(speech)
  const maxDigits = node.max ?? limits.max
  return {
    prompts: context => context.prompts(node.prompt),
    bargeIn: node.bargeIn ?? true,
    minDigits: Math.min(node.min ?? limits.min, maxDigits),
    maxDigits,
    terminators: node.terminators ?? '#',
    timeoutMs: node.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    interDigitMs: node.interDigitMs ?? DEFAULT_INTER_DIGIT_MS,
    attempts: node.attempts ?? DEFAULT_ATTEMPTS,
    noInputPrompt: node.noInputPrompt,
    noMatchPrompt: node.noMatchPrompt,
    isCard: node.card ?? false,
    ...(speech !== undefined && {
      speech: context => listeningFor(context, speech),
      speechAttempts: node.speechAttempts,
      keysPrompt: node.keysPrompt
    })
  }
}

function isLong(node: GatherNode, digits: string): boolean {
  const speech = spokenOf(node)
  const { min, max } = speech === undefined ? { min: 1, max: 20 } : keyLimits(speech)
  return digits.length >= (node.min ?? min) && digits.length <= (node.max ?? max)
}

function isValid(context: NodeContext, node: GatherNode, value: AnswerValue): boolean {
  const scope = { ...context.scope, result: plain(value) }
  // Both run where a regular expression that runs away is stopped.
  if (node.pattern !== undefined && !holds(`$match($string(result), /^(?:${node.pattern})$/)`, scope)) return false
  return node.valid === undefined || holds(node.valid, scope)
}
