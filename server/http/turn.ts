import { createHmac } from 'node:crypto'

export type IceServer = Readonly<{ urls: string; username?: string; credential?: string }>

const TURN_HOURS = 12

/**
 * TURN servers with a credential that expires with the shift (the scheme of draft-uberti-behave-turn-rest, which coturn
 * calls use-auth-secret): the user name is the end of validity, the credential its HMAC-SHA1.
 */
export function iceServersFor(
  urls: readonly string[],
  secret: string | undefined,
  userId: string,
  now: Date
): readonly IceServer[] {
  return urls.map(url => {
    if (secret === undefined || url.startsWith('stun')) return { urls: url }
    const username = `${Math.floor(now.getTime() / 1000) + TURN_HOURS * 3600}:${userId}`
    return { urls: url, username, credential: createHmac('sha1', secret).update(username).digest('base64') }
  })
}
