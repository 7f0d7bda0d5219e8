import { createCipheriv, createDecipheriv } from 'node:crypto'
import { keyObjectOf } from './key-object.ts'
import { fewRandomBytes } from './random.ts'

/** The sealed text was made with another key, for another purpose, or was changed. */
export class SealError extends Error {
  override readonly name = 'SealError'
  readonly code = 'SEAL_BROKEN'
}

const FORM = 'v1'

/**
 * Seals a short secret (a password, a data key) with AES-256-GCM (NIST SP 800-38D) for storing in the database.
 * `purpose` is bound in as associated data, so that a sealed value cannot be moved to another field.
 */
export function seal(key: Buffer, purpose: string, plain: Buffer | string): string {
  const iv = fewRandomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', keyObjectOf(key), iv).setAAD(Buffer.from(purpose))
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()])
  return [FORM, iv.toString('base64url'), sealed.toString('base64url'), cipher.getAuthTag().toString('base64url')].join(
    '.'
  )
}

/** Opens what {@link seal} made. Throws {@link SealError}. */
export function unseal(key: Buffer, purpose: string, sealed: string): Buffer {
  const [form, iv, body, tag] = sealed.split('.')
  if (form !== FORM || iv === undefined || body === undefined || tag === undefined)
    throw new SealError('not a sealed value')
  try {
    const decipher = createDecipheriv('aes-256-gcm', keyObjectOf(key), Buffer.from(iv, 'base64url'), {
      authTagLength: 16
    })
    decipher.setAAD(Buffer.from(purpose)).setAuthTag(Buffer.from(tag, 'base64url'))
    return Buffer.concat([decipher.update(Buffer.from(body, 'base64url')), decipher.final()])
  } catch (cause) {
    throw new SealError('the sealed value cannot be opened with this key', { cause })
  }
}
