const LONGEST_TIMER_MS = 2 ** 31 - 1

/** One alarm for each agent, for what time alone does next. */
export class AgentClock {
  readonly #timers = new Map<string, NodeJS.Timeout>()
  readonly #ring: (agentId: string) => void
  #isStopped = false

  constructor(ring: (agentId: string) => void) {
    this.#ring = ring
  }

  /** Replaces the agent's alarm; null takes it away. What is further off than a timer reaches rings early. */
  set(agentId: string, delayMs: number | null): void {
    clearTimeout(this.#timers.get(agentId))
    this.#timers.delete(agentId)
    if (delayMs === null || this.#isStopped) return
    const timer = setTimeout(
      () => {
        this.#timers.delete(agentId)
        this.#ring(agentId)
      },
      Math.min(Math.max(delayMs, 0), LONGEST_TIMER_MS)
    )
    this.#timers.set(agentId, timer)
  }

  stop(): void {
    this.#isStopped = true
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }
}
