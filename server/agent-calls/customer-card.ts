import type { Db } from '../../sql/database.ts'
import { listEarlierCalls } from '../../sql/queries/desk.ts'
import type { ApiKeyRole } from '../../sql/tables.ts'
import type { BotHandOver } from '../bots/hand-over.ts'
import { analyzeNumber } from '../compliance/numbers/analyze.ts'
import { numberFor } from '../number-mask.ts'
import type { Logger } from '../log.ts'
import { askCardSource, type CardSourceSettings } from './card-source.ts'
import type { BotNote, CardField, CardSource, CustomerCard } from '../softphone/protocol.ts'

export type CardFacts = Readonly<{
  callId: string
  number: string | null
  name: string | null
  language: string | null
  reason: string | null
  answers: readonly CardField[]
  /** What a bot hands over. */
  bot?: BotHandOver
  /** A script, no person: no service is asked about its number. */
  isSimulated?: boolean
}>

export type CardParts = Readonly<{ db: Db; log: Logger; sources(): Promise<readonly CardSourceSettings[]> }>

const EARLIER_CALLS = 10

/**
 * What is known about a customer, as it comes in: at once what the call brought, then what the database and the
 * company's own services say. It is begun when a call enters a queue, so that it is there before the ring; nothing waits
 * for it.
 */
export class LiveCard {
  #card: CustomerCard
  readonly #wholeNumber: string | null
  readonly #listeners = new Set<() => void>()

  constructor(facts: CardFacts) {
    const analysis = facts.number === null ? null : analyzeNumber(facts.number)
    const place = analysis?.kind === 'number' ? analysis : null
    this.#wholeNumber = facts.number
    const zones = place?.zones ?? []
    this.#card = {
      number: facts.number,
      name: facts.name,
      language: facts.language,
      country: place?.country ?? null,
      // With several zones no clock is better than a wrong one.
      timeZone: zones.length === 1 ? (zones[0] ?? null) : null,
      // What the flow says comes first; a bot's line is marked by what stands beside it.
      reason: facts.reason ?? (facts.bot?.summary || null),
      answers: facts.answers,
      bot: facts.bot === undefined ? null : botNoteOf(facts.bot),
      isSimulated: facts.isSimulated === true,
      history: [],
      sources: []
    }
  }

  get wholeNumber(): string | null {
    return this.#wholeNumber
  }

  get name(): string | null {
    return this.#card.name
  }

  /** The card as a role may see it. */
  as(role: ApiKeyRole): CustomerCard {
    return { ...this.#card, number: numberFor(role, this.#card.number) }
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  update(change: Partial<CustomerCard>): void {
    this.#card = { ...this.#card, ...change }
    for (const listener of this.#listeners) listener()
  }

  setSource(source: CardSource): void {
    const others = this.#card.sources.filter(one => one.name !== source.name)
    this.update({ sources: [...others, source].toSorted((a, b) => a.name.localeCompare(b.name)) })
  }
}

/** A hand-over as an agent sees it; what customers say stays in the browser for as long as the call. */
function botNoteOf({ reason, summary, utterances, facts, topics, mood, endedAt }: BotHandOver): BotNote {
  return { reason, summary, utterances, facts, topics, mood, endedAt: endedAt.toISOString() }
}

/** Starts looking a customer up; returns at once. What comes later changes the card. Never throws. */
export function openCard(parts: CardParts, facts: CardFacts, signal: AbortSignal): LiveCard {
  const card = new LiveCard(facts)
  const { number } = facts
  if (number === null) return card
  listEarlierCalls(parts.db, number, facts.callId, EARLIER_CALLS).then(
    calls =>
      card.update({
        history: calls.map(({ startedAt, ...call }) => ({ ...call, at: startedAt.toISOString() }))
      }),
    err => parts.log.warn({ err }, 'earlier calls could not be read')
  )
  if (facts.isSimulated === true) return card
  parts.sources().then(
    sources => {
      for (const source of sources) void ask(card, source, facts, parts.log, signal)
    },
    err => parts.log.warn({ err }, 'the sources of the customer card could not be read')
  )
  return card
}

async function ask(
  card: LiveCard,
  source: CardSourceSettings,
  facts: CardFacts,
  log: Logger,
  signal: AbortSignal
): Promise<void> {
  card.setSource({ name: source.name, state: 'loading', tookMs: null, fields: [], problem: null })
  const answer = await askCardSource(source, facts, log, signal)
  if (answer === null) return
  if (answer.customerName !== null && card.name === null) card.update({ name: answer.customerName })
  card.setSource(answer.source)
}
