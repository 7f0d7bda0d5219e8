import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A TypeScript program of this repository as a process of its own, which a test may kill. */
export class Program implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  output = ''

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#exited = once(child, 'exit')
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', chunk => (this.output += String(chunk)))
  }

  /** Starts it and waits until its output says `ready`. */
  static async start(
    file: string,
    args: readonly string[],
    ready: RegExp,
    env: Readonly<Record<string, string>> = {}
  ): Promise<Program> {
    const program = new Program(
      spawn(process.execPath, [file, ...args], {
        cwd: ROOT,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...ownEnvironment(), ...env }
      })
    )
    const limit = AbortSignal.timeout(90_000)
    while (!ready.test(program.output)) {
      if (program.#child.exitCode !== null || limit.aborted)
        throw new Error(`${file} did not start:\n${program.output}`)
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    return program
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  /** Resolves with its exit code. */
  async exited(): Promise<number | null> {
    await this.#exited
    return this.#child.exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.kill()
  }
}

/** A TCP proxy whose cable a test can pull, or at whose other end it can let everything fall silent. */
export class Cable implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #isPulled = false
  readonly #silent = new WeakSet<Socket>()
  #isSilent = false

  private constructor(server: Server) {
    this.#server = server
  }

  static async to(host: string, port: number): Promise<Cable> {
    const server = createServer()
    const cable = new Cable(server)
    server.on('connection', near => {
      if (cable.#isPulled) {
        near.destroy()
        return
      }
      const far = connect(port, host)
      for (const [one, other] of [
        [near, far],
        [far, near]
      ] as const) {
        cable.#sockets.add(one)
        if (cable.#isSilent) cable.#silent.add(one)
        one.on('data', chunk => {
          if (!cable.#silent.has(one)) other.write(chunk)
        })
        one.on('end', () => other.end())
        one.on('error', () => other.destroy())
        one.on('close', () => {
          cable.#sockets.delete(one)
          other.destroy()
        })
      }
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return cable
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  pull(): void {
    this.#isPulled = true
    for (const socket of this.#sockets) socket.destroy()
  }

  plugIn(): void {
    this.#isPulled = false
  }

  /**
   * Nothing arrives any more in either direction, and no connection is refused or ends: a network that drops packets.
   * Connections stay silent for good; those made after `speakAgain` reach a server that has taken over the address.
   */
  fallSilent(): void {
    this.#isSilent = true
    for (const socket of this.#sockets) this.#silent.add(socket)
  }

  speakAgain(): void {
    this.#isSilent = false
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.pull()
    await new Promise<void>(resolve => this.#server.close(() => resolve()))
  }
}

/** A free TCP and UDP port number; another program may take it before ours does, so use it at once. */
export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** This process's environment without Parley's own variables: a test says itself what a program gets. */
function ownEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PARLEY_')))
}
