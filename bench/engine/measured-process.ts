import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

/** CPU and memory of a child process at one moment. */
export type Reading = Readonly<{
  cpuMs: number
  rssMb: number
  stats: Readonly<Record<string, number>>
  ready: unknown
}>

/** A program under measurement in a process of its own, so that the load's own CPU is not counted. */
export class MeasuredProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly ready: Reading['ready']

  private constructor(child: ChildProcess, ready: unknown) {
    this.#child = child
    this.ready = ready
  }

  static async start(entry: URL, argument: unknown): Promise<MeasuredProcess> {
    const child = fork(entry, [JSON.stringify(argument)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const [message] = (await once(child, 'message', { signal: AbortSignal.timeout(15_000) })) as [Reading]
    return new MeasuredProcess(child, message.ready)
  }

  /** Sends the child something of its own. */
  send(message: object): void {
    this.#child.send(message)
  }

  async read(): Promise<Reading> {
    this.#child.send('read')
    const [message] = (await once(this.#child, 'message', { signal: AbortSignal.timeout(15_000) })) as [Reading]
    return message
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.#child.send('stop')
    await ended
  }
}

/** The child's side: answers with readings until it is told to stop. */
export function serveReadings(
  ready: unknown,
  stats: () => Readonly<Record<string, number>>,
  stop: () => Promise<void>
): void {
  const send = () => {
    const { user, system } = process.cpuUsage()
    process.send?.({ cpuMs: (user + system) / 1000, rssMb: process.memoryUsage.rss() / 2 ** 20, stats: stats(), ready })
  }
  process.on('message', order => {
    if (order === 'read') send()
    if (order === 'stop') void stop().then(() => process.exit(0))
  })
  send()
}
