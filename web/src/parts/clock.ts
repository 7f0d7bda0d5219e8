import { useSyncExternalStore } from 'react'

const TICK_MS = 250

/** What the server's clock is ahead of this machine's; every timer on the page counts by the server's. */
let aheadMs = 0
const listeners = new Set<() => void>()
let ticker: ReturnType<typeof setInterval> | undefined

/** Takes the server's time from a message that has just arrived. */
export function learnServerTime(serverTime: string): void {
  aheadMs = Date.parse(serverTime) - Date.now()
}

/** Positive when this machine's clock is behind the server's. */
export function clockAheadMs(): number {
  return aheadMs
}

/** Milliseconds since the epoch by the server's clock. */
export function serverNow(): number {
  return Date.now() + aheadMs
}

/** Whole seconds from `since` until now; the component is drawn again only when the figure changes. */
export function useSecondsSince(since: string | null): number {
  return useSyncExternalStore(onTick, () =>
    since === null ? 0 : Math.max(0, Math.floor((serverNow() - Date.parse(since)) / 1000))
  )
}

/** Whole seconds, rounded up, from now until `until`; 0 when that has passed. */
export function useSecondsUntil(until: string | null): number {
  return useSyncExternalStore(onTick, () =>
    until === null ? 0 : Math.max(0, Math.ceil((Date.parse(until) - serverNow()) / 1000))
  )
}

/** The minute of the server's clock, as milliseconds since the epoch; drawn again when it changes. */
export function useMinute(): number {
  return useSyncExternalStore(onTick, () => Math.floor(serverNow() / 60_000) * 60_000)
}

function onTick(listener: () => void): () => void {
  listeners.add(listener)
  ticker ??= setInterval(() => {
    for (const one of listeners) one()
  }, TICK_MS)
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    clearInterval(ticker)
    ticker = undefined
  }
}
