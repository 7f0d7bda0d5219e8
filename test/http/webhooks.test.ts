import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { isSignedBy, signDelivery } from '../../server/webhooks/signature.ts'
import { retryAt } from '../../server/webhooks/webhook-sender.ts'
import { LONG_TONE } from '../support/flows.ts'
import { signInPeople } from '../support/people.ts'
import { TestParley, oneDatabase } from '../support/parley.ts'

type Received = Readonly<{
  path: string
  headers: Record<string, string | string[] | undefined>
  body: string
  event: { type: string; data: { callId: string; seq: number; call: { callerNumber: string } } }
}>

for (const database of oneDatabase())
  t.test(`other programs hear of calls by webhooks, with ${database}`, { timeout: 280_000 }, async t => {
    await using server = await TestParley.start({ database, hasDemoData: true })
    await server.publish(LONG_TONE)
    await server.addNumber('+12025550111', 'long-tone')
    const received: Received[] = []
    let status = 200
    const receiver = createServer(async (request, response) => {
      const body = await text(request)
      received.push({ path: request.url ?? '', headers: request.headers, body, event: JSON.parse(body) })
      response.writeHead(status).end()
    })
    receiver.listen(0, '127.0.0.1')
    await once(receiver, 'listening')
    t.teardown(() => {
      receiver.close()
      receiver.closeAllConnections()
    })
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`
    const until = async (isDone: () => boolean | Promise<boolean>) => {
      const limit = AbortSignal.timeout(15_000)
      while (!(await isDone())) {
        limit.throwIfAborted()
        await delay(30)
      }
    }

    const made = await server.api('POST', '/webhooks', { name: 'crm', url, kinds: ['started', 'ended'] })
    t.equal(made.status, 201)
    const { id, secret } = made.body as { id: string; secret: string }
    t.match(secret, /^whsec_/)

    await t.test('each event comes once, signed, with the call it belongs to', async t => {
      await callOnce(server)
      await until(() => received.length === 2)
      t.same(
        received.map(one => one.event.type),
        ['call.started', 'call.ended']
      )
      for (const { headers, body, event } of received) {
        const at = Number(headers['webhook-timestamp'])
        t.ok(Math.abs(Date.now() / 1000 - at) < 60)
        t.ok(isSignedBy(secret, String(headers['webhook-id']), at, body, String(headers['webhook-signature'])))
        t.notOk(isSignedBy(secret, String(headers['webhook-id']), at, `${body} `, String(headers['webhook-signature'])))
        t.equal(headers['idempotency-key'], `${event.data.callId}:${event.data.seq}`)
        t.equal(event.data.call.callerNumber, '+12025550123')
      }
    })

    await t.test('a receiver that fails is tried again, and a delivery can be replayed', async t => {
      received.length = 0
      status = 500
      await callOnce(server)
      await until(() => received.length >= 2)
      await until(async () => {
        const { body } = await server.api('GET', `/webhooks/${id}/deliveries?state=waiting`)
        return (body.items as { lastStatus: number | null }[]).filter(one => one.lastStatus === 500).length === 2
      })
      const waiting = await server.api('GET', `/webhooks/${id}/deliveries?state=waiting`)
      t.match(waiting.body.items, [{ attempts: 1, lastProblem: 'it answered 500', state: 'waiting' }])
      status = 204
      const first = (waiting.body.items as { id: string }[])[0]?.id ?? ''
      const ids = received.map(one => one.headers['webhook-id'])
      t.same((await server.api('POST', `/webhooks/${id}/replay`, { deliveryId: first })).body, { replayed: 1 })
      await until(() => received.length === 3)
      t.ok(ids.includes(received[2]?.headers['webhook-id']), 'a replay has the id of the first time')
      const all = await server.api('POST', `/webhooks/${id}/replay`, { since: '2026-01-01T00:00:00Z' })
      t.same(all.body, { replayed: 4 })
    })

    await t.test('one whose secret cannot be opened fails by itself, and the others hear on', async t => {
      const { db } = server.parley
      const broken = await server.api('POST', '/webhooks', { name: 'old', url, kinds: ['ended'] })
      const brokenId = broken.body['id'] as string
      const other = await db
        .selectFrom('webhooks')
        .select('secret_sealed')
        .where('id', '=', brokenId)
        .executeTakeFirstOrThrow()
      // As after a change of the key that seals.
      await db
        .updateTable('webhooks')
        .set({ secret_sealed: other.secret_sealed.replace(/.{4}$/, 'AAAA') })
        .where('id', '=', brokenId)
        .execute()
      // What was replayed a moment ago has come.
      await until(
        async () => (await server.api('GET', `/webhooks/${id}/deliveries?state=waiting`)).body.items?.length === 0
      )
      received.length = 0
      await callOnce(server)
      await until(() => received.length === 2)
      const problem = async () =>
        (
          await db
            .selectFrom('webhook_deliveries')
            .select(['attempts', 'last_problem', 'next_at'])
            .where('webhook_id', '=', brokenId)
            .executeTakeFirstOrThrow()
        ).last_problem
      await until(async () => (await problem()) !== null)
      t.match(await problem(), /sealed with another key/, 'and whoever looks is told why')
      await server.api('DELETE', `/webhooks/${brokenId}`)
    })

    await t.test('secrets are shown once, and only administrators set webhooks up', async t => {
      t.notMatch(JSON.stringify((await server.api('GET', '/webhooks')).body), /whsec_/)
      const { ana } = await signInPeople(server, ['ana'])
      t.equal((await server.api('GET', '/webhooks', undefined, ana.token)).status, 403)
      t.match(await server.api('POST', '/webhooks', { name: 'crm', url, kinds: ['*'] }), {
        status: 409,
        body: { code: 'CONFLICT' }
      })
      t.equal((await server.api('POST', '/webhooks', { name: 'x', url: 'ftp://x', kinds: ['*'] })).status, 400)
      t.match(await server.api('POST', '/webhooks', { name: 'x', url, kinds: ['ended', 'endet'] }), {
        status: 400,
        body: { code: 'VALIDATION_FAILED', problems: [{ at: '/body/kinds/1', message: 'no event is called endet' }] }
      })
      t.equal((await server.api('POST', `/webhooks/none/replay`, { deliveryId: '1' })).status, 404)
      t.equal((await server.api('DELETE', `/webhooks/${id}`)).status, 204)
    })
  })

t.test('a delivery is given up after less than a day of tries, with longer and longer pauses', async t => {
  const now = new Date('2026-11-24T10:00:00Z')
  let lastMs = 0
  let attempts = 1
  for (; ; attempts++) {
    const next = retryAt(attempts, now, 1)
    if (next === null) break
    const waitMs = next.getTime() - now.getTime()
    t.ok(waitMs > lastMs)
    lastMs = waitMs
  }
  t.equal(attempts, 8)
  t.equal(
    signDelivery(
      'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      1614265330,
      '{"test": 2432232314}'
    ),
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
  )
})

async function callOnce(server: TestParley): Promise<void> {
  await using caller = await server.phone()
  const call = caller.phone.call(server.uri('+12025550111'), { sdp: caller.audio.sdp() })
  caller.audio.connect((await call.answered()).sdp)
  await caller.audio.hears(400)
  await call.bye()
}
