export type SoftphoneErrorCode =
  | 'CONNECTION_LOST'
  | 'NO_REPLY'
  | 'MIC_DENIED'
  | 'MIC_MISSING'
  | 'MIC_BUSY'
  | 'MIC_NEEDS_HTTPS'
  | 'MEDIA_FAILED'
  | 'TONE_UNREADABLE'
  | (string & {})

/** Something the softphone could not do. `code` is one of its own or the server's. */
export class SoftphoneError extends Error {
  override readonly name = 'SoftphoneError'
  readonly code: SoftphoneErrorCode

  constructor(code: SoftphoneErrorCode, message = '', options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The code of anything that was thrown here. */
export function codeOfError(err: unknown): string {
  return err instanceof SoftphoneError ? err.code : 'MEDIA_FAILED'
}
