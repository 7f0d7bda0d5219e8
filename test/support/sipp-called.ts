import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { writeAudio } from './sipp.ts'

const START_LIMIT_MS = 40_000

export type SippCalledOptions = Readonly<{
  /** The scenario file. */
  scenario: URL
  /** Audio that the scenario streams, by file name: samples at 8 kHz. */
  audio?: Readonly<Record<string, Int16Array>>
  /** It ends after so many calls. */
  /** Values of the scenario's own keywords. */
  keys?: Readonly<Record<string, string>>
  calls: number
  limitMs: number
}>

/** SIPp as a called party: answers calls as its scenario says and ends when that many calls are over. */
export class SippCalled implements AsyncDisposable {
  readonly port: number
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown[]>
  readonly #folder: string

  private constructor(port: number, child: ChildProcess, exited: Promise<unknown[]>, folder: string) {
    this.port = port
    this.#child = child
    this.#exited = exited
    this.#folder = folder
  }

  static async start({ scenario, audio = {}, keys = {}, calls, limitMs }: SippCalledOptions): Promise<SippCalled> {
    const folder = await mkdtemp(join(tmpdir(), 'parley-sipp-'))
    try {
      await copyFile(scenario, join(folder, 'scenario.xml'))
      await writeAudio(folder, audio)
      const [port, mediaPort] = [await freePort(), await freePort()]
      const child = spawn(
        'sipp',
        // prettier-ignore
        [
          '-sf',
          'scenario.xml',
          '-i',
          '127.0.0.1',
          '-mi',
          '127.0.0.1',
          '-p',
          String(port),
          '-mp',
          String(mediaPort),
          '-m',
          String(calls),
          '-nostdin',
          '-trace_msg',
          '-message_file',
          'messages.log',
          '-trace_err',
          '-error_file',
          'errors.log',
          '-timeout',
          `${Math.ceil(limitMs / 1000)}s`,
          '-timeout_error',
          ...Object.entries(keys).flatMap(([name, value]) => ['-key', name, value])
        ],
        { cwd: folder, stdio: 'ignore', env: { ...process.env, TERM: 'xterm' } }
      )
      const exited = once(child, 'exit')
      const called = new SippCalled(port, child, exited, folder)
      const limit = AbortSignal.timeout(START_LIMIT_MS)
      while (!(await isBound(port))) {
        if (limit.aborted || child.exitCode !== null) {
          const said = await called.#said()
          await called[Symbol.asyncDispose]()
          throw new Error(`SIPp did not start (exit ${child.exitCode}):\n${said}`)
        }
        await delay(20)
      }
      return called
    } catch (err) {
      await rm(folder, { recursive: true, force: true })
      throw err
    }
  }

  /** Resolves with all messages so far as soon as they are like this. */
  async logs(wanted: RegExp): Promise<string> {
    const limit = AbortSignal.timeout(START_LIMIT_MS)
    for (;;) {
      const said = await this.#said()
      if (wanted.test(said)) return said
      if (limit.aborted) throw new Error(`SIPp has logged nothing like ${wanted}:\n${said}`)
      await delay(20)
    }
  }

  /** Resolves when all calls are over: with its exit code, 0 when each went as the scenario says, and what it saw. */
  async over(): Promise<Readonly<{ code: number; log: string }>> {
    await this.#exited
    return { code: this.#child.exitCode ?? -1, log: await this.#said() }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL')
    await this.#exited
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #said(): Promise<string> {
    const texts = ['messages.log', 'errors.log'].map(name =>
      readFile(join(this.#folder, name), 'utf8').catch((err: NodeJS.ErrnoException) => {
        if (err.code === 'ENOENT') return ''
        throw err
      })
    )
    return (await Promise.all(texts)).join('\n')
  }
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return port
}

/** Whether some program listens on a UDP port; the kernel's table says so without taking the port away from it. */
async function isBound(port: number): Promise<boolean> {
  const table = await readFile('/proc/net/udp', 'utf8')
  return table.includes(`:${port.toString(16).toUpperCase().padStart(4, '0')} `)
}
