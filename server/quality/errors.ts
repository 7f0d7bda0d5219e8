export type QualityErrorCode =
  | 'TRANSCRIPT_NOT_ALLOWED'
  | 'TRANSCRIPT_EXISTS'
  | 'TRANSCRIPT_TOO_LARGE'
  | 'TRANSCRIPT_ERASED'
  | 'TRANSCRIPT_DAMAGED'
  | 'SEARCH_INVALID'
  | 'SCORECARD_INVALID'
  | 'REVIEW_INCOMPLETE'

/** A refusal by quality or privacy, with its verdict; `problems` name the places. */
export class QualityError extends Error {
  override readonly name = 'QualityError'
  readonly code: QualityErrorCode
  readonly problems: readonly Readonly<{ at: string; message: string }>[]

  constructor(
    code: QualityErrorCode,
    message: string,
    options: { cause?: unknown; problems?: readonly Readonly<{ at: string; message: string }>[] } = {}
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.problems = options.problems ?? []
  }
}
