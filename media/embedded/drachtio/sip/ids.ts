import { randomBytes } from 'node:crypto'

// One call to the random generator serves many identifiers; each takes 10 bytes.
const POOL_BYTES = 4_000
const ID_BYTES = 10
let pool = randomBytes(POOL_BYTES)
let used = 0

/** A fresh identifier of 80 random bits in hexadecimal, for tags, branches and Call-IDs. */
export function freshId(): string {
  if (used + ID_BYTES > POOL_BYTES) {
    pool = randomBytes(POOL_BYTES)
    used = 0
  }
  const id = pool.toString('hex', used, used + ID_BYTES)
  used += ID_BYTES
  return id
}

/** What every RFC 3261 branch begins with (§8.1.1.7). */
export const MAGIC_COOKIE = 'z9hG4bK'

/** A fresh Via branch. */
export function freshBranch(): string {
  return MAGIC_COOKIE + freshId()
}
