import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { sql } from 'kysely'
import t from 'tap'
import { openDatabase } from '../../sql/database.ts'
import { migrate } from '../../sql/migrate.ts'
import { QualityError } from '../../server/quality/errors.ts'
import { listConfigs, wordRule } from '../../server/quality/search-words.ts'
import { readTranscript, TranscriptWriter } from '../../server/quality/transcript-store.ts'
import { everythingWritten } from '../recordings/support.ts'
import { LONG_TONE } from '../support/flows.ts'
import { testDatabases, TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { indexed, ringOnce, type Said, timed, transcribe } from '../support/transcripts.ts'

const NUMBER = '+12025550111'
const CARD = '4111 1111 1111 1111'
/** The same number as it is read out, with a word that says one of its digits. */
const READ_OUT = {
  en: { card: 'forty one eleven eleven eleven eleven eleven eleven eleven', word: 'eleven' },
  de: { card: 'einundvierzig elf elf elf elf elf elf elf', word: 'elf' },
  es: { card: 'cuatro uno uno uno uno uno uno uno uno uno uno uno uno uno uno uno', word: 'uno' },
  zh: { card: '四一一一 一一一一 一一一一 一一一一', word: '一一一一' },
  ja: { card: 'よん いち いち いち いち いち いち いち いち いち いち いち いち いち いち いち', word: 'いち' },
  ar: { card: `أربعة${' واحد'.repeat(15)}`, word: 'واحد' }
}

type Found = Readonly<{
  callId: string
  hitCount: number
  hits: readonly Readonly<{ speaker: string; atMs: number; text: string; marks: readonly (readonly number[])[] }>[]
}>

for (const database of testDatabases())
  t.test(`reviewers find calls by what was said in them, with ${database}`, { timeout: 280_000 }, async t => {
    await using server = await TestParley.start({ database, hasDemoData: true })
    await server.publish(LONG_TONE)
    await server.addNumber(NUMBER, 'long-tone')
    const { quinn, ana } = await signInPeople(server, ['quinn', 'ana'])
    const search = async (query: Readonly<Record<string, string>>, token = quinn.token) => {
      const answer = await server.api('GET', `/search/calls?${new URLSearchParams(query)}`, undefined, token)
      return { ...answer, found: (answer.body.items ?? []) as unknown as readonly Found[] }
    }
    const idsOf = (found: readonly Found[]) => found.map(one => one.callId)

    const refund = await ringOnce(server, NUMBER)
    await transcribe(server, refund, 'en', [
      ['bot', 0, 2_000, 'This call is recorded.'],
      ['customer', 3_000, 6_000, 'Hello, my name is Anna Weber and I am waiting for my money.'],
      ['agent', 41_000, 45_000, 'You get the refund today, I promised refunds before.'],
      ['customer', 44_000, 46_000, 'That is ridiculous.']
    ])
    const german = await ringOnce(server, NUMBER)
    await transcribe(server, german, 'de', [
      ['agent', 0, 2_000, 'Guten Tag, hier spricht Karim.'],
      ['customer', 2_000, 5_000, 'Ich möchte meine Bestellungen zurückschicken, mein Name ist Jonas Vogel.']
    ])
    const spanish = await ringOnce(server, NUMBER)
    await transcribe(server, spanish, 'es', [['customer', 1_000, 4_000, 'Quiero devolver mis pedidos cancelados.']])
    const chinese = await ringOnce(server, NUMBER)
    await transcribe(server, chinese, 'zh', [['customer', 1_000, 4_000, '你好，我要申请退款，快充协议有问题。']])
    const japanese = await ringOnce(server, NUMBER)
    await transcribe(server, japanese, 'ja', [
      ['customer', 1_000, 4_000, '返金をお願いします。注文を取り消したいです。']
    ])
    const arabic = await ringOnce(server, NUMBER)
    await transcribe(server, arabic, 'ar', [['customer', 1_000, 4_000, 'أريد استرداد أموالي من فضلك']])
    const thai = await ringOnce(server, NUMBER)
    await transcribe(server, thai, 'th', [['customer', 1_000, 4_000, 'ฉันต้องการเงินคืนวันนี้']])

    await t.test('a word is found in its other forms, and the hit names its second', async t => {
      const { found } = await search({ q: 'refund' })
      t.same(idsOf(found), [refund])
      const [hit] = found[0]?.hits ?? []
      t.match(hit, { speaker: 'agent', text: 'You get the refund today, I promised refunds before.' })
      t.same(
        hit?.marks.map(([from, to]) => hit.text.slice(from, to)),
        ['refund', 'refunds']
      )
      t.ok((hit?.atMs ?? 0) >= 41_900 && (hit?.atMs ?? 0) <= 43_000, `said at ${hit?.atMs}`)
      t.same(idsOf((await search({ q: 'bestellung' })).found), [german], 'German forms')
      t.same(idsOf((await search({ q: 'pedido' })).found), [spanish], 'Spanish forms')
      t.same(idsOf((await search({ q: 'cancelar' })).found), [spanish])
      t.match(wordRule('es-MX', await listConfigs(server.parley.db)), { kind: 'config', config: 'spanish' })
      const read = await server.api('GET', `/calls/${refund}/transcript`, undefined, quinn.token)
      t.match(
        (read.body['utterances'] as { confidence: number }[]).map(one => one.confidence),
        [0.9, 0.9, 0.9, 0.9],
        'how sure the engine was is read back'
      )
    })

    await t.test('phrases, alternatives, beginnings, and what must not be said', async t => {
      t.same(idsOf((await search({ q: '"waiting for my money"' })).found), [refund])
      t.same(idsOf((await search({ q: '"money waiting"' })).found), [])
      t.same(idsOf((await search({ q: 'ridicul* -refund' })).found), [])
      t.same(new Set(idsOf((await search({ q: 'refund OR bestellung' })).found)), new Set([refund, german]))
      t.same(idsOf((await search({ q: 'ridicul*' })).found), [refund])
    })

    await t.test('what one speaker said is not what another said', async t => {
      t.same(idsOf((await search({ q: 'agent:refund customer:ridiculous' })).found), [refund])
      t.same(idsOf((await search({ q: 'customer:refund' })).found), [])
      t.same(idsOf((await search({ q: 'agent:"the refund today"' })).found), [refund])
    })

    await t.test('languages that are written without spaces are cut into words', async t => {
      t.same(idsOf((await search({ q: '退款' })).found), [chinese])
      t.same(idsOf((await search({ q: '申请退款' })).found), [chinese])
      t.same(idsOf((await search({ q: '返金' })).found), [japanese])
      t.same(idsOf((await search({ q: 'เงินคืน' })).found), [thai])
      t.same(idsOf((await search({ q: 'استرداد' })).found), [arabic])
      const [hit] = (await search({ q: '退款' })).found[0]?.hits ?? []
      t.same(
        hit?.marks.map(([from, to]) => hit.text.slice(from, to)),
        ['退款']
      )
    })

    await t.test('filters narrow: language, silence, overlap, length, number, direction, what is there', async t => {
      t.same(idsOf((await search({ language: 'de' })).found), [german])
      t.same(idsOf((await search({ minSilenceMs: '30000' })).found), [refund])
      t.same(idsOf((await search({ minOverlapMs: '500' })).found), [refund])
      t.same(idsOf((await search({ q: 'refund', minOverlapMs: '5000' })).found), [])
      t.equal((await search({ number: NUMBER })).found.length, 7)
      t.equal((await search({ number: '+12025550199' })).found.length, 0)
      t.equal((await search({ direction: 'outbound' })).found.length, 0)
      t.equal((await search({ has: 'transcript' })).found.length, 7)
      t.equal((await search({ has: 'recording' })).found.length, 0)
      t.equal((await search({ until: '2020-01-01T00:00:00Z' })).found.length, 0)
      t.same((await server.api('GET', '/search/calls/count?has=transcript', undefined, quinn.token)).body, {
        count: 7,
        isMore: false
      })
    })

    await t.test('filters narrow: agent, queue, flow, outcome, tag, date, length', async t => {
      const { db } = server.parley
      const { id: queueId } = await db.selectFrom('queues').select('id').limit(1).executeTakeFirstOrThrow()
      const at = new Date()
      await db
        .insertInto('call_notes')
        .values({
          call_id: refund,
          agent_id: ana.id,
          queue_id: queueId,
          disposition: 'refunded',
          wrap_up_started_at: null,
          wrap_up_ended_at: null,
          wrap_up_end: null,
          updated_at: at
        })
        .execute()
      await sql`insert into queue_visits (id, call_id, queue_id, kind, language, entered_at, left_at, outcome, waited_ms, is_within_threshold)
        values ('visit', ${refund}, ${queueId}, 'caller', 'en', ${at}, ${at}, 'answered', 0, true)`.execute(db)
      await db
        .updateTable('cdrs')
        .set({ tags: ['vip'] })
        .where('call_id', '=', refund)
        .execute()
      await indexed(server)
      const fitting: readonly Readonly<Record<string, string>>[] = [
        { agentId: ana.id },
        { queueId },
        { disposition: 'refunded' },
        { tag: 'vip' }
      ]
      for (const filter of fitting) {
        t.same(idsOf((await search(filter)).found), [refund], Object.keys(filter).join())
        t.same(idsOf((await search({ ...filter, q: 'bestellung' })).found), [])
      }
      for (const [name, value] of Object.entries({
        agentId: 'nobody',
        queueId: 'none',
        disposition: 'sold',
        tag: 'other'
      }))
        t.same((await search({ [name]: value })).found, [], name)
      t.equal((await search({ flowId: 'long-tone' })).found.length, 7)
      t.same((await search({ flowId: 'another' })).found, [])
      t.equal((await search({ from: '2020-01-01T00:00:00Z', maxDurationMs: '3600000' })).found.length, 7)
      t.same((await search({ minDurationMs: '3600000' })).found, [])
    })

    await t.test('pages follow each other without a gap', async t => {
      const seen: string[] = []
      let cursor: string | undefined
      do {
        const page = await search({ limit: '2', ...(cursor !== undefined && { cursor }) })
        seen.push(...idsOf(page.found))
        cursor = (page.body['nextCursor'] as string | null) ?? undefined
      } while (cursor !== undefined)
      t.same(seen, [thai, arabic, japanese, chinese, spanish, german, refund])
    })

    await t.test('names, numbers and addresses are hidden by the server and cannot be searched for', async t => {
      const { body } = await server.api('GET', `/calls/${refund}/transcript`, undefined, quinn.token)
      t.match(body['view'], 'redacted')
      t.notMatch(JSON.stringify(body), /Anna|Weber/)
      t.match(JSON.stringify(body), /my name is \[name\] and I am waiting/)
      t.same((await search({ q: 'Weber' })).found, [])
      t.same((await search({ q: 'Vogel' })).found, [])
      t.notMatch(JSON.stringify((await search({ q: 'waiting' })).body), /Weber/)
    })

    await t.test('the whole text needs a grant and a reason, and both are in the audit log', async t => {
      const path = `/calls/${refund}/transcript?view=unredacted`
      t.match(await server.api('GET', path, undefined, quinn.token), { status: 403 })
      const expiresAt = new Date(Date.now() + 86_400_000).toISOString()
      const grant = await server.api('POST', '/unredacted-grants', {
        userId: quinn.id,
        reason: 'complaint 17',
        expiresAt
      })
      t.equal(grant.status, 201)
      t.match(await server.api('GET', path, undefined, quinn.token), { status: 400 }, 'a reason is asked for')
      const whole = await server.api('GET', `${path}&reason=complaint+17`, undefined, quinn.token)
      t.match(JSON.stringify(whole.body), /Anna Weber/)
      const log = await server.api('GET', `/audit-log?action=transcript.read&subjectId=${refund}&limit=1`)
      t.match(log.body.items, [{ actorName: 'quinn', detail: { view: 'unredacted', reason: 'complaint 17' } }])
      t.equal((await server.api('DELETE', `/unredacted-grants/${grant.body['id']}`)).status, 204)
      t.match(await server.api('GET', `${path}&reason=complaint+17`, undefined, quinn.token), { status: 403 })
      const { body } = await server.api('GET', '/users?limit=100')
      const admin = (body.items as { id: string; username: string }[]).find(one => one.username === 'admin')
      t.match(await server.api('POST', '/unredacted-grants', { userId: admin?.id, reason: 'for myself', expiresAt }), {
        status: 403,
        body: { code: 'SECOND_PERSON' }
      })
    })

    await t.test('a card that is read out is never stored, in digits or in words, over several utterances', async t => {
      const callId = await ringOnce(server, NUMBER)
      const answer = await transcribe(server, callId, 'en', [
        ['customer', 0, 4_000, `My card is ${CARD}.`],
        ['customer', 9_000, 14_000, 'Or take four one double one one one one one'],
        ['agent', 14_000, 14_500, 'Yes'],
        ['customer', 15_000, 20_000, 'one one one one one one one one thanks']
      ])
      t.match(answer, { cards: 2 })
      const opened = await readTranscript({ db: server.parley.db, secretKey: server.secretKey }, callId)
      const texts = (opened?.utterances ?? []).map(one => one.text).join('\n')
      t.notMatch(texts, /4111|\d{4}|four one|one one/)
      t.match(texts, /thanks/)
    })

    await t.test('a card that is read out in any of six languages is in no store, no log and no webhook', async t => {
      const bodies: string[] = []
      const receiver = createServer(async (request, response) => {
        bodies.push(await text(request))
        response.writeHead(204).end()
      })
      receiver.listen(0, '127.0.0.1')
      await once(receiver, 'listening')
      t.teardown(() => {
        receiver.close()
        receiver.closeAllConnections()
      })
      const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`
      const made = await server.api('POST', '/webhooks', { name: 'all', url, kinds: ['*'] })
      t.equal(made.status, 201)
      const written: string[] = []
      for (const [language, { card, word }] of Object.entries(READ_OUT)) {
        const callId = await ringOnce(server, NUMBER)
        t.match(await transcribe(server, callId, language, [['customer', 0, 6_000, card]]), { cards: 1 }, language)
        const opened = await readTranscript({ db: server.parley.db, secretKey: server.secretKey }, callId)
        const said = (opened?.utterances ?? []).map(one => one.text).join(' ')
        t.notOk(said.includes(word), `${language}: ${said}`)
        t.same((await search({ q: word, language })).found, [], `${language} in the search`)
        written.push(word)
      }
      await server.api('DELETE', `/webhooks/${made.body['id']}`)
      const everything = await everythingWritten(server)
      t.ok(everything.includes('transcript.imported') && bodies.length > 12, 'the scans see what is written and sent')
      for (const word of written) {
        t.notOk(everything.includes(`${word} ${word}`), `${word} in tables, files and logs`)
        t.notOk(
          bodies.some(body => body.includes(word)),
          `${word} in webhooks`
        )
      }
      const number = /4111[ ,-]?1111|(?:1111[ ,-]?){3}/
      t.notOk(number.test(everything), 'nor in digits')
      t.notOk(number.test(bodies.join()))
    })

    await t.test('a malformed search says where it is wrong', async t => {
      t.match(await search({ q: 'refund "where is' }), {
        status: 400,
        body: { code: 'SEARCH_INVALID', problems: [{ at: '/q/7' }] }
      })
      t.match(await search({ q: 'OR refund' }), { status: 400, body: { code: 'SEARCH_INVALID' } })
      t.match(await search({ q: ':*' }), { status: 400, body: { code: 'SEARCH_INVALID' } })
      t.match(await search({ q: 'agent:' }), { status: 400, body: { code: 'SEARCH_INVALID' } })
      for (const q of [`'`, `a'b & !c | (d`, `\\`, '§day:20260101', `') or 1=1 --`, '<b>refund</b>'])
        t.equal((await search({ q })).status, 200, q)
      const stop = await search({ q: 'the' })
      t.same(stop.found, [])
      t.equal((await search({ cursor: 'xyz' })).status, 400)
      t.equal((await search({}, ana.token)).status, 403, 'agents do not search')
    })

    await t.test('a transcript needs a call, a consent, sense, and a size that can be taken', async t => {
      const one: Said = ['agent', 0, 1, 'Hello']
      const callId = await ringOnce(server, NUMBER)
      const body = { language: 'en', provider: 'test', consent: 'on paper', utterances: [timed(one)] }
      t.match(await server.api('POST', '/calls/nothing/transcript', body), { status: 404 })
      t.match(await server.api('POST', `/calls/${callId}/transcript`, { ...body, consent: undefined }), {
        status: 403,
        body: { code: 'TRANSCRIPT_NOT_ALLOWED' }
      })
      t.match(
        await server.api('POST', `/calls/${callId}/transcript`, {
          ...body,
          utterances: [{ ...timed(one), startMs: 5, endMs: 1 }]
        }),
        { status: 400, body: { problems: [{ at: '/body/utterances/0/endMs' }] } }
      )
      const long = Array.from({ length: 1_000 }, (_, at) => ({
        speaker: 'customer',
        startMs: at * 10,
        endMs: at * 10 + 9,
        text: 'x'.repeat(5_000)
      }))
      t.match(await server.api('POST', `/calls/${callId}/transcript`, { ...body, utterances: long }), {
        status: 413,
        body: { code: 'TRANSCRIPT_TOO_LARGE' }
      })
      t.equal((await server.api('POST', `/calls/${callId}/transcript`, body)).status, 201)
      t.match(await server.api('POST', `/calls/${callId}/transcript`, body), {
        status: 409,
        body: { code: 'TRANSCRIPT_EXISTS' }
      })
    })

    await t.test('a call of three hours is stored, read and found to its last word', async t => {
      const callId = await ringOnce(server, NUMBER)
      const utterances = Array.from({ length: 4_000 }, (_, at) =>
        timed([
          at % 2 === 0 ? 'agent' : 'customer',
          at * 2_700,
          at * 2_700 + 2_500,
          `We talk about shipment number ${at % 7}`
        ])
      )
      utterances.push(timed(['customer', 10_800_000, 10_803_000, 'Finally the xylophone arrived']))
      const answer = await server.api('POST', `/calls/${callId}/transcript`, {
        language: 'en',
        provider: 'test',
        consent: 'on paper',
        utterances
      })
      t.equal(answer.status, 201)
      await indexed(server)
      const { found } = await search({ q: 'xylophone' })
      t.match(found, [{ callId, hits: [{ speaker: 'customer' }] }])
      t.ok((found[0]?.hits[0]?.atMs ?? 0) >= 10_800_000)
      const read = await server.api('GET', `/calls/${callId}/transcript`, undefined, quinn.token)
      t.equal((read.body['utterances'] as unknown[]).length, 4_001)
    })

    await t.test('the audit log is one chain: each reading is in it, and a change outside is found', async t => {
      const whole = await server.api('GET', '/audit-log/verification')
      t.match(whole.body, { isWhole: true, broken: null })
      const head = whole.body['head'] as { seq: number; hash: string }
      const later = await server.api('GET', `/audit-log/verification?seq=${head.seq}&hash=${head.hash}`)
      t.match(later.body, { isWhole: true })
      await t.rejects(server.parley.db.updateTable('audit_log').set({ action: 'x' }).execute(), /append-only/)
      await t.rejects(server.parley.db.deleteFrom('audit_log').execute(), /append-only/)
      const { items } = (await server.api('GET', '/audit-log?action=transcript.*&limit=200')).body
      t.ok((items as unknown[]).length > 5)
    })
  })

t.test('a transcript is written live, utterance by utterance, under a grant', { timeout: 280_000 }, async t => {
  await using database = await openDatabase({ kind: 'pglite', folder: 'memory' }, err => {
    throw err
  })
  await migrate(database.db)
  const parts = { db: database.db, secretKey: Buffer.alloc(32, 7) }
  let isGranted = true
  const grant = (callId: string) => ({ id: 'grant-1', callId, isGranted: () => isGranted })

  await t.test('what was said can be read while the call goes on, and is packed at its end', async t => {
    const writer = await TranscriptWriter.open(parts, grant('call-1'), { language: 'en', provider: 'live' })
    await writer.append(timed(['customer', 0, 900, 'Where is my parcel']))
    await writer.append(timed(['agent', 1_000, 1_900, 'On its way']))
    const running = await readTranscript(parts, 'call-1')
    t.match(running, { row: { status: 'writing' }, utterances: [{ speaker: 'customer' }, { text: 'On its way' }] })
    await writer.finish()
    t.match(await readTranscript(parts, 'call-1'), { row: { status: 'complete', utterances: 2, words: 7 } })
    const sealed = await database.db.selectFrom('transcript_parts').selectAll().execute()
    t.equal(sealed.length, 1)
    t.notMatch(Buffer.from(sealed[0]!.body).toString('latin1'), /parcel/)
  })

  await t.test('one that grows beyond all bounds ends where it is, and what was written stays', async t => {
    const writer = await TranscriptWriter.open(parts, grant('call-endless'), { language: 'en', provider: 'live' })
    const hour = 'and so on '.repeat(100_000)
    const said = (atMs: number) => ({ speaker: 'customer', startMs: atMs, endMs: atMs + 1, text: hour }) as const
    for (let part = 0; part < 4; part += 1) await writer.append(said(part))
    await t.rejects(writer.append(said(5)), { code: 'TRANSCRIPT_TOO_LARGE' })
    await writer.finish()
    t.match(await readTranscript(parts, 'call-endless'), { row: { status: 'complete', utterances: 4 } })
  })

  await t.test('half a card number waits for the other half, and neither is stored', async t => {
    await using writer = await TranscriptWriter.open(parts, grant('call-2'), { language: 'en', provider: 'live' })
    await writer.append(timed(['customer', 0, 900, 'it is four one one one one one one one']))
    t.match(await readTranscript(parts, 'call-2'), { utterances: [] })
    await writer.append(timed(['customer', 2_000, 2_900, 'one one one one one one one one okay']))
    const read = await readTranscript(parts, 'call-2')
    t.notMatch(read?.utterances.map(one => one.text).join(' '), /one|four/)
  })

  await t.test('there is none without a grant, and none goes on after it was withdrawn', async t => {
    const writer = await TranscriptWriter.open(parts, grant('call-3'), { language: 'en', provider: 'live' })
    await writer.append(timed(['customer', 0, 900, 'Before']))
    isGranted = false
    await t.rejects(writer.append(timed(['customer', 1_000, 1_900, 'After'])), { code: 'TRANSCRIPT_NOT_ALLOWED' })
    await t.rejects(TranscriptWriter.open(parts, grant('call-4'), { language: 'en', provider: 'live' }), QualityError)
    await writer.discard()
    await t.rejects(readTranscript(parts, 'call-3'), { code: 'TRANSCRIPT_ERASED' })
    const left = await database.db.selectFrom('transcripts').selectAll().where('call_id', '=', 'call-3').execute()
    t.match(left, [{ status: 'erased', sealed_key: null }])
  })

  await t.test('an entry that was changed behind the program’s back breaks the chain there', async t => {
    const { insertAudit } = await import('../../sql/queries/audit.ts')
    const { verifyAuditLog } = await import('../../server/http/audit.ts')
    for (const action of ['a', 'b', 'c', 'd'])
      await insertAudit(parts.db, { actorKind: 'system', actorId: null, actorName: 'test', action })
    const before = await verifyAuditLog(parts.db)
    t.match(before, { broken: null, length: 4 })
    const { sql } = await import('kysely')
    await sql`alter table audit_log disable trigger audit_log_append_only`.execute(parts.db)
    await sql`update audit_log set actor_name = 'somebody' where seq = 2`.execute(parts.db)
    t.match(await verifyAuditLog(parts.db), { broken: { seq: 2, why: 'changed' } })
    await sql`update audit_log set actor_name = 'test' where seq = 2`.execute(parts.db)
    t.match(await verifyAuditLog(parts.db), { broken: null })
    await sql`delete from audit_log where seq = 3`.execute(parts.db)
    t.match(await verifyAuditLog(parts.db), { broken: { seq: 4, why: 'missing' } })
    await sql`delete from audit_log where seq > 2`.execute(parts.db)
    t.match(await verifyAuditLog(parts.db), { broken: { seq: 3, why: 'missing' } }, 'a cut end')
    await sql`update audit_chain set seq = 2, hash = (select hash from audit_log where seq = 2)`.execute(parts.db)
    t.match(await verifyAuditLog(parts.db), { broken: null }, 'cut so well that only a kept head tells')
    t.match(await verifyAuditLog(parts.db, before.head), { broken: { seq: 3, why: 'missing' } })
  })
})
