import { createHash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify(scrypt) as (
  password: string,
  salt: Buffer,
  length: number,
  options: ScryptOptions
) => Promise<Buffer>

/** Parameters of scrypt (RFC 7914 §2): a hash takes `128 × N × r` bytes of memory, `p` times one after the other. */
export type PasswordCost = Readonly<{ N: number; r: number; p: number }>

/** OWASP's second scrypt setting: 32 MiB and three lanes. */
export const PASSWORD_COST: PasswordCost = { N: 2 ** 15, r: 8, p: 3 }
const MAX_MEMORY = 64 * 1024 * 1024
const KEY_BYTES = 32

/** Hashes a password with scrypt (RFC 7914); the result names its own cost, so that the cost can rise later. */
export async function hashPassword(password: string, cost: PasswordCost): Promise<string> {
  const salt = randomBytes(16)
  const key = await derive(password.normalize('NFKC'), salt, KEY_BYTES, { ...cost, maxmem: MAX_MEMORY })
  return `scrypt$${cost.N}$${cost.r}$${cost.p}$${salt.toString('base64')}$${key.toString('base64')}`
}

/** Whether `password` is the one that was hashed. A hash in an unknown form is an error, not a "no". */
export async function isPassword(password: string, stored: string): Promise<boolean> {
  const [scheme, N, r, p, salt, key] = stored.split('$')
  if (scheme !== 'scrypt' || salt === undefined || key === undefined)
    throw new TypeError('unknown form of password hash')
  const wanted = Buffer.from(key, 'base64')
  const options = { N: Number(N), r: Number(r), p: Number(p), maxmem: MAX_MEMORY }
  const given = await derive(password.normalize('NFKC'), Buffer.from(salt, 'base64'), wanted.length, options)
  return timingSafeEqual(given, wanted)
}

/** A hash that no password matches: verifying against it makes an unknown user cost the same time as a known one. */
export const UNMATCHABLE_HASH = `scrypt$${PASSWORD_COST.N}$${PASSWORD_COST.r}$${PASSWORD_COST.p}$${Buffer.alloc(16).toString('base64')}$${Buffer.alloc(KEY_BYTES).toString('base64')}`

/** A secret that is shown once: 256 random bits. */
export function newToken(prefix: string): string {
  return `${prefix}_${randomBytes(32).toString('base64url')}`
}

/** What is stored of a token. It has 256 random bits, so a fast hash is enough. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/** A password for people to copy once: 20 characters without look-alikes, about 114 bits. */
export function newPassword(): string {
  const alphabet = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'
  let password = ''
  while (password.length < 20) {
    // Bytes past the largest multiple are drawn again, so that each character is equally likely.
    for (const byte of randomBytes(32)) {
      if (byte < 256 - (256 % alphabet.length) && password.length < 20)
        password += alphabet.charAt(byte % alphabet.length)
    }
  }
  return password
}
