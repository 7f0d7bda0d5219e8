/** Keeps the screen on while somebody may call, where the browser can: a machine that sleeps loses the caller. */
export class ScreenWake {
  #lock: Promise<WakeLockSentinel> | null = null

  keep(isWanted: boolean): void {
    if (!isWanted) {
      this.release()
      return
    }
    if (this.#lock !== null || navigator.wakeLock === undefined || document.visibilityState !== 'visible') return
    const lock = navigator.wakeLock.request('screen')
    this.#lock = lock
    const forget = () => {
      if (this.#lock === lock) this.#lock = null
    }
    // Refused on low battery; the desk works without.
    lock.then(one => one.addEventListener('release', forget), forget)
  }

  release(): void {
    this.#lock?.then(
      lock => lock.release(),
      () => undefined
    )
    this.#lock = null
  }
}
