import { createHmac, timingSafeEqual } from 'node:crypto'

/**
 * Signs a delivery as the Standard Webhooks specification 1.0 does: HMAC-SHA256 over id, time and body, so that neither
 * can be exchanged; receivers compare the time with their clock against replays.
 * @param secret as it was shown once, `whsec_…` with base64
 * @param at seconds since 1970
 */
export function signDelivery(secret: string, id: string, at: number, body: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  return `v1,${createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('base64')}`
}

/** Whether a signature is right; for receivers, and for our tests. */
export function isSignedBy(secret: string, id: string, at: number, body: string, signature: string): boolean {
  const wanted = Buffer.from(signDelivery(secret, id, at, body))
  return signature.split(' ').some(one => {
    const given = Buffer.from(one)
    return given.length === wanted.length && timingSafeEqual(given, wanted)
  })
}
