import { Type } from 'typebox'
import { Compile } from 'typebox/compile'

/** Says what texts mean, as vectors: texts that mean the same lie near each other. */
export interface Embedder {
  /** Vectors of different models cannot be compared. */
  readonly model: string
  readonly host: string
  /** Where texts are processed; null on this machine. */
  readonly region: string | null
  /** One vector for each text, in order. Rejects with EmbeddingError, and with the signal's reason when that is aborted. */
  embed(texts: readonly string[], signal: AbortSignal): Promise<readonly (readonly number[])[]>
}

export type EmbeddingErrorCode =
  | 'EMBEDDING_UNREACHABLE'
  | 'EMBEDDING_REFUSED'
  | 'EMBEDDING_FAILED'
  | 'EMBEDDING_TIMEOUT'

/** No vectors came; articles are found by their words all the same. */
export class EmbeddingError extends Error {
  override readonly name = 'EmbeddingError'
  readonly code: EmbeddingErrorCode

  constructor(code: EmbeddingErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export type OpenAiEmbedderOptions = Readonly<{
  /** Base address of the API, such as `https://llm.example.com/v1`. */
  url: string
  key: string | undefined
  model: string
  region: string | null
}>

const MAX_DIMENSIONS = 4_096

/** The parts of the answer of `POST /embeddings` that we read (OpenAI API, list of embedding objects). */
const ANSWER = Compile(
  Type.Object({
    data: Type.Array(
      Type.Object({
        index: Type.Integer({ minimum: 0 }),
        embedding: Type.Array(Type.Number(), { minItems: 1, maxItems: MAX_DIMENSIONS })
      })
    )
  })
)

/** Vectors by the OpenAI-compatible API that most servers speak, in the cloud or on one's own machine. */
export function createOpenAiEmbedder({ url, key, model, region }: OpenAiEmbedderOptions): Embedder {
  return {
    model,
    host: new URL(url).hostname,
    region,
    async embed(texts, signal) {
      let response: Response
      try {
        response = await fetch(`${url.replace(/\/$/, '')}/embeddings`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...(key !== undefined && { authorization: `Bearer ${key}` }) },
          body: JSON.stringify({ model, input: texts, encoding_format: 'float' }),
          redirect: 'error',
          signal
        })
      } catch (cause) {
        throw failureOf(cause, signal)
      }
      if (!response.ok) {
        await response.body?.cancel()
        throw new EmbeddingError(
          response.status === 401 || response.status === 403 ? 'EMBEDDING_REFUSED' : 'EMBEDDING_FAILED',
          `the server answered with status ${response.status}`
        )
      }
      const answer: unknown = await response.json().catch(cause => {
        throw failureOf(cause, signal)
      })
      return vectorsIn(answer, texts.length)
    }
  }
}

function failureOf(cause: unknown, signal: AbortSignal): unknown {
  if (cause instanceof SyntaxError) return new EmbeddingError('EMBEDDING_FAILED', 'the answer is not JSON', { cause })
  if (!signal.aborted) return new EmbeddingError('EMBEDDING_UNREACHABLE', 'the server cannot be reached', { cause })
  const { reason } = signal
  return reason instanceof DOMException && reason.name === 'TimeoutError'
    ? new EmbeddingError('EMBEDDING_TIMEOUT', 'the server takes too long', { cause })
    : reason
}

function vectorsIn(answer: unknown, count: number): readonly (readonly number[])[] {
  if (!ANSWER.Check(answer)) throw new EmbeddingError('EMBEDDING_FAILED', 'the answer has another form')
  const vectors = answer.data.toSorted((one, other) => one.index - other.index).map(one => one.embedding)
  const [first] = vectors
  // Nothing is near a vector of zeros, nor is it near anything.
  const areSound = vectors.every(one => one.length === first?.length && one.some(value => value !== 0))
  if (vectors.length !== count || !areSound)
    throw new EmbeddingError('EMBEDDING_FAILED', 'the answer does not hold one vector for each text')
  return vectors
}
