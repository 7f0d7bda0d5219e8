import { sql } from 'kysely'
import t from 'tap'
import { liveCall } from '../recordings/support.ts'
import { ring } from '../support/desk-calls.ts'
import { TO_SUPPORT } from '../support/flows.ts'
import { signInPeople } from '../support/people.ts'
import { TestParley, oneDatabase } from '../support/parley.ts'
import { TestSoftphone } from '../support/softphone.ts'

const NUMBER = '+12025550111'
const PASSWORD = 'a desk phone’s password'

for (const database of oneDatabase())
  t.test(`agents use desk phones and call others, with ${database}`, { timeout: 280_000 }, async t => {
    await using server = await TestParley.start({ database, hasDemoData: true })
    await server.publish(TO_SUPPORT)
    await server.addNumber(NUMBER, 'to-support')
    const people = await signInPeople(server, ['ana', 'karim'])

    await t.test('an agent with a desk phone is rung there, and puts the caller on hold from the page', async t => {
      await using desk = await server.phone({ user: 'desk-7' })
      const account = { extension: '2001', password: PASSWORD, userId: people.ana.id }
      t.equal((await server.api('PUT', '/sip-accounts/desk-7', account)).status, 200)
      const registrar = server.uri('').replace('@', '')
      t.equal((await desk.phone.register(registrar, { user: 'desk-7', password: PASSWORD })).status, 200)
      t.equal((await server.api('PATCH', `/agents/${people.ana.id}`, { hasDeskPhone: true })).status, 200)
      await using page = await TestSoftphone.open(server, people.ana.token)
      await page.request('status', { status: 'available' })
      await page.until(state => state.routable.isRoutable)
      await using caller = await ring(server, NUMBER)
      const incoming = await desk.phone.nextInvite()
      desk.audio.connect(incoming.sdp).sendTone(600)
      incoming.ring()
      await incoming.answer(desk.audio.sdp())
      await Promise.all([desk.audio.hears(440), caller.audio.hears(600)])
      const pressed = Promise.withResolvers<void>()
      liveCall(server).customer?.onDigit(digit => {
        if (digit === '2') pressed.resolve()
      })
      caller.audio.sendDigits('42').sendTone(440)
      await pressed.promise
      await desk.audio.receives(desk.audio.packetsReceived + 25)
      t.equal(desk.audio.digits, '', 'what a customer keys in is not sent to the agent')
      const callId = (await page.until(state => state.call !== null)).call?.callId ?? ''
      await page.request('hold', { callId, isOnHold: true })
      await caller.audio.hearsNot(600)
      await page.request('hold', { callId, isOnHold: false })
      await caller.audio.hears(600)
      await incoming.bye()
      await caller.audio.hears(1300)
      await page.until(state => state.wrapUp !== null)
      await page.request('wrapUp.finish', { callId, disposition: null, note: '' })
      await server.api('PATCH', `/agents/${people.ana.id}`, { hasDeskPhone: false })
    })

    await t.test('an agent calls a customer only when the rules allow it, and a colleague at any time', async t => {
      await using ana = await TestSoftphone.onShift(server, people.ana.token, { hz: 600 })
      await using carrier = await server.phone({ user: 'carrier' })
      await server.api('POST', '/trunks', {
        name: 'carrier',
        authentication: 'ip',
        outboundAddress: `127.0.0.1:${carrier.phone.port}`,
        allowedPrefixes: ['+1', '+49'],
        defaultCallerNumber: '+12025550100'
      })
      const dialled = await ana.request('dial', { destination: { kind: 'number', number: '+12025550150' } })
      const incoming = await carrier.phone.nextInvite()
      t.match((await ana.until(state => state.call !== null)).call, { mode: 'ringing', direction: 'outbound' })
      carrier.audio.connect(incoming.sdp).sendTone(440)
      await incoming.answer(carrier.audio.sdp())
      await Promise.all([ana.hears(440, 'call'), carrier.audio.hears(600)])

      // Somebody outside who is asked in the middle of it is called on a decision of their own.
      const outside = { kind: 'number', number: '+12025550161' } as const
      await ana.request('consult.start', { callId: dialled.callId as string, destination: outside })
      const asked = await carrier.phone.nextInvite()
      t.match(asked.invite.uri, /\+12025550161@/)
      asked.reject(486, 'Busy Here')
      await ana.until(state => state.call?.mode === 'onHold')
      await ana.request('hangUp', { callId: dialled.callId })
      const { rows } = await sql<{ is_party: boolean; outcome: string }>`
        select is_party, outcome from compliance_attempts where call_id = ${dialled.callId} order by placed_at`.execute(
        server.parley.db
      )
      t.match(rows, [
        { is_party: false, outcome: 'conversation' },
        { is_party: true, outcome: 'busy' }
      ])
      t.match((await server.api('GET', '/compliance/chain')).body, { broken: null, callsWithoutDecision: [] })
      await ana.until(state => state.wrapUp !== null)
      await ana.request('wrapUp.finish', { callId: dialled.callId, disposition: null, note: '' })
      await ana.until(state => state.state === 'idle')

      await t.rejects(
        ana.request('dial', { destination: { kind: 'number', number: '+12025550150' }, purpose: 'marketing' }),
        { code: 'NOT_LAWFUL' },
        'selling to somebody whose do-not-call state is not known is not lawful'
      )
      t.equal(ana.state.call, null)

      await using karim = await TestSoftphone.onShift(server, people.karim.token, { hz: 800 })
      await ana.request('dial', { destination: { kind: 'agent', agentId: people.karim.id } })
      t.match(await karim.until(state => state.offer !== null), { offer: { kind: 'direct', from: 'Ana Example' } })
      await karim.answers()
      await Promise.all([ana.hears(800, 'call'), karim.hears(600, 'call')])
      await karim.request('hangUp', { callId: karim.state.call?.callId ?? '' })
      await ana.until(state => state.state === 'idle' && state.call === null)
    })
  })

const CALLBACK_FLOW = `
id: call-me-back
name: Call me back
languages: [en]
defaultLanguage: en
start: book
onFailure: bye
nodes:
  book:
    kind: callback
    queue: support
    next: thanks
    failed: bye
  thanks:
    kind: say
    prompt: { tone: '%(600,0,900)' }
    next: bye
  bye:
    kind: hangup
`

t.test(
  'a caller who hangs up keeps the place and is called back by the agent whose turn it is',
  { timeout: 280_000 },
  async t => {
    // A callback that was just asked for may come at any hour; when it was asked for is told by the real clock.
    await using server = await TestParley.start({ hasDemoData: true, now: () => new Date() })
    const { ana } = await signInPeople(server, ['ana'])
    await server.publish(CALLBACK_FLOW)
    await server.addNumber('+12025550112', 'call-me-back')
    await using carrier = await server.phone({ user: 'carrier' })
    await server.api('POST', '/trunks', {
      name: 'carrier',
      authentication: 'ip',
      outboundAddress: `127.0.0.1:${carrier.phone.port}`,
      allowedPrefixes: ['+1'],
      defaultCallerNumber: '+12025550100'
    })
    await using caller = await server.phone()
    const call = caller.phone.call(server.uri('+12025550112'), { sdp: caller.audio.sdp() })
    caller.audio.connect((await call.answered()).sdp)
    await caller.audio.hears(900)
    await using page = await TestSoftphone.onShift(server, ana.token, { hz: 600 })
    const { offer } = await page.until(state => state.offer !== null)
    t.match(offer, { kind: 'queue', queue: { name: 'support' } })
    await page.request('answer', { offerId: offer?.id ?? '' })
    const incoming = await carrier.phone.nextInvite()
    t.match(incoming.invite.uri, /\+12025550123@/)
    carrier.audio.connect(incoming.sdp).sendTone(440)
    await incoming.answer(carrier.audio.sdp())
    await Promise.all([page.hears(440, 'call'), carrier.audio.hears(600)])
    await incoming.bye()
    t.match(await page.until(state => state.wrapUp !== null), { wrapUp: { endedBy: 'customer' } })
  }
)
