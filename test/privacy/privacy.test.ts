import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import yauzl from 'yauzl'
import { CALLERS, RECORDED, recordingsOf, talk } from '../recordings/support.ts'
import { filesIn } from '../recordings/support.ts'
import { testDatabases, TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { indexed, transcribe } from '../support/transcripts.ts'

const NUMBER = '+12025550100'

for (const database of testDatabases())
  t.test(`persons have their rights, with ${database}`, { timeout: 240_000 }, async t => {
    const sent: { to: string; code: string; channel: string; text: string; language: string }[] = []
    const sender = createServer(async (request, response) => {
      const { data } = JSON.parse(await text(request))
      sent.push({ ...data, code: /\d{6}/.exec(data.text)?.[0] ?? '' })
      response.writeHead(204).end()
    })
    sender.listen(0, '127.0.0.1')
    await once(sender, 'listening')
    t.teardown(() => {
      sender.close()
      sender.closeAllConnections()
    })
    await using server = await TestParley.start({
      database,
      hasDemoData: true,
      env: {
        PARLEY_MESSAGE_HOOK: `http://127.0.0.1:${(sender.address() as AddressInfo).port}/codes`,
        PARLEY_PRIVACY_CONTACT: 'privacy@example.com'
      }
    })
    await server.publish(RECORDED)
    const numbers = (await server.api('GET', '/numbers?limit=100')).body.items as { id: string; number: string }[]
    await server.api('PATCH', `/numbers/${numbers.find(one => one.number === NUMBER)?.id}`, { flowId: 'recorded' })
    for (const username of ['paula', 'pedro'])
      await server.api('POST', '/users', {
        username,
        displayName: `${username} Example`,
        role: 'privacy-officer',
        password: 'a long enough password'
      })
    const { paula, pedro, quinn } = await signInPeople(server, ['paula', 'pedro', 'quinn'])
    const as = (token: string) => (method: string, path: string, body?: unknown) =>
      server.api(method, path, body, token)
    const byPaula = as(paula.token)
    const byPedro = as(pedro.token)

    const recorded = async (caller: string, words: string) => {
      await using phone = await server.phone({ user: caller })
      const call = phone.phone.call(server.uri(NUMBER), { sdp: phone.audio.sdp() })
      phone.audio.connect((await call.answered()).sdp).sendTone(1000)
      await phone.audio.hears(880)
      await talk(server, 1_500)
      await call.bye()
      const { id } = await server.story(call.callId)
      await recordingsOf(server, id)
      await transcribe(server, id, 'en', [['customer', 0, 1_000, words]])
      return id
    }
    const mine = await recorded(CALLERS.washington, 'My parcel is a xylophone')
    const other = await recorded(CALLERS.london, 'Another xylophone')
    const found = async (q: string) =>
      (
        (await server.api('GET', `/search/calls?q=${q}`, undefined, quinn.token)).body.items as { callId: string }[]
      ).map(one => one.callId)
    const done = async (id: string) => {
      const limit = AbortSignal.timeout(30_000)
      for (;;) {
        const { body } = await byPaula('GET', `/privacy-requests/${id}`)
        if (body['status'] === 'done') return body
        limit.throwIfAborted()
        await new Promise(resolve => setTimeout(resolve, 100))
      }
    }

    await t.test('rules say which of them keeps each part of a call, and a dry run deletes nothing', async t => {
      const none = await byPaula('POST', '/retention/dry-run', {})
      t.match(none.body, { due: 0, deleted: 0 })
      t.ok((none.body['unmatched'] as number) > 0, 'without rules nothing is deleted, and that is said')
      await byPaula('POST', '/retention/rules', { name: 'All', keepDays: 365, reason: 'house rule' })
      await byPaula('POST', '/retention/rules', {
        name: 'Britain',
        region: 'GB',
        stores: ['recordings'],
        keepDays: 0,
        reason: 'contract'
      })
      const hold = await byPaula('POST', '/legal-holds', { callId: other, matter: 'Case 7', reason: 'court order' })
      const { items } = (await byPaula('GET', `/calls/${other}/retention`)).body
      t.match(
        (items as { store: string }[]).find(one => one.store === 'recordings'),
        { verdict: 'held', hold: 'Case 7', rule: { name: 'Britain' }, alsoMatched: [{ name: 'All' }] }
      )
      t.match((await byPaula('POST', '/retention/dry-run', {})).body, { due: 0, held: 3 })
      await byPaula('DELETE', `/legal-holds/${hold.body['id']}`)
      t.match((await byPaula('POST', '/retention/dry-run', {})).body, {
        due: 1,
        deleted: 0,
        byRule: [{ name: 'Britain', store: 'recordings', due: 1 }]
      })
      t.match(
        (await byPaula('POST', '/retention/dry-run', { rules: [{ name: 'x', keepDays: 0, reason: 'what if' }] })).body,
        {
          held: 0
        }
      )
      t.equal((await recordingsOf(server, other))[0]?.state, 'stored')
    })

    await t.test('a sweep deletes what is due and leaves proof', async t => {
      t.match((await byPaula('POST', '/retention/sweep')).body, { due: 1, deleted: 1, problems: [] })
      t.equal((await recordingsOf(server, other))[0]?.state, 'erased')
      const { erased } = (await byPaula('GET', `/calls/${other}/retention`)).body
      t.match(erased, [{ store: 'recordings', cause: /^retention:/ }])
      await t.rejects(server.parley.db.deleteFrom('erasures').execute(), /append-only/)
      t.equal((await as(quinn.token)('POST', '/retention/sweep')).status, 403)
    })

    await t.test('a person gets a copy of everything, sound included, and who has used it', async t => {
      const made = await byPaula('POST', '/privacy-requests', { kind: 'export', numbers: [CALLERS.washington] })
      t.equal(made.status, 201)
      const id = made.body['id'] as string
      t.match(await byPaula('POST', `/privacy-requests/${id}/plan`), { status: 409 }, 'identity comes first')
      await byPaula('POST', `/privacy-requests/${id}/identity`, { result: 'proved', how: 'called back' })
      await byPaula('POST', `/privacy-requests/${id}/plan`)
      t.equal((await byPaula('POST', `/privacy-requests/${id}/approve`, {})).status, 202)
      t.match(await done(id), { hasExport: true, regime: 'ccpa' })
      const response = await fetch(`${server.url}/api/v1/privacy-requests/${id}/export`, {
        headers: { authorization: `Bearer ${paula.token}` }
      })
      const files = await unzip(Buffer.from(await response.arrayBuffer()))
      t.same([...files.keys()].map(name => name.replace(/[^/]+\.flac/, 'x.flac')).sort(), [
        'audio/x.flac',
        'calls.csv',
        'data.json',
        'usage.json'
      ])
      t.match(files.get('data.json')?.toString(), /My parcel is a xylophone/)
      t.notMatch(files.get('data.json')?.toString(), /Another/)
      t.match(files.get('usage.json')?.toString(), /transcript\.imported/)
      t.equal(
        [...files]
          .find(([name]) => name.endsWith('.flac'))?.[1]
          .subarray(0, 4)
          .toString(),
        'fLaC'
      )
      const onDisk = await filesIn(`${server.dataDir}/exports`)
      t.ok(
        onDisk.every(file => !file.bytes.includes('xylophone')),
        'the copy is sealed at rest'
      )
    })

    await t.test('an erasure needs a plan, a second person and the typed word, and then nothing is left', async t => {
      const made = await byPaula('POST', '/privacy-requests', {
        kind: 'erase',
        numbers: [CALLERS.washington],
        name: 'Anna Weber'
      })
      const id = made.body['id'] as string
      const reference = made.body['reference'] as string
      await server.parley.db
        .insertInto('call_notes')
        .values({
          call_id: mine,
          agent_id: (await server.parley.db.selectFrom('agents').select('id').limit(1).executeTakeFirstOrThrow()).id,
          queue_id: null,
          disposition: null,
          note: 'Anna Weber wants her xylophone',
          wrap_up_started_at: null,
          wrap_up_ended_at: null,
          wrap_up_end: null,
          updated_at: new Date()
        })
        .execute()
      await byPaula('POST', `/dnc-lists/internal/stop`, { number: CALLERS.washington, channel: 'call' })
      await byPaula('POST', `/privacy-requests/${id}/identity`, { result: 'proved', how: 'code by mail' })
      const planned = await byPaula('POST', `/privacy-requests/${id}/plan`)
      const plan = planned.body['plan'] as { take: { store: string; count: number }[]; keep: { store: string }[] }
      t.match(new Map(plan.take.map(one => [one.store, one.count])).get('recordings'), 1)
      t.match(
        new Set(plan.take.map(one => one.store)),
        new Set(['recordings', 'transcripts', 'searchIndex', 'notes', 'calls', 'exports'])
      )
      t.match(await byPaula('POST', `/privacy-requests/${id}/approve`, { typed: `ERASE ${reference}` }), {
        status: 403,
        body: { code: 'SECOND_PERSON' }
      })
      t.match(await byPedro('POST', `/privacy-requests/${id}/approve`, { typed: 'ERASE' }), { status: 400 })
      t.equal((await byPedro('POST', `/privacy-requests/${id}/approve`, { typed: `ERASE ${reference}` })).status, 202)
      const finished = await done(id)
      const certificate = finished['certificate'] as { stores: { store: string; erased: number }[]; sha256: string }
      for (const line of plan.take)
        t.equal(
          certificate.stores.find(one => one.store === line.store)?.erased,
          line.count,
          `${line.store} as planned`
        )
      t.equal(certificate.stores.length, 13, 'each store is named')
      t.match(certificate.sha256, /^[0-9a-f]{64}$/)
      t.equal(finished['asked'], null, 'the request itself no longer names the person')
      t.equal((await recordingsOf(server, mine))[0]?.state, 'erased')
      t.match(await server.api('GET', `/calls/${mine}/transcript`), {
        status: 410,
        body: { code: 'TRANSCRIPT_ERASED' }
      })
      await indexed(server)
      t.same(await found('xylophone'), [other], 'the search has forgotten it, and only it')
      const digits = CALLERS.washington.slice(1)
      const events = await server.parley.db.selectFrom('call_events').selectAll().where('call_id', '=', mine).execute()
      t.notMatch(JSON.stringify(events), digits)
      t.ok(events.length > 3, 'the story stays')
      const notes = await server.parley.db.selectFrom('call_notes').selectAll().where('call_id', '=', mine).execute()
      t.match(notes, [{ note: '' }])
      t.match(await server.api('GET', `/calls/${mine}`), { status: 200, body: { callerNumber: null } })
      t.match(await byPaula('GET', `/privacy-requests/${id}`), { body: { events: [{ what: 'received' }] } })
      t.equal((await byPaula('POST', `/privacy-requests/${id}/approve`, {})).status, 409)
    })

    await t.test('a hold keeps what it names, and the certificate says so', async t => {
      const held = await recorded(CALLERS.paris, 'Held words')
      await byPaula('POST', '/legal-holds', { number: CALLERS.paris, matter: 'Case 9', reason: 'court order' })
      const made = await byPaula('POST', '/privacy-requests', { kind: 'erase', numbers: [CALLERS.paris] })
      const id = made.body['id'] as string
      await byPaula('POST', `/privacy-requests/${id}/identity`, { result: 'proved', how: 'called back' })
      t.match((await byPaula('POST', `/privacy-requests/${id}/plan`)).body['plan'], {
        take: [],
        keep: [{ store: 'recordings', why: 'legal hold: Case 9' }]
      })
      await byPedro('POST', `/privacy-requests/${id}/approve`, { typed: `ERASE ${made.body['reference']}` })
      t.match((await done(id))['certificate'], { kept: [{ store: 'recordings', why: 'legal hold: Case 9' }] })
      t.equal((await recordingsOf(server, held))[0]?.state, 'stored')
    })

    await t.test('restricted calls are not found any more', async t => {
      const made = await byPaula('POST', '/privacy-requests', { kind: 'restrict', numbers: [CALLERS.london] })
      const id = made.body['id'] as string
      await byPaula('POST', `/privacy-requests/${id}/identity`, { result: 'proved', how: 'called back' })
      await byPaula('POST', `/privacy-requests/${id}/plan`)
      await byPaula('POST', `/privacy-requests/${id}/approve`, {})
      await done(id)
      await server.parley.db
        .updateTable('cdrs')
        .set({ tags: ['again'] })
        .where('call_id', '=', other)
        .execute()
      await indexed(server)
      t.same(await found('xylophone'), [])
    })

    await t.test('extension works once and in time; a refusal names the law', async t => {
      const made = await byPaula('POST', '/privacy-requests', {
        kind: 'access',
        numbers: ['+493023125199'],
        receivedAt: new Date(Date.now() - 10 * 86_400_000).toISOString()
      })
      const path = `/privacy-requests/${made.body['id']}`
      const before = (await byPaula('GET', path)).body
      t.match(before, { regime: 'gdpr', isOverdue: false })
      const longer = await byPaula('POST', `${path}/extend`, { toldAt: new Date().toISOString(), reason: 'many calls' })
      t.ok(new Date(longer.body['dueAt'] as string) > new Date(before['dueAt'] as string))
      t.equal(
        (await byPaula('POST', `${path}/extend`, { toldAt: new Date().toISOString(), reason: 'again' })).status,
        409
      )
      t.match(
        (
          await byPaula('POST', `${path}/refuse`, {
            law: 'Art. 12(5)',
            reason: 'manifestly unfounded',
            complainAt: 'BlnBDI'
          })
        ).body,
        { status: 'refused' }
      )
    })

    const post = (path: string, form: Record<string, string>, language = 'en') =>
      fetch(`${server.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'accept-language': language },
        body: new URLSearchParams(form)
      })
    const idIn = (page: string) => /name="id" value="([^"]+)"/.exec(page)?.[1] ?? ''

    await t.test('the public page answers the same whether it knows the number or not', async t => {
      const pages: string[] = []
      for (const contact of [CALLERS.london, '+442079460199']) {
        const answer = await post('/privacy/request', { kind: 'erase', contact, note: '' })
        t.equal(answer.status, 200)
        pages.push((await answer.text()).replace(/value="[0-9a-f-]{36}"/, ''))
      }
      t.equal(pages[0], pages[1])
      const size = (await (await fetch(`${server.url}/privacy/request`)).arrayBuffer()).byteLength
      t.ok(size <= 100_000, `${size} bytes`)
      t.match(
        await (await fetch(`${server.url}/privacy/request`, { headers: { 'accept-language': 'ar' } })).text(),
        /dir="rtl"/
      )
    })

    await t.test('to stop calls the code is enough, and it is so at once', async t => {
      sent.length = 0
      const page = await (
        await post('/privacy/request', { kind: 'stop-calls', contact: '0044 20 7946 0177' }, 'de')
      ).text()
      const limit = AbortSignal.timeout(5_000)
      while (sent.length === 0) {
        limit.throwIfAborted()
        await new Promise(resolve => setTimeout(resolve, 20))
      }
      t.match(sent[0], { to: '+442079460177', channel: 'sms', language: 'de', text: /Ihr Code/ })
      const id = idIn(page)
      const wrong = sent[0]?.code === '000000' ? '000001' : '000000'
      t.match(await (await post('/privacy/code', { id, code: wrong })).text(), /4 more times/)
      const right = await post('/privacy/code', { id, code: `${sent[0]?.code.slice(0, 3)} ${sent[0]?.code.slice(3)}` })
      const received = await right.text()
      t.match(received, /do not call this number any more/)
      const again = await post('/privacy/code', { id, code: sent[0]?.code ?? '' })
      t.equal(again.status, 403, 'a code works once')
      const status = /href="(\/privacy\/status\/ps_[A-Za-z0-9_-]+)/.exec(received)?.[1] ?? ''
      t.match(await (await fetch(`${server.url}${status}`)).text(), /Done/)
      const decided = await server.api('POST', '/compliance/decide', {
        call: { number: '+442079460177', purpose: 'marketing', mode: 'human_manual' }
      })
      t.match(JSON.stringify(decided.body), /DNC_INTERNAL/)
    })

    await t.test('guessing, forged links and odd input lead nowhere', async t => {
      sent.length = 0
      const id = idIn(await (await post('/privacy/request', { kind: 'erase', contact: 'anna@example.com' })).text())
      for (let tries = 0; tries < 5; tries++) await post('/privacy/code', { id, code: '999999' })
      t.match(
        await (await post('/privacy/code', { id, code: sent[0]?.code ?? '999999' })).text(),
        /too old or was used/
      )
      t.equal((await fetch(`${server.url}/privacy/status/ps_${'A'.repeat(43)}`)).status, 404)
      t.equal((await fetch(`${server.url}/privacy/status/..%2f..%2fsecret`)).status, 404)
      t.equal((await post('/privacy/request', { kind: 'drop table', contact: '+442079460177' })).status, 400)
      const odd = await post('/privacy/request', { kind: 'erase', contact: '<script>alert(1)</script>' })
      t.equal(odd.status, 400)
      t.notMatch(await odd.text(), /<script>/)
      for (let more = 0; more < 4; more++)
        await post('/privacy/request', { kind: 'erase', contact: 'flood@example.com' })
      t.ok(sent.filter(one => one.to === 'flood@example.com').length <= 3, 'nobody is flooded with codes')
      const open = await byPaula('GET', '/privacy-requests')
      t.notMatch(JSON.stringify(open.body), /anna@example|flood@example/, 'unconfirmed requests are none')
    })

    await t.test('the log of all this is whole', async t => {
      t.match((await server.api('GET', '/audit-log/verification')).body, { isWhole: true })
    })
  })

async function unzip(bytes: Buffer): Promise<ReadonlyMap<string, Buffer>> {
  const zip = await new Promise<yauzl.ZipFile>((resolve, reject) =>
    yauzl.fromBuffer(bytes, { lazyEntries: true }, (err, file) => (err ? reject(err) : resolve(file)))
  )
  const files = new Map<string, Buffer>()
  zip.readEntry()
  for await (const [entry] of on(zip)) {
    files.set(
      entry.fileName,
      await new Promise<Buffer>((resolve, reject) =>
        zip.openReadStream(entry, async (err, stream) => {
          if (err) return reject(err)
          const parts: Buffer[] = []
          for await (const part of stream) parts.push(part as Buffer)
          resolve(Buffer.concat(parts))
        })
      )
    )
    zip.readEntry()
  }
  return files
}

/** Entries until the archive ends. */
async function* on(zip: yauzl.ZipFile): AsyncGenerator<[yauzl.Entry]> {
  const queue: yauzl.Entry[] = []
  let isOver = false
  let wake = () => {}
  zip.on('entry', entry => {
    queue.push(entry)
    wake()
  })
  zip.on('end', () => {
    isOver = true
    wake()
  })
  for (;;) {
    const entry = queue.shift()
    if (entry !== undefined) yield [entry]
    else if (isOver) return
    else
      await new Promise<void>(resolve => {
        wake = resolve
      })
  }
}
