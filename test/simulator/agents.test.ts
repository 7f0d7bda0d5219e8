import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { oneDatabase, TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { TestSoftphone } from '../support/softphone.ts'
import { botFlow } from '../bots/support.ts'
import { ended, MENU, only, simulated } from './support.ts'

const NUMBER = '+12025550111'
const SCENARIO = `calls:
  - name: A caller wants a person
    from: "+12025550144"
    ringAgents: true
    steps: [{ press: "2" }]
    expect: { path: [menu, person, bye], end: hangup }
`

/** What each report counts in all, by the names of its figures; not how an agent's hours went, which a script does fill. */
async function counted(server: TestParley, from: string, until: string): Promise<Readonly<Record<string, unknown>>> {
  const totals: Record<string, unknown> = {}
  for (const kind of ['queues', 'agents', 'numbers', 'languages']) {
    const { body } = await server.api('GET', `/reports/${kind}?${new URLSearchParams({ from, until })}`)
    totals[kind] = countsIn(body['total'])
  }
  totals['bots'] = (await server.api('GET', `/reports/bots?${new URLSearchParams({ from, to: until })}`)).body
  return totals
}

function countsIn(figures: unknown): unknown {
  const isTime = (name: string) => /Ms$|^occupancy$/.test(name)
  return Object.fromEntries(Object.entries(figures as object).filter(([name]) => !isTime(name)))
}

/** The agent takes the call that rings, ends it, and is done with it. */
async function serve(t: Test, agent: TestSoftphone, number: string, isSimulated: boolean): Promise<void> {
  const { offer } = await agent.until(state => state.offer !== null)
  t.match(offer, { kind: 'queue', queue: { name: 'support' }, customer: { number, isSimulated } })
  await agent.request('answer', { offerId: offer?.id ?? '' })
  const { call } = await agent.until(state => state.call?.mode === 'talking')
  const callId = call?.callId ?? ''
  await agent.request('hangUp', { callId })
  await agent.until(state => state.wrapUp !== null)
  await agent.request('wrapUp.finish', { callId, disposition: null, note: '' })
  await agent.until(state => state.state === 'idle')
}

for (const database of oneDatabase())
  t.test(`a script has agents rung, and counts in no report, with ${database}`, { timeout: 280_000 }, async t => {
    await using server = await TestParley.start({ database, hasDemoData: true })
    const people = await signInPeople(server, ['ana'])
    await server.publish(MENU)
    await server.addNumber(NUMBER, 'shop')
    const asked: string[] = []
    await using ana = await TestSoftphone.onShift(server, people.ana.token, { hz: 600 })
    const from = new Date(Date.now() - 3_600_000).toISOString()
    const until = new Date(Date.now() + 3_600_000).toISOString()
    const crm = createServer((request, response) => {
      asked.push(request.url ?? '')
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
    crm.listen(0, '127.0.0.1')
    await once(crm, 'listening')
    t.teardown(() => crm.close())
    const source = await server.api('POST', '/card-sources', {
      name: 'CRM',
      url: `http://127.0.0.1:${(crm.address() as AddressInfo).port}/{number}`,
      fields: [{ label: 'Name', path: 'name' }]
    })
    t.equal(source.status, 201, JSON.stringify(source.body))
    const before = await counted(server, from, until)

    const started = await server.api('POST', '/flows/shop/simulations', { scenario: SCENARIO })
    t.equal(started.status, 202)
    await serve(t, ana, '+12 .. .. 44', true)
    const { report } = await ended(server, String(started.body['id']))
    const call = only(report)
    t.same(call.failures, [])
    await server.parley.storiesWritten()
    const { body } = await server.api('GET', `/calls/${call.callId}`)
    t.equal(body['isSimulated'], true)
    const kinds = (body['events'] as { kind: string }[]).map(one => one.kind)
    for (const kind of ['queueEntered', 'agentOffered', 'agentJoined']) t.ok(kinds.includes(kind), kind)
    await server.publish(botFlow())
    const withBot = await simulated(
      server,
      'bot',
      'calls: [{ name: A caller wants no bot, steps: [{ press: "0" }], expect: { passes: [people] } }]'
    )
    t.same(only(withBot).failures, [])
    const conversations = await server.parley.db.selectFrom('bot_conversations').select('call_id').execute()
    t.same(conversations, [{ call_id: only(withBot).callId }])
    t.same(await counted(server, from, until), before, 'nothing counts them')
    t.same(asked, [], 'no service hears of a script')

    await using caller = await server.phone()
    const leg = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
    // A menu that hears speech: whoever makes a sound stops its prompt.
    caller.audio.connect((await leg.answered()).sdp).sendSilence()
    await caller.audio.hears(440)
    caller.audio.sendDigits('2')
    await serve(t, ana, '+12 .. .. 23', false)
    await leg.waitForBye()
    await server.story(leg.callId)
    t.equal(asked.length, 1, 'of a person it does')
    const after = await counted(server, from, until)
    for (const kind of ['queues', 'agents', 'numbers', 'languages'])
      t.strictNotSame(after[kind], before[kind], `a person counts in ${kind}`)

    const calls = async (isSimulated: boolean) =>
      ((await server.api('GET', `/calls?isSimulated=${isSimulated}`)).body.items ?? []).length
    t.same([await calls(true), await calls(false)], [2, 1])
    const card = await server.api('POST', '/reviews', { callId: call.callId, scorecardId: 'any' })
    t.match(card, { status: 409, body: { code: 'CONFLICT' } }, 'nobody reviews a script')
    t.match(await server.api('GET', `/quality/calls/${call.callId}`), { status: 200, body: { isSimulated: true } })
  })
