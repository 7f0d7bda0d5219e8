import type { GatherOptions, Prompt } from '../host.ts'
import type { Json } from '../json.ts'
import { isRecord } from '../json.ts'
import { type Answer, type Changes, type Move, type NodeContext, unexpectedAnswer } from '../node-kind.ts'
import {
  DEFAULT_ATTEMPTS,
  DEFAULT_INTER_DIGIT_MS,
  DEFAULT_SPEECH_ATTEMPTS,
  DEFAULT_TIMEOUT_MS,
  type Prompts
} from '../parts.ts'

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
  speech?(context: NodeContext): GatherOptions['speech']
  languages?: GatherOptions['languages'] | undefined
  /** How many attempts may be spoken. */
  speechAttempts?: number | undefined
  /** Said once speech has failed so often: from then on only keys count. */
  keysPrompt?: Prompts | undefined
}>

type AskingNode = Readonly<{
  bargeIn?: boolean | undefined
  timeoutMs?: number | undefined
  attempts?: number | undefined
  noInputPrompt?: Prompts | undefined
  noMatchPrompt?: Prompts | undefined
  speechAttempts?: number | undefined
  keysPrompt?: Prompts | undefined
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
    noMatchPrompt: node.noMatchPrompt,
    speechAttempts: node.speechAttempts,
    keysPrompt: node.keysPrompt
  }
}

/**
 * The ladder of a question that fails: it is asked again, then keys alone are offered, then the flow goes its own way,
 * to a person as a rule. `attempt` counts from 1, and is the one that comes. Pure.
 */
export function rung(
  attempt: number,
  { attempts, speechAttempts = DEFAULT_SPEECH_ATTEMPTS }: Pick<Question, 'attempts' | 'speechAttempts'>,
  isSpoken: boolean
): 'ask' | 'offerKeys' | 'leave' {
  if (attempt > attempts) return 'leave'
  return isSpoken && attempt > speechAttempts ? 'offerKeys' : 'ask'
}

export type AskMove = Extract<Move, { kind: 'ask' }>

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
    return askAgain(context, question, reason, prompt, remembered, attempt)
  }
}

/** Asks the next time, or goes the way of the reason when all attempts are used up. */
export function askAgain(
  context: NodeContext,
  question: Question,
  reason: 'noInput' | 'noMatch',
  prompt: Prompts | undefined,
  remembered: { readonly [key: string]: Json },
  attempt: number
): Move {
  const next = rung(attempt + 1, question, isSpoken(context, question))
  if (next === 'leave') return { kind: 'go', exit: reason, detail: { attempts: attempt } }
  const said = [prompt, next === 'offerKeys' ? question.keysPrompt : undefined]
  const prompts = [
    ...said.flatMap(one => (one === undefined ? [] : context.prompts(one))),
    ...question.prompts(context)
  ]
  return askNow(context, question, prompts, { ...remembered, attempt: attempt + 1 }, null)
}

function isSpoken(context: NodeContext, question: Question): boolean {
  return (
    (question.phrases?.(context).length ?? 0) > 0 ||
    question.speech?.(context) !== undefined ||
    question.languages !== undefined
  )
}

export function askNow(
  context: NodeContext,
  question: Question,
  prompts: readonly Prompt[],
  memory: { readonly [key: string]: Json },
  firstDigit: string | null
): AskMove {
  const attempt = typeof memory['attempt'] === 'number' ? memory['attempt'] : 1
  const listens = rung(attempt, question, isSpoken(context, question)) === 'ask'
  const phrases = listens ? (question.phrases?.(context) ?? []) : []
  const speech = listens ? question.speech?.(context) : undefined
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
        ...(speech !== undefined && { speech }),
        ...(listens && question.languages !== undefined && { languages: question.languages }),
        ...(firstDigit === null ? {} : { firstDigit })
      }
    }
  }
}
