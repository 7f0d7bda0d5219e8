import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { isSignedBy } from '../../server/webhooks/signature.ts'
import { TestParley, testDatabases } from '../support/parley.ts'

const SECRET = `whsec_${Buffer.from('a secret of the gateway').toString('base64')}`
const NUMBER = '+4930231251234'
const SELLER = 'Example & Söhne'

type Sent = Readonly<{ to: string; text: string; language: string; channel: string; isSigned: boolean; id: string }>

/** A gateway for texts and e-mails, as an operator has one; it can be told to refuse or to be silent. */
async function startGateway(): Promise<
  AsyncDisposable & { url: string; sent: Sent[]; answers: (number | 'hangs up')[] }
> {
  const sent: Sent[] = []
  const answers: (number | 'hangs up')[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const { data } = JSON.parse(body)
    const header = (name: string) => String(request.headers[name])
    const id = header('webhook-id')
    const isSigned = isSignedBy(SECRET, id, Number(header('webhook-timestamp')), body, header('webhook-signature'))
    sent.push({ ...data, isSigned, id })
    const answer = answers.shift() ?? 202
    if (answer === 'hangs up') request.socket.destroy()
    else response.writeHead(answer).end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/send`,
    sent,
    answers,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    }
  }
}

for (const database of testDatabases())
  t.test(`a person confirms calls by the link of a message, with ${database}`, { timeout: 280_000 }, async t => {
    await using gateway = await startGateway()
    await using server = await TestParley.start({
      database,
      env: {
        PARLEY_MESSAGE_HOOK: gateway.url,
        PARLEY_PUBLIC_URL: 'https://calls.example.com'
      },
      secrets: { messageHookSecret: SECRET }
    })
    const ask = (more: Record<string, unknown> = {}) =>
      server.api('POST', '/consents/opt-in', {
        number: NUMBER,
        seller: SELLER,
        channel: 'sms',
        language: 'de',
        ...more
      })
    const consent = async () => (await server.api('POST', '/consents/search', { number: NUMBER })).body['now']
    const pathOf = (text: string) => new URL(/https:\/\/\S+/.exec(text)?.[0] ?? '').pathname
    const german = { 'accept-language': 'de-AT,de;q=0.9,en;q=0.5' }

    await t.test('the message is signed and in the person’s language, and asking alone is no consent', async t => {
      t.equal((await ask()).status, 202)
      const [message] = gateway.sent
      t.match(message, { to: NUMBER, channel: 'sms', language: 'de', isSigned: true })
      t.match(message?.text, /Example & Söhne möchte Sie anrufen/)
      t.match(message?.text, /https:\/\/calls\.example\.com\/consent\/[\w-]{20,}/)
      t.equal(await consent(), null)
    })

    const path = pathOf(gateway.sent[0]?.text ?? '')

    await t.test('opening the link asks and changes nothing, since mail programs open links too', async t => {
      const page = await fetch(server.url + path, { headers: german })
      t.equal(page.status, 200)
      t.equal(page.headers.get('cache-control'), 'no-store')
      const html = await page.text()
      t.match(html, /<html lang="de" dir="ltr">/)
      t.match(html, /dass Example &#38; Söhne Sie anruft/)
      t.notMatch(html, /<script/)
      t.equal(await consent(), null)
    })

    await t.test('the button confirms once, and the whole exchange is the proof', async t => {
      const form = { method: 'POST', headers: { ...german, 'content-type': 'application/x-www-form-urlencoded' } }
      const done = await fetch(server.url + path, form)
      t.equal(done.status, 200)
      t.match(await done.text(), /Ihre Einwilligung ist aufgezeichnet/)
      t.match(await consent(), { grade: 'double_opt_in', evidence: 'held' })
      const again = await fetch(server.url + path, form)
      t.equal(again.status, 404)
      t.match(await again.text(), /unbekannt, verbraucht oder zu alt/)
      const { events } = (await server.api('POST', '/consents/search', { number: NUMBER })).body as {
        events: { evidence: { references: string[] } }[]
      }
      t.match(events[0]?.evidence.references.join(' '), /opt-in:\S+ sent:\S+ confirmed:/)
    })

    await t.test('a forged link is told from a used one by nobody', async t => {
      const forged = await fetch(`${server.url}/consent/AAAAAAAAAAAAAAAAAAAAAAAA`, { headers: german })
      t.equal(forged.status, 404)
      t.match(await forged.text(), /unbekannt, verbraucht oder zu alt/)
    })

    await t.test('a gateway that hangs up is asked again with the same id; one that refuses is believed', async t => {
      gateway.sent.length = 0
      gateway.answers.push('hangs up')
      t.equal((await ask()).status, 202)
      t.equal(gateway.sent.length, 2)
      t.equal(gateway.sent[0]?.id, gateway.sent[1]?.id)
      gateway.sent.length = 0
      gateway.answers.push(422)
      t.match(await ask(), { status: 502, body: { code: 'MESSAGE_NOT_SENT' } })
      t.equal(gateway.sent.length, 1)
      t.notOk(
        server.logs.some(line => line.includes(NUMBER)),
        'no log names the number'
      )
    })

    await t.test('an e-mail needs an address', async t => {
      t.match(await ask({ channel: 'email' }), { status: 400, body: { code: 'VALIDATION_FAILED' } })
      gateway.sent.length = 0
      t.equal((await ask({ channel: 'email', email: 'weber@example.com', language: 'ar' })).status, 202)
      t.match(gateway.sent, [{ to: 'weber@example.com', language: 'ar', channel: 'email' }])
    })
  })

t.test('without a gateway nothing is promised', { timeout: 280_000 }, async t => {
  await using server = await TestParley.start({ env: { PARLEY_PUBLIC_URL: 'https://calls.example.com' } })
  const asked = await server.api('POST', '/consents/opt-in', { number: NUMBER, seller: SELLER, channel: 'sms' })
  t.match(asked, { status: 502, body: { code: 'MESSAGE_NOT_SENT', detail: /PARLEY_MESSAGE_HOOK/ } })
})
