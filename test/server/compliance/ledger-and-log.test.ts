import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import t from 'tap'
import {
  askOptIn,
  confirmOptIn,
  consentOf,
  type LedgerParts,
  openConsent,
  recordConsent,
  withdrawConsent
} from '../../../server/compliance/consent/ledger.ts'
import type { Facts } from '../../../server/compliance/facts.ts'
import { canonicalJson, ChainVerifier, chainHash } from '../../../server/compliance/log/chain.ts'
import {
  decideAndLog,
  exportDecisions,
  type LogParts,
  logDecisions,
  replay,
  useDecision,
  verifyChain
} from '../../../server/compliance/log/decision-log.ts'
import { hashNumber } from '../../../server/compliance/number-hash.ts'
import { compilePacks } from '../../../server/compliance/packs/compile.ts'
import { loadPacks, parsePacks } from '../../../server/compliance/packs/load.ts'
import { decide } from '../../../server/compliance/decide.ts'
import { newId } from '../../../server/ids.ts'
import { seal, unseal } from '../../../server/seal.ts'
import { consentEventsOf, forgetConsentParts, insertConsentEvent } from '../../../sql/queries/compliance/consent.ts'
import type { ComplianceDb } from '../../../sql/queries/compliance/db.ts'
import {
  activeOverrides,
  callsWithoutDecision,
  countersignOverride,
  type DecisionRow,
  findDecision,
  insertOverride
} from '../../../sql/queries/compliance/decisions.ts'
import { openTestDatabases } from './support/database.ts'

t.setTimeout(90_000)
const databases = await openTestDatabases()
t.teardown(() => databases[Symbol.asyncDispose]())

const packs = await loadPacks(fileURLToPath(new URL('../../../config/rule-packs', import.meta.url)))
const set = compilePacks(packs)
const master = randomBytes(32)

const ledger = (db: ComplianceDb): LedgerParts => ({
  db,
  key: master,
  newId,
  seal: text => seal(master, 'consent request', text),
  unseal: text => unseal(master, 'consent request', text).toString(),
  sealPart: (id, text) => seal(master, `consent part ${id}`, text),
  openPart: (id, sealed) => unseal(master, `consent part ${id}`, sealed).toString(),
  openEarlierPart: (sealedKey, sealed) => unseal(unseal(master, 'consent key', sealedKey), 'consent', sealed).toString()
})
const log = (db: ComplianceDb): LogParts => ({
  db,
  key: master,
  engine: '0.1.0',
  newId,
  seal: text => seal(master, 'decision', text),
  unseal: text => unseal(master, 'decision', text).toString()
})

const NUMBER = '+12025550101'
const FACTS: Facts = {
  at: '2026-12-01T17:00:00Z',
  number: '+12125550123',
  mode: 'human_manual',
  purpose: 'marketing',
  stage: 'dial',
  callerId: { number: '+12125550100', isOwned: true },
  registries: { 'us-dnc': { obtainedAt: '2026-11-28T00:00:00Z', listed: false } }
}

t.test('consent at an instant is the fold of what was recorded until then', async t => {
  await databases.each(async db => {
    const parts = ledger(db)
    const at = (day: string) => new Date(`${day}T12:00:00Z`)
    await recordConsent(parts, {
      kind: 'grant',
      e164: NUMBER,
      person: 'customer-7',
      seller: 'Acme GmbH',
      grade: 'oral_express',
      purposes: ['marketing'],
      modes: ['human_manual'],
      evidence: { method: 'oral', recordingRef: 'rec-1', language: 'de', personal: { operator: 'Ann' } },
      at: at('2026-01-10'),
      recordedBy: 'ann'
    })
    const state = (day: string, number = NUMBER) => consentOf(parts, number, null, 'Acme GmbH', at(day))
    t.equal(await state('2026-01-09'), null)
    t.match(await state('2026-02-01'), { grade: 'oral_express', evidence: 'held', purposes: ['marketing'] })
    await withdrawConsent(parts, {
      e164: NUMBER,
      person: 'customer-7',
      seller: 'Acme GmbH',
      channel: 'sms',
      at: at('2026-03-01'),
      recordedBy: null
    })
    t.equal((await state('2026-02-01'))?.revokedAt, undefined, 'the past stays as it was')
    t.equal((await state('2026-03-02'))?.revokedAt, '2026-03-01T12:00:00.000Z')
    const onOtherNumber = await consentOf(parts, '+12025550102', 'Customer-7', 'Acme GmbH', at('2026-03-02'))
    t.equal(onOtherNumber?.revokedAt, '2026-03-01T12:00:00.000Z', 'it is the person who withdrew')
    t.equal(await consentOf(parts, NUMBER, null, 'Other Ltd', at('2026-02-01')), null, 'another seller has nothing')
    await t.rejects(db.updateTable('consent_events').set({ grade: 'written_signed' }).execute(), /append-only/)
    const raw = JSON.stringify(await db.selectFrom('consent_events').selectAll().execute())
    t.notMatch(raw, /2025550101|Ann/, 'what names a person is sealed')
  })
})

t.test('a double opt-in counts once it is confirmed, once, in time, with its whole exchange', async t => {
  await databases.each(async db => {
    const parts = ledger(db)
    let token = ''
    const sent = new Date('2026-11-01T10:00:00Z')
    await askOptIn(
      parts,
      {
        e164: NUMBER,
        seller: 'Acme',
        grade: 'express_electronic',
        evidence: { method: 'web', textVersion: 'sha256:ab' },
        recordedBy: null
      },
      { channel: 'sms', to: NUMBER, at: sent },
      async message => {
        token = message.token
      }
    )
    t.notMatch(JSON.stringify(await db.selectFrom('consent_requests').selectAll().execute()), /2025550101/)
    t.equal(await consentOf(parts, NUMBER, null, 'Acme', new Date('2026-11-02')), null, 'a question is no answer')
    await t.rejects(confirmOptIn(parts, 'guess', sent), { code: 'CONSENT_TOKEN' })
    await confirmOptIn(parts, token, new Date('2026-11-01T10:05:00Z'))
    t.match(await consentOf(parts, NUMBER, null, 'Acme', new Date('2026-11-02')), {
      grade: 'double_opt_in',
      evidence: 'held'
    })
    await t.rejects(confirmOptIn(parts, token, new Date('2026-11-01T10:06:00Z')), { code: 'CONSENT_TOKEN' })
    const [event] = await consentEventsOf(db, hashNumber(master, NUMBER), null)
    t.match(event?.evidence, {
      references: [/^opt-in:/, 'sent:2026-11-01T10:00:00.000Z', 'confirmed:2026-11-01T10:05:00.000Z']
    })
  })
})

t.test('once erased, a consent has forgotten the person and is proof all the same, also one from before', async t => {
  await databases.each(async db => {
    const parts = ledger(db)
    const id = await recordConsent(parts, {
      kind: 'grant',
      e164: NUMBER,
      seller: 'Acme',
      grade: 'written_signed',
      evidence: { method: 'written', references: ['doc-1'], personal: { ip: '192.0.2.1' } },
      at: new Date('2026-01-01'),
      recordedBy: null
    })
    // As events were kept before: the part in the event, under a key of its own.
    const key = randomBytes(32)
    const earlier = newId()
    await db
      .insertInto('consent_keys')
      .values({ id: 'k1', sealed_key: seal(master, 'consent key', key), sealed_part: null, erased_at: null })
      .execute()
    await insertConsentEvent(db, {
      ...(await db
        .selectFrom('consent_events')
        .select(['number_hash', 'kind', 'seller', 'grade', 'has_evidence', 'at'])
        .where('id', '=', id)
        .executeTakeFirstOrThrow()),
      id: earlier,
      evidence: '{}',
      sealed: seal(key, 'consent', JSON.stringify({ number: NUMBER, personal: { ip: '192.0.2.2' } })),
      key_id: 'k1'
    })
    const read = async () => {
      const events = await consentEventsOf(db, hashNumber(master, NUMBER), null)
      return await Promise.all(events.map(event => openConsent(parts, event)))
    }
    t.strictSame(await read(), [
      { state: 'open', number: NUMBER, personal: { ip: '192.0.2.1' } },
      { state: 'open', number: NUMBER, personal: { ip: '192.0.2.2' } }
    ])
    t.notMatch(
      JSON.stringify([
        await db.selectFrom('consent_keys').selectAll().execute(),
        await db.selectFrom('consent_events').selectAll().execute()
      ]),
      /2025550101|192\.0\.2/
    )
    const unreadable = { ...parts, openPart: () => unseal(randomBytes(32), 'x', seal(master, 'x', '')).toString() }
    const [event] = await consentEventsOf(db, hashNumber(master, NUMBER), null)
    t.strictSame(event && (await openConsent(unreadable, event)), { state: 'unreadable' })
    // What the erasure of a person does to the ledger.
    await forgetConsentParts(db, [id, earlier], new Date('2026-06-01'))
    t.strictSame(await read(), [{ state: 'erased' }, { state: 'erased' }])
    t.match(await consentOf(parts, NUMBER, null, 'Acme', new Date('2026-06-02')), {
      grade: 'written_signed',
      evidence: 'held'
    })
  })
})

t.test('every decision is written before its call, in a chain, and used by one call at most', async t => {
  await databases.each(async db => {
    const parts = log(db)
    const allowed = await decideAndLog(parts, FACTS, set, { campaignId: 'c1' })
    t.equal(allowed.decision.outcome, 'ALLOW')
    const blocked = await decideAndLog(parts, { ...FACTS, internalList: { since: '2026-01-01T00:00:00Z' } }, set)
    await Promise.all(Array.from({ length: 5 }, () => decideAndLog(parts, FACTS, set)))
    t.match(await verifyChain(db), { broken: null, length: 7 })
    const now = new Date('2026-12-01T17:00:30Z')
    await t.rejects(useDecision(parts, blocked.id, 'call-0', now), { code: 'DECISION_NOT_ALLOWED' })
    await t.rejects(useDecision(parts, allowed.id, 'call-1', new Date('2026-12-01T17:01:01Z')), {
      code: 'DECISION_EXPIRED'
    })
    await useDecision(parts, allowed.id, 'call-1', now)
    await t.rejects(useDecision(parts, allowed.id, 'call-2', now), { code: 'DECISION_USED' })
    await t.rejects(useDecision(parts, 'nobody', 'call-3', now), { code: 'DECISION_UNKNOWN' })
    const raw = JSON.stringify(await db.selectFrom('compliance_decisions').selectAll().execute())
    t.notMatch(raw, /2125550123/, 'the number is sealed')
    t.same(await callsWithoutDecision(db, new Date(0), 10), [])
  })
})

t.test('a clock from before the rules were written places no call, and the log says why', async t => {
  await databases.each(async db => {
    const { decision } = await decideAndLog(log(db), { ...FACTS, at: '2019-12-03T17:00:00Z' }, set)
    t.match(decision, { outcome: 'DEFER', reasons: ['CLOCK_UNCERTAIN'], nextAt: null })
    t.match(decision.error, /the clock says 2019-12-03T17:00:00Z, before the newest rules were written \(20/)
    const planned = { ...FACTS, at: '2019-12-03T17:00:00Z', stage: 'planning' as const }
    t.equal((await decideAndLog(log(db), planned, set)).decision.error, null, 'plans may be about any time')
  })
})

t.test('a call without a decision is found', async t => {
  await databases.each(async db => {
    await sql`insert into cdrs (call_id, direction, state, started_at, last_seq, control_plane_id)
      values ('lonely', 'outbound', 'ended', now(), 1, 'p'), ('inbound', 'inbound', 'ended', now(), 1, 'p')`.execute(db)
    t.same(
      (await callsWithoutDecision(db, new Date(0), 10)).map(one => one.callId),
      ['lonely']
    )
  })
})

t.test('a changed, removed, inserted or cut entry is found and named', async t => {
  await databases.each(async db => {
    const parts = log(db)
    await logDecisions(
      parts,
      Array.from({ length: 20 }, () => ({ facts: FACTS, decision: decide(FACTS, set), context: {} }))
    )
    const entries: DecisionRow[] = []
    for await (const row of exportDecisions(db)) entries.push(row)
    const { head } = await verifyChain(db)
    const check = (rows: typeof entries) => {
      const verifier = new ChainVerifier()
      for (const row of rows) verifier.push(row)
      return verifier.finish(head)
    }
    t.equal(check(entries), null)
    const changed = entries.map(row => (row.seq === 9 ? { ...row, body: row.body.replace('ALLOW', 'BLOCK') } : row))
    t.same(check(changed), { seq: 9, id: entries[8]?.id, why: 'changed' })
    const rehashed = changed.map(row => (row.seq === 9 ? { ...row, hash: chainHash(9, row.prev, row.body) } : row))
    t.equal(check(rehashed)?.seq, 10, 'with a new hash the next link does not fit')
    t.same(check(entries.filter(row => row.seq !== 5)), { seq: 6, id: entries[5]?.id, why: 'missing' })
    t.equal(check(entries.slice(0, 15))?.why, 'missing', 'a cut end is found with a checkpoint')
    await t.rejects(sql`update compliance_decisions set outcome = 'ALLOW'`.execute(db), /append-only/)
    await sql`alter table compliance_decisions disable trigger compliance_decisions_append_only`.execute(db)
    await sql`update compliance_decisions set body = replace(body, 'ALLOW', 'DEFER') where seq = 13`.execute(db)
    await sql`alter table compliance_decisions enable trigger compliance_decisions_append_only`.execute(db)
    t.same((await verifyChain(db)).broken, { seq: 13, id: entries[12]?.id, why: 'changed' })
  })
})

t.test('a stored decision is replayed from its own facts, under its packs and under new ones', async t => {
  await databases.each(async db => {
    const parts = log(db)
    const { id } = await decideAndLog(parts, FACTS, set)
    const row = await findDecision(db, id)
    if (row === undefined) throw new Error('not stored')
    t.equal(replay(parts, row, set)?.isSame, true)
    const federal = packs.find(one => one.pack.pack === 'us-federal')
    if (federal === undefined) throw new Error('no pack')
    const narrower = federal.text.replace('start: 08:00, end: 21:00', 'start: 13:00, end: 21:00')
    const candidate = compilePacks([
      ...packs.filter(one => one !== federal),
      ...parsePacks([{ file: 'us-federal.yaml', text: narrower }])
    ])
    t.match(replay(parts, row, candidate), { isSame: false, now: { outcome: 'DEFER' }, before: { outcome: 'ALLOW' } })
    t.equal(replay({ unseal: () => null }, row, set), null, 'an erased number cannot be replayed')
  })
})

t.test('an override counts with two different signatures, until it expires', async t => {
  await databases.each(async db => {
    const at = new Date('2026-12-01T12:00:00Z')
    const row = {
      rules: ['de-house.hours'],
      reason: 'agreed by letter',
      number_hash: null,
      campaign_id: 'c1',
      signed_by: 'ann',
      signed_at: at,
      countersigned_by: null,
      countersigned_at: null,
      expires_at: new Date('2026-12-05'),
      revoked_by: null,
      revoked_at: null
    }
    await insertOverride(db, { id: 'o1', ...row })
    t.equal((await activeOverrides(db, 'h', 'c1', at)).length, 0)
    t.equal(await countersignOverride(db, 'o1', 'ann', at), false, 'not by the same person')
    t.equal(await countersignOverride(db, 'o1', 'bob', at), true)
    t.equal(await countersignOverride(db, 'o1', 'eve', at), false, 'not twice')
    t.same(
      (await activeOverrides(db, 'h', 'c1', at)).map(one => one.id),
      ['o1']
    )
    t.equal((await activeOverrides(db, 'h', 'c2', at)).length, 0)
    t.equal((await activeOverrides(db, 'h', 'c1', new Date('2026-12-05'))).length, 0)
  })
})

t.test('equal data is equal text', async t => {
  t.equal(canonicalJson({ b: [{ y: 1, x: null }], a: 'x' }), '{"a":"x","b":[{"x":null,"y":1}]}')
})
