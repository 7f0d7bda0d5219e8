import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** What is stored of a SIP password: HA1 of RFC 7616 §3.4.2 for both algorithms. */
export type DigestSecret = Readonly<{ ha1Md5: string; ha1Sha256: string }>

export type DigestAlgorithm = 'SHA-256' | 'MD5'

const HASH: Readonly<Record<DigestAlgorithm, string>> = { 'SHA-256': 'sha256', MD5: 'md5' }
const NONCE_LIFE_MS = 60_000
/** Nonces remembered against replay; older ones have expired by far at any real rate. */
const MAX_REMEMBERED = 10_000

const hash = (algorithm: DigestAlgorithm, text: string) => createHash(HASH[algorithm]).update(text).digest('hex')

export function hashDigestPassword(username: string, realm: string, password: string): DigestSecret {
  const a1 = `${username}:${realm}:${password}`
  return { ha1Md5: hash('MD5', a1), ha1Sha256: hash('SHA-256', a1) }
}

export type DigestCheck =
  | Readonly<{ kind: 'ok'; username: string }>
  /** No signature, or one over a nonce that has expired: challenge (again). */
  | Readonly<{ kind: 'challenge'; isStale: boolean }>
  | Readonly<{ kind: 'wrong' }>

/** The parameters of an Authorization header (RFC 7616 §3.4), names in lower case. */
export function parseDigestHeader(header: string): ReadonlyMap<string, string> | null {
  const rest = /^Digest\s+(.*)$/is.exec(header.trim())?.[1]
  if (rest === undefined) return null
  const parameters = new Map<string, string>()
  for (const [, name = '', quoted, plain] of rest.matchAll(/([a-z0-9-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/gi))
    parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '')
  return parameters
}

/**
 * Challenges and checks SIP digest authentication (RFC 3261 §22 with RFC 8760: SHA-256 first, MD5 for old phones).
 * Nonces carry their own time and proof, so that none has to be stored; counts are kept to refuse replays.
 */
export class DigestGuard {
  readonly #realm: string
  readonly #key: Buffer
  readonly #counts = new Map<string, number>()

  /** Control planes that share `secret` take each other's nonces: the SIP server gives each request to another one. */
  constructor(realm: string, secret: Buffer = randomBytes(32)) {
    this.#realm = realm
    this.#key = createHmac('sha256', secret).update('nonces of SIP digests').digest()
  }

  /** Values of WWW-Authenticate, strongest first. */
  challenges(isStale: boolean, nowMs: number = Date.now()): readonly string[] {
    const nonce = this.#newNonce(nowMs)
    const rest = `realm="${this.#realm}", nonce="${nonce}", qop="auth"${isStale ? ', stale=true' : ''}`
    return (['SHA-256', 'MD5'] as const).map(algorithm => `Digest ${rest}, algorithm=${algorithm}`)
  }

  /** Checks an Authorization header; `find` gives what is stored for a user name, or undefined. */
  async check(
    header: string | undefined,
    method: string,
    find: (username: string) => Promise<DigestSecret | undefined>,
    nowMs: number = Date.now()
  ): Promise<DigestCheck> {
    const given = header === undefined ? null : parseDigestHeader(header)
    if (given === null) return { kind: 'challenge', isStale: false }
    const [username, nonce, uri, response] = ['username', 'nonce', 'uri', 'response'].map(name => given.get(name))
    if (username === undefined || nonce === undefined || uri === undefined || response === undefined)
      return { kind: 'wrong' }
    if (given.get('realm') !== this.#realm || !this.#isOurNonce(nonce)) return { kind: 'challenge', isStale: false }
    if (nowMs - nonceTime(nonce) > NONCE_LIFE_MS) return { kind: 'challenge', isStale: true }
    const algorithm: DigestAlgorithm = given.get('algorithm')?.toUpperCase() === 'SHA-256' ? 'SHA-256' : 'MD5'
    const secret = await find(username)
    // An unknown user is checked like a known one, so that the time tells nothing.
    const ha1 =
      secret === undefined
        ? hash(algorithm, randomBytes(8).toString('hex'))
        : algorithm === 'SHA-256'
          ? secret.ha1Sha256
          : secret.ha1Md5
    const ha2 = hash(algorithm, `${method}:${uri}`)
    const nc = given.get('nc')
    const qop = given.get('qop')
    const wanted =
      qop === undefined
        ? hash(algorithm, `${ha1}:${nonce}:${ha2}`)
        : hash(algorithm, `${ha1}:${nonce}:${nc ?? ''}:${given.get('cnonce') ?? ''}:${qop}:${ha2}`)
    if (secret === undefined || !isSame(wanted, response.toLowerCase())) return { kind: 'wrong' }
    if (!this.#isFresh(nonce, nc)) return { kind: 'challenge', isStale: true }
    return { kind: 'ok', username }
  }

  #newNonce(nowMs: number): string {
    const stamp = nowMs.toString(36).padStart(9, '0') + randomBytes(6).toString('hex')
    return stamp + this.#proof(stamp)
  }

  #proof(stamp: string): string {
    return createHmac('sha256', this.#key).update(stamp).digest('hex').slice(0, 24)
  }

  #isOurNonce(nonce: string): boolean {
    return nonce.length === 45 && isSame(this.#proof(nonce.slice(0, 21)), nonce.slice(21))
  }

  /** Each use of a nonce needs a higher count (RFC 7616 §3.3); without a count it works once. */
  #isFresh(nonce: string, nc: string | undefined): boolean {
    const count = nc === undefined ? 1 : Number.parseInt(nc, 16)
    if (!(count > (this.#counts.get(nonce) ?? 0))) return false
    this.#counts.delete(nonce)
    this.#counts.set(nonce, count)
    if (this.#counts.size > MAX_REMEMBERED) {
      const oldest = this.#counts.keys().next().value
      if (oldest !== undefined) this.#counts.delete(oldest)
    }
    return true
  }
}

function nonceTime(nonce: string): number {
  return Number.parseInt(nonce.slice(0, 9), 36)
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
