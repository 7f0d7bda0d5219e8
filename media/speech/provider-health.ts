import {
  afterAsking,
  afterFailure,
  BREAKER_RULES,
  type Breaker,
  type BreakerRules,
  CLOSED,
  mayAsk
} from './circuit-breaker.ts'

/** How a provider does: `degraded` failed lately or in a check of the last two hours, `open` is not asked for a while. */
export type ProviderState = 'ok' | 'degraded' | 'open'

/** What a check with known words found. `heard` is how much of them came back, 0 to 1; `code` says why it could not be. */
export type CheckResult = Readonly<{
  language: string
  checkedAt: Date
  isOk: boolean
  heard: number | null
  tookMs: number
  code: string | null
}>

/** Codes that say nothing against the provider. */
const NOT_ITS_FAULT = new Set(['SPEECH_LANGUAGE_UNKNOWN', 'SPEECH_PHRASE_UNKNOWN', 'LANGUAGE_UNKNOWN'])
/** Checks come every hour, but of several control planes one makes them: what an older one found is true no longer. */
const CHECK_COUNTS_MS = 2 * 3_600_000
const LASTING = new Set(['SPEECH_REFUSED', 'SYNTHESIS_REFUSED', 'SPEECH_MISSING', 'SYNTHESIS_MISSING'])

/** Remembers how one provider does. */
export class ProviderHealth {
  readonly #rules: BreakerRules
  readonly #now: () => number
  readonly #checks = new Map<string, Readonly<{ result: CheckResult; atMs: number }>>()
  #breaker: Breaker = CLOSED
  #lastCode: string | null = null

  /** `now` in milliseconds, by a clock that never goes back. */
  constructor(rules: BreakerRules = BREAKER_RULES, now: () => number = () => performance.now()) {
    this.#rules = rules
    this.#now = now
  }

  get mayAsk(): boolean {
    return mayAsk(this.#breaker, this.#now())
  }

  get state(): ProviderState {
    if (this.#breaker.kind !== 'closed') return 'open'
    const sinceMs = this.#now() - CHECK_COUNTS_MS
    const failedCheck = [...this.#checks.values()].some(({ result, atMs }) => !result.isOk && atMs > sinceMs)
    return this.#breaker.failures > 0 || failedCheck ? 'degraded' : 'ok'
  }

  /** Why it failed last; null after a success. */
  get lastCode(): string | null {
    return this.#lastCode
  }

  /** The last check of each language. */
  get checks(): readonly CheckResult[] {
    return [...this.#checks.values()].map(one => one.result)
  }

  asked(): void {
    this.#breaker = afterAsking(this.#breaker, this.#now(), this.#rules)
  }

  succeeded(): void {
    this.#breaker = CLOSED
    this.#lastCode = null
  }

  failed(code: string): void {
    if (NOT_ITS_FAULT.has(code)) return
    this.#lastCode = code
    this.#breaker = afterFailure(this.#breaker, this.#now(), LASTING.has(code), this.#rules)
  }

  checked(result: CheckResult): void {
    this.#checks.set(result.language, { result, atMs: this.#now() })
  }
}
