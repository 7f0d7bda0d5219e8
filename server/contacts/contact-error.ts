/** Why a file of contacts cannot be taken over at all. */
export type ContactFileCode =
  | 'FILE_EMPTY'
  | 'FILE_TOO_LARGE'
  | 'FILE_UNREADABLE'
  | 'FILE_ENCRYPTED'
  | 'SHEET_MISSING'
  | 'SHEET_TOO_LARGE'
  | 'MAPPING_WRONG'
  | 'TOO_MANY_WRONG_LINES'
  | 'INTERRUPTED'

/** A file of contacts that cannot be read; the sentence says what to do. */
export class ContactFileError extends Error {
  override readonly name = 'ContactFileError'
  readonly code: ContactFileCode

  constructor(code: ContactFileCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
