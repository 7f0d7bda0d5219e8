import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { seal, SealError, unseal } from '../seal.ts'

/** A data key as it may be stored: useless without the wrapping key of that version. */
export type WrappedKey = Readonly<{ version: string; wrapped: string }>

/** No key of this version is known here. */
export class KeyRingError extends Error {
  override readonly name = 'KeyRingError'
  readonly code = 'KEY_UNKNOWN'
}

/**
 * What wraps the data keys of recordings. A key management service is another implementation: its keys never leave it,
 * and wrapping is a request.
 */
export interface KeyRing {
  /** The version that wraps now. */
  readonly current: string
  /** `recordingId` is bound in: a wrapped key opens the recording that it was made for and no other. */
  wrap(dataKey: Buffer, recordingId: string): Promise<WrappedKey>
  /** Rejects with KeyRingError or SealError. */
  unwrap(key: WrappedKey, recordingId: string): Promise<Buffer>
  /** Makes a new wrapping key the current one; null when this ring is not changed from here. */
  rotate: (() => Promise<string>) | null
}

type Keys = Readonly<{ current: string; keys: Readonly<Record<string, string>> }>

const KEY_FORM = /^[0-9a-f]{64}$/i
const VERSION_FORM = /^[A-Za-z0-9_-]{1,32}$/

/** Keys from a setting such as `2:<64 hex>,1:<64 hex>`; the first one is current. Throws TypeError. */
export function parseKeys(written: string): Keys {
  const pairs = written.split(',').map(pair => pair.trim().split(':'))
  const keys: Record<string, string> = {}
  for (const [version = '', key = ''] of pairs) {
    if (!VERSION_FORM.test(version) || !KEY_FORM.test(key) || Object.hasOwn(keys, version))
      throw new TypeError('keys are written as version:64 hexadecimal digits, separated by commas, each version once')
    keys[version] = key.toLowerCase()
  }
  return { current: pairs[0]?.[0] ?? '', keys }
}

/** Keys that the environment gives: they are rotated by giving a new first one and starting again. */
export function ringFromSetting(written: string): KeyRing {
  return { ...ringOf(() => parseKeys(written)), rotate: null }
}

/** Keys in a file that only the owner can read, made on first use. */
export async function ringFromFile(path: string): Promise<KeyRing> {
  let kept = await readOrMake(path)
  let turn: Promise<unknown> = Promise.resolve()
  const rotate = async () => {
    const version = String(1 + Math.max(...Object.keys(kept.keys).map(Number).filter(Number.isInteger), 0))
    const next: Keys = { current: version, keys: { ...kept.keys, [version]: randomBytes(32).toString('hex') } }
    const partial = `${path}.part`
    await writeFile(partial, JSON.stringify(next), { mode: 0o600, flush: true })
    await rename(partial, path)
    await syncFolder(dirname(path))
    // It wraps nothing before it would be there after a loss of power.
    kept = next
    return version
  }
  return {
    ...ringOf(() => kept),
    get current() {
      return kept.current
    },
    async rotate() {
      // One after the other: of two keys of one version the file holds one, and what the other one has wrapped is lost.
      const mine = turn.then(rotate)
      turn = mine.catch(() => undefined)
      return await mine
    }
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function ringOf(keys: () => Keys): Omit<KeyRing, 'rotate'> {
  const keyOf = (version: string): Buffer => {
    const key = keys().keys[version]
    if (key === undefined) throw new KeyRingError(`there is no wrapping key of version ${version}`)
    return Buffer.from(key, 'hex')
  }
  return {
    get current() {
      return keys().current
    },
    async wrap(dataKey, recordingId) {
      const version = keys().current
      return { version, wrapped: seal(keyOf(version), purposeOf(recordingId), dataKey) }
    },
    async unwrap({ version, wrapped }, recordingId) {
      return unseal(keyOf(version), purposeOf(recordingId), wrapped)
    }
  }
}

function purposeOf(recordingId: string): string {
  return `recording ${recordingId}`
}

async function readOrMake(path: string): Promise<Keys> {
  await mkdir(dirname(path), { recursive: true })
  const first: Keys = { current: '1', keys: { '1': randomBytes(32).toString('hex') } }
  try {
    // 'wx' refuses to overwrite: two processes that start together agree on the first one's key.
    await writeFile(path, JSON.stringify(first), { flag: 'wx', mode: 0o600 })
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw err
  }
  const kept = JSON.parse(await readFile(path, 'utf8')) as Partial<Keys>
  const isWhole =
    typeof kept.current === 'string' &&
    typeof kept.keys === 'object' &&
    Object.hasOwn(kept.keys, kept.current) &&
    Object.values(kept.keys).every(key => KEY_FORM.test(key))
  if (!isWhole) throw new KeyRingError(`${path} does not hold wrapping keys`)
  return kept as Keys
}

/** Whether an error says that a key is not the right one, as opposed to that something cannot be reached. */
export function isWrongKey(err: unknown): boolean {
  return err instanceof SealError || err instanceof KeyRingError
}
