import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import Fastify from 'fastify'
import t from 'tap'
import { type BodyLimits, limitBodies, NODE_LIMITS } from '../../server/http/body-limits.ts'
import type { App } from '../../server/http/fastify-types.ts'

/** A server with one ordinary route and one that takes files. */
async function serve(limits: BodyLimits): Promise<{ port: number } & AsyncDisposable> {
  const app = Fastify({
    requestTimeout: NODE_LIMITS.requestTimeout,
    http: { headersTimeout: NODE_LIMITS.headersTimeout }
  }) as unknown as App
  limitBodies(app, limits)
  app.addContentTypeParser('text/csv', (_request, payload, done) => done(null, payload))
  app.post('/notes', async () => ({ isTaken: true }))
  app.post('/files', { config: { takesFile: true } }, async incoming => {
    let bytes = 0
    for await (const chunk of incoming.body as Readable) bytes += (chunk as Buffer).length
    return { bytes }
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { port: (app.server.address() as AddressInfo).port, [Symbol.asyncDispose]: async () => await app.close() }
}

function begin(port: number, path: string, type: string): ClientRequest & { answered: Promise<IncomingMessage> } {
  const sent = request({ port, path, method: 'POST', headers: { 'content-type': type }, agent: false })
  sent.flushHeaders()
  const answered = once(sent, 'response', { signal: AbortSignal.timeout(20_000) }).then(([one]) => one)
  answered.catch(() => {})
  return Object.assign(sent, { answered })
}

t.test('a file may take longer to come than any other request, as long as some of it comes', async t => {
  await using server = await serve({ wholeMs: 300, idleMs: 60_000 })
  const file = begin(server.port, '/files', 'text/csv')
  file.write('name,phone\n')
  for (let round = 0; round < 2; round += 1) {
    const note = begin(server.port, '/notes', 'application/json')
    note.write('{"text":')
    t.equal((await note.answered).statusCode, 408, 'an ordinary request that dawdles is ended')
    file.write('Ann,+12025550101\n')
  }
  file.end()
  const answer = await file.answered
  t.equal(answer.statusCode, 200)
  const [body] = await once(answer, 'data')
  t.same(JSON.parse(String(body)), { bytes: 45 })
})

t.test('a file of which nothing comes any more is ended', async t => {
  await using server = await serve({ wholeMs: 60_000, idleMs: 100 })
  const file = begin(server.port, '/files', 'text/csv')
  file.write('name,phone\n')
  t.equal((await file.answered).statusCode, 408)
})
