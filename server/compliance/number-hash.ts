import { createHmac } from 'node:crypto'
import { keyObjectOf } from '../key-object.ts'

/**
 * The keyed hash under which a number is kept where the number itself must not be: HMAC-SHA256, 128 bits, base64url.
 * Without the key nobody can find out which numbers were hashed, although all numbers could be tried.
 */
export function hashNumber(key: Buffer, e164: string): string {
  return createHmac('sha256', keyObjectOf(key))
    .update('number\0')
    .update(e164)
    .digest()
    .subarray(0, 16)
    .toString('base64url')
}

/** The keyed hash of a person's own mark (customer number, e-mail address), apart from those of numbers. */
export function hashPerson(key: Buffer, person: string): string {
  return createHmac('sha256', keyObjectOf(key))
    .update('person\0')
    .update(person.trim().toLowerCase())
    .digest()
    .subarray(0, 16)
    .toString('base64url')
}

/** A key of its own for one purpose, derived from the installation's secret. */
export function deriveKey(secret: Buffer, purpose: string): Buffer {
  return createHmac('sha256', secret).update(`parley compliance ${purpose}`).digest()
}
