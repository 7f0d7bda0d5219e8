import {
  afterAsking,
  afterFailure,
  BREAKER_RULES,
  type Breaker,
  type BreakerRules,
  CLOSED,
  mayAsk
} from './circuit-breaker.ts'

/** How a provider does: `degraded` failed lately or in its last check, `open` is not asked for a while. */
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
const LASTING = new Set(['SPEECH_REFUSED', 'SYNTHESIS_REFUSED', 'SPEECH_MISSING', 'SYNTHESIS_MISSING'])

/** Remembers how one provider does. */
export class ProviderHealth {
  readonly #rules: BreakerRules
  readonly #now: () => number
  readonly #checks = new Map<string, CheckResult>()
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
    const hasFailed = this.#breaker.failures > 0 || [...this.#checks.values()].some(one => !one.isOk)
    return hasFailed ? 'degraded' : 'ok'
  }

  /** Why it failed last; null after a success. */
  get lastCode(): string | null {
    return this.#lastCode
  }

  /** The last check of each language. */
  get checks(): readonly CheckResult[] {
    return [...this.#checks.values()]
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
    this.#checks.set(result.language, result)
  }
}
