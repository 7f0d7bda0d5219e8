import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

/** A self-signed certificate: browsers check its fingerprint, which the signalling carries, and nothing else. */
export type Certificate = Readonly<{ der: Buffer; privateKey: KeyObject; fingerprints: readonly Fingerprint[] }>

/** As in SDP (RFC 8122 §5): upper-case hex with colons. */
export type Fingerprint = Readonly<{ algorithm: string; value: string }>

/** The hash functions that fingerprints are made and checked with. Older ones (SHA-1, MD5) are refused. */
export const FINGERPRINT_HASHES: readonly string[] = ['sha-256', 'sha-384', 'sha-512']

export function fingerprint(der: Buffer, algorithm: string): string {
  const hex = createHash(algorithm.replace('-', '')).update(der).digest('hex').toUpperCase()
  return hex.replace(/..(?!$)/g, '$&:')
}

const DAY_MS = 86_400_000
const OID_ECDSA_SHA256 = Buffer.from('06082a8648ce3d040302', 'hex')
const OID_COMMON_NAME = Buffer.from('0603550403', 'hex')

/** Makes a P-256 key and its certificate (RFC 5280 §4.1, version 1 without extensions), good for a year. */
export function createCertificate(nowMs: number): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const algorithm = der(0x30, OID_ECDSA_SHA256)
  const name = der(0x30, der(0x31, der(0x30, OID_COMMON_NAME, der(0x0c, Buffer.from('sfu')))))
  const serial = randomBytes(8)
  // A serial number is positive and has no leading zero byte (RFC 5280 §4.1.2.2).
  serial[0] = ((serial[0] as number) & 0x7f) | 0x40
  const validity = der(0x30, time(nowMs - DAY_MS), time(nowMs + 365 * DAY_MS))
  const toBeSigned = der(
    0x30,
    der(0x02, serial),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' })
  )
  const signature = sign('sha256', toBeSigned, privateKey)
  const whole = der(0x30, toBeSigned, algorithm, der(0x03, Buffer.from([0]), signature))
  return {
    der: whole,
    privateKey,
    fingerprints: FINGERPRINT_HASHES.map(hash => ({ algorithm: hash, value: fingerprint(whole, hash) }))
  }
}

/** GeneralizedTime, YYYYMMDDHHMMSSZ. */
function time(ms: number): Buffer {
  const text = `${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`
  // RFC 5280 §4.1.2.5: UTCTime (two-digit years) until 2049.
  return ms < Date.UTC(2050, 0) ? der(0x17, Buffer.from(text.slice(2))) : der(0x18, Buffer.from(text))
}

/** One DER element: tag, length (X.690 §8.1.3), contents. */
function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents)
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body])
  const length = body.length < 0x100 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}
