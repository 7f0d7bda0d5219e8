import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { connect as connectPlain } from 'node:net'
import { connect } from 'node:tls'
import t from 'tap'
import { WebSocket } from 'ws'
import { ADMIN_PASSWORD, TestParley } from '../support/parley.ts'

t.test('agents on other machines get the desk over TLS 1.3', { timeout: 280_000 }, async t => {
  const server = await TestParley.start({ env: { PARLEY_HTTPS_PORT: '0' } })
  t.teardown(() => server[Symbol.asyncDispose]())
  const { https } = server.parley
  if (https === null) throw new Error('there is no TLS server')
  const url = new URL(https.url)
  const ca = await readFile(join(server.dataDir, 'tls', 'self-made.crt'))

  await t.test('a browser that trusts the certificate reaches the API, by name and by address', async t => {
    for (const host of ['localhost', '127.0.0.1']) {
      const asked = request({ host, port: url.port, path: '/healthz', ca, minVersion: 'TLSv1.3' })
      asked.end()
      const [response] = await once(asked, 'response')
      t.equal(response.statusCode, 200)
      t.equal(response.socket.getProtocol(), 'TLSv1.3')
      response.resume()
    }
  })

  await t.test('older versions are refused', async t => {
    const socket = connect({ host: '127.0.0.1', port: Number(url.port), ca, maxVersion: 'TLSv1.2' })
    const [err] = await once(socket, 'error')
    t.match(err.message, /protocol version/i)
  })

  await t.test('the session cookie of a page over TLS is never sent without it', async t => {
    const body = JSON.stringify({ username: 'admin', password: ADMIN_PASSWORD })
    const asked = request({
      host: '127.0.0.1',
      port: url.port,
      path: '/api/v1/session',
      method: 'POST',
      ca,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    })
    asked.end(body)
    const [response] = await once(asked, 'response')
    response.resume()
    t.match(response.headers['set-cookie'], [/parley_session=.*Secure/])
    const cookie = String(response.headers['set-cookie'][0]).split(';')[0] ?? ''
    const softphone = new WebSocket(`wss://127.0.0.1:${url.port}/api/v1/softphone`, {
      ca,
      headers: { cookie, origin: `https://127.0.0.1:${url.port}` }
    })
    const [message] = await once(softphone, 'message')
    t.match(JSON.parse(String(message)), { kind: 'hello', protocol: 1 })
    softphone.close()
    const foreign = new WebSocket(`wss://127.0.0.1:${url.port}/api/v1/softphone`, {
      ca,
      headers: { cookie, origin: 'https://elsewhere.example' }
    })
    const [code] = await once(foreign, 'close')
    t.equal(code, 4403, 'a page of another host cannot use the cookie')
  })
})

t.test('clients whose upgrade was refused harm nobody', { timeout: 280_000 }, async t => {
  const server = await TestParley.start()
  t.teardown(async () => await server[Symbol.asyncDispose]())
  const { hostname, port } = new URL(server.url)
  const ask = async (path: string) => {
    const client = connectPlain({ host: hostname, port: Number(port), allowHalfOpen: true })
    t.teardown(() => client.destroy())
    client.write(
      `GET ${path} HTTP/1.1\r\nHost: parley\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
    )
    const [answer] = await once(client, 'data')
    return { client, answer: String(answer) }
  }

  await t.test('a connection that breaks off at once ends that connection alone', async t => {
    for (const path of ['/api/v1/softphone', '/api/v1/nothing', '/']) {
      const { client } = await ask(path)
      client.resetAndDestroy()
      await once(client, 'close')
    }
    t.equal((await fetch(`${server.url}/healthz`)).status, 200)
  })

  await t.test('one that stays open cannot keep the server from stopping', async t => {
    const { answer } = await ask('/api/v1/softphone')
    t.match(answer, /^HTTP\/1.1 401/)
    const startedAtMs = performance.now()
    await server[Symbol.asyncDispose]()
    t.comment(`stopped after ${Math.round(performance.now() - startedAtMs)} ms`)
  })
})
