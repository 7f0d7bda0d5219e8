import { connectivity } from './connectivity.ts'

/** One place in what was sent that is wrong, such as `{ at: '/body/number', message: 'must match …' }`. */
export type InputProblem = Readonly<{ at: string; message: string }>

/**
 * A refusal of the server (problem details, RFC 9457) or a failure to reach it. `code` is the server's stable code,
 * or one of this browser's own: `SERVER_UNREACHABLE`, `ANSWER_UNREADABLE`.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: string
  readonly status: number
  readonly problems: readonly InputProblem[]
  /** The server's id of the request; it is also in its log. */
  readonly instance: string | null

  constructor(
    code: string,
    status: number,
    message: string,
    more: Readonly<{ problems?: readonly InputProblem[]; instance?: string; cause?: unknown }> = {}
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.code = code
    this.status = status
    this.problems = more.problems ?? []
    this.instance = more.instance ?? null
  }
}

export type ApiRequest = Readonly<{
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  body?: unknown
  /** Left out where undefined. */
  query?: Readonly<Record<string, string | number | boolean | undefined>>
  signal?: AbortSignal
}>

/** One page of a list of the server. */
export type Page<T> = Readonly<{ items: readonly T[]; nextCursor: string | null }>

const REQUEST_LIMIT_MS = 20_000

let whenSignedOut: () => void = () => undefined

/** Whom to tell that the server no longer knows this browser's session. */
export function onSignedOut(listener: () => void): void {
  whenSignedOut = listener
}

/**
 * Asks the server's API; `path` begins after `/api/v1`. Resolves with the answer's JSON (undefined when it has none).
 * Rejects with ApiError, or with the signal's reason when it is aborted.
 */
export async function api<T>(path: string, request: ApiRequest = {}): Promise<T> {
  const { method = 'GET', body, query = {}, signal } = request
  const url = new URL(`/api/v1${path}`, location.origin)
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value))
  const limit = AbortSignal.timeout(REQUEST_LIMIT_MS)
  let response: Response
  try {
    response = await fetch(url, {
      method,
      credentials: 'same-origin',
      headers: { accept: 'application/json', ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit])
    })
  } catch (err) {
    if (signal?.aborted) throw err
    connectivity.lost('http')
    throw new ApiError('SERVER_UNREACHABLE', 0, '', { cause: err })
  }
  connectivity.reached('http')
  if (!response.ok) throw await toApiError(response, path)
  if (response.status === 204) return undefined as T
  try {
    return (await response.json()) as T
  } catch (err) {
    throw new ApiError('ANSWER_UNREADABLE', response.status, '', { cause: err })
  }
}

async function toApiError(response: Response, path: string): Promise<ApiError> {
  const problem = await response.json().then(
    (body: unknown) => (typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}),
    // A proxy in between answers in HTML; its status is all that there is to say.
    () => ({}) as Record<string, unknown>
  )
  const code = typeof problem['code'] === 'string' ? problem['code'] : `HTTP_${response.status}`
  if (response.status === 401 && code === 'NOT_SIGNED_IN' && path !== '/session') whenSignedOut()
  return new ApiError(code, response.status, String(problem['detail'] ?? problem['title'] ?? ''), {
    problems: Array.isArray(problem['problems']) ? (problem['problems'] as InputProblem[]) : [],
    ...(typeof problem['instance'] === 'string' && { instance: problem['instance'] })
  })
}
