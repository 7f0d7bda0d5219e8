import { setTimeout as delay } from 'node:timers/promises'
import type { TrunkRow } from '../../sql/queries/telephony.ts'

/** One call's place on a trunk. */
export type TrunkPlace = Readonly<{
  /** Its INVITE leaves now, and not already when the place was taken. Milliseconds of `performance.now()`. */
  leaves(nowMs?: number): void
  /** Gives the place back, once. */
  free(): void
}>

type Limits = Pick<TrunkRow, 'id' | 'maxCalls' | 'maxCallsPerSecond'>

const SECOND_MS = 1_000

/** Calls at once and calls a second on each trunk, as this control plane knows them. */
export class TrunkLoad {
  readonly #running = new Map<string, number>()
  readonly #started = new Map<string, { atMs: number }[]>()

  /** Takes a place on the trunk, or returns null when it is full. */
  take(trunk: Limits, nowMs: number = performance.now()): TrunkPlace | null {
    const running = this.running(trunk.id)
    const recent = this.#recent(trunk.id, nowMs)
    if (running >= trunk.maxCalls || recent.length >= trunk.maxCallsPerSecond) return null
    this.#running.set(trunk.id, running + 1)
    const started = { atMs: nowMs }
    this.#started.set(trunk.id, [...recent, started])
    let isHeld = true
    return {
      leaves: (leftAtMs = performance.now()) => {
        const others = this.#recent(trunk.id, leftAtMs).filter(one => one !== started)
        started.atMs = leftAtMs
        this.#started.set(trunk.id, [...others, started])
      },
      free: () => {
        if (!isHeld) return
        isHeld = false
        this.#running.set(trunk.id, this.running(trunk.id) - 1)
      }
    }
  }

  /**
   * As {@link take}, but waits up to `patienceMs` while only the calls of the last second fill the trunk. Null as well
   * when the signal is aborted meanwhile.
   */
  async takeInTurn(trunk: Limits, patienceMs: number, signal: AbortSignal): Promise<TrunkPlace | null> {
    const untilMs = performance.now() + patienceMs
    while (!signal.aborted) {
      const nowMs = performance.now()
      const place = this.take(trunk, nowMs)
      if (place !== null || this.running(trunk.id) >= trunk.maxCalls) return place
      const recent = this.#recent(trunk.id, nowMs)
      const roomAtMs = (recent.at(-trunk.maxCallsPerSecond)?.atMs ?? nowMs) + SECOND_MS
      if (roomAtMs > untilMs) return null
      await delay(Math.max(1, Math.ceil(roomAtMs - nowMs)), undefined, { signal }).catch((err: unknown) => {
        if (!signal.aborted) throw err
      })
    }
    return null
  }

  running(trunkId: string): number {
    return this.#running.get(trunkId) ?? 0
  }

  /** Those of the last second, the oldest first. */
  #recent(trunkId: string, nowMs: number): readonly { atMs: number }[] {
    return (this.#started.get(trunkId) ?? []).filter(one => nowMs - one.atMs < SECOND_MS)
  }
}
