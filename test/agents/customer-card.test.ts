import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { TO_SUPPORT } from '../support/flows.ts'
import { signInPeople } from '../support/people.ts'
import { TestParley, oneDatabase } from '../support/parley.ts'
import { TestSoftphone } from '../support/softphone.ts'

const NUMBER = '+12025550111'

for (const database of oneDatabase())
  t.test(
    `what the company knows of a customer comes with the ring, with ${database}`,
    { timeout: 280_000 },
    async t => {
      await using server = await TestParley.start({ database, hasDemoData: true })
      await server.publish(TO_SUPPORT)
      await server.addNumber(NUMBER, 'to-support')
      const people = await signInPeople(server, ['ana'])
      const asked: IncomingMessage[] = []
      const hanging = new AbortController()
      const company = createServer((request, response) => {
        asked.push(request)
        const path = request.url?.split('?')[0]
        if (path === '/crm')
          response.end(JSON.stringify({ name: 'Anna Weber', account: { level: 'Gold', orders: [{ state: 'open' }] } }))
        else if (path === '/nonsense') response.end('<html>')
        else if (path === '/elsewhere') response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()
        // The rest never answers.
        else hanging.signal.addEventListener('abort', () => response.destroy())
      })
      company.listen(0, '127.0.0.1')
      await once(company, 'listening')
      t.teardown(() => {
        hanging.abort()
        company.close()
        company.closeAllConnections()
      })
      const base = `http://127.0.0.1:${(company.address() as AddressInfo).port}`
      const add = (name: string, more: object = {}) =>
        server.api('POST', '/card-sources', {
          name,
          url: `${base}/${name}?n={number}`,
          fields: [],
          timeoutMs: 2_500,
          ...more
        })
      const crm = await add('crm', {
        headers: { Authorization: 'Bearer of-the-company' },
        namePath: 'name',
        fields: [
          { label: 'Level', path: 'account.level' },
          { label: 'Order', path: 'account.orders.0.state' },
          { label: 'Missing', path: 'account.nothing' }
        ]
      })
      t.equal(crm.status, 201)
      for (const name of ['nonsense', 'elsewhere', 'hangs']) t.equal((await add(name)).status, 201)

      const shown = await server.api('GET', '/card-sources')
      t.notMatch(JSON.stringify(shown.body), /of-the-company/, 'a secret is never shown again')
      t.match(await add('crm'), { status: 409, body: { code: 'CONFLICT' } })
      t.match(await server.api('GET', '/card-sources', undefined, people.ana.token), { status: 403 })

      await using ana = await TestSoftphone.onShift(server, people.ana.token)
      await using caller = await server.phone()
      const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendSilence()
      const rung = await ana.until(state => state.offer !== null)
      t.equal(
        rung.offer?.customer.sources.find(one => one.name === 'hangs')?.state,
        'loading',
        'a source that hangs does not delay the ring'
      )
      const { offer } = await ana.until(
        state =>
          state.offer?.customer.sources.length === 4 &&
          state.offer.customer.sources.every(one => one.state !== 'loading')
      )
      const sources = offer?.customer.sources ?? []
      t.same(
        sources.map(one => [one.name, one.state]),
        [
          ['crm', 'ready'],
          ['elsewhere', 'failed'],
          ['hangs', 'late'],
          ['nonsense', 'failed']
        ]
      )
      t.same(sources[0]?.fields, [
        { label: 'Level', value: 'Gold', source: 'crm' },
        { label: 'Order', value: 'open', source: 'crm' }
      ])
      t.equal(offer?.customer.name, 'Anna Weber')
      t.match(offer?.customer.number, /^\+12 \.\. \.\. 23$/)
      t.equal(
        asked.find(one => one.url?.startsWith('/crm'))?.url,
        '/crm?n=%2B12025550123',
        'the company gets the whole number'
      )
      t.equal(asked.find(one => one.url?.startsWith('/crm'))?.headers.authorization, 'Bearer of-the-company')
      t.match(sources.find(one => one.name === 'hangs')?.problem, 'hangs did not answer in 2500 ms')
      await call.bye()
    }
  )
