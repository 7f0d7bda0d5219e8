import { createStore, type Store } from '../store.ts'

/** Since when the server cannot be reached; null while it can. */
export type Connectivity = Readonly<{ lostSince: Date | null }>

type Way = 'http' | 'softphone' | 'events' | 'browser'

const PROBE_EVERY_MS = 2_000

/**
 * Whether the server can be reached, gathered from everything that talks to it. One failed way is enough to say so;
 * a probe then finds out when it is back.
 */
class ConnectivityWatch {
  readonly store: Store<Connectivity> = createStore<Connectivity>({ lostSince: null })
  readonly #lost = new Set<Way>()
  #probe: ReturnType<typeof setTimeout> | undefined

  constructor() {
    addEventListener('offline', () => this.lost('browser'))
    addEventListener('online', () => this.reached('browser'))
  }

  lost(way: Way): void {
    this.#lost.add(way)
    if (this.store.get().lostSince === null) this.store.set({ lostSince: new Date() })
    this.#probe ??= setTimeout(() => void this.#ask(), PROBE_EVERY_MS)
  }

  reached(way: Way): void {
    this.#lost.delete(way)
    if (this.#lost.size === 0) {
      clearTimeout(this.#probe)
      this.#probe = undefined
      this.store.set({ lostSince: null })
    }
  }

  async #ask(): Promise<void> {
    this.#probe = undefined
    try {
      await fetch('/healthz', { cache: 'no-store', signal: AbortSignal.timeout(PROBE_EVERY_MS) })
      this.reached('http')
      this.reached('browser')
    } catch {
      // Not back yet: `lost` is still set, and the next probe is due.
    }
    if (this.#lost.size > 0) this.#probe ??= setTimeout(() => void this.#ask(), PROBE_EVERY_MS)
  }
}

export const connectivity = new ConnectivityWatch()
