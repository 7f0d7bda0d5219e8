import t from 'tap'
import { parse } from 'yaml'
import { type TestCall, testDatabases, TestParley } from '../support/parley.ts'
import { MENU, only, simulated } from './support.ts'

const NUMBER = '+12025550100'
/** The desk's test of scripted calls runs on the other one. */
const database = testDatabases().at(-1)
const server = await TestParley.start({
  ...(database !== undefined && { database }),
  env: { PARLEY_SIMULATED_CALLS: '1' }
})
t.teardown(() => server[Symbol.asyncDispose]())
await server.publish(MENU)
t.jobs = 1

t.test('a scripted caller asks in words, keys a number in and is answered', { timeout: 280_000 }, async t => {
  const report = await simulated(
    server,
    'shop',
    `calls:
  - name: A caller asks where an order is
    steps:
      - say: Where is my order?
      - press: "1234"
      - request: { status: 200, body: { state: sent } }
    expect:
      path: [menu, order, lookUp, tell, bye]
      variables: { order: "1234" }
      requests: [GET https://shop.example/orders/1234]
      end: hangup
    limits: { wordErrorRate: 0, turns: 2, latencyMs: 20000 }
`
  )
  const call = only(report)
  t.same(call.failures, [])
  t.match(call.score, { isSuccess: true, goals: { met: 4, of: 4 }, turns: 2, words: { wrong: 0, of: 4, rate: 0 } })
  t.equal(report.view.state, 'ended')
  const turns = call.turns.map(turn => (turn.who === 'flow' ? 'flow' : turn.kind))
  t.same(turns, ['flow', 'speech', 'flow', 'keys', 'flow'])
  const speech = call.turns[1]
  t.match(speech, { text: 'Where is my order?', heard: 'where is my order' })
  t.ok(speech?.who === 'caller' && (speech.latencyMs ?? 0) > 0, 'the latency was measured')

  await server.parley.storiesWritten()
  const { body } = await server.api('GET', `/calls/${call.callId}`)
  const story = body as unknown as TestCall
  t.match(story, { isSimulated: true, trunkId: null, sipCallId: null, state: 'ended' })
  t.match(story.events[0], { kind: 'started', data: { isSimulated: true, requestedBy: 'admin' } })
  t.notOk(
    story.events.some(one => ['legStarted', 'queueEntered'].includes(one.kind)),
    'nobody was dialled and nobody rung'
  )
  t.notOk(JSON.stringify(story).includes('1234'), 'what was keyed in stays out of the story')
})

t.test(
  'a caller who takes the word stops the prompt, and the time until then is measured',
  { timeout: 280_000 },
  async t => {
    const draft = MENU.replace('%(600,0,440)', '%(9000,0,440)')
    const call = only(
      await simulated(
        server,
        'shop',
        `calls:
  - name: A caller who cannot wait
    steps: [{ say: customer support, interruptAtMs: 600 }]
    expect: { passes: [person, bye], end: hangup }
    limits: { interruptMs: 3000, durationMs: 9000 }
`,
        { draft }
      )
    )
    t.same(call.failures, [])
    t.equal(call.score.interrupt.turns, 1)
    t.ok((call.score.interrupt.maxMs ?? 0) > 0)
    t.match(call.turns[0], { who: 'flow', wasCut: true })
  }
)

t.test('what does not go as the scenario says is told with its place', { timeout: 280_000 }, async t => {
  const report = await simulated(
    server,
    'shop',
    `defaults: { maxMs: 20000 }
calls:
  - name: A caller who says nothing hopes for a person
    steps: [{ silence: true }, { silence: true }, { press: "1" }]
    expect: { passes: [person], end: hangup, tags: [vip] }
    limits: { turns: 1 }
  - name: A caller gives up
    steps: [{ silence: true }, { hangUp: true }]
    expect: { end: callerHungUp }
  - name: A caller wants a branch outside
    steps: [{ press: "3" }, { transfer: busy }]
    expect: { destination: "+12025550199", passes: [message, failed] }
`
  )
  t.equal(report.isSuccess, false)
  const [silent, gone, branch] = report.calls
  t.same(
    silent?.failures.map(one => one.path.join('.')),
    ['steps.2', 'expect.passes.0', 'expect.tags', 'limits.turns']
  )
  t.match(silent?.score, { isSuccess: false, goals: { met: 1, of: 3 } })
  t.match(gone, { failures: [], endReason: 'callerHungUp' })
  t.same(branch?.failures, [], 'the branch is busy because the scenario says so; no trunk was asked')
})

t.test('bad scenarios and bad wishes are refused with a code and a place', async t => {
  const post = (body: unknown) => server.api('POST', '/flows/shop/simulations', body)
  t.match(await post({ scenario: 'calls:\n  - name: x\n    steps: [{ shout: hey }]\n    expect: { end: hangup }' }), {
    status: 422,
    body: { code: 'SCENARIO_INVALID', problems: [{ at: '3:15', message: /UNKNOWN_PROPERTY/ }, {}] }
  })
  t.match(
    await post({
      scenario: 'calls: [{ name: x, steps: [{ silence: true, interruptAtMs: 5 }], expect: { end: hangup } }]'
    }),
    {
      status: 422,
      body: { code: 'SCENARIO_INVALID' }
    }
  )
  const good = 'calls: [{ name: x, expect: { end: hangup } }]'
  t.match(await post({ scenario: good, draft: 'id: other' }), { status: 422, body: { code: 'FLOW_INVALID' } })
  t.match(await post({ scenario: good, version: 9 }), { status: 404 })
  t.match(await server.api('POST', '/flows/nothing/simulations', { scenario: good }), { status: 404 })
  t.match(await server.api('GET', '/simulations/nothing'), { status: 404 })
})

t.test('scenarios are kept with their flow', async t => {
  const source = 'calls: [{ name: x, expect: { end: hangup } }]'
  t.match(await server.api('PUT', '/flows/shop/scenarios/a%20caller', { source }), { status: 204 })
  t.match(await server.api('PUT', '/flows/shop/scenarios/broken', { source: 'calls: []' }), { status: 422 })
  t.match(await server.api('GET', '/flows/shop/scenarios'), {
    body: { items: [{ name: 'a caller', source, updatedBy: 'admin' }] }
  })
  t.match(await server.api('DELETE', '/flows/shop/scenarios/a%20caller'), { status: 204 })
  t.match(await server.api('DELETE', '/flows/shop/scenarios/a%20caller'), { status: 404 })
  t.same((await server.api('GET', '/flows/shop/scenarios')).body.items, [])
})

const LEAVE = `
id: leave
name: Leave to record
languages: [en]
defaultLanguage: en
start: consent
onFailure: bye
nodes:
  consent:
    kind: consent
    question: { tone: "%(300,0,500)" }
    refusal: { tone: "%(300,0,700)" }
    attempts: 1
    next: recorded
    refused: alone
  recorded: { kind: say, bargeIn: false, prompt: { tone: "%(200,0,880)" }, next: bye }
  alone: { kind: say, bargeIn: false, prompt: { tone: "%(200,0,300)" }, next: bye }
  bye: { kind: hangup }
`

t.test(
  'a scripted caller is asked for leave as anybody, and nothing is written down or recorded',
  { timeout: 280_000 },
  async t => {
    await server.publish(LEAVE)
    const report = await simulated(
      server,
      'leave',
      `defaults: { from: "+493023125155", to: "+493023125100" }
calls:
  - name: A caller agrees
    steps: [{ press: "1" }]
    expect: { path: [consent, recorded, bye] }
  - name: A caller does not
    steps: [{ press: "2" }]
    expect: { path: [consent, alone, bye] }
`
    )
    t.same(
      report.calls.flatMap(call => call.failures),
      []
    )
    const { db } = server.parley
    t.same(await db.selectFrom('recording_consents').selectAll().execute(), [])
    t.same(await db.selectFrom('recordings').selectAll().execute(), [])
  }
)

t.test('only who may direct agents may have them rung by a script', async t => {
  const key = await server.api('POST', '/api-keys', { name: 'builds', role: 'integration' })
  const scenario = 'calls: [{ name: x, ringAgents: true, expect: { end: hangup } }]'
  const asked = await server.api('POST', '/flows/shop/simulations', { scenario }, String(key.body['key']))
  t.match(asked, { status: 403, body: { code: 'FORBIDDEN' } })
})

t.test(
  'no more callers than the settings allow call at once, and none calls for ever',
  { timeout: 280_000 },
  async t => {
    const scenario = 'calls: [{ name: A caller who waits, maxMs: 1000, expect: { end: callerHungUp } }]'
    const both = await Promise.all([simulated(server, 'shop', scenario), simulated(server, 'shop', scenario)])
    for (const report of both)
      t.same(only(report).failures, [{ path: ['maxMs'], message: 'the call was cut off after 1000 ms' }])
    await server.parley.storiesWritten()
    const stories = await Promise.all(
      both.map(async report => (await server.api('GET', `/calls/${only(report).callId}`)).body)
    )
    const [first, second] = stories.toSorted((one, other) =>
      String(one['startedAt']).localeCompare(String(other['startedAt']))
    )
    t.ok(String(first?.['endedAt']) <= String(second?.['startedAt']), 'the second began when the first was over')
  }
)

t.test('simulated calls count nowhere', async t => {
  await server.parley.storiesWritten()
  const simulated = await server.api('GET', '/calls?isSimulated=true')
  t.ok((simulated.body.items?.length ?? 0) >= 4)
  t.same((await server.api('GET', '/calls?isSimulated=false')).body.items, [])
  const metrics = await (await fetch(`${server.url}/metrics`)).text()
  t.notMatch(metrics, /parley_calls_started_total\{/)
})

t.test('a call is called again by a script, with what was personal left out', { timeout: 280_000 }, async t => {
  await server.addNumber(NUMBER, 'shop')
  await using caller = await server.phone()
  const leg = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
  caller.audio.connect((await leg.answered()).sdp).sendSilence()
  await caller.audio.hears(440)
  await caller.audio.hearsSilence()
  caller.audio.forget()
  // Silent at first; the second time a key, then an order number that nobody may read later.
  await caller.audio.hears(440)
  caller.audio.sendDigits('1')
  await caller.audio.hears(600)
  caller.audio.sendDigits('9876')
  await leg.waitForBye()
  const stored = await server.story(leg.callId)

  const made = await server.api('POST', `/calls/${stored.id}/scenario`)
  t.match(made, { status: 200, body: { flowId: 'shop', flowVersion: 1, notes: 1 } })
  const source = String(made.body['source'])
  t.notMatch(source, '9876', 'what was keyed in is nowhere')
  t.notMatch(source, '+1202555', 'nor is the caller’s number')
  t.match(source, '# 4 keys were pressed; which is not kept: put in some that fit.')
  const [call] = (parse(source) as { calls: { steps: unknown; expect: unknown }[] }).calls
  t.match(call?.steps, [{ silence: true }, { press: '1' }, { press: '0000' }, { request: { failed: 'UNREACHABLE' } }])
  t.match(call?.expect, { path: ['menu', 'order', 'lookUp', 'failed', 'bye'], end: 'hangup' })

  const again = only(await simulated(server, 'shop', source))
  t.same(again.failures, [], 'the script takes the same way')
  t.match(await server.api('POST', '/calls/nothing/scenario'), { status: 404 })
  const log = await server.api('GET', '/audit-log?limit=50')
  t.ok(JSON.stringify(log.body).includes('call.scenario.made'))
})
