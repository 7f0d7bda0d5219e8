import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { sql } from 'kysely'
import { pino } from 'pino'
import t from 'tap'
import yauzl from 'yauzl'
import { DailySweep } from '../../server/privacy/daily-sweep.ts'
import { RETAINED } from '../../server/privacy/retention-rules.ts'
import { STORES, type StoreParts } from '../../server/privacy/stores.ts'
import { TombstoneFile } from '../../server/privacy/tombstones.ts'
import { CALLERS, RECORDED, recordingsOf, talk } from '../recordings/support.ts'
import { everythingWritten, filesIn } from '../recordings/support.ts'
import { testDatabases, TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { indexed, transcribe } from '../support/transcripts.ts'
import { BERTA, FILLS } from './everywhere.ts'

const NUMBER = '+12025550100'
/** Of the person who asks; in no rule pack, as other numbers of tests are. */
const MINE = '+12025550186'

for (const database of testDatabases())
  t.test(`persons have their rights, with ${database}`, { timeout: 280_000 }, async t => {
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
        PARLEY_PRIVACY_CONTACT: 'privacy@example.com',
        PARLEY_PUBLIC_URL: 'https://calls.example.com'
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
    const mine = await recorded(
      MINE,
      'My parcel is a xylophone, card four one one one one one one one one one one one one one one one'
    )
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
      const [heard] = await recordingsOf(server, mine)
      const listened = await fetch(`${server.url}/api/v1/recordings/${heard?.id}/audio`, {
        headers: { authorization: `Bearer ${quinn.token}` }
      })
      t.equal(listened.status, 200)
      await listened.arrayBuffer()
      const made = await byPaula('POST', '/privacy-requests', {
        kind: 'export',
        numbers: [MINE],
        name: '../../../tmp/Anna'
      })
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
      t.match(response.headers.get('content-disposition'), /^attachment; filename="[A-Za-z0-9-]+\.zip"$/)
      t.equal((await byPaula('GET', '/privacy-requests/..%2F..%2Fsecret.key/export')).status, 404)
      const files = await unzip(Buffer.from(await response.arrayBuffer()))
      const log = await server.api('GET', `/audit-log?action=privacy-request.exported&subjectId=${id}`)
      t.match(log.body.items, [{ actorName: 'paula' }], 'whoever took the copy is in the log')
      t.same([...files.keys()].map(name => name.replace(/[^/]+\.flac/, 'x.flac')).sort(), [
        'audio/x.flac',
        'calls.csv',
        'data.json',
        'usage.json'
      ])
      t.match(files.get('data.json')?.toString(), /My parcel is a xylophone/)
      t.notMatch(files.get('data.json')?.toString(), /Another/)
      t.notMatch(files.get('data.json')?.toString(), /four|one one|4111/, 'a card is in no copy')
      const usage = JSON.parse(files.get('usage.json')?.toString() ?? '[]')
      t.ok(
        usage.some((one: { what: string; callId: string }) => one.what === 'transcript.imported' && one.callId === mine)
      )
      t.ok(
        usage.some(
          (one: { what: string; id: string; who: string }) =>
            one.what === 'recording.heard' && one.id === heard?.id && one.who === 'user'
        ),
        'whoever heard the recording is named by what they did'
      )
      t.notMatch(JSON.stringify(usage), /Quinn|quinn/, 'and not by name')
      t.match(JSON.parse(files.get('data.json')?.toString() ?? '{}').stores.recordingConsents, [
        { callId: mine, result: 'granted', policy: 'one_party' }
      ])
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

    await t.test('a person who asks what there is about them gets it, and who has used it, for reading', async t => {
      const made = await byPaula('POST', '/privacy-requests', { kind: 'access', numbers: [MINE] })
      t.equal(made.status, 201)
      const id = made.body['id'] as string
      t.match(await byPaula('POST', `/privacy-requests/${id}/plan`), { status: 409 }, 'identity comes first')
      await byPaula('POST', `/privacy-requests/${id}/identity`, { result: 'proved', how: 'called back' })
      await byPaula('POST', `/privacy-requests/${id}/plan`)
      t.equal((await byPaula('POST', `/privacy-requests/${id}/approve`, {})).status, 202)
      t.match(await done(id), { hasExport: true })
      const response = await fetch(`${server.url}/api/v1/privacy-requests/${id}/export`, {
        headers: { authorization: `Bearer ${paula.token}` }
      })
      const files = await unzip(Buffer.from(await response.arrayBuffer()))
      t.match(files.get('data.json')?.toString(), /My parcel is a xylophone/)
      t.match(files.get('usage.json')?.toString(), /recording\.heard/)
      t.match(files.get('calls.csv')?.toString(), new RegExp(mine))
    })

    await t.test('an erasure needs a plan, a second person and the typed word, and then nothing is left', async t => {
      const made = await byPaula('POST', '/privacy-requests', {
        kind: 'erase',
        numbers: [MINE],
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
      await server.parley.db
        .insertInto('caller_languages')
        .values({ number: MINE, language: 'en', chosen_at: new Date() })
        .execute()
      await byPaula('POST', `/dnc-lists/internal/stop`, { number: MINE, channel: 'call' })
      await byPaula('POST', `/privacy-requests/${id}/identity`, { result: 'proved', how: 'code by mail' })
      const planned = await byPaula('POST', `/privacy-requests/${id}/plan`)
      const plan = planned.body['plan'] as { take: { store: string; count: number }[]; keep: { store: string }[] }
      t.match(new Map(plan.take.map(one => [one.store, one.count])).get('recordings'), 1)
      t.match(
        new Set(plan.take.map(one => one.store)),
        new Set(['recordings', 'transcripts', 'searchIndex', 'notes', 'languages', 'calls', 'exports'])
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
      t.equal(certificate.stores.length, STORES.length, 'each store is named')
      t.match(certificate.sha256, /^[0-9a-f]{64}$/)
      t.equal(finished['asked'], null, 'the request itself no longer names the person')
      t.equal((await recordingsOf(server, mine))[0]?.state, 'erased')
      t.match(await server.api('GET', `/calls/${mine}/transcript`), {
        status: 410,
        body: { code: 'TRANSCRIPT_ERASED' }
      })
      await indexed(server)
      t.same(await found('xylophone'), [other], 'the search has forgotten it, and only it')
      const written = await everythingWritten(server)
      t.ok(written.includes(CALLERS.london.slice(1)), 'the scan sees numbers')
      const linesWith = (text: string) => written.split('\n').filter(line => line.includes(text))
      t.same(linesWith(MINE.slice(1)), [], 'and this one is in no table, no file and no line of the log')
      t.same([...linesWith('Anna'), ...linesWith('wants her xylophone')], [], 'neither is the name')
      const digits = MINE.slice(1)
      const events = await server.parley.db.selectFrom('call_events').selectAll().where('call_id', '=', mine).execute()
      t.notMatch(JSON.stringify(events), digits)
      t.ok(events.length > 3, 'the story stays')
      const notes = await server.parley.db.selectFrom('call_notes').selectAll().where('call_id', '=', mine).execute()
      t.match(notes, [{ note: '' }])
      t.match(await server.api('GET', `/calls/${mine}`), { status: 200, body: { callerNumber: null } })
      t.match(await byPaula('GET', `/privacy-requests/${id}`), { body: { events: [{ what: 'received' }] } })
      t.equal((await byPaula('POST', `/privacy-requests/${id}/approve`, {})).status, 409)
    })

    await t.test('of a person who is in every store nothing is left in any, by number and by address', async t => {
      t.same(Object.keys(FILLS).toSorted(), STORES.map(one => one.name).toSorted(), 'the table knows each store')
      const call = await recorded(BERTA.number, 'My parcel is a theremin')
      for (const fill of Object.values(FILLS)) await fill({ server, callId: call })
      await byPaula('POST', `/dnc-lists/internal/stop`, { number: BERTA.number, channel: 'call' })
      const contact = (await server.api('GET', `/contacts?number=${encodeURIComponent(BERTA.work)}`)).body.items as {
        id: string
      }[]
      t.equal((await server.api('GET', `/contacts/${contact[0]?.id}`)).status, 200)

      const everywhere = { name: 'x', keepDays: 0, reason: 'what if' }
      const would = async (rules: readonly object[]) => {
        const at = new Date(Date.now() + 8 * 86_400_000).toISOString()
        const { body } = await byPaula('POST', '/retention/dry-run', { rules, at })
        return (body['byRule'] as { store: string }[]).map(one => one.store)
      }
      t.same(
        RETAINED.filter(store => !['requests', 'consentRequests'].includes(store)).toSorted(),
        (await would([everywhere])).filter(store => !['requests', 'consentRequests'].includes(store)).toSorted(),
        'a rule for everything speaks of every store'
      )
      await server.parley.db
        .updateTable('campaigns')
        .set({ settings: JSON.stringify({ purpose: 'marketing' }) })
        .where('id', '=', 'camp')
        .execute()
      t.same(await would([{ ...everywhere, purpose: 'marketing' }]), ['contacts'], 'by the purpose of its campaign')
      t.same(await would([{ ...everywhere, queueId: 'nowhere' }]), [])
      const { id: queueId } = await server.parley.db
        .selectFrom('queues')
        .select('id')
        .limit(1)
        .executeTakeFirstOrThrow()
      await sql`insert into queue_visits (id, call_id, queue_id, kind, language, entered_at, left_at, outcome, waited_ms, is_within_threshold)
        values ('berta', ${call}, ${queueId}, 'caller', 'en', now(), now(), 'answered', 0, true)`.execute(
        server.parley.db
      )
      t.same(
        (await would([{ ...everywhere, queueId, stores: ['clips', 'surveyAnswers', 'contacts'] }])).toSorted(),
        ['clips', 'surveyAnswers'],
        'and by the queue that the call was in'
      )
      const explained = await byPaula('GET', `/retention/explain?store=contacts&id=${contact[0]?.id}`)
      t.match(explained.body, { verdict: 'kept', rule: { name: 'All' }, purpose: 'marketing', region: 'US' })
      t.match((await byPaula('GET', `/calls/${call}/retention`)).body, { notRetained: { consents: 'proof' } })

      const copied = await byPaula('POST', '/privacy-requests', {
        kind: 'export',
        numbers: [BERTA.number],
        note: BERTA.name
      })
      await byPaula('POST', `/privacy-requests/${copied.body['id']}/identity`, { result: 'proved', how: 'called back' })
      await byPaula('POST', `/privacy-requests/${copied.body['id']}/plan`)
      await byPaula('POST', `/privacy-requests/${copied.body['id']}/approve`, {})
      await done(copied.body['id'] as string)
      const answer = await fetch(`${server.url}/api/v1/privacy-requests/${copied.body['id']}/export`, {
        headers: { authorization: `Bearer ${paula.token}` }
      })
      const files = await unzip(Buffer.from(await answer.arrayBuffer()))
      const { stores } = JSON.parse(files.get('data.json')?.toString() ?? '{}')
      t.match(stores.contacts, [{ name: BERTA.name, numbers: [{ number: BERTA.number }, { number: BERTA.work }] }])
      t.same(
        stores.attempts.map((one: { number: string; campaign: string }) => [one.campaign, one.number]).toSorted(),
        [BERTA.number, BERTA.work, BERTA.old].map(number => ['Spring', number]),
        'dials to the numbers of her contacts too, also of the one that is deleted'
      )
      t.match(stores.consents, [
        {
          kind: 'grant',
          evidence: { textVersion: 'text-7', method: 'oral' },
          named: { number: BERTA.number, personal: { operator: BERTA.name } }
        }
      ])
      t.match(stores.consentProofs, [{ kind: 'grant', seller: 'Example Two', evidence: { textVersion: 'text-9' } }])
      t.match(stores.doNotCallMarks, [{ kind: 'stop' }])
      t.match(
        JSON.parse(files.get('data.json')?.toString() ?? '{}').unreadable,
        [{ store: 'voicemails' }],
        'a message that is damaged is named, and the rest is there'
      )
      t.match(
        JSON.parse(files.get('usage.json')?.toString() ?? '[]').filter((one: { of: string }) => one.of === 'contact'),
        [{ what: 'contact.removed' }, { what: 'contact.read', id: contact[0]?.id }]
      )

      const made = await byPaula('POST', '/privacy-requests', {
        kind: 'erase',
        numbers: [],
        emails: [BERTA.email.toUpperCase().replace('EXAMPLE.COM', 'example.com')]
      })
      t.equal(made.status, 201, JSON.stringify(made.body))
      const path = `/privacy-requests/${made.body['id']}`
      await byPaula('POST', `${path}/identity`, { result: 'proved', how: 'code by mail' })
      const planned = async () => {
        const { body } = await byPaula('POST', `${path}/plan`)
        const { take } = body['plan'] as { take: { store: string; count: number }[] }
        return new Map(take.map(one => [one.store, one.count]))
      }
      await indexed(server)
      const first = await planned()
      t.same(
        [...first].filter(([store]) => ['contacts', 'leads', 'attempts', 'recordings'].includes(store)),
        [
          ['attempts', 1],
          ['leads', 1],
          ['contacts', 1]
        ],
        'an address leads to its contact and to the calls to it, and to nothing of a number'
      )
      await byPaula('POST', `${path}/link`, { numbers: [BERTA.number], why: 'the same contact' })
      t.match((await byPaula('GET', path)).body, { status: 'identity', plan: null }, 'a plan for less is none')
      const second = await planned()
      t.same(
        STORES.map(one => one.name).filter(name => !second.has(name)),
        [],
        'every store is in the plan'
      )
      t.match(Object.fromEntries(second), { attempts: 3, leads: 2, contacts: 1, consents: 2, calls: 4 })
      await byPedro('POST', `${path}/approve`, { typed: `ERASE ${made.body['reference']}` })
      const { certificate } = (await done(made.body['id'] as string)) as {
        certificate: { stores: { store: string; erased: number; kept: number }[]; subjects: string[] }
      }
      for (const [store, count] of second)
        t.match(
          certificate.stores.find(one => one.store === store),
          { erased: count, kept: 0 },
          store
        )
      t.match(certificate, { kept: [{ store: 'doNotCallMarks', count: 1 }] }, 'the wish not to be called stays')
      t.equal(certificate.subjects.length, 2, 'both of her marks')

      const lines = (await everythingWritten(server)).split('\n')
      for (const [what, text] of Object.entries({ ...BERTA, email: '', email1: BERTA.email.toLowerCase() }))
        if (text !== '')
          t.same(
            lines.filter(line => line.toLowerCase().includes(text.replace('+', '').toLowerCase())),
            [],
            `her ${what} is in no table, no file and no line of the log`
          )
      const buried = await server.parley.db
        .selectFrom('erasures')
        .select('store')
        .distinct()
        .where('cause', '=', `request:${made.body['id']}`)
        .execute()
      t.same(buried.map(row => row.store).toSorted(), STORES.map(one => one.name).toSorted(), 'a tombstone for each')
      const decided = await server.api('POST', '/compliance/decide', {
        call: { number: BERTA.number, purpose: 'marketing', mode: 'human_manual' }
      })
      t.match(JSON.stringify(decided.body), /DNC_INTERNAL/, 'and nobody may call her')
      t.same(await found('theremin'), [])
    })

    await t.test('what a transcript says wrongly is corrected, and a card that is typed there is not kept', async t => {
      const made = await byPaula('POST', '/privacy-requests', { kind: 'correct', numbers: [CALLERS.london] })
      const path = `/privacy-requests/${made.body['id']}`
      const corrections = [{ index: 0, text: 'A corrected vibraphone, card 4000 0012 3456 7899' }]
      const body = { callId: other, corrections }
      t.equal((await byPaula('POST', `${path}/corrections`, body)).status, 409, 'identity comes first')
      await byPaula('POST', `${path}/identity`, { result: 'proved', how: 'called back' })
      t.equal((await as(quinn.token)('POST', `${path}/corrections`, body)).status, 403)
      const corrected = await byPaula('POST', `${path}/corrections`, body)
      t.match((corrected.body['events'] as unknown[]).at(-1), { what: 'corrected', by: 'paula' })
      const read = await server.api('GET', `/calls/${other}/transcript`, undefined, quinn.token)
      t.match(JSON.stringify(read.body), /A corrected vibraphone/)
      t.notMatch(JSON.stringify(read.body), /4000|7899/)
      await indexed(server)
      t.same(await found('vibraphone'), [other])
      t.same(await found('xylophone'), [], 'what was wrong is found no more')
      await byPaula('POST', `${path}/corrections`, {
        callId: other,
        corrections: [{ index: 0, text: 'Another xylophone' }]
      })
      await indexed(server)
      await byPaula('POST', `${path}/plan`)
      t.equal((await byPaula('POST', `${path}/approve`, {})).status, 202)
      await done(made.body['id'] as string)
    })

    await t.test('whoever wants data not sold gets no advertising, and may still be called for service', async t => {
      const number = '+12025550188'
      const made = await byPaula('POST', '/privacy-requests', { kind: 'do-not-sell', numbers: [number] })
      const id = made.body['id'] as string
      await byPaula('POST', `/privacy-requests/${id}/identity`, { result: 'proved', how: 'code by mail' })
      await byPaula('POST', `/privacy-requests/${id}/plan`)
      t.equal((await byPaula('POST', `/privacy-requests/${id}/approve`, {})).status, 202)
      t.match(await done(id), { regime: 'ccpa' })
      const decide = async (purpose: string) =>
        JSON.stringify(
          (await server.api('POST', '/compliance/decide', { call: { number, purpose, mode: 'human_manual' } })).body
        )
      t.match(await decide('marketing'), /DNC_INTERNAL/)
      t.notMatch(await decide('service'), /DNC_INTERNAL/)
      const lifted = { reason: 'asked to take part again', toldAt: new Date().toISOString() }
      t.equal((await byPedro('POST', `/privacy-requests/${id}/lift`, lifted)).status, 200)
      t.match(await decide('marketing'), /DNC_INTERNAL/, 'a wish not to be called stays')
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

      const path = `/privacy-requests/${id}/lift`
      const said = { reason: 'dispute settled', toldAt: new Date().toISOString() }
      t.equal((await as(quinn.token)('POST', path, said)).status, 403)
      t.match(await byPedro('POST', path, said), { status: 200 })
      await indexed(server)
      t.same(await found('xylophone'), [other], 'a restriction that was lifted is none')
      t.equal((await byPedro('POST', path, said)).status, 409, 'and is lifted once')
      const { events } = (await byPaula('GET', `/privacy-requests/${id}`)).body
      t.match((events as { what: string }[]).at(-1), {
        what: 'lifted',
        by: 'pedro',
        detail: { reason: 'dispute settled' }
      })
      const log = await server.api('GET', `/audit-log?limit=20`)
      t.ok((log.body.items as { action: string }[]).some(one => one.action === 'privacy-request.lifted'))
    })

    await t.test('a sweep that nobody watches deletes nothing when the clock has jumped', async t => {
      await byPaula('PUT', '/retention/settings', { overlap: 'longest', isSweeping: true })
      await byPaula('POST', '/retention/rules', { name: 'A year', stores: ['calls'], keepDays: 365, reason: 'test' })
      let aheadMs = 0
      const clocks = { wall: () => Date.now() + aheadMs, steady: () => performance.now() }
      const { db } = server.parley
      const parts = {
        db,
        dataDir: server.dataDir,
        quality: { log: pino({ level: 'silent' }) },
        compliance: { hashOf: String },
        tombstones: new TombstoneFile(`${server.dataDir}/test-tombstones.jsonl`)
      } as unknown as StoreParts
      const daily = new DailySweep(parts, clocks)
      const named = async () =>
        (await db.selectFrom('cdrs').select('call_id').where('caller_number', 'is not', null).execute()).length
      const before = await named()
      t.ok(before > 0)
      aheadMs = 10 * 365 * 86_400_000
      t.match(await daily.run(), { kind: 'doubted', doubt: 'databaseDiffers' })
      t.equal(await named(), before, 'ten years ahead, and every call is still there')
      aheadMs = 0
      t.match(await daily.run(), { kind: 'swept', report: { deleted: 0 } })
      await db
        .updateTable('retention_settings')
        .set({ clock_seen_at: new Date(Date.now() - 400 * 86_400_000) })
        .execute()
      t.match(await daily.run(), { kind: 'doubted', doubt: 'unseenForLong' }, 'after a long rest a person looks first')
      t.equal((await byPaula('POST', '/retention/sweep')).status, 200)
      t.match(await daily.run(), { kind: 'swept' }, 'and then it goes on by itself')
      await byPaula('PUT', '/retention/settings', { overlap: 'longest', isSweeping: false })
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

    await t.test(
      'whoever shows the code of a number has asked in their own name, and people go on from there',
      async t => {
        sent.length = 0
        const contact = '+442079460166'
        const id = idIn(await (await post('/privacy/request', { kind: 'erase', contact, note: '' })).text())
        const limit = AbortSignal.timeout(5_000)
        while (sent.length === 0) {
          limit.throwIfAborted()
          await new Promise(resolve => setTimeout(resolve, 20))
        }
        const named = async () =>
          (
            (await byPaula('GET', '/privacy-requests')).body.items as { kind: string; channel: string; id: string }[]
          ).filter(one => one.kind === 'erase' && one.channel === 'public')
        t.same(await named(), [], 'without the code nobody has asked')
        const received = await (await post('/privacy/code', { id, code: sent[0]?.code ?? '' })).text()
        const [request] = await named()
        const path = `/privacy-requests/${request?.id}`
        const { body } = await byPaula('GET', path)
        t.match(body, { regime: 'uk-gdpr', identity: 'proved', asked: { numbers: [contact] } })
        t.ok(received.includes(String(body['reference'])), 'they are told by which name it goes on')
        t.equal((await byPaula('POST', `${path}/plan`)).status, 200, 'it can be planned at once')
      }
    )

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
