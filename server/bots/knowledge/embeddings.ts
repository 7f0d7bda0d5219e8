import { ProviderHealth } from '../../../media/speech/provider-health.ts'
import type { Db } from '../../../sql/database.ts'
import {
  ensureVectors,
  placePassages,
  type UnplacedPassage,
  unplacedPassages
} from '../../../sql/queries/bots/embeddings.ts'
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
/** Any model says what this means, or it answers nobody. */
const PLAIN_TEXT = 'order'

/** Keeps a vector for each published passage, and finds those of questions. */
export class KnowledgeEmbeddings implements AsyncDisposable {
  readonly #db: Db
  readonly #log: Logger
  readonly #health = new ProviderHealth()
  readonly #stopping = new AbortController()
  readonly embedder: Embedder
  readonly hasVectors: boolean
  /** Passages that the model refuses although it answers, such as one that is too long for it: words alone find them. */
  readonly #setAside = new Set<string>()
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
        const passages = await unplacedPassages(this.#db, this.embedder.model, BATCH, this.#setAside)
        if (passages.length === 0) return
        const vectors = await this.#vectorsOf(passages)
        await placePassages(
          this.#db,
          this.embedder.model,
          passages.flatMap((passage, at) => {
            const embedding = vectors[at]
            return embedding == null ? [] : [{ ...passage, embedding }]
          })
        )
      }
    } catch (err) {
      if (signal.aborted) return
      if (err instanceof EmbeddingError) this.#failed(err)
      // Tried again soon. Nobody waits for it, and calls go on without it.
      else this.#log.error({ err }, 'passages could not be placed')
    }
  }

  /** A vector for each; null for one that is set aside, so that the others do not wait for it. */
  async #vectorsOf(passages: readonly UnplacedPassage[]): Promise<readonly (readonly number[] | null)[]> {
    try {
      return await this.#embed(passages.map(textOf))
    } catch (err) {
      if (!isRefusal(err)) throw err
      // One that fails at everything is asked again later; otherwise something in these is at fault.
      await this.#embed([PLAIN_TEXT])
      const vectors: (readonly number[] | null)[] = []
      for (const passage of passages) vectors.push(await this.#vectorOrNone(passage))
      return vectors
    }
  }

  async #vectorOrNone(passage: UnplacedPassage): Promise<readonly number[] | null> {
    const { id, articleId, position } = passage
    try {
      return (await this.#embed([textOf(passage)]))[0] ?? null
    } catch (err) {
      if (!isRefusal(err)) throw err
      this.#setAside.add(id)
      this.#log.warn(
        { err, articleId, position },
        'the model for embeddings refuses a passage; it is found by its words'
      )
      return null
    }
  }

  async #embed(texts: readonly string[]): Promise<readonly (readonly number[])[]> {
    this.#health.asked()
    const limit = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(BATCH_LIMIT_MS)])
    const vectors = await this.embedder.embed(texts, limit)
    this.#health.succeeded()
    return vectors
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

function textOf({ title, heading, text }: UnplacedPassage): string {
  return [title, ...(heading === title ? [] : [heading]), text].join('\n')
}

/** It answered, but not with vectors. */
function isRefusal(err: unknown): boolean {
  return err instanceof EmbeddingError && err.code === 'EMBEDDING_FAILED'
}
