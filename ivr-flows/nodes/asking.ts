import type { Prompt } from '../host.ts'
import type { Json } from '../json.ts'
import { isRecord } from '../json.ts'
import { type Answer, type Changes, type Move, type NodeContext, unexpectedAnswer } from '../node-kind.ts'
import { DEFAULT_ATTEMPTS, DEFAULT_INTER_DIGIT_MS, DEFAULT_TIMEOUT_MS, type Prompts } from '../parts.ts'

/** A question as its node describes it. */
export type Question = Readonly<{
  /** The question itself; a node may build it from several texts. */
  prompts(context: NodeContext): readonly Prompt[]
  bargeIn: boolean
  minDigits: number
  maxDigits: number
  terminators: string
  timeoutMs: number
  interDigitMs: number
  attempts: number
  noInputPrompt: Prompts | undefined
  noMatchPrompt: Prompts | undefined
  /** What is keyed in is the number of a payment card. */
  isCard?: boolean
  /** What may be said instead, in the caller's language. */
  phrases?(context: NodeContext): readonly string[]
}>

type AskingNode = Readonly<{
  bargeIn?: boolean | undefined
  timeoutMs?: number | undefined
  attempts?: number | undefined
  noInputPrompt?: Prompts | undefined
  noMatchPrompt?: Prompts | undefined
}>

/** A question that one key answers. */
export function oneKeyQuestion(node: AskingNode, prompts: Question['prompts']): Question {
  return {
    prompts,
    bargeIn: node.bargeIn ?? true,
    minDigits: 1,
    maxDigits: 1,
    terminators: '',
    timeoutMs: node.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    interDigitMs: DEFAULT_INTER_DIGIT_MS,
    attempts: node.attempts ?? DEFAULT_ATTEMPTS,
    noInputPrompt: node.noInputPrompt,
    noMatchPrompt: node.noMatchPrompt
  }
}

type AskMove = Extract<Move, { kind: 'ask' }>

/** Asks for the first time. A key pressed earlier counts as the first key. */
export function ask(context: NodeContext, question: Question, memory: { readonly [key: string]: Json } = {}): AskMove {
  return askNow(context, question, question.prompts(context), { ...memory, attempt: 1 }, context.pendingDigit)
}

export type KeysJudgement<T> = Readonly<{ kind: 'match'; value: T }> | Readonly<{ kind: 'noMatch' }>

/**
 * Judges what the caller pressed. Asks again until the attempts are used up, then takes the exit of the last reason.
 * `onMatch` says how the node goes on with a good answer.
 */
export function judgeKeys<T>(
  context: NodeContext,
  question: Question,
  answer: Answer,
  memory: Json,
  judge: (digits: string) => KeysJudgement<T>,
  onMatch: (value: T, attempt: number) => Move,
  onSpoken?: (phrase: string, confidence: number, attempt: number) => Move | null
): Move {
  if (answer.kind !== 'gather') throw unexpectedAnswer(answer)
  const { outcome } = answer
  const remembered = isRecord(memory) ? (memory as { readonly [key: string]: Json }) : {}
  const attempt = typeof remembered['attempt'] === 'number' ? remembered['attempt'] : 1
  switch (outcome.kind) {
    case 'failed':
      return { kind: 'fail', code: outcome.code, reason: outcome.reason }
    case 'noInput':
      return again('noInput', question.noInputPrompt)
    case 'digits': {
      const judgement = judge(outcome.digits)
      return judgement.kind === 'match' ? onMatch(judgement.value, attempt) : again('noMatch', question.noMatchPrompt)
    }
    case 'spoken':
      return onSpoken?.(outcome.phrase, outcome.confidence, attempt) ?? again('noMatch', question.noMatchPrompt)
    case 'notUnderstood':
      return again('noMatch', question.noMatchPrompt)
    default:
      return outcome satisfies never
  }

  function again(reason: 'noInput' | 'noMatch', prompt: Prompts | undefined): Move {
    if (attempt >= question.attempts) return { kind: 'go', exit: reason, detail: { attempts: attempt } }
    const prompts = [...(prompt === undefined ? [] : context.prompts(prompt)), ...question.prompts(context)]
    return askNow(context, question, prompts, { ...remembered, attempt: attempt + 1 }, null)
  }
}

function askNow(
  context: NodeContext,
  question: Question,
  prompts: readonly Prompt[],
  memory: Json,
  firstDigit: string | null
): AskMove {
  const phrases = question.phrases?.(context) ?? []
  const { bargeIn, minDigits, maxDigits, terminators, timeoutMs, interDigitMs, isCard } = question
  const changes: Changes = { pendingDigit: null }
  return {
    kind: 'ask',
    memory,
    changes,
    ask: {
      kind: 'gather',
      options: {
        prompts,
        bargeIn,
        minDigits,
        maxDigits,
        terminators,
        timeoutMs,
        interDigitMs,
        ...(isCard === true && { isCard }),
        ...(phrases.length > 0 && { phrases }),
        ...(firstDigit === null ? {} : { firstDigit })
      }
    }
  }
}
