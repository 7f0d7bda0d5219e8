import t from 'tap'
import { toE164 } from '../../../server/routing/numbers.ts'
import { buildRoutingTables, type InboundFacts, routeInbound } from '../../../server/routing/route-inbound.ts'
import { routeOutbound } from '../../../server/routing/route-outbound.ts'
import { TrunkLoad } from '../../../server/routing/trunk-load.ts'
import type { NumberRow, TrunkRow } from '../../../sql/queries/telephony.ts'

const TRUNK: TrunkRow = {
  id: 't1',
  name: 'carrier',
  carrier: '',
  authentication: 'ip',
  addresses: ['192.0.2.0/28', '2001:db8::/64'],
  username: null,
  passwordSealed: null,
  outboundAddress: 'sip.example.net',
  transport: 'udp',
  defaultCallerNumber: null,
  allowsForeignCallerNumber: false,
  allowedPrefixes: ['+49', '+1202'],
  maxCalls: 2,
  maxCallsPerSecond: 10,
  priority: 100,
  isEnabled: true
}
const NUMBER: NumberRow = {
  id: 'n1',
  number: '+12025550100',
  label: '',
  language: 'en',
  region: 'US',
  flowId: 'f1',
  trunkId: null,
  isEnabled: true
}
const FACTS: InboundFacts = {
  sourceAddress: '192.0.2.5',
  calledUser: '+12025550100',
  callerUser: '+4930231251 20'.replace(' ', ''),
  assertedIdentity: undefined,
  isPrivate: false
}
const REFUSE = { unknownSources: 'refuse', provenTrunkId: null } as const

t.test('a call from the carrier’s addresses to one of our numbers is served', async t => {
  const tables = buildRoutingTables([NUMBER], [TRUNK])
  for (const sourceAddress of ['192.0.2.1', '192.0.2.14', '2001:db8::7'])
    t.match(routeInbound({ ...FACTS, sourceAddress }, tables, REFUSE), {
      kind: 'serve',
      number: { id: 'n1' },
      trunk: { id: 't1' }
    })
})

t.test('the dialled number may be written as carriers write it', async t => {
  const tables = buildRoutingTables([NUMBER], [TRUNK])
  for (const calledUser of ['+12025550100', '12025550100', '0012025550100', '+1-202-555-0100'])
    t.match(routeInbound({ ...FACTS, calledUser }, tables, REFUSE), { kind: 'serve' }, calledUser)
})

t.test('a stranger is refused, ignored or answered, as configured', async t => {
  const tables = buildRoutingTables([NUMBER], [TRUNK])
  const facts = { ...FACTS, sourceAddress: '198.51.100.1' }
  t.match(routeInbound(facts, tables, REFUSE), { kind: 'refuse', reason: 'sourceNotAllowed' })
  t.match(routeInbound(facts, tables, { ...REFUSE, unknownSources: 'ignore' }), { kind: 'ignore' })
  t.match(routeInbound(facts, tables, { ...REFUSE, unknownSources: 'answer' }), { kind: 'serve', trunk: null })
})

t.test('a switched-off trunk proves nothing', async t => {
  const tables = buildRoutingTables([NUMBER], [{ ...TRUNK, isEnabled: false }])
  t.match(routeInbound(FACTS, tables, REFUSE), { kind: 'refuse', reason: 'sourceNotAllowed' })
})

t.test('each way in which a number cannot be served has its own reason', async t => {
  const route = (row: Partial<NumberRow>) =>
    routeInbound(FACTS, buildRoutingTables([{ ...NUMBER, ...row }], [TRUNK]), REFUSE)
  t.match(route({ number: '+12025550199' }), { reason: 'numberUnknown' })
  t.match(route({ isEnabled: false }), { reason: 'numberDisabled' })
  t.match(route({ flowId: null }), { reason: 'numberHasNoFlow' })
  t.match(route({ trunkId: 'another' }), { reason: 'numberUnknown' })
})

t.test('a trunk with a password has to sign', async t => {
  const tables = buildRoutingTables([NUMBER], [{ ...TRUNK, authentication: 'digest' }])
  t.match(routeInbound(FACTS, tables, REFUSE), { kind: 'challenge' })
  t.match(routeInbound(FACTS, tables, { ...REFUSE, provenTrunkId: 't1' }), { kind: 'serve' })
})

t.test('the caller’s number is the carrier’s word, and stays hidden when the caller hides it', async t => {
  const tables = buildRoutingTables([NUMBER], [TRUNK])
  const assertedIdentity = '"Name" <sip:+493023125120@carrier.example>'
  t.match(routeInbound({ ...FACTS, callerUser: '+12025550199', assertedIdentity }, tables, REFUSE), {
    callerNumber: '+493023125120'
  })
  t.match(routeInbound({ ...FACTS, isPrivate: true, assertedIdentity }, tables, REFUSE), { callerNumber: null })
  t.match(routeInbound({ ...FACTS, callerUser: 'anonymous' }, tables, REFUSE), { callerNumber: null })
  t.match(
    routeInbound({ ...FACTS, sourceAddress: '127.0.0.1', callerUser: '+12025550199', assertedIdentity }, tables, {
      ...REFUSE,
      unknownSources: 'answer'
    }),
    { callerNumber: '+12025550199' },
    'a stranger cannot assert an identity'
  )
})

t.test('only allow-listed destinations are dialled, by the closest prefix', async t => {
  const other = { ...TRUNK, id: 't2', allowedPrefixes: ['+4930'], defaultCallerNumber: '+493023125100' }
  const tables = buildRoutingTables([NUMBER], [TRUNK, other])
  t.match(routeOutbound('+41446681800', NUMBER.number, tables), { kind: 'refuse', code: 'DESTINATION_NOT_ALLOWED' })
  const route = routeOutbound('+493023125199', NUMBER.number, tables)
  t.match(route, { kind: 'dial', trunks: [{ trunk: { id: 't2' } }, { trunk: { id: 't1' } }] })
})

t.test('a trunk without an allow-list dials nothing', async t => {
  const tables = buildRoutingTables([NUMBER], [{ ...TRUNK, allowedPrefixes: [] }])
  t.match(routeOutbound('+493023125199', NUMBER.number, tables), { kind: 'refuse' })
})

t.test('a caller number must be ours, unless the carrier’s agreement allows others', async t => {
  const tables = buildRoutingTables([NUMBER], [TRUNK])
  t.match(routeOutbound('+493023125199', '+12025550177', tables), { kind: 'refuse', code: 'NUMBER_INVALID' })
  const open = buildRoutingTables([NUMBER], [{ ...TRUNK, allowsForeignCallerNumber: true }])
  t.match(routeOutbound('+493023125199', '+12025550177', open), {
    kind: 'dial',
    trunks: [{ callerNumber: '+12025550177' }]
  })
})

t.test('a trunk takes as many calls as its agreement says, at once and in a second', async t => {
  const load = new TrunkLoad()
  const first = load.take(TRUNK, 0)
  t.ok(first)
  t.ok(load.take(TRUNK, 1))
  t.equal(load.take(TRUNK, 2), null, 'two at once is the limit')
  first?.free()
  first?.free()
  t.equal(load.running('t1'), 1, 'a place is given back once')
  const fast = { ...TRUNK, id: 't3', maxCalls: 100, maxCallsPerSecond: 2 }
  const slow = load.take(fast, 0)
  t.ok(load.take(fast, 10))
  t.equal(load.take(fast, 900), null, 'two a second is the limit')
  slow?.leaves(400)
  t.ok(load.take(fast, 1_011))
  t.equal(load.take(fast, 1_399), null, 'counted from when the INVITE has left')
  t.ok(load.take(fast, 1_400))
})

t.test('what cannot be a number is not made into one', async t => {
  for (const written of ['', 'alice', '+', '+0123456789', '12', '+123456789012345678', '*31#'])
    t.equal(toE164(written), null, written)
})
