import { createHash } from 'node:crypto'
import { type PhoneMessage, headerIn } from './message.ts'

/** Credentials of the phone. */
export type PhoneCredentials = Readonly<{ user: string; password: string }>

/** The answer to a 401 or 407: the header to add (RFC 2617, MD5, with or without qop). */
export function authorize(
  challenge: PhoneMessage,
  method: string,
  uri: string,
  { user, password }: PhoneCredentials
): readonly [name: string, value: string] {
  const proxy = challenge.status === 407
  const text = headerIn(challenge, proxy ? 'proxy-authenticate' : 'www-authenticate')
  const field = (name: string) => new RegExp(`${name}="?([^",]+)"?`, 'i').exec(text)?.[1] ?? ''
  const md5 = (value: string) => createHash('md5').update(value).digest('hex')
  const realm = field('realm')
  const nonce = field('nonce')
  const ha1 = md5(`${user}:${realm}:${password}`)
  const ha2 = md5(`${method}:${uri}`)
  const qop = /qop=/i.test(text)
  const cnonce = '0a4f113b'
  const response = qop ? md5(`${ha1}:${nonce}:00000001:${cnonce}:auth:${ha2}`) : md5(`${ha1}:${nonce}:${ha2}`)
  const opaque = field('opaque')
  const parts = [
    `username="${user}"`,
    `realm="${realm}"`,
    `nonce="${nonce}"`,
    `uri="${uri}"`,
    `response="${response}"`,
    'algorithm=MD5',
    ...(qop ? ['qop=auth', 'nc=00000001', `cnonce="${cnonce}"`] : []),
    ...(opaque === '' ? [] : [`opaque="${opaque}"`])
  ]
  return [proxy ? 'Proxy-Authorization' : 'Authorization', `Digest ${parts.join(', ')}`]
}
