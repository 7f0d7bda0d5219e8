import { ModelError, type ModelUsage } from './language-model.ts'

export type BudgetLimits = Readonly<{ tokens: number; cents: number }>

/** What one call may spend on a model. */
export class CallBudget {
  readonly #limits: BudgetLimits
  #tokens = 0
  #cents = 0

  constructor(limits: BudgetLimits) {
    this.#limits = limits
  }

  get tokens(): number {
    return this.#tokens
  }

  get cents(): number {
    return this.#cents
  }

  /** Throws ModelError MODEL_BUDGET when nothing is left for another request. */
  demand(): void {
    if (this.#tokens >= this.#limits.tokens)
      throw new ModelError('MODEL_BUDGET', `The call has used its ${this.#limits.tokens} tokens.`)
    if (this.#cents >= this.#limits.cents)
      throw new ModelError('MODEL_BUDGET', `The call has used its ${this.#limits.cents} cents.`)
  }

  spend(usage: ModelUsage, cents: number): void {
    this.#tokens += usage.inputTokens + usage.outputTokens
    this.#cents += cents
  }
}
