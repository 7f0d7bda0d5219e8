import { sql } from 'kysely'
import t from 'tap'
import { isDrawn } from '../../server/quality/sampling.ts'
import { addWatermark } from '../../server/quality/watermark.ts'
import { LONG_TONE } from '../support/flows.ts'
import { testDatabases, TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { indexed, ringOnce, transcribe } from '../support/transcripts.ts'
import { readWatermark } from '../support/watermark.ts'

const NUMBER = '+12025550111'
const yesNo = [
  { value: 'yes', label: 'Yes', points: 100 },
  { value: 'no', label: 'No', points: 0 }
]
const BODY = {
  passPercent: 50,
  sections: [
    {
      title: 'Opening',
      questions: [
        { id: 'greeting', text: 'Did the agent greet?', weight: 1, options: yesNo },
        { id: 'identity', text: 'Was the caller identified?', weight: 3, isCritical: true, options: yesNo }
      ]
    }
  ]
}
const span = (fromMs: number) => [{ fromMs, toMs: fromMs + 500 }]

for (const database of testDatabases())
  t.test(`reviewers judge calls and agents answer, with ${database}`, { timeout: 280_000 }, async t => {
    await using server = await TestParley.start({ database, hasDemoData: true })
    await server.publish(LONG_TONE)
    await server.addNumber(NUMBER, 'long-tone')
    const { quinn, ana, sara } = await signInPeople(server, ['quinn', 'ana', 'sara'])
    await server.api('POST', '/users', {
      username: 'rita',
      displayName: 'Rita Example',
      role: 'qa-reviewer',
      password: 'a long enough password'
    })
    const { rita } = await signInPeople(server, ['rita'])
    const callId = await ringOnce(server, NUMBER)
    await transcribe(server, callId, 'en', [
      ['agent', 0, 2_000, 'Good morning, my name is Ana Example.'],
      ['customer', 2_000, 4_000, 'I want my refund.']
    ])
    const as = (token: string) => (method: string, path: string, body?: unknown) =>
      server.api(method, path, body, token)
    const byQuinn = as(quinn.token)
    const byRita = as(rita.token)
    const byAna = as(ana.token)
    /** The database takes no new row of this table for so long. */
    const failing = async <T>(table: string, work: () => Promise<T>): Promise<T> => {
      const { db } = server.parley
      await sql`create or replace function fail() returns trigger language plpgsql as $$
        begin raise exception 'the database stops here'; end $$`.execute(db)
      await sql`create trigger fail before insert on ${sql.table(table)} for each row execute function fail()`.execute(
        db
      )
      try {
        return await work()
      } finally {
        await sql`drop trigger fail on ${sql.table(table)}`.execute(db)
      }
    }
    let scorecardId = ''
    let reviewId = ''

    await t.test('a published scorecard never changes; a change is a new version', async t => {
      const made = await byQuinn('POST', '/scorecards', { name: 'Service', body: BODY })
      t.equal(made.status, 201)
      scorecardId = made.body['id'] as string
      t.match(await byQuinn('POST', '/reviews', { callId, scorecardId }), { status: 404 }, 'drafts judge nobody')
      t.same((await byQuinn('POST', `/scorecards/${scorecardId}/publish`)).body, { version: 1 })
      t.match(
        await byQuinn('PATCH', `/scorecards/${scorecardId}`, {
          body: {
            sections: [
              { title: 'x', questions: [{ ...BODY.sections[0]!.questions[0], options: [yesNo[0], yesNo[0]] }] }
            ]
          }
        }),
        { status: 422, body: { code: 'SCORECARD_INVALID' } }
      )
      await byQuinn('PATCH', `/scorecards/${scorecardId}`, { body: { ...BODY, passPercent: 90 } })
      t.same((await byQuinn('POST', `/scorecards/${scorecardId}/publish`)).body, { version: 2 })
      t.match((await byQuinn('GET', `/scorecards/${scorecardId}/versions/1`)).body, { body: { passPercent: 50 } })
      await t.rejects(
        server.parley.db.updateTable('scorecard_versions').set({ published_by: 'x' }).execute(),
        /append-only/
      )
    })

    await t.test('a draft is kept as it is typed, and its reviewer alone sees it', async t => {
      const begun = await byQuinn('POST', '/reviews', { callId, scorecardId, agentId: ana.id })
      t.match(begun, { status: 201, body: { version: 2, status: 'draft' } })
      reviewId = begun.body['id'] as string
      t.match(
        await byQuinn('PATCH', `/reviews/${reviewId}`, { answers: { greeting: { value: 'yes', evidence: span(0) } } }),
        { body: { percent: 100 } }
      )
      t.equal((await byQuinn('POST', '/reviews', { callId, scorecardId })).body['id'], reviewId, 'taken up again')
      t.equal((await byRita('GET', `/reviews/${reviewId}`)).status, 404)
      t.same((await byRita('GET', `/reviews?callId=${callId}`)).body.items, [])
      t.equal((await byRita('PATCH', `/reviews/${reviewId}`, { note: 'x' })).status, 404)
      t.same((await byAna('GET', '/reviews/mine')).body.items, [])
    })

    await t.test('a score without a place in the call is not taken', async t => {
      const open = await byQuinn('POST', `/reviews/${reviewId}/submit`)
      t.match(open, { status: 422, body: { code: 'REVIEW_INCOMPLETE', problems: [{ at: '/answers/identity' }] } })
      await byQuinn('PATCH', `/reviews/${reviewId}`, {
        answers: { greeting: { value: 'yes', evidence: span(0) }, identity: { value: 'no', isNotEvidenced: true } },
        coaching: 'Ask for the order number.'
      })
      t.match((await byQuinn('POST', `/reviews/${reviewId}/submit`)).body, {
        status: 'submitted',
        percent: 25,
        critical: ['identity'],
        isPassed: false
      })
      t.match(await byQuinn('PATCH', `/reviews/${reviewId}`, { note: 'later' }), { status: 409 })
    })

    await t.test('what is reviewed is found as such', async t => {
      await indexed(server)
      t.match((await byQuinn('GET', '/search/calls?has=review')).body.items, [{ callId, reviews: 1 }])
      t.same((await byQuinn('GET', '/search/calls?not=review')).body.items, [])
    })

    await t.test('the agent reads and disputes it, and a reviewer changes what was wrong', async t => {
      const mine = (await byAna('GET', '/reviews/mine')).body.items as { id: string; coaching: string }[]
      t.match(mine, [{ id: reviewId, coaching: 'Ask for the order number.' }])
      t.equal((await byAna('POST', `/reviews/${reviewId}/seen`)).status, 204)
      const reason = 'The caller gave the order number at once.'
      t.equal(
        await failing(
          'review_disputes',
          async () => (await byAna('POST', `/reviews/${reviewId}/disputes`, { reason })).status
        ),
        500
      )
      t.match(await byQuinn('GET', `/reviews/${reviewId}`), { body: { status: 'submitted' } }, 'half of it is nothing')
      const raised = await byAna('POST', `/reviews/${reviewId}/disputes`, {
        reason: 'The caller gave the order number at once.',
        questionIds: ['identity']
      })
      t.equal(raised.status, 201)
      t.match(await byAna('POST', `/reviews/${reviewId}/disputes`, { reason: 'again and again' }), { status: 409 })
      t.match(
        await byAna('POST', `/reviews/${reviewId}/disputes`, { reason: 'no such one', questionIds: ['nothing'] }),
        { status: 400 }
      )
      const path = `/reviews/${reviewId}/disputes/${raised.body['id']}/answer`
      const answer = {
        answer: 'You are right, I heard it now.',
        answers: { greeting: { value: 'yes', evidence: span(0) }, identity: { value: 'yes', evidence: span(2_000) } }
      }
      t.equal(await failing('review_history', async () => (await byQuinn('POST', path, answer)).status), 500)
      t.match(await byQuinn('GET', `/reviews/${reviewId}`), {
        body: { status: 'disputed', disputes: [{ outcome: null }] }
      })
      await sql`insert into reviews (id, call_id, scorecard_id, version, kind, reviewer_id, reviewer_name, answers, status)
        select 'another', call_id, scorecard_id, version, kind, 'somebody', 'Somebody', answers, 'disputed' from reviews
        where id = ${reviewId}`.execute(server.parley.db)
      t.match(
        await byQuinn('POST', path.replace(reviewId, 'another'), answer),
        { status: 409 },
        'a dispute is answered where it was raised'
      )
      await sql`delete from reviews where id = 'another'`.execute(server.parley.db)
      const settled = await byQuinn('POST', path, answer)
      t.match(settled.body, { status: 'settled', percent: 100, isPassed: true, disputes: [{ outcome: 'changed' }] })
      const history = await server.parley.db.selectFrom('review_history').selectAll().orderBy('id').execute()
      t.match(history, [
        { what: 'submitted', percent: 25 },
        { what: 'changed', percent: 100 }
      ])
      const karim = (await signInPeople(server, ['karim'])).karim
      t.equal((await server.api('GET', `/reviews/${reviewId}`, undefined, karim.token)).status, 404)
    })

    await t.test('calibration is blind until all have submitted; then it shows where they differ', async t => {
      const made = await byQuinn('POST', '/calibrations', {
        name: 'November',
        callId,
        scorecardId,
        reviewerIds: [quinn.id, rita.id]
      })
      t.equal(made.status, 201)
      const calibrationId = made.body['id'] as string
      const judge = async (by: typeof byQuinn, identity: string) => {
        const { body } = await by('POST', '/reviews', { callId, scorecardId, calibrationId })
        await by('PATCH', `/reviews/${body['id']}`, {
          answers: {
            greeting: { value: 'yes', evidence: span(0) },
            identity: { value: identity, isNotEvidenced: true }
          }
        })
        t.equal((await by('POST', `/reviews/${body['id']}/submit`)).status, 200)
        return body['id'] as string
      }
      const first = await judge(byQuinn, 'yes')
      t.equal((await byRita('GET', `/reviews/${first}`)).status, 404, 'B sees nothing of A')
      t.match((await byRita('GET', `/calibrations/${calibrationId}`)).body, {
        submitted: 1,
        isRevealed: false,
        questions: [],
        agreement: null
      })
      t.notMatch(JSON.stringify((await byRita('GET', `/reviews?callId=${callId}`)).body), new RegExp(first))
      await judge(byRita, 'no')
      const shown = (await byRita('GET', `/calibrations/${calibrationId}`)).body
      t.match(shown, {
        isRevealed: true,
        agreement: { method: 'cohen', items: 2, agreed: 0.5, word: 'slight' },
        questions: [{ id: 'identity', answers: ['yes', 'no'] }, { id: 'greeting' }]
      })
      t.equal((await byRita('GET', `/reviews/${first}`)).status, 200)
      t.equal((await as(sara.token)('POST', '/calibrations', {})).status, 403)
    })

    await t.test(
      'a machine’s scores stay apart, and its agreement with people decides whether they are shown',
      async t => {
        const { body } = await server.api('POST', '/api-keys', { name: 'scorer', role: 'integration' })
        const stored = await server.api(
          'POST',
          `/calls/${callId}/machine-reviews`,
          { provider: 'robot', scorecardId, version: 2, answers: { greeting: { value: 'yes', evidence: span(0) } } },
          body['key'] as string
        )
        t.equal(stored.status, 201, JSON.stringify(stored.body))
        const agreement = await byQuinn('GET', `/machine-agreement?provider=robot&scorecardId=${scorecardId}&version=2`)
        t.match(agreement.body, { isShown: false, overall: { items: 1, agreed: 1 } })
        const report = await byQuinn('GET', '/reports/quality?from=2026-01-01&until=2030-01-01')
        t.match(report.body['rows'], [
          { key: ana.id, name: 'Ana Example', figures: { reviews: 1, percent: 100, disputed: 1 } }
        ])
        // A review of two days ago beside that of today: a trend of two values.
        await sql`insert into reviews (id, call_id, scorecard_id, version, kind, reviewer_id, reviewer_name, agent_id, status, percent,
            is_passed, critical, submitted_at)
          select 'earlier', call_id, scorecard_id, version, 'review', reviewer_id, reviewer_name, agent_id, 'submitted', 25,
            false, '{identity}', submitted_at - interval '2 days'
          from reviews where id = ${reviewId}`.execute(server.parley.db)
        const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10)
        const trend = await byQuinn('GET', `/reports/quality?from=${day(3)}&until=${day(-1)}&interval=day`)
        t.equal((trend.body['buckets'] as unknown[]).length, 4)
        t.match(
          (trend.body['rows'] as { bucket: number }[]).toSorted((one, other) => one.bucket - other.bucket),
          [
            {
              key: ana.id,
              bucket: 1,
              figures: { reviews: 1, percent: 25, passed: 0, failed: 1, critical: 1, disputed: 0 }
            },
            {
              key: ana.id,
              bucket: 3,
              figures: { reviews: 1, percent: 100, passed: 1, failed: 0, critical: 0, disputed: 1 }
            }
          ]
        )
        await sql`delete from reviews where id = 'earlier'`.execute(server.parley.db)
      }
    )

    await t.test('a machine is shown once it agrees with people often enough, and one that guesses is not', async t => {
      // People say yes to every other of thirty calls; the one machine says what they say, the other one always yes.
      await sql`
        insert into reviews (id, call_id, scorecard_id, version, kind, reviewer_id, reviewer_name, status, answers)
        select by_whom.kind || by_whom.id || n, 'judged-' || n, ${scorecardId}, 2, by_whom.kind, by_whom.id, by_whom.id, 'submitted',
          jsonb_build_object('greeting', said.answer, 'identity', said.answer)
        from generate_series(1, 30) as n
        cross join (values ('review', 'somebody', false), ('machine', 'machine:careful', false), ('machine', 'machine:kind', true))
          as by_whom (kind, id, is_always_yes)
        cross join lateral (
          select jsonb_build_object('value', case when is_always_yes or n % 2 = 0 then 'yes' else 'no' end) as answer
        ) as said`.execute(server.parley.db)
      const agreement = async (provider: string) =>
        (await byQuinn('GET', `/machine-agreement?provider=${provider}&scorecardId=${scorecardId}&version=2`)).body
      t.match(await agreement('careful'), { isShown: true, overall: { items: 60, agreed: 1, kappa: 1 } })
      t.match(await agreement('kind'), { isShown: false, overall: { items: 60, agreed: 0.5, kappa: 0 } })
      await sql`delete from reviews where call_id like 'judged-%'`.execute(server.parley.db)
    })

    await t.test('rules draw calls, once each, and share them out', async t => {
      const rule = await byQuinn('POST', '/sampling-rules', {
        name: 'Refunds',
        scorecardId,
        kind: 'riskWords',
        settings: { words: 'customer:refund' },
        reviewerIds: [quinn.id, rita.id]
      })
      t.equal(rule.status, 201, JSON.stringify(rule.body))
      t.same((await byQuinn('POST', `/sampling-rules/${rule.body['id']}/run`)).body, { drawn: 1 })
      t.same((await byQuinn('POST', `/sampling-rules/${rule.body['id']}/run`)).body, { drawn: 0 })
      const tasks = (await byQuinn('GET', '/review-tasks')).body.items as { id: string; callId: string }[]
      t.match(tasks, [{ callId, reason: 'customer:refund' }])
      t.match(await byQuinn('POST', '/sampling-rules', { name: 'x', scorecardId, kind: 'perAgent', settings: {} }), {
        status: 400
      })
      t.match(
        await byQuinn('POST', '/sampling-rules', {
          name: 'x',
          scorecardId,
          kind: 'riskWords',
          settings: { words: '"a' }
        }),
        { status: 400, body: { code: 'SEARCH_INVALID' } }
      )
      t.equal((await byQuinn('POST', `/review-tasks/${tasks[0]?.id}/drop`, { reason: 'wrong language' })).status, 204)
    })

    await t.test('a share of each agent’s calls is drawn, and short calls, and complaints', async t => {
      const { db } = server.parley
      const { id: queueId } = await db.selectFrom('queues').select('id').limit(1).executeTakeFirstOrThrow()
      const rules: Record<string, string> = {}
      for (const [name, kind, settings, more] of [
        ['everybody', 'perAgent', { percent: 100 }, {}],
        ['elsewhere', 'perAgent', { percent: 100 }, { queueIds: ['another'] }],
        ['short', 'shortCalls', { maxTalkMs: 60_000 }, {}],
        ['angry', 'complaints', { tags: ['complaint'] }, {}]
      ] as const) {
        const rule = await byQuinn('POST', '/sampling-rules', { name, scorecardId, kind, settings, ...more })
        t.equal(rule.status, 201, JSON.stringify(rule.body))
        rules[name] = rule.body['id'] as string
      }
      const served = await ringOnce(server, NUMBER)
      const at = new Date()
      await sql`insert into queue_visits (id, call_id, queue_id, kind, language, entered_at, left_at, outcome, waited_ms, is_within_threshold, agent_id)
        values ('visit', ${served}, ${queueId}, 'caller', 'en', ${at}, ${at}, 'answered', 0, true, ${ana.id})`.execute(
        db
      )
      await db
        .updateTable('cdrs')
        .set({ tags: ['complaint'] })
        .where('call_id', '=', served)
        .execute()
      await indexed(server)
      const drawn = async (name: string) => (await byQuinn('POST', `/sampling-rules/${rules[name]}/run`)).body['drawn']
      t.equal(await drawn('everybody'), 1)
      t.equal(await drawn('elsewhere'), 0)
      t.equal(await drawn('short'), 1)
      t.equal(await drawn('angry'), 1)
      const tasks = (await byQuinn('GET', '/review-tasks')).body.items as { callId: string; reason: string }[]
      t.same(
        tasks
          .filter(one => one.callId === served)
          .map(one => one.reason)
          .toSorted(),
        ['0 s', '100 %', 'complaint']
      )
    })

    await t.test('comments stand at a moment; only their author takes them back', async t => {
      const made = await byQuinn('POST', `/calls/${callId}/comments`, { atMs: 2_100, text: 'Here it turns.' })
      t.equal(made.status, 201)
      t.match((await byRita('GET', `/calls/${callId}/comments`)).body.items, [
        { atMs: 2_100, authorName: 'Quinn Example' }
      ])
      t.equal((await byRita('DELETE', `/comments/${made.body['id']}`)).status, 404)
      t.equal((await byQuinn('DELETE', `/comments/${made.body['id']}`)).status, 204)
      t.same((await byRita('GET', `/calls/${callId}/comments`)).body.items, [])
    })

    await t.test('a clip’s link shows its part redacted and marked, is counted, logged, and ends', async t => {
      const made = await byQuinn('POST', `/calls/${callId}/clips`, {
        fromMs: 0,
        toMs: 1_500,
        title: 'A <b>good</b> greeting',
        forWhom: 'team meeting',
        expiresInHours: 1,
        maxOpens: 2
      })
      t.equal(made.status, 201)
      const url = `${server.url}${made.body['url']}`
      const page = await fetch(url)
      const html = await page.text()
      t.equal(page.status, 200)
      t.match(html, /For team meeting\. Made by Quinn Example/)
      t.match(html, /my name is \[name\]/)
      t.notMatch(html, /refund|<b>good/, 'the rest of the call is not there, and titles are no markup')
      t.equal((await fetch(`${url}/audio`)).status, 404, 'this call was not recorded')
      t.equal((await fetch(url)).status, 200)
      t.match(await (await fetch(url)).json(), { code: 'CLIP_GONE' }, 'opened twice already')
      const log = await server.api('GET', `/audit-log?action=clip.opened&subjectId=${callId}`)
      t.equal((log.body.items as unknown[]).length, 2)
      for (const forged of [`pc_${'A'.repeat(43)}`, '..%2f..%2fetc%2fpasswd', 'pc_', "' or 1=1"])
        t.equal((await fetch(`${server.url}/clips/${encodeURIComponent(forged)}`)).status, 404, forged)
      const second = await byQuinn('POST', `/calls/${callId}/clips`, {
        fromMs: 0,
        toMs: 1_000,
        title: 'Second',
        forWhom: 'somebody',
        expiresInHours: 1
      })
      t.equal((await byQuinn('DELETE', `/clips/${second.body['id']}`)).status, 204)
      t.match(await (await fetch(`${server.url}${second.body['url']}`)).json(), { code: 'CLIP_GONE' })
      t.match(
        await byQuinn('POST', `/calls/${callId}/clips`, {
          fromMs: 5,
          toMs: 5,
          title: 'x',
          forWhom: 'xx',
          expiresInHours: 1
        }),
        { status: 400 }
      )
    })
  })

t.test('the signature of a clip can be heard in its sound, bit by bit', async t => {
  const signature = 0b1011_0010_0000_1111_0101_1010_1100_0011 >>> 0
  const pcm = Buffer.alloc(8_000 * 4 * 2)
  addWatermark(pcm, 0, signature)
  const left = new Int16Array(16_000)
  for (let at = 0; at < left.length; at++) left[at] = pcm.readInt16LE(at * 4)
  t.equal(readWatermark(left), signature)
  t.ok(Math.max(...left) < 0.02 * 32_767, 'far below speech')
})

t.test('a share of 30 percent is a share of 30 percent, whoever draws and however often', async t => {
  const calls = Array.from({ length: 20_000 }, (_, at) => `call-${at}`)
  const drawn = (rule: string, percent: number) => calls.filter(call => isDrawn(rule, call, percent))
  const first = drawn('rule-a', 30)
  t.ok(Math.abs(first.length / calls.length - 0.3) < 0.015, `${first.length} of ${calls.length}`)
  t.same(drawn('rule-a', 30), first, 'again the same')
  const both = drawn('rule-b', 30).filter(call => first.includes(call))
  t.ok(Math.abs(both.length / calls.length - 0.09) < 0.015, 'another rule draws others')
  t.same(
    first.filter(call => !isDrawn('rule-a', call, 60)),
    [],
    'who is in a small share is in a larger one'
  )
  t.equal(drawn('rule-a', 0).length, 0)
  t.equal(drawn('rule-a', 100).length, calls.length)
})
