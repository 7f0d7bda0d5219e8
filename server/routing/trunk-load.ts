import type { TrunkRow } from '../../sql/queries/telephony.ts'

/** Calls at once and calls a second on each trunk, as this control plane knows them. */
export class TrunkLoad {
  readonly #running = new Map<string, number>()
  readonly #startedAtMs = new Map<string, number[]>()

  /** Takes a place on the trunk, or returns null when it is full. The returned function gives the place back, once. */
  take(
    trunk: Pick<TrunkRow, 'id' | 'maxCalls' | 'maxCallsPerSecond'>,
    nowMs: number = performance.now()
  ): (() => void) | null {
    const running = this.#running.get(trunk.id) ?? 0
    const recent = (this.#startedAtMs.get(trunk.id) ?? []).filter(at => nowMs - at < 1000)
    if (running >= trunk.maxCalls || recent.length >= trunk.maxCallsPerSecond) return null
    this.#running.set(trunk.id, running + 1)
    this.#startedAtMs.set(trunk.id, [...recent, nowMs])
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#running.set(trunk.id, (this.#running.get(trunk.id) ?? 1) - 1)
    }
  }

  running(trunkId: string): number {
    return this.#running.get(trunkId) ?? 0
  }
}
