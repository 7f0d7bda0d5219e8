import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

type Result = Readonly<{ rows: object[]; affectedRows: number }>

export type PgliteRequest =
  | Readonly<{ kind: 'query'; id: number; text: string; values: readonly unknown[] }>
  | Readonly<{ kind: 'exec'; id: number; text: string }>
  | Readonly<{ kind: 'close'; id: number }>

/** Id 0 answers the opening of the database itself. */
export type PgliteReply =
  | Readonly<{ kind: 'results'; id: number; results: readonly Result[] }>
  | Readonly<{ kind: 'failed'; id: number; error: Record<string, unknown> & { message: string } }>

type Waiting = { resolve: (results: readonly Result[]) => void; reject: (err: Error) => void }

/** One PGlite instance in a worker thread, with the calls that Kysely and pg-boss make of PGlite itself. */
export class PgliteClient {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  readonly #ended: Promise<unknown>
  #nextId = 1
  #isClosed = false

  private constructor(folder: string | null, hasVectors: boolean) {
    this.#worker = new Worker(new URL('./pglite-thread.ts', import.meta.url), { workerData: { folder, hasVectors } })
    this.#worker.on('message', (reply: PgliteReply) => {
      const waiting = this.#waiting.get(reply.id)
      this.#waiting.delete(reply.id)
      if (reply.kind === 'results') waiting?.resolve(reply.results)
      else waiting?.reject(Object.assign(new Error(reply.error.message), reply.error))
    })
    this.#worker.on('error', err => this.#failAll(err instanceof Error ? err : new Error(String(err))))
    this.#worker.on('exit', () => this.#failAll(new Error('PGlite is closed')))
    this.#ended = once(this.#worker, 'exit')
  }

  /** Opens the database in `folder`, or one in memory for null; with pgvector to be had when `hasVectors`. */
  static async open(folder: string | null, hasVectors = false): Promise<PgliteClient> {
    if (folder !== null && !(await exists(join(folder, 'PG_VERSION')))) {
      // Making a database needs some 250 MB that only the end of its thread gives back.
      const maker = await PgliteClient.#start(folder, hasVectors)
      await maker.close()
      await maker.#ended
    }
    return await PgliteClient.#start(folder, hasVectors)
  }

  static async #start(folder: string | null, hasVectors: boolean): Promise<PgliteClient> {
    const client = new PgliteClient(folder, hasVectors)
    await client.#wait(0)
    return client
  }

  async query<Row>(text: string, values: readonly unknown[] = []): Promise<{ rows: Row[]; affectedRows: number }> {
    const [result] = await this.#ask({ kind: 'query', id: this.#nextId++, text, values })
    return { rows: (result?.rows ?? []) as Row[], affectedRows: result?.affectedRows ?? 0 }
  }

  /** Runs several statements without values; one result for each. */
  async exec(text: string): Promise<{ rows: object[]; affectedRows: number }[]> {
    return [...(await this.#ask({ kind: 'exec', id: this.#nextId++, text }))]
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    const closed = this.#ask({ kind: 'close', id: this.#nextId++ })
    this.#isClosed = true
    await closed
  }

  async #ask(request: PgliteRequest): Promise<readonly Result[]> {
    if (this.#isClosed) throw new Error('PGlite is closed')
    this.#worker.postMessage(request)
    return await this.#wait(request.id)
  }

  async #wait(id: number): Promise<readonly Result[]> {
    return await new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
  }

  #failAll(err: Error): void {
    this.#isClosed = true
    for (const { reject } of this.#waiting.values()) reject(err)
    this.#waiting.clear()
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file)
    return true
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw err
  }
}
