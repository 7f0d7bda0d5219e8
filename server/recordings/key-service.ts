import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { type KeyRing, KeyRingError } from './key-ring.ts'

/** The service that holds the wrapping keys cannot be reached, or does not do what it is asked. */
export class KeyServiceError extends Error {
  override readonly name = 'KeyServiceError'
  readonly code = 'KEY_SERVICE_UNAVAILABLE'
}

export type KeyServiceOptions = Readonly<{
  /** Of one key in a transit engine, such as `https://kms.example.com/v1/transit/keys/recordings`. */
  url: string
  /** Sent as `X-Vault-Token`; null sends none. */
  token: string | null
}>

const LIMIT_MS = 5_000
/** Of what an answer may be long: a wrapped key has some 100 bytes. */
const Text = Type.String({ minLength: 1, maxLength: 10_000 })
const KEY_URL = /^(https?:\/\/.+)\/keys\/([A-Za-z0-9_-]{1,100})$/
/** `vault:v3:…`: the version is part of what was wrapped. */
const WRAPPED = /^vault:(v[0-9]{1,9}):[A-Za-z0-9+/=]+$/

const KeyAnswer = Type.Object({ data: Type.Object({ latest_version: Type.Integer({ minimum: 1 }) }) })
const WrapAnswer = Type.Object({ data: Type.Object({ ciphertext: Text }) })
const UnwrapAnswer = Type.Object({ data: Type.Object({ plaintext: Text }) })

/**
 * Keys in a key management service with the HTTP API of Vault's and OpenBao's transit engine: they never leave it, and
 * wrapping is a request. The key's type must be one that binds `associated_data` in, such as aes256-gcm96. Rejects with
 * KeyServiceError when the service does not answer.
 */
export async function ringFromService({ url, token }: KeyServiceOptions): Promise<KeyRing> {
  const [, base = '', name = ''] = KEY_URL.exec(url) ?? []
  if (name === '') throw new TypeError('the address of a key ends in /keys/ and its name')
  const ask = async (method: 'GET' | 'POST', path: string, body?: Readonly<Record<string, string>>) => {
    let response: Response
    try {
      response = await fetch(`${base}${path}`, {
        method,
        redirect: 'error',
        signal: AbortSignal.timeout(LIMIT_MS),
        headers: {
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(token !== null && { 'x-vault-token': token })
        },
        ...(body !== undefined && { body: JSON.stringify(body) })
      })
    } catch (cause) {
      throw new KeyServiceError('the key service cannot be reached', { cause })
    }
    const text = await response.text().catch(cause => {
      throw new KeyServiceError('the key service broke off', { cause })
    })
    // 400: it knows no such version, or the ciphertext is none of this key with this context.
    if (response.status === 400) throw new KeyRingError('the key service does not open this')
    if (!response.ok) throw new KeyServiceError(`the key service answers ${response.status}`)
    return text
  }
  const latest = async () => `v${read(KeyAnswer, await ask('GET', `/keys/${name}`)).data.latest_version}`

  let current = await latest()
  return {
    get current() {
      return current
    },
    async wrap(dataKey, recordingId) {
      const { ciphertext } = read(
        WrapAnswer,
        await ask('POST', `/encrypt/${name}`, {
          plaintext: dataKey.toString('base64'),
          associated_data: contextOf(recordingId)
        })
      ).data
      const version = WRAPPED.exec(ciphertext)?.[1]
      if (version === undefined) throw new KeyServiceError('the key service has answered something else')
      // It may have been rotated there.
      current = version
      return { version, wrapped: ciphertext }
    },
    async unwrap({ wrapped }, recordingId) {
      if (!WRAPPED.test(wrapped)) throw new KeyRingError('this was not wrapped by the key service')
      const { plaintext } = read(
        UnwrapAnswer,
        await ask('POST', `/decrypt/${name}`, { ciphertext: wrapped, associated_data: contextOf(recordingId) })
      ).data
      return Buffer.from(plaintext, 'base64')
    },
    async rotate() {
      await ask('POST', `/keys/${name}/rotate`, {})
      current = await latest()
      return current
    }
  }
}

function contextOf(recordingId: string): string {
  return Buffer.from(`recording ${recordingId}`).toString('base64')
}

function read<T extends typeof KeyAnswer | typeof WrapAnswer | typeof UnwrapAnswer>(
  schema: T,
  text: string
): Static<T> {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch (cause) {
    throw new KeyServiceError('the key service has answered something else', { cause })
  }
  if (!Value.Check(schema, answer)) throw new KeyServiceError('the key service has answered something else')
  return answer as Static<T>
}
