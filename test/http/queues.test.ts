import t from 'tap'
import { newId } from '../../server/ids.ts'
import { testDatabases, TestParley } from '../support/parley.ts'

type Body = Record<string, unknown>

for (const database of testDatabases())
  t.test(`queues and agents over the API, with ${database}`, { timeout: 280_000 }, async t => {
    await using server = await TestParley.start({ database, hasDemoData: true })
    const accounts = new Map(server.parley.newAccounts?.map(account => [account.username, account.password]))
    const tokenOf = async (username: string) =>
      (await server.signIn(username, accounts.get(username) ?? '')).body['token'] as string
    const idOf = async (username: string) => {
      const { body } = await server.api('GET', '/users?limit=200')
      return (body.items as { id: string; username: string }[]).find(user => user.username === username)?.id ?? ''
    }
    const audited = async (action: string) => {
      const { body } = await server.api('GET', `/audit-log?action=${action}`)
      return body.items as { detail: Body; actorName: string }[]
    }
    const add = async (queue: Body) => {
      const { status, body } = await server.api('POST', '/queues', queue)
      if (status !== 201) throw new Error(JSON.stringify(body))
      return body as Body & { id: string; version: number }
    }
    const [karim, ana] = [await idOf('karim'), await idOf('ana')]
    await server.api('POST', '/skills', { name: 'billing' })

    await t.test('a queue is made, read, changed with its history, and removed', async t => {
      const queue = await add({
        name: 'billing',
        tiers: [{ afterMs: 0, skills: [{ skill: 'billing', minLevel: 2 }], languageLevel: 'B2' }]
      })
      t.match(queue, { name: 'billing', strategy: 'longestIdle', thresholdMs: 20_000, maxSize: null, version: 1 })
      t.match(await server.api('POST', '/queues', { name: 'billing' }), { status: 409, body: { code: 'CONFLICT' } })
      const changed = await server.api('PATCH', `/queues/${queue.id}`, { maxSize: 5, version: 1 })
      t.match(changed, { status: 200, body: { maxSize: 5, version: 2 } })
      t.match(await server.api('PATCH', `/queues/${queue.id}`, { maxSize: 9, version: 1 }), {
        status: 409,
        body: { code: 'CONFLICT' }
      })
      t.same((await audited('queue.changed'))[0]?.detail, { maxSize: { before: null, after: 5 } })
      t.equal((await server.api('DELETE', `/queues/${queue.id}`)).status, 204)
      t.equal((await server.api('GET', `/queues/${queue.id}`)).status, 404)
      await add({ name: 'billing' })
    })

    await t.test('what cannot be is refused, each place by name', async t => {
      const refused = async (queue: Body, message: RegExp) => {
        const answer = await server.api('POST', '/queues', { name: newId(), ...queue })
        t.match(answer, { status: 400, body: { code: 'VALIDATION_FAILED', detail: message } })
      }
      await refused(
        { tiers: [{ afterMs: 0, skills: [{ skill: 'juggling', minLevel: 1 }], languageLevel: null }] },
        /no skill juggling/
      )
      await refused({ calendar: { timeZone: 'Mars/Base', weekly: {} } }, /no time zone Mars/)
      await refused({ calendar: { timeZone: 'Asia/Dubai', weekly: { daily: ['9 to 5'] } } }, /not a span/)
      await refused({ overflow: { kind: 'queue', value: 'nowhere' } }, /no queue nowhere/)
      await refused({ wrapUpMs: 60_000, wrapUpLimitMs: 30_000 }, /shorter than the wrap-up/)
      await refused({ strategy: 'alphabetical' }, /strategy/)
      await refused({ colour: 'red' }, /additional properties/)
    })

    await t.test('a queue that is used cannot be removed, and says by what', async t => {
      const flow = [
        'id: to-quotes',
        'name: To quotes',
        'languages: [en]',
        'defaultLanguage: en',
        'start: wait',
        'nodes:',
        '  wait:',
        '    kind: queue',
        "    queue: 'quotes & more'",
        '    failed: end',
        '  end:',
        '    kind: hangup',
        ''
      ]
      const target = await add({ name: 'quotes & more' })
      const other = await add({ name: 'other', overflow: { kind: 'queue', value: 'quotes & more' } })
      t.match(await server.api('DELETE', `/queues/${target.id}`), {
        status: 409,
        body: { code: 'IN_USE', detail: /queue other/ }
      })
      await server.api('PATCH', `/queues/${other.id}`, { overflow: null })
      const published = await server.publish(flow.join('\n')).catch(err => String(err))
      if (published === 'to-quotes') {
        t.match(await server.api('DELETE', `/queues/${target.id}`), { status: 409, body: { detail: /flow To quotes/ } })
        t.match(await server.api('GET', `/queues/${target.id}/reach`), { body: { uses: { flows: ['To quotes'] } } })
        t.match(await server.api('PATCH', `/queues/${target.id}`, { name: 'renamed' }), { status: 409 })
      } else t.fail(published)
    })

    await t.test('skills and languages decide whom a queue reaches, tier by tier', async t => {
      await server.api('PUT', `/agents/${karim}/skills`, [{ skill: 'billing', level: 3 }])
      const languages = await server.api('PUT', `/agents/${karim}/languages`, [{ language: 'pt-BR', level: 'B1' }])
      t.match(languages.body, {
        languages: [{ language: 'pt', level: 'B1' }],
        skills: [{ skill: 'billing', level: 3 }]
      })
      await server.api('PUT', `/agents/${ana}/skills`, [{ skill: 'billing', level: 5 }])
      await server.api('PUT', `/agents/${ana}/languages`, [{ language: 'pt', level: 'C2' }])
      const tier = (afterMs: number, languageLevel: string) => ({
        afterMs,
        skills: [{ skill: 'billing', minLevel: 2 }],
        languageLevel
      })
      const queue = await add({ name: 'lisboa', tiers: [tier(0, 'B2'), tier(40_000, 'A2')] })
      t.match((await server.api('GET', `/queues/${queue.id}/reach?language=pt`)).body, {
        tiers: [
          { afterMs: 0, free: 0, added: [{ id: ana, name: 'Ana Example', isFree: false }] },
          { afterMs: 40_000, added: [{ id: karim }] }
        ],
        uses: { agents: 2 }
      })
      t.match((await server.api('GET', `/agents?queueId=${queue.id}&search=KARIM`)).body, { items: [{ id: karim }] })
      t.match(await server.api('DELETE', '/skills/billing'), {
        status: 409,
        body: { detail: /queue lisboa, \d agents/ }
      })
      t.match(await server.api('PUT', `/agents/${ana}/skills`, [{ skill: 'magic', level: 1 }]), { status: 400 })
      t.match(await server.api('PUT', `/agents/${newId()}/skills`, []), { status: 404 })
    })

    await t.test('trying a queue names the agent whom distribution picks, and why not the others', async t => {
      const { items } = (await server.api('GET', '/queues?limit=200')).body
      const queue = (items as { id: string; name: string }[]).find(one => one.name === 'lisboa')
      const tryOut = async (body: Body) => (await server.api('POST', `/queues/${queue?.id}/try`, body)).body
      t.match(await tryOut({ language: 'pt' }), {
        picked: [],
        agents: [{ whyNot: 'notAvailable' }, { whyNot: 'notAvailable' }]
      })
      const whyNot = async (body: Body, id: string) =>
        ((await tryOut(body))['agents'] as { id: string; whyNot: string }[]).find(one => one.id === id)?.whyNot
      // A desk phone needs no browser to be reached.
      for (const id of [ana, karim]) {
        await server.api('PATCH', `/agents/${id}`, { hasDeskPhone: true })
        await server.api('POST', `/agents/${id}/status`, { status: 'available', reason: 'test' })
      }
      t.match(await tryOut({ language: 'pt' }), { picked: [{ id: ana, name: 'Ana Example' }], tier: 0 })
      t.equal(await whyNot({ language: 'pt' }, karim), 'laterTier')
      t.equal(await whyNot({ language: 'ja' }, ana), 'languageMissing')
      t.equal(await whyNot({ language: 'pt', skills: ['repair'] }, ana), 'skillMissing')
      await server.api('POST', `/agents/${ana}/status`, { status: 'onBreak', reason: 'test' })
      t.match(await tryOut({ language: 'pt', waitedMs: 41_000 }), { picked: [{ id: karim }], tier: 1 })
    })

    await t.test('a supervisor sets somebody’s status, which the audit log keeps with the reason', async t => {
      const [supervisor, agent] = [await tokenOf('sara'), await tokenOf('karim')]
      const path = `/agents/${ana}/status`
      t.equal((await server.api('POST', path, { status: 'offline', reason: 'x' }, agent)).status, 403)
      t.match(await server.api('POST', path, { status: 'offline', reason: 'Left without signing out' }, supervisor), {
        status: 200,
        body: { status: 'offline' }
      })
      t.match((await audited('agent.statusForced'))[0], {
        actorName: 'sara',
        detail: { from: 'onBreak', to: 'offline', reason: 'Left without signing out' }
      })
      t.equal((await server.api('POST', path, { status: 'offline' }, supervisor)).status, 400, 'a reason is needed')
    })

    await t.test('outcomes and reasons for breaks are kept in several languages', async t => {
      const labels = { en: 'Solved', ar: 'تم الحل' }
      t.match(await server.api('PUT', '/dispositions/solved-now', { labels }), {
        status: 200,
        body: { labels, isActive: true }
      })
      t.match(await server.api('PUT', '/dispositions/solved-now', { labels, queueIds: ['none'] }), { status: 400 })
      t.match(await server.api('PUT', '/status-reasons/lunch', { labels: { en: 'Lunch' } }), { status: 200 })
      const items = (await server.api('GET', '/dispositions', undefined, await tokenOf('karim'))).body.items as Body[]
      t.match(
        items.find(one => one['code'] === 'solved-now'),
        { labels }
      )
      const { db } = server.parley
      await db
        .insertInto('call_notes')
        .values({
          call_id: 'c',
          agent_id: ana,
          queue_id: null,
          disposition: 'solved-now',
          updated_at: new Date(),
          wrap_up_end: null,
          wrap_up_ended_at: null,
          wrap_up_started_at: null
        })
        .execute()
      t.match(await server.api('DELETE', '/dispositions/solved-now'), { status: 409, body: { code: 'IN_USE' } })
      t.equal((await server.api('DELETE', '/status-reasons/lunch')).status, 204)
    })

    await t.test('the wallboard shows who waits and the last half hour; an agent does not see it', async t => {
      t.equal((await server.api('GET', '/wallboard', undefined, await tokenOf('karim'))).status, 403)
      const { status, body } = await server.api('GET', '/wallboard', undefined, await tokenOf('sara'))
      t.equal(status, 200)
      t.match(body, { windowMs: 1_800_000, total: { waiting: 0, serviceLevel: null, free: 1 } })
      t.match((body['agents'] as Body[])[0], { id: karim, state: 'idle', status: 'available', isRoutable: true })
    })

    await t.test('a report counts each visit where it belongs, also when the clock changes', async t => {
      const queue = await add({ name: 'reported' })
      const visit = async (leftAt: string, outcome: 'answered' | 'abandoned' | 'overflow', more: Body = {}) =>
        await server.parley.db
          .insertInto('queue_visits')
          .values({
            id: newId(),
            call_id: newId(),
            queue_id: queue.id,
            kind: 'inbound',
            called_number: '+493023125100',
            language: 'de',
            entered_at: new Date(Date.parse(leftAt) - 10_000),
            left_at: new Date(leftAt),
            outcome,
            waited_ms: 10_000,
            is_within_threshold: outcome === 'answered',
            agent_id: outcome === 'answered' ? ana : null,
            talk_ms: outcome === 'answered' ? 60_000 : null,
            hold_ms: outcome === 'answered' ? 5_000 : null,
            wrap_up_ms: outcome === 'answered' ? 15_000 : null,
            ...more
          })
          .execute()
      // Berlin, 25 October 2026: 02:30 comes twice.
      await visit('2026-10-24T22:00:00Z', 'answered')
      await visit('2026-10-25T00:30:00Z', 'answered', { is_within_threshold: false, is_transferred: true })
      await visit('2026-10-25T01:30:00Z', 'abandoned')
      await visit('2026-10-25T22:59:59Z', 'overflow')
      await visit('2026-10-25T23:00:00Z', 'answered')
      await visit('2026-10-25T10:00:00Z', 'answered', { kind: 'callback' })
      const span = `from=2026-10-25&until=2026-10-26&timeZone=Europe/Berlin&queueId=${queue.id}`
      t.match((await server.api('GET', '/reports')).body.items?.[0], { name: 'queues', path: '/api/v1/reports/queues' })
      const report = async (kind: string, more = '') =>
        (await server.api('GET', `/reports/${kind}?${span}${more}`)).body
      const total = {
        offered: 4,
        answered: 2,
        answeredWithin: 1,
        abandoned: 1,
        overflowed: 1,
        serviceLevel: 0.25,
        abandonment: 0.25,
        transferShare: 0.5,
        meanHandleMs: 80_000,
        meanAnswerWaitMs: 10_000
      }
      const day = await report('queues', '&interval=day')
      t.match(day, { title: 'Queues', timeZone: 'Europe/Berlin', total, rows: [{ name: 'reported', figures: total }] })
      t.match((day['rows'] as Body[])[0], {
        from: '2026-10-25T00:00:00.000+02:00',
        until: '2026-10-26T00:00:00.000+01:00',
        isPartial: false
      })
      const hours = (await report('queues', '&interval=hour'))['rows'] as {
        from: string
        figures: { offered: number }
      }[]
      t.equal(hours.length, 25, 'this day has 25 hours')
      t.same(
        hours.filter(row => row.figures.offered > 0).map(row => row.from.slice(11)),
        ['00:00:00.000+02:00', '02:00:00.000+02:00', '02:00:00.000+01:00', '23:00:00.000+01:00']
      )
      t.equal(((await report('queues', '&interval=15min'))['rows'] as Body[]).length, 100)
      const utc = await server.api(
        'GET',
        `/reports/queues?from=2026-10-25T00:00:00%2B02:00&until=2026-10-26T00:00:00%2B01:00&timeZone=UTC&queueId=${queue.id}`
      )
      t.match(utc.body, { total }, 'the same span has the same figures in another zone')
      t.match(await report('numbers'), { rows: [{ key: '+493023125100', figures: { offered: 4 } }] })
      t.match(await report('languages', '&language=de'), { rows: [{ key: 'de', figures: { offered: 4 } }] })
      t.match(await report('agents'), {
        rows: [{ key: ana, name: 'Ana Example', figures: { answered: 2, talkingMs: 0 } }]
      })
      t.equal((await server.api('GET', `/reports/queues?${span}`, undefined, await tokenOf('ana'))).status, 403)
      for (const wrong of [
        'from=2026-10-26&until=2026-10-25',
        'from=yesterday&until=2026-10-25',
        'from=2020-01-01&until=2026-01-01&interval=15min',
        'from=2026-10-25&until=2026-10-26&timeZone=Moon'
      ])
        t.equal((await server.api('GET', `/reports/queues?${wrong}`)).status, 400, wrong)

      const csv = await fetch(`${server.url}/api/v1/reports/queues?${span}&interval=hour&format=csv`, {
        headers: { authorization: `Bearer ${await server.adminToken()}` }
      })
      t.match(csv.headers.get('content-type'), /^text\/csv/)
      const lines = (await csv.text()).trimEnd().split('\r\n')
      t.match(
        lines.find(line => line.startsWith('# from') || line.startsWith('"# from')),
        /Europe\/Berlin/
      )
      t.ok(lines.some(line => line.includes(`# filter queueIds: ${queue.id}`)))
      t.ok(lines.some(line => line.includes('# serviceLevel: answeredWithin ÷')))
      const table = lines.filter(line => !/^"?#/.test(line)).map(line => line.split(','))
      const offered = table[0]?.indexOf('offered') ?? -1
      const rows = table.slice(1, -1)
      t.equal(
        rows.reduce((sum, row) => sum + Number(row[offered]), 0),
        4,
        'the rows add up to the total'
      )
      t.equal(table.at(-1)?.[offered], '4')
    })

    await t.test('an agent’s time is whole: what was done adds up to the shift', async t => {
      const now = Date.now()
      const from = new Date(now - 3_600_000).toISOString()
      const until = new Date(now + 60_000).toISOString()
      const { body } = await server.api('GET', `/reports/agents?from=${from}&until=${until}&agentId=${karim}`)
      const figures = (body['rows'] as { figures: Record<string, number> }[])[0]?.figures ?? {}
      t.ok((figures['idleMs'] ?? 0) > 0)
      t.equal(figures['signedInMs'], figures['idleMs'])
      t.equal(figures['occupancy'], 0)
      const day = await server.api('GET', '/agents/me/day?timeZone=Asia/Dubai', undefined, await tokenOf('karim'))
      t.match(day, { status: 200, body: { timeZone: 'Asia/Dubai', calls: [] } })
      t.ok((day.body['spans'] as Body[]).some(span => span['status'] === 'available' && span['endedAt'] === null))
    })
  })
