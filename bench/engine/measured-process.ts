import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'

/** Linux counts the CPU of processes in hundredths of a second for its users. */
const MS_PER_TICK = 10
const PAGE_MB = 4096 / 2 ** 20

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
  send(message: object | string): void {
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

/** Reads CPU and memory of a process that somebody else started, from Linux's /proc. */
export async function readOutsideProcess(pid: number): Promise<Reading> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8')
  // The name in brackets may hold spaces; what follows it begins with the third field (proc_pid_stat(5)).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [user = 0, system = 0, pages = 0] = [11, 12, 21].map(index => Number(fields[index]))
  return { cpuMs: (user + system) * MS_PER_TICK, rssMb: pages * PAGE_MB, stats: {}, ready: undefined }
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
