import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

const TAG_BYTES = 16
const NONCE_BYTES = 12

/**
 * A key management service in memory, with the HTTP API of a transit engine (encrypt, decrypt, keys, rotate) and AES-256-GCM with
 * associated data. It answers a moment later, as services do; keys never leave it.
 */
export class KeyService implements AsyncDisposable {
  readonly token = 'test-token-of-nobody'
  /** Paths that were asked for with the right token. */
  readonly asked: string[] = []
  isDown = false
  /** What requests wait for before they are answered. */
  until: Promise<void> = Promise.resolve()
  readonly #keys: Buffer[] = [randomBytes(32)]
  readonly #server = createServer()

  static async start(): Promise<KeyService> {
    const service = new KeyService()
    service.#server.on('request', async (request, response) => {
      const answer = (status: number, body: object) =>
        setTimeout(
          () => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
          5
        )
      const body = request.method === 'POST' ? ((await json(request)) as Record<string, string>) : {}
      if (service.isDown) return void request.socket.destroy()
      if (request.headers['x-vault-token'] !== service.token) return answer(403, { errors: ['permission denied'] })
      service.asked.push(request.url ?? '')
      service.#server.emit('asked', request.url)
      await service.until
      try {
        return answer(200, { data: service.#do(request.url ?? '', body) })
      } catch (err) {
        return answer(400, { errors: [String(err)] })
      }
    })
    service.#server.listen(0, '127.0.0.1')
    await once(service.#server, 'listening')
    return service
  }

  /** Resolves when something is asked from now on. */
  async next(signal: AbortSignal): Promise<void> {
    await once(this.#server, 'asked', { signal })
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/transit/keys/calls`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>(resolve => this.#server.close(() => resolve()))
  }

  #do(
    path: string,
    { plaintext = '', ciphertext = '', associated_data: context = '' }: Record<string, string>
  ): object {
    const bound = Buffer.from(context, 'base64')
    switch (path) {
      case '/v1/transit/keys/calls':
        return { latest_version: this.#keys.length }
      case '/v1/transit/keys/calls/rotate':
        this.#keys.push(randomBytes(32))
        return {}
      case '/v1/transit/encrypt/calls': {
        const nonce = randomBytes(NONCE_BYTES)
        const cipher = createCipheriv('aes-256-gcm', this.#keys.at(-1) ?? '', nonce).setAAD(bound)
        const sealed = Buffer.concat([nonce, cipher.update(plaintext, 'base64'), cipher.final(), cipher.getAuthTag()])
        return { ciphertext: `vault:v${this.#keys.length}:${sealed.toString('base64')}` }
      }
      case '/v1/transit/decrypt/calls': {
        const [, version = '', text = ''] = /^vault:v(\d+):(.+)$/.exec(ciphertext) ?? []
        const sealed = Buffer.from(text, 'base64')
        const cipher = createDecipheriv(
          'aes-256-gcm',
          this.#keys[Number(version) - 1] ?? '',
          sealed.subarray(0, NONCE_BYTES)
        )
          .setAAD(bound)
          .setAuthTag(sealed.subarray(-TAG_BYTES))
        const opened = Buffer.concat([cipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), cipher.final()])
        return { plaintext: opened.toString('base64') }
      }
      default:
        throw new TypeError(`no such path: ${path}`)
    }
  }
}
