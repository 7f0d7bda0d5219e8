import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify from 'fastify'
import t from 'tap'
import { ComplianceService } from '../../../server/compliance/compliance-service.ts'
import { askOptIn } from '../../../server/compliance/consent/ledger.ts'
import type { Actor, App } from '../../../server/http/fastify-types.ts'
import type { HttpParts } from '../../../server/http/parts.ts'
import { registerProblems } from '../../../server/http/problems.ts'
import { registerComplianceRoutes } from '../../../server/http/routes/compliance.ts'
import { newId } from '../../../server/ids.ts'
import type { Db } from '../../../sql/database.ts'
import type { ComplianceDb } from '../../../sql/queries/compliance/db.ts'
import { openTestDatabases } from './support/database.ts'

t.setTimeout(90_000)
const databases = await openTestDatabases()
t.teardown(() => databases[Symbol.asyncDispose]())
const packFolder = fileURLToPath(new URL('../../../config/rule-packs', import.meta.url))

type Body = Readonly<Record<string, unknown>>
type Answer = Readonly<{ status: number; text: string; body: Body }>

/** A value deep in an answer. */
function dig(answer: Answer, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Record<string | number, unknown> | undefined)?.[key],
    answer.body
  )
}

async function withApi(
  db: ComplianceDb,
  story: (
    call: (method: 'GET' | 'POST', url: string, body?: unknown, as?: string, type?: string) => Promise<Answer>,
    service: ComplianceService
  ) => Promise<void>
): Promise<void> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'parley-compliance-'))
  const service = await ComplianceService.open({
    db,
    packFolder,
    dataFolder,
    secret: randomBytes(32),
    engine: 'test',
    newId
  })
  const app: App = Fastify({
    ajv: { customOptions: { removeAdditional: false, coerceTypes: 'array', allErrors: true } }
  }).withTypeProvider<TypeBoxTypeProvider>() as unknown as App
  registerProblems(app)
  app.decorateRequest('actor', null)
  app.addHook('onRequest', async request => {
    const name = request.headers['x-user']
    const actor: Actor = {
      kind: 'user',
      id: String(name),
      name: String(name),
      displayName: String(name),
      role: 'admin',
      language: 'de',
      sessionHash: null
    }
    request.actor = name === undefined ? null : actor
  })
  await app.register(
    async api => registerComplianceRoutes(api as App, { db: db as unknown as Db } as HttpParts, service),
    { prefix: '/api/v1' }
  )
  try {
    await story(async (method, url, body, as = 'ann', type = 'application/json') => {
      const response = await app.inject({
        method,
        url: `/api/v1${url}`,
        headers: { 'x-user': as, ...(body !== undefined && { 'content-type': type }) },
        ...(body !== undefined && { payload: type === 'application/json' ? JSON.stringify(body) : (body as string) })
      })
      const isJson = String(response.headers['content-type']).includes('json') && response.body !== ''
      return {
        status: response.statusCode,
        text: response.body,
        body: isJson && !url.endsWith('/export') ? response.json() : {}
      }
    }, service)
  } finally {
    await app.close()
    await rm(dataFolder, { recursive: true, force: true })
  }
}

const CALL = { number: '+1 (212) 555-0123', mode: 'human_manual', purpose: 'marketing', at: '2026-12-01T17:00:00Z' }

t.test('a campaign manager asks, imports a registry, asks again and gets the call allowed', async t => {
  await databases.each(async db =>
    withApi(db, async call => {
      const before = await call('POST', '/compliance/decide', { call: CALL })
      t.equal(before.status, 200, before.text)
      t.equal(dig(before, 'decision', 'outcome'), 'BLOCK')
      t.same(dig(before, 'decision', 'reasons'), ['DNC_SCRUB_MISSING'])
      t.match(String(dig(before, 'explanation', 0)), /nicht erlaubt/, 'in the language of the reader')
      for (const [language, word] of Object.entries({
        en: 'may not be placed',
        es: 'no está permitida',
        zh: '不可',
        ar: 'غير مسموح',
        ja: '許可されていません'
      }))
        t.match(
          dig(await call('POST', `/compliance/decide?language=${language}`, { call: CALL }), 'explanation', 0),
          word
        )

      const list = await call('POST', '/dnc-lists', { name: 'National', registry: 'us-dnc', format: 'ftc' })
      t.equal(list.status, 201, list.text)
      t.equal((await call('POST', '/dnc-lists', { name: 'National', registry: 'us-dnc', format: 'ftc' })).status, 409)
      const importUrl = `/dnc-lists/${dig(list, 'id')}/imports?obtainedAt=2026-11-20T00:00:00Z&sourceName=full.txt`
      const wrong = await call('POST', importUrl, 'x\ny\nz\n', 'ann', 'text/plain')
      t.equal(wrong.status, 400)
      t.match(wrong.body['detail'], /DNC_EMPTY.*stays in force/)
      const imported = await call('POST', importUrl, '212,5550199\n212,5550198\n', 'ann', 'text/plain')
      t.equal(imported.status, 201, imported.text)
      t.match(imported.body, { version: 1, report: { numbers: 2, wrongLines: 0 } })
      const lists = await call('GET', '/dnc-lists')
      t.match(lists.body['items'], [{ registry: 'us-dnc', version: 1, numbers: 2, importing: null }])
      t.match(dig(await call('GET', `/dnc-lists/${dig(list, 'id')}/versions`), 'items'), [
        { version: 1, sourceName: 'full.txt' }
      ])

      t.equal(dig(await call('POST', '/compliance/decide', { call: CALL }), 'decision', 'outcome'), 'ALLOW')
      const listed = await call('POST', '/compliance/decide', { call: { ...CALL, number: '+12125550199' } })
      t.same(dig(listed, 'decision', 'reasons'), ['DNC_REGISTRY_LISTED'])

      const stop = await call('POST', '/dnc-lists/internal/stop', { number: CALL.number, channel: 'call' })
      t.equal(stop.status, 204, stop.text)
      const stopped = await call('POST', '/compliance/decide', { call: { ...CALL, at: undefined } })
      t.ok(String(dig(stopped, 'decision', 'reasons')).includes('DNC_INTERNAL'))
    })
  )
})

t.test('a decision that is recorded can be listed, explained, replayed and checked', async t => {
  await databases.each(async db =>
    withApi(db, async call => {
      const registries = { 'us-dnc': { obtainedAt: '2026-11-28T00:00:00Z', listed: false } }
      const recorded = await call('POST', '/compliance/decide', {
        call: { ...CALL, registries },
        record: { campaignId: 'c1' }
      })
      t.equal(recorded.status, 200, recorded.text)
      await call('POST', '/compliance/decide', {
        call: { ...CALL, at: '2026-12-01T12:00:00Z', registries },
        record: { campaignId: 'c1' }
      })
      const page = await call('GET', '/compliance/decisions?campaignId=c1&limit=1')
      t.match(dig(page, 'items'), [{ outcome: 'DEFER', reasons: ['HOURS_OUTSIDE'], lastDigits: '23' }])
      const older = await call('GET', `/compliance/decisions?campaignId=c1&limit=1&cursor=${dig(page, 'nextCursor')}`)
      t.match(older.body['items'], [{ outcome: 'ALLOW', id: dig(recorded, 'id') }])
      const one = await call('GET', `/compliance/decisions/${dig(recorded, 'id')}?language=en`)
      t.equal(one.status, 200, one.text)
      t.match(one.body, { decision: { outcome: 'ALLOW' }, replay: { isSame: true }, lastDigits: '23' })
      t.notMatch(one.text, /2125550123/, 'the number is not shown')
      t.match(dig(one, 'explanation'), ['The call may be placed.'])
      t.equal((await call('GET', '/compliance/decisions/nobody')).status, 404)
      t.match((await call('GET', '/compliance/chain')).body, { length: 2, broken: null, callsWithoutDecision: [] })
      const lines = (await call('GET', '/compliance/chain/export')).text.trim().split('\n')
      t.equal(lines.length, 2)
      t.match(JSON.parse(lines[0] ?? ''), { seq: 1, id: dig(recorded, 'id') })
      const report = await call('GET', '/compliance/report?from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z')
      t.match(report.text, /<h2>Chain of decisions<\/h2>.*whole/)
      t.match(report.text, /HOURS_OUTSIDE/)
    })
  )
})

t.test('consent is recorded, found, used and withdrawn in one step', async t => {
  await databases.each(async db =>
    withApi(db, async (call, service) => {
      const berlin = { ...CALL, number: '+4915123456789', at: '2026-11-20T10:00:00Z', seller: 'Acme GmbH' }
      t.same(dig(await call('POST', '/compliance/decide', { call: berlin }), 'decision', 'reasons'), [
        'CONSENT_MISSING'
      ])
      const grant = {
        number: berlin.number,
        seller: 'Acme GmbH',
        grade: 'express_electronic',
        at: '2026-10-01T00:00:00Z',
        evidence: { method: 'web', textVersion: 'sha256:1', personal: { ip: '192.0.2.7' } }
      }
      t.equal((await call('POST', '/consents', grant)).status, 201)
      t.equal(dig(await call('POST', '/compliance/decide', { call: berlin }), 'decision', 'outcome'), 'ALLOW')
      const found = await call('POST', '/consents/search', { number: berlin.number })
      t.match(found.body, {
        now: { grade: 'express_electronic' },
        events: [{ kind: 'grant', named: { state: 'open', number: berlin.number, personal: { ip: '192.0.2.7' } } }]
      })
      t.equal(
        (await call('POST', '/consents/withdraw', { number: berlin.number, seller: 'Acme GmbH', channel: 'sms' }))
          .status,
        201
      )
      t.match(dig(await call('POST', '/consents/search', { number: berlin.number }), 'now'), { revokedAt: String })
      t.equal(
        (await call('POST', '/consents', { ...grant, grade: 'double_opt_in' })).status,
        400,
        'only the exchange itself can make that'
      )
      t.equal((await call('POST', '/consents', { ...grant, number: '12' })).status, 422)
      const ledger = await call('GET', '/consents?limit=1')
      t.match(dig(ledger, 'items'), [{ kind: 'revoke' }])
      t.notMatch(ledger.text, berlin.number.slice(4), 'the ledger holds no numbers')
      t.notMatch(ledger.text, '192.0.2.7', 'and nothing else that names a person')
      const before = await call('GET', `/consents?limit=1&cursor=${dig(ledger, 'nextCursor')}`)
      t.match(dig(before, 'items'), [{ kind: 'grant', seller: 'Acme GmbH' }])
      let token = ''
      await askOptIn(
        service.ledger,
        { e164: '+4915123456788', seller: 'Acme GmbH', grade: 'express_electronic', recordedBy: null },
        { channel: 'sms', to: '+4915123456788', at: new Date() },
        async message => {
          token = message.token
        }
      )
      t.equal((await call('POST', '/consents/confirm', { token })).status, 204)
      t.equal((await call('POST', '/consents/confirm', { token })).status, 404)
      t.match(dig(await call('POST', '/consents/search', { number: '+4915123456788' }), 'now'), {
        grade: 'double_opt_in'
      })
    })
  )
})

t.test('an override needs two people and never touches a law', async t => {
  await databases.each(async db =>
    withApi(db, async call => {
      const expiresAt = new Date(Date.now() + 86_400_000).toISOString()
      const law = await call('POST', '/compliance/overrides', {
        rules: ['us-fl.hours'],
        reason: 'we would like to',
        expiresAt
      })
      t.equal(law.status, 400)
      const made = await call('POST', '/compliance/overrides', {
        rules: ['gb-house.hours'],
        reason: 'asked for Sunday',
        expiresAt
      })
      t.equal(made.status, 201, made.text)
      const id = dig(made, 'id')
      t.equal((await call('POST', `/compliance/overrides/${id}/countersign`, undefined, 'ann')).status, 409)
      t.equal((await call('POST', `/compliance/overrides/${id}/countersign`, undefined, 'bob')).status, 204)
      t.match(dig(await call('GET', '/compliance/overrides'), 'items'), [
        { isInForce: true, signedBy: 'ann', countersignedBy: 'bob' }
      ])
      t.equal((await call('POST', `/compliance/overrides/${id}/revoke`, undefined, 'eve')).status, 204)
      t.match(dig(await call('GET', '/compliance/overrides'), 'items'), [{ isInForce: false }])
    })
  )
})

t.test('an emergency stops solicitation in a state until it is lifted', async t => {
  await databases.each(async db =>
    withApi(db, async call => {
      const asked = {
        ...CALL,
        number: '+15045550123',
        registries: { 'us-dnc': { obtainedAt: '2026-11-28T00:00:00Z', listed: false } }
      }
      const made = await call('POST', '/compliance/suspensions', {
        jurisdiction: 'US-LA',
        kind: 'emergency',
        fromAt: '2026-11-30T00:00:00Z',
        note: 'hurricane'
      })
      t.equal(made.status, 201, made.text)
      t.same(dig(await call('POST', '/compliance/decide', { call: asked }), 'decision', 'reasons'), [
        'EMERGENCY_SUSPENSION'
      ])
      t.equal((await call('POST', `/compliance/suspensions/${dig(made, 'id')}/lift`)).status, 204)
      t.equal(dig(await call('POST', '/compliance/decide', { call: asked }), 'decision', 'outcome'), 'ALLOW')
    })
  )
})

t.test('packs are listed, compared and tried on stored calls before they come into force', async t => {
  await databases.each(async db =>
    withApi(db, async (call, service) => {
      const packs = await call('GET', '/compliance/packs')
      t.ok(JSON.stringify(dig(packs, 'items')).includes('"in.hours"'), 'unconfirmed values show their mark')
      t.equal((await call('GET', '/compliance/packs/us-fl')).status, 200)
      t.equal((await call('GET', '/compliance/packs/nowhere')).status, 404)
      const registries = { 'us-dnc': { obtainedAt: '2026-11-28T00:00:00Z', listed: false } }
      for (const at of ['2026-12-01T14:30:00Z', '2026-12-01T17:00:00Z', '2026-12-01T05:00:00Z'])
        await call('POST', '/compliance/decide', { call: { ...CALL, at, registries }, record: {} })
      const federal = service.loadedPacks.find(one => one.pack.pack === 'us-federal')
      const text = (federal?.text ?? '').replaceAll('start: 08:00, end: 21:00', 'start: 10:00, end: 21:00')
      const broken = await call('POST', '/compliance/packs/diff', { candidates: [{ file: 'us-federal.yaml', text }] })
      t.equal(broken.status, 400, 'its own boundary tests do not hold')
      t.match(String(dig(broken, 'problems', 0, 'at')), /^us-federal\.yaml:\d+:\d+$/)
      const candidates = [{ file: 'zz-house.yaml', text: CANDIDATE }]
      t.match(dig(await call('POST', '/compliance/packs/diff', { candidates }), 'changes'), [
        { kind: 'packAdded', pack: 'zz-house' }
      ])
      const simulated = await call('POST', '/compliance/simulate', { candidates })
      t.equal(simulated.status, 200, simulated.text)
      t.match(simulated.body, {
        calls: 3,
        matrix: { ALLOW: { ALLOW: 1, DEFER: 1 }, DEFER: { DEFER: 1 } },
        rules: [{ rule: 'zz-house.hours', newlyStopped: 2 }]
      })
    })
  )
})

const CANDIDATE = `pack: zz-house
version: 2026.12.1
kind: house
title: Later mornings
jurisdictions: [ US ]
owner: compliance
reviewBy: 2027-12-31
sample: "+12125550123"
rules:
  - id: zz-house.hours
    title: Not before ten
    check: window
    purposes: [ marketing ]
    certainty: K
    versions:
      - from: 2020-01-01
        status: enacted
        windows: [ { days: mon-sun, start: 10:00, end: 21:00 } ]
        source: [ { cite: House rule, grade: K } ]
    tests:
      - { at: 2026-12-01T15:00:00Z, expect: pass }
      - { at: 2026-12-01T14:59:59Z, expect: HOURS_OUTSIDE }
`

t.test('planning shows outcomes, open minutes and the last moment, and policies say why', async t => {
  await databases.each(async db =>
    withApi(db, async call => {
      const registries = { 'us-dnc': { obtainedAt: '2026-11-28T00:00:00Z', listed: false } }
      const contacts = [
        { ...CALL, registries },
        { ...CALL, number: '+13055550123', at: '2026-12-02T01:30:00Z', registries },
        { ...CALL, number: '+12125550124' },
        { ...CALL, number: '+18005550123', registries }
      ]
      const planned = await call('POST', '/compliance/forecast', { contacts, days: 2 })
      t.equal(planned.status, 200, planned.text)
      t.match(planned.body, {
        contacts: 4,
        outcomes: { ALLOW: 1, DEFER: 1, BLOCK: 1, REVIEW: 1 },
        reasons: { DNC_SCRUB_MISSING: 1, JUR_AMBIGUOUS: 1 }
      })
      const when = await call('POST', '/compliance/timeline', { call: { ...CALL, registries }, days: 1 })
      t.same(dig(when, 'spans'), [
        { from: '2026-12-01T17:00:00.000Z', to: '2026-12-02T01:59:00.000Z' },
        { from: '2026-12-02T13:00:00.000Z', to: '2026-12-02T17:00:00.000Z' }
      ])
      const policies = await call('GET', '/compliance/policies?jurisdictions=US-TX,US-CA')
      t.match(policies.body, {
        recording: { policy: 'all_party', obligation: 'RECORDING_NOTICE' },
        disclosure: { isLaw: true }
      })
      t.equal((await call('GET', '/compliance/policies?jurisdictions=nowhere')).status, 400)
    })
  )
})
