/**
 * Runs one task at a time, and never more than one waits: who asks while it runs gets the run that begins afterwards,
 * because the present one may have looked too early.
 */
export class Refresher {
  readonly #task: () => Promise<void>
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(task: () => Promise<void>) {
    this.#task = task
  }

  /** Resolves when a run that began after this call has ended; rejects with what that run threw. */
  run(): Promise<void> {
    if (this.#running === undefined) return this.#start()
    this.#next ??= this.#running.then(
      () => this.#start(),
      () => this.#start()
    )
    return this.#next
  }

  /** Resolves when nothing runs any more. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await (this.#next ?? this.#running).catch(() => {})
  }

  #start(): Promise<void> {
    this.#next = undefined
    const running = this.#task().finally(() => {
      if (this.#running === running) this.#running = undefined
    })
    this.#running = running
    return running
  }
}
