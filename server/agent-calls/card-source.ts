import { isIPv4 } from 'node:net'
import type { Logger } from '../log.ts'
import type { CardSource } from '../softphone/protocol.ts'

/** A service of the company's that knows customers, such as a CRM. */
export type CardSourceSettings = Readonly<{
  name: string
  /** `{number}`, `{callId}` and `{language}` are filled in, encoded. */
  url: string
  headers: Readonly<Record<string, string>>
  timeoutMs: number
  /** What of the JSON answer is shown: a label and a path such as `account.level`. */
  fields: readonly Readonly<{ label: string; path: string }>[]
  /** Path of the customer's name in the answer, when this source knows it. */
  namePath: string | null
}>

/** What a source is asked about. */
export type CardQuestion = Readonly<{ callId: string; number: string | null; language: string | null }>

/** `customerName`: null when the source does not say one. */
export type CardAnswer = Readonly<{ source: CardSource; customerName: string | null }>

const MAX_ANSWER_BYTES = 256 * 1024
const MAX_VALUE_CHARACTERS = 500

/** Asks one source about one customer, within its time limit. A failure is an answer too; null when `signal` ended it. */
export async function askCardSource(
  source: CardSourceSettings,
  question: CardQuestion,
  log: Logger,
  signal: AbortSignal
): Promise<CardAnswer | null> {
  const startedAtMs = performance.now()
  const tookMs = () => Math.round(performance.now() - startedAtMs)
  const base = { name: source.name, fields: [], problem: null }
  const limit = AbortSignal.timeout(source.timeoutMs)
  try {
    const url = source.url.replaceAll(/\{(number|callId|language)\}/g, (_, key: 'number' | 'callId' | 'language') =>
      encodeURIComponent(question[key] ?? '')
    )
    const response = await fetch(url, {
      headers: { Accept: 'application/json', ...source.headers },
      signal: AbortSignal.any([limit, signal]),
      // A redirect would carry the customer's number to a host that nobody has approved.
      redirect: 'error'
    })
    if (response.status === 404) {
      await response.body?.cancel()
      return { source: { ...base, state: 'ready', tookMs: tookMs() }, customerName: null }
    }
    if (!response.ok) throw new SourceError(`it answered ${response.status}`)
    const document = JSON.parse(await readLimited(response)) as unknown
    const customerName = source.namePath === null ? null : (valueAt(document, source.namePath) ?? null)
    const fields = source.fields.flatMap(({ label, path }) => {
      const value = valueAt(document, path)
      return value === undefined ? [] : [{ label, value, source: source.name }]
    })
    return { source: { ...base, state: 'ready', tookMs: tookMs(), fields }, customerName }
  } catch (err) {
    if (signal.aborted) return null
    const problem = limit.aborted
      ? `${source.name} did not answer in ${source.timeoutMs} ms`
      : err instanceof SourceError
        ? `${source.name}: ${err.message}`
        : err instanceof SyntaxError
          ? `${source.name} did not answer with JSON`
          : `${source.name} cannot be reached`
    log.warn({ err, source: source.name, host: hostOf(source.url) }, 'a source of the customer card failed')
    return {
      source: { ...base, state: limit.aborted ? 'late' : 'failed', tookMs: tookMs(), problem },
      customerName: null
    }
  }
}

class SourceError extends Error {
  override readonly name = 'SourceError'
  readonly code = 'CARD_SOURCE_FAILED'
}

async function readLimited(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > MAX_ANSWER_BYTES) throw new SourceError(`its answer is larger than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** `orders.0.state` in a JSON document, as text; undefined when it is not there or is no plain value. */
function valueAt(document: unknown, path: string): string | undefined {
  let value = document
  for (const step of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<string, unknown>)[step]
  }
  switch (typeof value) {
    case 'string':
      return value.slice(0, MAX_VALUE_CHARACTERS)
    case 'number':
    case 'boolean':
      return String(value)
    default:
      return undefined
  }
}

function hostOf(url: string): string {
  const host = URL.parse(url.replaceAll(/[{}]/g, ''))?.host ?? 'unknown'
  return isIPv4(host) ? host : host.toLowerCase()
}
