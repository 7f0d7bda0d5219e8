import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { isIP } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Config } from '../../config/config.ts'
import { NODE_LIMITS } from './body-limits.ts'
import type { App } from './fastify-types.ts'

export type HttpsServer = AsyncDisposable & Readonly<{ url: string; isSelfMade: boolean }>

/** Browsers refuse certificates that are valid for longer (CA/Browser Forum ballot SC-081: 398 days and falling). */
const VALID_DAYS = 397
const RENEW_BEFORE_MS = 30 * 86_400_000

/**
 * Serves the same pages and API over TLS 1.3 (RFC 8446) and nothing older, beside the plain port: browsers give a
 * microphone to pages of another machine over TLS only. Rejects when the certificate cannot be read.
 */
export async function startHttps(
  app: App,
  options: Readonly<{ host: string; https: NonNullable<Config['https']>; dataDir: string }>
): Promise<HttpsServer> {
  const { https, host, dataDir } = options
  const isSelfMade = https.certFile === null || https.keyFile === null
  const { cert, key } =
    https.certFile === null || https.keyFile === null
      ? await ownCertificate(join(dataDir, 'tls'), host)
      : { cert: await readFile(https.certFile, 'utf8'), key: await readFile(https.keyFile, 'utf8') }
  const server = createServer({ cert, key, minVersion: 'TLSv1.3', ...NODE_LIMITS })
  server.on('request', (request, response) => app.server.emit('request', request, response))
  server.on('upgrade', (request, socket, head) => app.server.emit('upgrade', request, socket, head))
  // A client that breaks off its handshake is no concern of anybody.
  server.on('tlsClientError', (_err, socket) => socket.destroy())
  server.listen(https.port, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const name = host === '0.0.0.0' || host === '::' ? hostname() : host.includes(':') ? `[${host}]` : host
  return {
    url: `https://${name}:${port}`,
    isSelfMade,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    }
  }
}

/** The certificate in the data folder, made or renewed when it has to be. */
async function ownCertificate(folder: string, host: string): Promise<{ cert: string; key: string }> {
  const certFile = join(folder, 'self-made.crt')
  const keyFile = join(folder, 'self-made.key')
  try {
    const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')])
    if (new X509Certificate(cert).validToDate.getTime() > Date.now() + RENEW_BEFORE_MS) return { cert, key }
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'ENOENT') throw err
  }
  // Two hundred files that only this needs.
  const { generate } = await import('selfsigned')
  const made = await generate([{ name: 'commonName', value: 'Parley' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notAfterDate: new Date(Date.now() + VALID_DAYS * 86_400_000),
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'subjectAltName', altNames: namesOf(host).map(altName) }
    ]
  })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeFile(keyFile, made.private, { mode: 0o600 })
  await writeFile(certFile, made.cert)
  return { cert: made.cert, key: made.private }
}

/** Every name and address at which a browser of the network may reach this machine. */
function namesOf(host: string): readonly string[] {
  const own = Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(one => one.address))
  const wildcard = host === '0.0.0.0' || host === '::'
  return [...new Set(['localhost', hostname(), '127.0.0.1', ...(wildcard ? own : [host])])].filter(
    name => !name.includes('%')
  )
}

function altName(name: string): { type: 7; ip: string } | { type: 2; value: string } {
  return isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name }
}
