/** A store cannot be reached, or refuses for now: what was to be stored stays where it is, and is tried again. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: 'STORE_UNAVAILABLE' | 'OBJECT_MISSING' | 'OBJECT_KEY_INVALID'

  constructor(code: StoreError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Where whole recordings are kept. Objects are written once and never changed. */
export interface ObjectStore extends AsyncDisposable {
  readonly name: string
  /** Moves a file into the store; resolves when the store holds every byte. The file itself stays. */
  put(key: string, path: string, signal: AbortSignal): Promise<void>
  /** Size in bytes; null when there is no such object. */
  size(key: string, signal: AbortSignal): Promise<number | null>
  /** The bytes from `first` to `last`, both inclusive. Rejects with StoreError OBJECT_MISSING. */
  read(key: string, range: Readonly<{ first: number; last: number }>, signal: AbortSignal): AsyncIterable<Buffer>
  /** Deletes an object; one that is not there is deleted too. */
  delete(key: string, signal: AbortSignal): Promise<void>
}

/** Such as `eu/2026-11-28/0192f0c1.sealed`: words without dots in front, so that a key can never leave its folder. */
const KEY = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/

/** Throws StoreError OBJECT_KEY_INVALID for whatever is not such a path. */
export function checkedKey(key: string): string {
  if (key.length > 512 || !KEY.test(key)) throw new StoreError('OBJECT_KEY_INVALID', 'this is not the key of an object')
  return key
}
