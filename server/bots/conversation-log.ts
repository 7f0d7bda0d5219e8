import type { Db } from '../../sql/database.ts'
import { type NewTurn, insertConversation, insertQuestion } from '../../sql/queries/bots/conversations.ts'
import type { Call } from '../calls/call.ts'
import { storeSurely } from '../calls/store-surely.ts'
import { newId } from '../ids.ts'
import { findPersonal, redactedText } from '../quality/redact.ts'
import type { Reply } from './answer/answerer.ts'
import type { CallBudget } from './model/budget.ts'
import type { DialogueEnd, DialogueState, DialogueStep } from './dialogue.ts'

export type LogFacts = Readonly<{ flowId: string; node: string; language: string; model: string | null }>

/** What one conversation leaves for figures: no words of the caller, except of a call that may be recorded. */
export class ConversationLog {
  readonly #db: Db
  readonly #call: Call
  readonly #facts: LogFacts
  readonly #startedAt: Date
  readonly #turns: NewTurn[] = []
  readonly #topics: string[] = []
  disclosedMs: number | null = null

  constructor(db: Db, call: Call, facts: LogFacts, startedAt: Date) {
    this.#db = db
    this.#call = call
    this.#facts = facts
    this.#startedAt = startedAt
  }

  /** Titles of the articles that answered. */
  get topics(): readonly string[] {
    return this.#topics
  }

  answered(reply: Reply, turn: Omit<NewTurn, 'outcome' | 'source' | 'article_id'>): void {
    if (reply.topic !== null && !this.#topics.includes(reply.topic)) this.#topics.push(reply.topic)
    this.#turns.push({ ...turn, outcome: reply.kind, source: reply.source, article_id: reply.articleId })
  }

  /**
   * Keeps a question without an answer, redacted, if the call may be recorded and still may when it ends: of a caller who
   * takes the consent back in between nothing is kept either.
   */
  unknown(question: string, terms: readonly string[], isConsented: () => boolean): void {
    if (terms.length === 0) return
    const { language } = this.#facts
    const personal = findPersonal(question, language)
    const row = {
      id: newId(),
      call_id: this.#call.id,
      language,
      question: redactedText(question, personal).text,
      // A word that was hidden is not kept in another form either.
      words: personal.length === 0 ? [...terms] : [],
      asked_at: new Date(),
      article_id: null,
      settled_at: null
    }
    this.#call.defer(async () => {
      if (!isConsented()) return
      await storeSurely(() => insertQuestion(this.#db, row), this.#call.log, 'a question without an answer')
    })
  }

  async close(
    state: DialogueState,
    end: DialogueEnd | null,
    lastStep: DialogueStep,
    budget: CallBudget
  ): Promise<void> {
    const { flowId, node, language, model } = this.#facts
    const row = {
      id: newId(),
      call_id: this.#call.id,
      flow_id: flowId,
      node,
      language,
      outcome: end?.kind ?? ('callerLeft' as const),
      reason: reasonOf(end),
      ended_at_step: lastStep,
      turns: state.turns,
      answered: state.answered,
      unknown: state.unknown,
      is_solved: state.isSolved,
      model,
      tokens: budget.tokens,
      cost_cents: budget.cents,
      disclosed_ms: this.disclosedMs,
      started_at: this.#startedAt,
      ended_at: new Date()
    }
    await storeSurely(
      () => insertConversation(this.#db, row, this.#turns),
      this.#call.log,
      'the figures of a conversation with a bot'
    )
  }
}

function reasonOf(end: DialogueEnd | null): string {
  switch (end?.kind) {
    case undefined:
      return 'callerLeft'
    case 'handover':
      return end.reason
    case 'failed':
      return end.code
    case 'done':
    case 'noAnswer':
      return end.kind
    default:
      return end satisfies never
  }
}
