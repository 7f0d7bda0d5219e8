import { readFile } from 'node:fs/promises'
import t from 'tap'
import { ERROR_CODES } from '../../server/errors.ts'
import { TONE_MENU } from '../support/flows.ts'
import { ADMIN_PASSWORD, testDatabases, TestParley } from '../support/parley.ts'

/** What anybody may call: signing in, the schema for editors, and the link of a double opt-in. */
const PUBLIC = ['post /api/v1/session', 'get /api/v1/flows/schema', 'post /api/v1/consents/confirm']

for (const database of testDatabases())
  t.test(`people and programs use the API, with ${database}`, { timeout: 280_000 }, async t => {
    await using server = await TestParley.start({ database, hasDemoData: true })
    const accounts = new Map(server.parley.newAccounts?.map(account => [account.username, account.password]))
    const tokenOf = async (username: string) =>
      (await server.signIn(username, accounts.get(username) ?? '')).body['token'] as string

    await t.test('the first start makes the administrator, two agents and one of each other role', async t => {
      const roles = server.parley.newAccounts?.map(account => account.role).sort()
      t.same(roles, ['admin', 'agent', 'agent', 'campaign-manager', 'qa-reviewer', 'supervisor'])
    })

    await t.test('the right password opens a session, by cookie and by bearer token', async t => {
      const response = await fetch(`${server.url}/api/v1/session`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ username: 'Admin', password: ADMIN_PASSWORD })
      })
      t.equal(response.status, 200)
      const cookie = response.headers.get('set-cookie') ?? ''
      t.match(cookie, /parley_session=ps_.*HttpOnly.*SameSite=Strict/)
      const me = await fetch(`${server.url}/api/v1/session`, { headers: { cookie: cookie.split(';')[0] ?? '' } })
      t.match(await me.json(), { username: 'admin', role: 'admin' })
      const { token } = (await response.json()) as { token: string }
      t.equal((await server.api('GET', '/session', undefined, token)).status, 200)
    })

    await t.test('signing out ends the session at once', async t => {
      const token = await tokenOf('sara')
      t.equal((await server.api('DELETE', '/session', undefined, token)).status, 204)
      t.match(await server.api('GET', '/session', undefined, token), { status: 401, body: { code: 'NOT_SIGNED_IN' } })
    })

    await t.test('a cookie cannot be used from another web site', async t => {
      const token = await tokenOf('sara')
      const response = await fetch(`${server.url}/api/v1/session`, {
        method: 'DELETE',
        headers: { cookie: `parley_session=${token}`, origin: 'https://evil.example' }
      })
      t.equal(response.status, 403)
      t.match(await response.json(), { code: 'CROSS_SITE' })
    })

    await t.test('wrong passwords are refused alike, and guessing is slowed down', async t => {
      const unknown = await server.signIn('nobody', 'x')
      t.match(unknown, { status: 401, body: { code: 'LOGIN_FAILED' } })
      const wrong = await server.signIn('karim', 'x')
      t.same({ ...wrong.body, instance: '' }, { ...unknown.body, instance: '' })
      for (let tries = 0; tries < 4; tries++) await server.signIn('karim', 'x')
      t.match(await server.signIn('karim', accounts.get('karim') ?? ''), {
        status: 429,
        body: { code: 'TOO_MANY_REQUESTS' }
      })
      t.equal((await server.signIn('ana', accounts.get('ana') ?? '')).status, 200, 'others are not held up')
    })

    await t.test('what gets the name of something else is refused in words, and stays as it was', async t => {
      const rule = (name: string) => ({ name, keepDays: 90, reason: 'Nobody asks for these later.' })
      for (const name of ['Calls', 'Messages'])
        t.equal((await server.api('POST', '/retention/rules', rule(name))).status, 201)
      const rules = async () =>
        (await server.api('GET', '/retention/rules')).body.items as { id: string; name: string }[]
      const id = (await rules()).find(one => one.name === 'Messages')?.id
      t.match(await server.api('PUT', `/retention/rules/${id}`, rule('Calls')), {
        status: 409,
        body: { code: 'CONFLICT', detail: 'Something else has this name or number already.' }
      })
      t.equal((await rules()).filter(one => one.name === 'Messages').length, 1)
    })

    await t.test('what is null or of another type in a body is not read as something else', async t => {
      const rule = {
        name: 'Contracts',
        keepDays: null,
        queueId: null,
        region: null,
        reason: 'The law wants them kept.'
      }
      t.equal((await server.api('POST', '/retention/rules', rule)).status, 201)
      const items = (await server.api('GET', '/retention/rules')).body.items as { name: string }[]
      t.match(
        items.find(one => one.name === 'Contracts'),
        { keepDays: null, queueId: null, region: null }
      )
      const wordy = { ...rule, name: 'Letters', keepDays: '90' }
      t.match(await server.api('POST', '/retention/rules', wordy), { status: 400, body: { code: 'VALIDATION_FAILED' } })
      t.equal(
        (await server.api('GET', '/calls?limit=1')).status,
        200,
        'what an address says is text, and is read as a number'
      )
    })

    await t.test('each role may do its own work and no other', async t => {
      const agent = await tokenOf('ana')
      const supervisor = await tokenOf('sara')
      for (const [token, method, path, status] of [
        [agent, 'GET', '/numbers', 200],
        [agent, 'GET', '/calls', 403],
        [agent, 'GET', '/trunks', 403],
        [agent, 'GET', '/audit-log', 403],
        [supervisor, 'GET', '/calls', 200],
        [supervisor, 'GET', '/users', 200],
        [supervisor, 'GET', '/api-keys', 403],
        [supervisor, 'GET', '/audit-log', 403]
      ] as const) {
        const answer = await server.api(method, path, undefined, token)
        t.equal(answer.status, status, `${method} ${path}`)
        if (status === 403) t.equal(answer.body['code'], 'FORBIDDEN')
      }
    })

    await t.test('every route says who may call it', async t => {
      const routes = server.parley.app.printRoutes({ commonPrefix: false })
      t.ok(routes.includes('calls'))
      const spec = (await (await fetch(`${server.url}/api/docs/json`)).json()) as {
        openapi: string
        paths: Record<string, Record<string, unknown>>
      }
      t.equal(spec.openapi, '3.1.0')
      t.doesNotThrow(() => server.parley.app.compileSchemas(), 'what is compiled when it is first needed can be')
      for (const [path, methods] of Object.entries(spec.paths))
        for (const method of Object.keys(methods)) {
          if (!path.startsWith('/api/v1/') || PUBLIC.includes(`${method} ${path}`)) continue
          const response = await fetch(`${server.url}${path.replace(/\{[^}]+\}/g, '1')}`, {
            method: method.toUpperCase(),
            headers: { 'content-type': 'application/json' },
            ...(method !== 'get' && method !== 'delete' && { body: '{}' })
          })
          t.equal(response.status, 401, `${method} ${path} needs a session`)
        }
    })

    await t.test('an API key works until it is revoked, and is never shown again', async t => {
      const made = await server.api('POST', '/api-keys', { name: 'crm', role: 'integration' })
      t.equal(made.status, 201)
      const key = made.body['key'] as string
      t.equal((await server.api('GET', '/calls', undefined, key)).status, 200)
      t.equal((await server.api('GET', '/users', undefined, key)).status, 403)
      t.notOk(JSON.stringify((await server.api('GET', '/api-keys')).body).includes(key))
      t.equal((await server.api('DELETE', `/api-keys/${made.body['id']}`)).status, 204)
      t.equal((await server.api('GET', '/calls', undefined, key)).status, 401)
    })

    await t.test('a user is created, changed, and shut out at once when disabled', async t => {
      const made = await server.api('POST', '/users', {
        username: 'new',
        displayName: 'New',
        password: 'a long password',
        role: 'agent'
      })
      t.equal(made.status, 201)
      t.match(
        await server.api('POST', '/users', {
          username: 'NEW',
          displayName: 'N',
          password: 'a long password',
          role: 'agent'
        }),
        {
          status: 409,
          body: { code: 'CONFLICT' }
        }
      )
      const token = (await server.signIn('new', 'a long password')).body['token'] as string
      t.equal((await server.api('GET', '/session', undefined, token)).status, 200)
      t.equal((await server.api('PATCH', `/users/${made.body['id']}`, { isDisabled: true })).status, 200)
      t.equal((await server.api('GET', '/session', undefined, token)).status, 401)
      t.equal((await server.signIn('new', 'a long password')).status, 401)
    })

    await t.test('bad input is answered with the place and a sentence', async t => {
      const answer = await server.api('POST', '/numbers', { number: '555', language: 'english please', colour: 'red' })
      t.equal(answer.status, 400)
      t.equal(answer.headers.get('content-type')?.split(';')[0], 'application/problem+json')
      const places = (answer.body['problems'] as { at: string }[]).map(problem => problem.at)
      t.ok(places.includes('/body/number') && places.includes('/body/language') && places.includes('/body'))
      t.match(await server.api('POST', '/numbers', { number: '+12', language: 'en' }), { status: 400 })
      t.match(await server.api('GET', '/calls?cursor=nonsense'), { status: 400, body: { code: 'CURSOR_INVALID' } })
      t.match(await server.api('GET', '/nowhere'), { status: 404, body: { code: 'NOT_FOUND' } })
      t.match(await server.api('GET', '/calls/none'), { status: 404, body: { code: 'NOT_FOUND' } })
      const raw = await fetch(`${server.url}/api/v1/session`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{'
      })
      t.equal(raw.status, 400)
      const text = await fetch(`${server.url}/api/v1/session`, {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: 'x'
      })
      t.equal(text.status, 415)
    })

    await t.test('the five demo numbers greet in five languages', async t => {
      const numbers = (await server.api('GET', '/numbers')).body.items as { language: string; flowId: string }[]
      t.same(numbers.map(number => number.language).sort(), ['ar', 'de', 'en', 'es', 'zh'])
    })

    await t.test('a list pages by cursor without losing or doubling anything', async t => {
      const whole = (await server.api('GET', '/users?limit=200')).body.items as { id: string }[]
      const paged: { id: string }[] = []
      let cursor: string | null = ''
      while (cursor !== null) {
        const { body } = await server.api('GET', `/users?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
        paged.push(...(body.items as { id: string }[]))
        cursor = body['nextCursor'] as string | null
      }
      t.same(paged, whole)
    })

    await t.test('a trunk keeps its password to itself and refuses addresses that are none', async t => {
      const made = await server.api('POST', '/trunks', {
        name: 'carrier',
        authentication: 'digest',
        addresses: ['192.0.2.0/24'],
        username: 'u',
        password: 'very secret'
      })
      t.match(made, { status: 201, body: { hasPassword: true } })
      t.notOk(JSON.stringify(made.body).includes('very secret'))
      const bad = await server.api('PATCH', `/trunks/${made.body['id']}`, {
        addresses: ['192.0.2.0/99', '10.0.0.1', 'carrier.example']
      })
      t.same(
        (bad.body['problems'] as { at: string }[]).map(problem => problem.at),
        ['/body/addresses/0', '/body/addresses/2']
      )
      const number = await server.api('POST', '/numbers', {
        number: '+12025550188',
        language: 'en',
        trunkId: made.body['id']
      })
      t.match(await server.api('DELETE', `/trunks/${made.body['id']}`), { status: 409, body: { code: 'IN_USE' } })
      t.equal((await server.api('DELETE', `/numbers/${number.body['id']}`)).status, 204)
      t.equal((await server.api('DELETE', `/trunks/${made.body['id']}`)).status, 204)
    })

    await t.test('a flow is checked, versioned, published, compared and rolled back', async t => {
      const broken = await server.api('POST', '/flows', { source: TONE_MENU.replace('"2": two', '"2": tow') })
      t.match(broken, { status: 422, body: { code: 'FLOW_INVALID' } })
      t.match((broken.body['problems'] as { at: string; message: string }[])[0], { at: /^\d+:\d+$/, message: /tow/ })
      t.equal((await server.api('POST', '/flows', { source: TONE_MENU })).status, 201)
      t.equal((await server.api('POST', '/flows', { source: TONE_MENU })).status, 409)
      const changed = TONE_MENU.replace('timeoutMs: 1000', 'timeoutMs: 2000')
      t.match(await server.api('POST', '/flows/tone-menu/versions', { source: changed, note: 'slower' }), {
        status: 201,
        body: { version: 2 }
      })
      t.match(
        await server.api('POST', '/flows/tone-menu/versions', { source: changed }),
        { body: { version: 2 } },
        'the same text is no new version'
      )
      t.match(await server.api('POST', '/flows/tone-menu/publish', { version: 2 }), {
        status: 200,
        body: { publishedVersion: 2 }
      })
      t.match(await server.api('POST', '/flows/tone-menu/publish', { version: 1 }), {
        status: 200,
        body: { publishedVersion: 1 }
      })
      t.match(await server.api('POST', '/flows/tone-menu/publish', { version: 9 }), { status: 404 })
      const compared = await server.api('GET', '/flows/tone-menu/compare?from=1&to=2')
      t.equal(compared.status, 200)
      t.match(JSON.stringify(compared.body), /timeoutMs/)
      const version = await server.api('GET', '/flows/tone-menu/versions/1')
      t.equal(version.body['source'], TONE_MENU)
    })

    await t.test('what people did is in the audit log, which nobody can change', async t => {
      const log = (await server.api('GET', '/audit-log?limit=200')).body.items as {
        action: string
        actorName: string
      }[]
      for (const action of [
        'session.started',
        'session.failed',
        'api-key.created',
        'user.created',
        'trunk.created',
        'flow.published'
      ])
        t.ok(
          log.some(entry => entry.action === action),
          action
        )
      t.notOk(JSON.stringify(log).includes('very secret'))
    })

    await t.test('health and metrics are open to probes', async t => {
      const health = await fetch(`${server.url}/healthz`)
      t.equal(health.status, 200)
      t.match(await health.json(), {
        status: 'ok',
        database: { kind: database, isUp: true },
        engines: [
          { name: 'drachtio', isUp: true },
          { name: 'freeswitch', isUp: true },
          { name: 'sfu', isUp: true }
        ]
      })
      const metrics = await (await fetch(`${server.url}/metrics`)).text()
      for (const name of [
        'parley_calls_started_total',
        'parley_call_setup_seconds',
        'parley_engine_up',
        'parley_logins_total'
      ])
        t.ok(metrics.includes(name), name)
    })
  })

t.test('every error code is in the reference, and the reference lists no other', async t => {
  const text = await readFile(new URL('../../docs/reference/errors.md', import.meta.url), 'utf8')
  const listed = [...text.matchAll(/^\| `([A-Z_]+)` \| (\d+) \|/gm)].map(match => [match[1], Number(match[2])])
  t.same(
    listed,
    Object.entries(ERROR_CODES).map(([code, { http }]) => [code, http])
  )
})
