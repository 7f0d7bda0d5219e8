import fc from 'fast-check'
import t from 'tap'
import {
  INVITE_CLIENT,
  INVITE_SERVER,
  PLAIN_CLIENT,
  PLAIN_SERVER,
  step,
  type Table
} from '../../../../media/embedded/drachtio/transaction/tables.ts'

function run<S extends string, E extends string, A>(table: Table<S, E, A>, from: S, events: readonly E[]): [S, A[]] {
  let state = from
  const taken: A[] = []
  for (const event of events) {
    const [next, actions] = step(table, state, event)
    state = next
    taken.push(...actions)
  }
  return [state, taken]
}

t.test('an INVITE is sent again until something answers, and its 2xx is delivered each time it comes', async t => {
  const [state, actions] = run(INVITE_CLIENT, 'idle', [
    'start',
    'timerA',
    'timerA',
    '1xx',
    'timerA',
    '2xx',
    '2xx',
    'timerM'
  ])
  t.equal(state, 'terminated')
  t.equal(actions.filter(a => a === 'send').length, 3, 'no repetition after the provisional response')
  t.equal(actions.filter(a => a === 'deliver').length, 3)
  t.notOk(actions.includes('ack'), 'the ACK of a 2xx is the business of the user')
})

t.test('a refused INVITE is acknowledged each time the refusal comes, and told once', async t => {
  const [state, actions] = run(INVITE_CLIENT, 'idle', ['start', 'failure', 'failure', 'failure', 'timerD'])
  t.equal(state, 'terminated')
  t.equal(actions.filter(a => a === 'ack').length, 3)
  t.equal(actions.filter(a => a === 'deliver').length, 1)
})

t.test('an INVITE that nobody answers times out', async t => {
  const [state, actions] = run(INVITE_CLIENT, 'idle', ['start', 'timerA', 'timerB'])
  t.equal(state, 'terminated')
  t.ok(actions.includes('reportTimeout'))
})

t.test('other requests are repeated also after a provisional response, and time out in either state', async t => {
  t.same(run(PLAIN_CLIENT, 'idle', ['start', 'timerE', '1xx', 'timerE'])[1], [
    'send',
    'startE',
    'startF',
    'send',
    'doubleE',
    'deliver',
    'send',
    'slowE'
  ])
  t.equal(run(PLAIN_CLIENT, 'trying', ['timerF'])[0], 'terminated')
  t.equal(run(PLAIN_CLIENT, 'proceeding', ['timerF'])[0], 'terminated')
  t.equal(run(PLAIN_CLIENT, 'trying', ['2xx', 'timerK'])[0], 'terminated')
})

t.test('a refused caller hears the refusal again until the ACK, and nothing after', async t => {
  const [state, actions] = run(INVITE_SERVER, 'proceeding', [
    'send1xx',
    'sendFailure',
    'timerG',
    'request',
    'ack',
    'timerG',
    'request'
  ])
  t.equal(state, 'confirmed')
  t.equal(actions.filter(a => a === 'resend').length, 2)
  t.equal(step(INVITE_SERVER, 'confirmed', 'timerI')[0], 'terminated')
  t.equal(step(INVITE_SERVER, 'completed', 'timerH')[0], 'terminated')
})

t.test('an answered INVITE absorbs its repetitions and lets the ACK and further 2xx through', async t => {
  t.same(step(INVITE_SERVER, 'accepted', 'request'), ['accepted', []])
  t.same(step(INVITE_SERVER, 'accepted', 'ack'), ['accepted', ['deliverAck']])
  t.same(step(INVITE_SERVER, 'accepted', 'send2xx'), ['accepted', ['send']])
  t.equal(step(INVITE_SERVER, 'accepted', 'timerL')[0], 'terminated')
})

t.test('other requests get the same answer again until timer J', async t => {
  t.same(step(PLAIN_SERVER, 'trying', 'request'), ['trying', []])
  t.same(step(PLAIN_SERVER, 'completed', 'request'), ['completed', ['resend']])
  t.same(step(PLAIN_SERVER, 'completed', 'send2xx'), ['completed', []], 'a second final response is not sent')
  t.equal(step(PLAIN_SERVER, 'completed', 'timerJ')[0], 'terminated')
})

t.test('whatever happens in whatever order, nothing comes out of a terminated transaction', async t => {
  const clientEvents = fc.constantFrom(
    ...([
      'start',
      '1xx',
      '2xx',
      'failure',
      'timerA',
      'timerB',
      'timerD',
      'timerM',
      'timerE',
      'timerF',
      'timerK',
      'transportError'
    ] as const)
  )
  const serverEvents = fc.constantFrom(
    ...([
      'request',
      'ack',
      'send1xx',
      'send2xx',
      'sendFailure',
      'timerG',
      'timerH',
      'timerI',
      'timerJ',
      'timerL',
      'transportError'
    ] as const)
  )
  fc.assert(
    fc.property(fc.array(clientEvents, { maxLength: 20 }), events => {
      for (const [table, from] of [
        [INVITE_CLIENT, 'idle'],
        [PLAIN_CLIENT, 'idle']
      ] as const) {
        const [, actions] = run<string, string, string>(table as Table<string, string, string>, from, events)
        const end = actions.indexOf('end')
        if (end >= 0 && end !== actions.length - 1) return false
        if (actions.filter(a => a.startsWith('report')).length > 1) return false
      }
      return true
    }),
    { numRuns: 500 }
  )
  fc.assert(
    fc.property(fc.array(serverEvents, { maxLength: 20 }), events => {
      for (const [table, from] of [
        [INVITE_SERVER, 'proceeding'],
        [PLAIN_SERVER, 'trying']
      ] as const) {
        const [, actions] = run<string, string, string>(table as Table<string, string, string>, from, events)
        const end = actions.indexOf('end')
        if (end >= 0 && end !== actions.length - 1) return false
      }
      return true
    }),
    { numRuns: 500 }
  )
  t.pass()
})
