import { isIPv4 } from 'node:net'
import type { Db } from '../../sql/database.ts'
import { listEarlierCalls } from '../../sql/queries/desk.ts'
import type { ApiKeyRole } from '../../sql/tables.ts'
import { analyzeNumber } from '../compliance/numbers/analyze.ts'
import { numberFor } from '../number-mask.ts'
import type { Logger } from '../log.ts'
import type { CardField, CardSource, CustomerCard } from '../softphone/protocol.ts'

/** A service of the company's that knows customers, such as a CRM. */
export type CardSourceSettings = Readonly<{
  name: string
  /** `{number}`, `{callId}` and `{language}` are filled in, encoded. */
  url: string
  headers: Readonly<Record<string, string>>
  timeoutMs: number
  /** What of the JSON answer is shown: a label and a path such as `account.level`. */
  fields: readonly Readonly<{ label: string; path: string }>[]
  /** Path of the customer's name in the answer, when this source knows it. */
  namePath: string | null
}>

export type CardFacts = Readonly<{
  callId: string
  number: string | null
  name: string | null
  language: string | null
  reason: string | null
  answers: readonly CardField[]
}>

export type CardParts = Readonly<{ db: Db; log: Logger; sources(): Promise<readonly CardSourceSettings[]> }>

const EARLIER_CALLS = 10
const MAX_ANSWER_BYTES = 256 * 1024
const MAX_VALUE_CHARACTERS = 500

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
      reason: facts.reason,
      answers: facts.answers,
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
  const startedAtMs = performance.now()
  const tookMs = () => Math.round(performance.now() - startedAtMs)
  const base = { name: source.name, tookMs: null, fields: [], problem: null }
  card.setSource({ ...base, state: 'loading' })
  const limit = AbortSignal.timeout(source.timeoutMs)
  try {
    const url = source.url.replaceAll(/\{(number|callId|language)\}/g, (_, key: 'number' | 'callId' | 'language') =>
      encodeURIComponent(facts[key] ?? '')
    )
    const response = await fetch(url, {
      headers: { Accept: 'application/json', ...source.headers },
      signal: AbortSignal.any([limit, signal]),
      // A redirect would carry the customer's number to a host that nobody has approved.
      redirect: 'error'
    })
    if (response.status === 404) {
      await response.body?.cancel()
      return card.setSource({ ...base, state: 'ready', tookMs: tookMs() })
    }
    if (!response.ok) throw new SourceError(`it answered ${response.status}`)
    const document = JSON.parse(await readLimited(response)) as unknown
    const name = source.namePath === null ? undefined : valueAt(document, source.namePath)
    if (name !== undefined && card.name === null) card.update({ name })
    const fields = source.fields.flatMap(({ label, path }) => {
      const value = valueAt(document, path)
      return value === undefined ? [] : [{ label, value, source: source.name }]
    })
    card.setSource({ ...base, state: 'ready', tookMs: tookMs(), fields })
  } catch (err) {
    if (signal.aborted) return
    const problem = limit.aborted
      ? `${source.name} did not answer in ${source.timeoutMs} ms`
      : err instanceof SourceError
        ? `${source.name}: ${err.message}`
        : err instanceof SyntaxError
          ? `${source.name} did not answer with JSON`
          : `${source.name} cannot be reached`
    log.warn({ err, source: source.name, host: hostOf(source.url) }, 'a source of the customer card failed')
    card.setSource({ ...base, state: limit.aborted ? 'late' : 'failed', tookMs: tookMs(), problem })
  }
}

class SourceError extends Error {
  override readonly name = 'SourceError'
  readonly code = 'CARD_SOURCE_FAILED'
}

async function readLimited(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > MAX_ANSWER_BYTES) throw new SourceError(`its answer is larger than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** `orders.0.state` in a JSON document, as text; undefined when it is not there or is no plain value. */
export function valueAt(document: unknown, path: string): string | undefined {
  let value = document
  for (const step of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<string, unknown>)[step]
  }
  switch (typeof value) {
    case 'string':
      return value.slice(0, MAX_VALUE_CHARACTERS)
    case 'number':
    case 'boolean':
      return String(value)
    default:
      return undefined
  }
}

function hostOf(url: string): string {
  const host = URL.parse(url.replaceAll(/[{}]/g, ''))?.host ?? 'unknown'
  return isIPv4(host) ? host : host.toLowerCase()
}
