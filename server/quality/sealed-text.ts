import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { QualityError } from './errors.ts'

/*
 * A part of a transcript at rest: JSON, compressed (RFC 1951), then AES-256-GCM (NIST SP 800-38D).
 *
 *   0        12         28
 *   | nonce  |  GCM tag |  ciphertext ...
 *
 * Associated data: transcript id and part, so that parts cannot be moved between transcripts or reordered.
 */

const NONCE_BYTES = 12
const TAG_BYTES = 16
/** What a part may unpack to; far above what one holds. */
const MAX_PLAIN_BYTES = 64 * 1024 * 1024

export function sealText(key: Buffer, id: string, part: number, value: unknown): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(`${id} ${part}`))
  const body = Buffer.concat([cipher.update(deflateRawSync(JSON.stringify(value))), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), body])
}

/** Throws QualityError TRANSCRIPT_DAMAGED. */
export function openText(key: Buffer, id: string, part: number, sealed: Uint8Array): unknown {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
    decipher.setAAD(Buffer.from(`${id} ${part}`)).setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
    const packed = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()])
    return JSON.parse(inflateRawSync(packed, { maxOutputLength: MAX_PLAIN_BYTES }).toString('utf8'))
  } catch (cause) {
    throw new QualityError('TRANSCRIPT_DAMAGED', `Part ${part} of the transcript cannot be opened.`, { cause })
  }
}
