import type { BotOptions } from '../../../ivr-flows/host.ts'
import type { KnowledgeParts } from '../knowledge/knowledge.ts'
import { ANSWER_THRESHOLD, type Retrieval, retrieve } from '../knowledge/retrieve.ts'
import type { CallBudget } from '../model/budget.ts'
import { type LanguageModel, ModelError, type ModelErrorCode, type ModelMessage } from '../model/language-model.ts'
import { ClauseSplitter } from '../say/clauses.ts'
import { inOwnEnglish } from '../say/english.ts'
import { speakable, tabooIn } from '../say/speakable.ts'
import type { ToolBox } from '../tools/tool-box.ts'
import { instructionsFor, questionWith } from './instructions.ts'
import { modelReply, type ModelTurn, type ReplyNote } from './model-reply.ts'

/** What a turn came to. `articleId` is the article that the answer is from. */
export type Reply = Readonly<{
  kind: 'answer' | 'tool' | 'ask' | 'talk' | 'unknown' | 'done' | 'handover'
  source: 'model' | 'retrieval' | 'none'
  articleId: string | null
  /** Title of that article. */
  topic: string | null
  /** Why the model did not answer, although there is one. */
  failure: ModelErrorCode | null
}>

export type AnswerEvent =
  | Readonly<{ kind: 'retrieved'; retrieval: Retrieval }>
  /** Something to say now; the next may follow while it is said. `isPersonal`: it may speak of this caller. */
  | Readonly<{ kind: 'clause'; text: string; isPersonal: boolean }>
  | ReplyNote
  | Readonly<{ kind: 'end'; reply: Reply }>

export type AnswererOptions = Readonly<{
  knowledge: KnowledgeParts
  /** Asked for before each answer. Null: articles are read out. */
  readonly model: LanguageModel | null
  bot: BotOptions
  language: string
  budget: CallBudget
  tools: ToolBox
  /** Asks the caller before something is changed. */
  confirm(text: string, signal: AbortSignal): Promise<boolean>
  now(): Date
  /** Whether a service at this host may learn what the caller says. */
  mayAskOutside(host: string): boolean
}>

/** Earlier turns that a model is reminded of. */
const REMEMBERED_MESSAGES = 12

/** Answers the questions of one conversation: by a model where there is one, and by reading an article in any case. */
export class Answerer {
  readonly #options: AnswererOptions
  readonly #instructions: string
  #history: ModelMessage[] = []

  constructor(options: AnswererOptions) {
    this.#options = options
    this.#instructions = instructionsFor(options.bot, options.language)
  }

  /**
   * Answers a question. Whatever the model does, the last event is `end`: when it fails or makes something up, the best
   * passage is read instead, if it is good enough. Rejects only with the signal's reason or when the database is away.
   */
  async *answer(question: string, signal: AbortSignal): AsyncGenerator<AnswerEvent> {
    const { bot, language, model, knowledge, now, mayAskOutside } = this.#options
    const { product, region } = bot.knowledge
    const asked = { question, language, product, region, now: now(), mayAskOutside }
    const retrieval = await retrieve(knowledge, asked, signal)
    signal.throwIfAborted()
    yield { kind: 'retrieved', retrieval }
    if (model === null) {
      yield* this.#read(retrieval, null)
      return
    }
    let failure: ModelErrorCode = 'MODEL_EMPTY'
    try {
      for await (const event of modelReply(this.#turn(model, question, retrieval), signal)) {
        yield event
        if (event.kind === 'end') return
      }
    } catch (err) {
      signal.throwIfAborted()
      if (!(err instanceof ModelError)) throw err
      failure = err.code
      yield { kind: 'fault', code: err.code, err }
    }
    yield* this.#read(retrieval, failure)
  }

  #turn(model: LanguageModel, question: string, retrieval: Retrieval): ModelTurn {
    const { bot, language, budget, tools, confirm } = this.#options
    // What scores low is offered too: a model understands more of a question than its words.
    const passages = retrieval.passages.map(one => one.passage)
    return {
      model,
      budget,
      tools,
      confirm,
      language,
      passages,
      taboo: bot.taboo,
      register: bot.register,
      thinkMs: bot.limits.thinkMs,
      callerWords: [question, ...this.#history.filter(one => one.role === 'user').map(one => one.content)],
      messages: [
        { role: 'system', content: this.#instructions },
        ...this.#history,
        { role: 'user', content: questionWith(question, passages) }
      ]
    }
  }

  *#read({ passages }: Retrieval, failure: ModelErrorCode | null): Generator<AnswerEvent> {
    const [best] = passages
    if (best === undefined || best.score < ANSWER_THRESHOLD) {
      yield {
        kind: 'end',
        reply: { kind: 'unknown', source: 'none', articleId: null, topic: null, failure }
      }
      return
    }
    const { articleId, title, text, language: written } = best.passage
    const { bot, language } = this.#options
    // What was written for one country is left as it is.
    const isForAll = new Intl.Locale(written).region === undefined
    const splitter = new ClauseSplitter(language)
    let hasSpoken = false
    for (const clause of [...splitter.push(text), ...splitter.end()]) {
      const plain = speakable(clause)
      const words = isForAll ? inOwnEnglish(plain, language) : plain
      if (words === '') continue
      // What follows may lean on what is not said: as with a model, the answer ends before it.
      if (tabooIn(words, bot.taboo, language) !== null) {
        yield { kind: 'held', why: 'taboo' }
        break
      }
      hasSpoken = true
      yield { kind: 'clause', text: words, isPersonal: false }
    }
    if (hasSpoken)
      yield { kind: 'end', reply: { kind: 'answer', source: 'retrieval', articleId, topic: title, failure } }
    else yield { kind: 'end', reply: { kind: 'unknown', source: 'none', articleId: null, topic: null, failure } }
  }

  /** Keeps what the caller asked and what of the answer was said, for the next turns. */
  remember(question: string, said: string): void {
    const turn: ModelMessage[] = [{ role: 'user', content: question }]
    if (said !== '') turn.push({ role: 'assistant', content: said })
    this.#history = [...this.#history, ...turn].slice(-REMEMBERED_MESSAGES)
  }
}
