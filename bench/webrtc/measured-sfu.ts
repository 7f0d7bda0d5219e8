import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

export type Usage = Readonly<{ cpuMs: number; memoryBytes: number | null }>

/** An SFU in a process of its own, asked over the process's channel. */
export class MeasuredSfu implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  #next = 1

  private constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (message: { id: number; result: unknown }) => {
      this.#waiting.get(message.id)?.resolve(message.result)
      this.#waiting.delete(message.id)
    })
    child.once('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the SFU has ended'))
    })
  }

  static async start(engine: 'embedded' | 'mediasoup'): Promise<MeasuredSfu> {
    const child = fork(new URL('./sfu-process.ts', import.meta.url), [JSON.stringify({ engine })])
    await once(child, 'message', { signal: AbortSignal.timeout(20_000) })
    return new MeasuredSfu(child)
  }

  call<Result = unknown>(method: string, ...parameters: readonly unknown[]): Promise<Result> {
    const id = this.#next++
    const answer = Promise.withResolvers<unknown>()
    this.#waiting.set(id, answer)
    this.#child.send({ id, method, parameters })
    return answer.promise as Promise<Result>
  }

  usage(): Promise<Usage> {
    return this.call<Usage>('usage')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.#child.send({ id: 0, method: 'stop', parameters: [] })
    await ended
  }
}
