import { ProviderHealth } from '../../../media/speech/provider-health.ts'
import type { Db } from '../../../sql/database.ts'
import { ensureVectors, placePassages, unplacedPassages } from '../../../sql/queries/bots/embeddings.ts'
import type { Logger } from '../../log.ts'
import { type Embedder, EmbeddingError } from './embedder.ts'

/** `missing`: the database has no pgvector. `failing`: the model did not answer lately. Articles are found by words in both. */
export type EmbeddingState = Readonly<{ state: 'ok' | 'missing' | 'failing'; code: string | null }>

/** A caller waits for the answer. */
const QUESTION_LIMIT_MS = 1_000
const BATCH_LIMIT_MS = 30_000
const BATCH = 32
/** Articles that another control plane published, and what failed, are looked for so often. */
const LOOK_MS = 30_000

/** Keeps a vector for each published passage, and finds those of questions. */
export class KnowledgeEmbeddings implements AsyncDisposable {
  readonly #db: Db
  readonly #log: Logger
  readonly #health = new ProviderHealth()
  readonly #stopping = new AbortController()
  readonly embedder: Embedder
  readonly hasVectors: boolean
  #filling: Promise<void> = Promise.resolve()
  #isQueued = false
  #timer: NodeJS.Timeout | undefined

  private constructor(db: Db, embedder: Embedder, log: Logger, hasVectors: boolean) {
    this.#db = db
    this.embedder = embedder
    this.#log = log
    this.hasVectors = hasVectors
  }

  /** Never rejects because pgvector is missing or may not be made: the log says so, and words have to do. */
  static async open(db: Db, embedder: Embedder, log: Logger): Promise<KnowledgeEmbeddings> {
    const hasVectors = await ensureVectors(db).catch(err => {
      log.warn({ err }, 'pgvector cannot be set up in this database')
      return false
    })
    if (!hasVectors)
      log.warn('the database has no pgvector: bots find articles by their words only, in spite of PARLEY_EMBEDDING_URL')
    const embeddings = new KnowledgeEmbeddings(db, embedder, log, hasVectors)
    if (hasVectors) {
      embeddings.wake()
      embeddings.#timer = setInterval(() => embeddings.wake(), LOOK_MS)
    }
    return embeddings
  }

  get state(): EmbeddingState {
    if (!this.hasVectors) return { state: 'missing', code: 'EXTENSION_MISSING' }
    return this.#health.lastCode === null
      ? { state: 'ok', code: null }
      : { state: 'failing', code: this.#health.lastCode }
  }

  /** Articles have changed: their passages get vectors soon. Nobody waits for it. */
  wake(): void {
    if (!this.hasVectors || this.#isQueued || this.#stopping.signal.aborted) return
    this.#isQueued = true
    this.#filling = this.#filling.then(() => {
      this.#isQueued = false
      return this.#fill()
    })
  }

  /** The vector of a question; null when there is none in time. Rejects with the signal's reason only. */
  async vectorOf(question: string, signal: AbortSignal): Promise<readonly number[] | null> {
    if (!this.hasVectors || !this.#health.mayAsk) return null
    this.#health.asked()
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(QUESTION_LIMIT_MS)])
      const [vector] = await this.embedder.embed([question], limit)
      this.#health.succeeded()
      return vector ?? null
    } catch (err) {
      signal.throwIfAborted()
      this.#failed(err)
      return null
    }
  }

  async #fill(): Promise<void> {
    const { signal } = this.#stopping
    try {
      for (;;) {
        if (signal.aborted || !this.#health.mayAsk) return
        const passages = await unplacedPassages(this.#db, this.embedder.model, BATCH)
        if (passages.length === 0) return
        const texts = passages.map(({ title, heading, text }) =>
          [title, ...(heading === title ? [] : [heading]), text].join('\n')
        )
        this.#health.asked()
        const vectors = await this.embedder.embed(texts, AbortSignal.any([signal, AbortSignal.timeout(BATCH_LIMIT_MS)]))
        this.#health.succeeded()
        await placePassages(
          this.#db,
          this.embedder.model,
          passages.map((passage, at) => ({ ...passage, embedding: vectors[at] ?? [] }))
        )
      }
    } catch (err) {
      if (signal.aborted) return
      if (err instanceof EmbeddingError) this.#failed(err)
      // Tried again soon. Nobody waits for it, and calls go on without it.
      else this.#log.error({ err }, 'passages could not be placed')
    }
  }

  #failed(err: unknown): void {
    if (!(err instanceof EmbeddingError)) throw err
    this.#health.failed(err.code)
    this.#log.warn(
      { err, code: err.code },
      'the model for embeddings did not answer; articles are found by their words'
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    this.#stopping.abort()
    await this.#filling
  }
}
