/**
 * Every error code that leaves this program, with its HTTP status and its sentence.
 * `docs/reference/errors.md` lists the same codes; a test compares them.
 */
export const ERROR_CODES = {
  VALIDATION_FAILED: { http: 400, title: 'The request does not have the expected form' },
  CURSOR_INVALID: { http: 400, title: 'The cursor does not come from this list' },
  LOGIN_FAILED: { http: 401, title: 'Name or password is wrong' },
  NOT_SIGNED_IN: { http: 401, title: 'Sign in first' },
  FORBIDDEN: { http: 403, title: 'Your role does not allow this' },
  CROSS_SITE: { http: 403, title: 'The request comes from another web site' },
  NOT_FOUND: { http: 404, title: 'There is no such thing' },
  CONFLICT: { http: 409, title: 'This would contradict what exists' },
  IN_USE: { http: 409, title: 'It is still used elsewhere' },
  FLOW_INVALID: { http: 422, title: 'The flow has errors' },
  SCENARIO_INVALID: { http: 422, title: 'The scripted calls have errors' },
  NUMBER_INVALID: { http: 422, title: 'This is not a telephone number in E.164 form' },
  DESTINATION_NOT_ALLOWED: { http: 403, title: 'No trunk may dial this destination' },
  MESSAGE_NOT_SENT: { http: 502, title: 'The message could not be sent' },
  NOT_LAWFUL: { http: 403, title: 'The rules for outbound calls do not allow this call now' },
  CLOCK_IN_DOUBT: { http: 503, title: 'Nobody is called while nobody knows what time it is' },
  RANGE_INVALID: { http: 416, title: 'The file does not have these bytes' },
  RECORDING_ERASED: { http: 410, title: 'The recording has been erased' },
  RECORDING_AWAY: { http: 503, title: 'The store that holds this recording cannot be reached' },
  RECORDING_UNREADABLE: { http: 502, title: 'The recording cannot be opened' },
  TRUNK_LIMIT: { http: 429, title: 'The trunk is at its limit of calls' },
  TOO_MANY_REQUESTS: { http: 429, title: 'Too many requests; wait and try again' },
  PAYLOAD_TOO_LARGE: { http: 413, title: 'The request is too large' },
  UNSUPPORTED_MEDIA_TYPE: { http: 415, title: 'Send JSON' },
  OVERLOADED: { http: 503, title: 'The server is at its limit of calls' },
  DRAINING: { http: 503, title: 'The server is shutting down and takes no new calls' },
  ENGINE_UNAVAILABLE: { http: 503, title: 'A telephony engine cannot be reached' },
  DATABASE_UNAVAILABLE: { http: 503, title: 'The database cannot be reached' },
  SEARCH_INVALID: { http: 400, title: 'The search cannot be read' },
  TRANSCRIPT_NOT_ALLOWED: { http: 403, title: 'Nothing permits a transcript of this call' },
  TRANSCRIPT_EXISTS: { http: 409, title: 'The call has a transcript already' },
  TRANSCRIPT_TOO_LARGE: { http: 413, title: 'The transcript is larger than Parley takes' },
  TRANSCRIPT_ERASED: { http: 410, title: 'The transcript was erased' },
  TRANSCRIPT_DAMAGED: { http: 500, title: 'The transcript cannot be opened' },
  SCORECARD_INVALID: { http: 422, title: 'The scorecard has errors' },
  REVIEW_INCOMPLETE: { http: 422, title: 'The review is not complete' },
  CLIP_GONE: { http: 410, title: 'The clip has expired or was taken back' },
  ON_LEGAL_HOLD: { http: 409, title: 'A legal hold keeps this' },
  CODE_WRONG: { http: 403, title: 'The code is wrong, used or too old' },
  SECOND_PERSON: { http: 403, title: 'A second person has to do this' },
  INTERNAL: { http: 500, title: 'The server made an error; it is in the log' }
} as const satisfies Record<string, { http: number; title: string }>

export type ErrorCode = keyof typeof ERROR_CODES

/** One place in the input that is wrong, such as `{ at: '/number', message: 'must start with +' }`. */
export type InputProblem = Readonly<{ at: string; message: string }>

/** A refusal that the caller of the API is meant to see. `detail` is a sentence about this case. */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode
  readonly problems: readonly InputProblem[]
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: ErrorCode,
    detail: string,
    options: { cause?: unknown; problems?: readonly InputProblem[]; retryAfterSeconds?: number } = {}
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.problems = options.problems ?? []
    this.retryAfterSeconds = options.retryAfterSeconds
  }

  get httpStatus(): number {
    return ERROR_CODES[this.code].http
  }
}

/** Whether the database refused a row because another one has what may be there only once (unique_violation, appendix A). */
export function isDuplicate(err: unknown): boolean {
  return (err as { code?: unknown } | null)?.code === '23505'
}

/** Turns the database's refusal of a duplicate into CONFLICT, whose sentence is `detail`; throws everything else as it is. */
export function refuseDuplicate(detail: string): (err: unknown) => never {
  return err => {
    if (isDuplicate(err)) throw new AppError('CONFLICT', detail, { cause: err })
    throw err
  }
}

/**
 * Whether an error says that the database cannot be reached, or takes nothing from anybody, as opposed to that it refused a
 * statement. Codes: PostgreSQL manual, appendix A.
 */
export function isDatabaseUnavailable(err: unknown): boolean {
  const code = codeOf(err)
  // Class 08 connection exception, class 53 no disk, memory or connections, 57P01-57P03 shutdown, 25006 only to be read until
  // a failover is over, and Node's socket errors.
  if (/^(08|53|57P0[123]|25006)|^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOENT)$/.test(code)) return true
  const message = err instanceof Error ? err.message : ''
  return /timeout exceeded when trying to connect|Connection terminated|Query read timeout|not queryable|PGlite is closed/i.test(
    message
  )
}

/**
 * Whether the database may take later what it has not taken now: it is unavailable, or others were in the way (40001
 * serialization_failure, 40P01 deadlock_detected, 55P03 lock_not_available, 57014 query_canceled after too long a wait).
 */
export function mayComeThroughLater(err: unknown): boolean {
  return isDatabaseUnavailable(err) || /^(40001|40P01|55P03|57014)$/.test(codeOf(err))
}

function codeOf(err: unknown): string {
  const code = (err as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}
