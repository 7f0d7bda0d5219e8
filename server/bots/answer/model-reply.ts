import type { SpeechRegister } from '../../../ivr-flows/host.ts'
import type { FoundPassage } from '../../../sql/queries/bots/knowledge.ts'
import type { CallBudget } from '../model/budget.ts'
import {
  type LanguageModel,
  ModelError,
  type ModelErrorCode,
  type ModelEvent,
  type ModelMessage,
  type ModelToolCall
} from '../model/language-model.ts'
import { ClauseSplitter } from '../say/clauses.ts'
import { FreeWords } from '../say/courtesy.ts'
import { inOwnEnglish } from '../say/english.ts'
import { missingNumbers, unsupported } from '../say/grounding.ts'
import { readMark, type ReplyMark } from '../say/reply-mark.ts'
import { addressed, isFitting } from '../say/register.ts'
import { speakable, tabooIn } from '../say/speakable.ts'
import type { PreparedCall, ToolBox } from '../tools/tool-box.ts'
import type { Reply } from './answerer.ts'

/** What happened on the way to a reply, for the call's story; no words. */
export type ReplyNote =
  /** Something that the model wrote was not said. */
  | Readonly<{ kind: 'held'; why: 'taboo' | 'register' | 'unsupported' | 'unmarked' | 'repeated' | 'tooLong' }>
  | Readonly<{ kind: 'tool'; name: string; outcome: string; tookMs: number }>
  | Readonly<{ kind: 'fault'; code: ModelErrorCode; err: unknown }>

export type ModelTurn = Readonly<{
  model: LanguageModel
  budget: CallBudget
  tools: ToolBox
  messages: readonly ModelMessage[]
  passages: readonly FoundPassage[]
  taboo: readonly string[]
  register: SpeechRegister
  language: string
  /** What the caller has said in this call: numbers from there may be said back. */
  callerWords: readonly string[]
  /** So long the first words may take, tools included. */
  thinkMs: number
  confirm(text: string, signal: AbortSignal): Promise<boolean>
}>

/** What tools of this turn have given, and whether one of them has changed something. */
type UsedTools = { readonly results: string[]; hasChanged: boolean }

type TurnEvent =
  | Readonly<{ kind: 'clause'; text: string; isPersonal: boolean }>
  | ReplyNote
  | Readonly<{ kind: 'end'; reply: Reply }>

/** Requests of one turn: a model that only ever wants tools is stopped. */
const MAX_ROUNDS = 5
const MAX_REPLY_TOKENS = 400
const CHARACTERS_OF_A_TOKEN = 3
/** About forty seconds of speech. */
const MAX_SPOKEN_CHARACTERS = 600
const MAX_TALK_CHARACTERS = 160
/** Shorter words, such as “Yes,”, may come twice. */
const LEAST_REPEATED_CHARACTERS = 8

/**
 * One turn of a model: words as soon as a clause of them is complete and checked. Rejects with ModelError when it does not
 * give a reply that may be said.
 */
export async function* modelReply(turn: ModelTurn, signal: AbortSignal): AsyncGenerator<TurnEvent> {
  const messages = [...turn.messages]
  const results: string[] = []
  const used: UsedTools = { results, hasChanged: false }
  // Thinking is limited until the first words; what the caller takes to agree to a change does not count.
  const thinking = new ThinkingLimit(turn.thinkMs)
  try {
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      turn.budget.demand()
      const request = { messages, tools: turn.tools.described, maxTokens: MAX_REPLY_TOKENS }
      const words = new ReplyWords(turn, used)
      let calls: readonly ModelToolCall[] = []
      let isCounted = false
      try {
        for await (const event of turn.model.reply(request, AbortSignal.any([signal, thinking.signal]))) {
          for (const one of words.take(event)) {
            thinking.stop()
            yield one
          }
          if (event.kind === 'end') {
            turn.budget.spend(event.usage, turn.model.costCents(event.usage))
            calls = event.toolCalls
            isCounted = true
          }
          if (words.isOver) break
        }
      } catch (err) {
        signal.throwIfAborted()
        if (!thinking.signal.aborted) throw err
        throw new ModelError('MODEL_TIMEOUT', `The first words took longer than ${turn.thinkMs} ms.`, { cause: err })
      } finally {
        if (!isCounted) spendUncounted(turn, messages)
      }
      if (calls.length === 0 || words.hasSpoken) {
        yield { kind: 'end', reply: words.reply() }
        return
      }
      messages.push({ role: 'assistant', content: '', toolCalls: calls })
      for (const call of calls) {
        const startedAtMs = performance.now()
        const { content, outcome } = await useTool(turn, call, used, thinking, signal)
        messages.push({ role: 'tool', toolCallId: call.id, content })
        yield { kind: 'tool', name: nameOf(turn, call), outcome, tookMs: Math.round(performance.now() - startedAtMs) }
      }
    }
    throw new ModelError('MODEL_NONSENSE', 'The model only ever wants tools.')
  } finally {
    thinking.stop()
  }
}

/** A reply that was broken off is paid for all the same. */
function spendUncounted({ budget, model }: ModelTurn, messages: readonly ModelMessage[]): void {
  const characters = messages.reduce((sum, one) => sum + one.content.length, 0)
  const usage = { inputTokens: Math.ceil(characters / CHARACTERS_OF_A_TOKEN), outputTokens: MAX_REPLY_TOKENS }
  budget.spend(usage, model.costCents(usage))
}

/** A tool that nobody declared has no name in the story: what a model makes up may be what a caller said. */
function nameOf({ tools }: ModelTurn, { name }: ModelToolCall): string {
  return tools.described.some(one => one.name === name) ? name : 'undeclared'
}

async function useTool(
  { tools, confirm }: ModelTurn,
  wanted: ModelToolCall,
  used: UsedTools,
  thinking: ThinkingLimit,
  signal: AbortSignal
): Promise<Readonly<{ content: string; outcome: string }>> {
  const prepared = tools.prepare(wanted)
  if (prepared.kind === 'refused')
    return { content: JSON.stringify({ refused: prepared.reason }), outcome: prepared.code }
  if (prepared.call.confirm !== null && !(await agreed(prepared.call, confirm, thinking, signal)))
    return {
      content: JSON.stringify({ refused: 'The caller did not agree. Nothing was changed.' }),
      outcome: 'notAgreed'
    }
  const outcome = await tools.run(prepared.call, signal)
  if (outcome.kind === 'failed')
    return { content: JSON.stringify({ failed: outcome.code, status: outcome.status }), outcome: outcome.code }
  used.results.push(outcome.content)
  used.hasChanged ||= prepared.call.tool.changes
  return { content: outcome.content, outcome: 'done' }
}

async function agreed(
  call: PreparedCall,
  confirm: ModelTurn['confirm'],
  thinking: ThinkingLimit,
  signal: AbortSignal
): Promise<boolean> {
  thinking.stop()
  try {
    return await confirm(call.confirm ?? '', signal)
  } finally {
    thinking.restart()
  }
}

/** Aborts when the first words take too long. */
class ThinkingLimit {
  readonly #limitMs: number
  readonly #abort = new AbortController()
  #timer: NodeJS.Timeout | undefined

  constructor(limitMs: number) {
    this.#limitMs = limitMs
    this.restart()
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  restart(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#abort.abort(), this.#limitMs)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}

/** The words of one reply on their way to being said: marked, whole clauses, without markup, nothing forbidden or made up. */
class ReplyWords {
  readonly #turn: ModelTurn
  readonly #used: Readonly<UsedTools>
  readonly #splitter: ClauseSplitter
  readonly #free: FreeWords
  #waiting = ''
  #mark: ReplyMark | null = null
  #spoken = 0
  readonly #said = new Set<string>()
  isOver = false

  constructor(turn: ModelTurn, used: Readonly<UsedTools>) {
    this.#turn = turn
    this.#used = used
    this.#free = new FreeWords(turn.language)
    this.#splitter = new ClauseSplitter(turn.language)
  }

  get hasSpoken(): boolean {
    return this.#mark !== null
  }

  take(event: ModelEvent): readonly TurnEvent[] {
    const isEnd = event.kind === 'end'
    // Words before a tool call are thinking aloud.
    if (isEnd && event.toolCalls.length > 0 && this.#mark === null) return []
    let text = isEnd ? '' : event.text
    if (this.#mark === null) {
      this.#waiting += text
      const reading = readMark(this.#waiting, isEnd)
      if (reading.kind === 'waiting') return []
      if (reading.kind === 'missing') {
        if (this.#waiting.trim() === '') throw new ModelError('MODEL_EMPTY', 'The model said nothing.')
        throw new ModelError('MODEL_NONSENSE', 'The reply does not say what it rests on.')
      }
      this.#mark = this.#checked(reading.mark)
      text = reading.rest
    }
    const clauses = [...this.#splitter.push(text)]
    // The last words of a reply that was cut at its limit are half a sentence.
    if (isEnd && !event.isCutShort) clauses.push(...this.#splitter.end())
    return clauses.flatMap(clause => this.#say(clause))
  }

  reply(): Reply {
    const mark = this.#mark
    if (mark === null) throw new ModelError('MODEL_EMPTY', 'The model said nothing.')
    const cited = mark.kind === 'cites' ? this.#turn.passages[(mark.passages[0] ?? 0) - 1] : undefined
    // The others are lines that every bot has. A caller who was to hear words and hears none would be left in silence.
    const needsWords = mark.kind === 'cites' || mark.kind === 'tool' || mark.kind === 'ask' || mark.kind === 'talk'
    if (needsWords && this.#spoken === 0) throw new ModelError('MODEL_EMPTY', 'Nothing of the reply may be said.')
    return {
      kind: mark.kind === 'cites' ? 'answer' : mark.kind,
      source: 'model',
      articleId: cited?.articleId ?? null,
      topic: cited?.title ?? null,
      failure: null
    }
  }

  #checked(mark: ReplyMark): ReplyMark {
    const { passages } = this.#turn
    if (mark.kind === 'cites' && !mark.passages.every(one => one >= 1 && one <= passages.length))
      throw new ModelError('MODEL_NONSENSE', 'The reply cites a passage that was not given.')
    if (mark.kind === 'tool' && this.#used.results.length === 0)
      throw new ModelError('MODEL_NONSENSE', 'The reply rests on a tool that was not used.')
    return mark
  }

  #say(clause: string): readonly TurnEvent[] {
    const mark = this.#mark
    if (this.isOver || mark === null) return []
    const text = addressed(speakable(clause), this.#turn.language, this.#turn.register)
    if (text === '') return []
    switch (mark.kind) {
      case 'unknown':
      case 'done':
      case 'handover':
        // The machine has words of its own for these.
        return []
      case 'cites':
      case 'tool':
      case 'ask':
      case 'talk': {
        const why = this.#whyHeld(text, mark)
        if (why === null) {
          this.#spoken += text.length
          this.#said.add(text)
          return [{ kind: 'clause', text: inOwnEnglish(text, this.#turn.language), isPersonal: true }]
        }
        this.isOver = true
        return [{ kind: 'held', why }]
      }
      default:
        return mark satisfies never
    }
  }

  #whyHeld(text: string, mark: ReplyMark): Extract<ReplyNote, { kind: 'held' }>['why'] | null {
    const { taboo, register, language, callerWords } = this.#turn
    if (tabooIn(text, taboo, language) !== null || tabooIn(inOwnEnglish(text, language), taboo, language) !== null)
      return 'taboo'
    if (!isFitting(text, language, register)) return 'register'
    // A model that goes round in circles has said what it knows.
    if (text.length >= LEAST_REPEATED_CHARACTERS && this.#said.has(text)) return 'repeated'
    const isFree = mark.kind === 'ask' || mark.kind === 'talk'
    if (this.#spoken + text.length > (isFree ? MAX_TALK_CHARACTERS : MAX_SPOKEN_CHARACTERS)) return 'tooLong'
    if (mark.kind === 'ask' || mark.kind === 'talk') {
      // What rests on nothing states nothing; numbers may be said back.
      const isCourteous = this.#free.mayBeSaid(text, mark.kind, this.#used.hasChanged)
      return isCourteous && missingNumbers(text, callerWords).length === 0 ? null : 'unsupported'
    }
    // What the caller says is no source: otherwise a caller could have the company promise anything.
    return unsupported(text, this.#sources(mark), language).length > 0 ? 'unsupported' : null
  }

  #sources(mark: ReplyMark): readonly string[] {
    if (mark.kind !== 'cites') return this.#used.results
    return mark.passages.flatMap(one => {
      const passage = this.#turn.passages[one - 1]
      return passage === undefined ? [] : [`${passage.title}\n${passage.heading}\n${passage.text}`]
    })
  }
}
