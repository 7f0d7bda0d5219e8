import t from 'tap'
import { finish, ring } from '../support/desk-calls.ts'
import { TO_SUPPORT } from '../support/flows.ts'
import { TestParley, testDatabases } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { TestSoftphone } from '../support/softphone.ts'

const NUMBER = '+12025550111'

for (const database of testDatabases()) {
  t.test(`agents answer at their desks, with ${database}`, { timeout: 280_000 }, async t => {
    const server = await TestParley.start({ database, hasDemoData: true, env: { PARLEY_RECONNECT_MS: '3000' } })
    t.teardown(() => server[Symbol.asyncDispose]())
    await server.publish(TO_SUPPORT)
    await server.addNumber(NUMBER, 'to-support')
    const people = await signInPeople(server, ['ana', 'karim', 'sara'])
    const tokens = { ana: people.ana.token, karim: people.karim.token, sara: people.sara.token }

    await t.test('a caller waits with music and talks to the agent who answers; the flow goes on after', async t => {
      await using ana = await TestSoftphone.onShift(server, tokens.ana, { hz: 600 })
      await using caller = await ring(server, NUMBER)
      const offered = await ana.until(state => state.offer !== null)
      t.match(offered.offer, {
        kind: 'queue',
        queue: { name: 'support' },
        language: 'en',
        customer: {
          number: '+12 .. .. 23',
          reason: 'refund for order 4711',
          answers: [{ label: 'Order', value: '4711' }]
        }
      })
      const startedAtMs = performance.now()
      await ana.request('answer', { offerId: offered.offer?.id ?? '' })
      await Promise.all([ana.hears(440, 'call'), caller.audio.hears(600)])
      t.comment(
        `answer to both tones heard: ${Math.round(performance.now() - startedAtMs)} ms, of which 200 ms are the tone itself`
      )
      const talking = await ana.until(state => state.call?.mode === 'talking')
      t.match(talking, { state: 'talking', call: { audio: 'connected', direction: 'inbound' } })
      t.equal(talking.call?.parties.length, 2)

      const callId = talking.call?.callId ?? ''
      await ana.request('hold', { callId, isOnHold: true })
      await caller.audio.hearsSpeech({})
      await ana.hearsNo(440, 'call')
      t.equal((await ana.until(state => state.call?.mode === 'onHold')).call?.mode, 'onHold')
      await ana.request('hold', { callId, isOnHold: false })
      await Promise.all([ana.hears(440, 'call'), caller.audio.hears(600)])

      await ana.request('digits', { callId, digits: '42#' })
      await caller.audio.hearsDigits('42#')

      await ana.request('mute', { isMuted: true })
      await caller.audio.hearsSilence({})
      await ana.request('mute', { isMuted: false })
      await caller.audio.hears(600)

      await ana.request('note', { callId, text: 'Promised a refund.' })
      await ana.request('hangUp', { callId })
      await caller.audio.hears(1300)
      const wrapUp = await ana.until(state => state.wrapUp !== null)
      t.match(wrapUp, { state: 'wrapUp', wrapUp: { note: 'Promised a refund.', callId } })
      await ana.request('wrapUp.finish', { callId, disposition: null, note: 'Promised a refund.' })
      await ana.until(state => state.state === 'idle')
      const story = await server.story(caller.sipCallId)
      t.match(
        story.events.map(event => event.kind),
        ['started', 'flowChosen', 'nodeEntered', 'answered', 'queueEntered', 'agentOffered', 'queueLeft', 'agentJoined']
      )
    })

    await t.test('an agent rejects and the other one gets the caller, in the same place', async t => {
      await using ana = await TestSoftphone.onShift(server, tokens.ana, { hz: 600 })
      await using caller = await ring(server, NUMBER)
      const { offer } = await ana.until(state => state.offer !== null)
      await using karim = await TestSoftphone.onShift(server, tokens.karim, { hz: 800 })
      await ana.request('reject', { offerId: offer?.id ?? '' })
      t.match(await ana.until(state => state.missed !== null), { missed: { reason: 'rejected' } })
      await karim.answers()
      await Promise.all([karim.hears(440, 'call'), caller.audio.hears(800)])
      await caller.hangUp()
      t.match(await karim.until(state => state.wrapUp !== null), { wrapUp: { endedBy: 'customer' } })
      await finish(karim)
    })

    await t.test('an agent consults a colleague, swaps, makes a conference and hands over', async t => {
      await using ana = await TestSoftphone.onShift(server, tokens.ana, { hz: 600 })
      await ana.request('back', {})
      await using caller = await ring(server, NUMBER)
      const callId = (await ana.answers()).call?.callId ?? ''
      await ana.hears(440, 'call')
      await using karim = await TestSoftphone.onShift(server, tokens.karim, { hz: 800 })
      const agentId = people.karim.id
      await ana.request('consult.start', { callId, destination: { kind: 'agent', agentId } })
      t.match(await karim.until(state => state.offer !== null), { offer: { kind: 'consult', from: 'Ana Example' } })
      await karim.answers()
      await Promise.all([ana.hears(800, 'call'), karim.hears(600, 'call')])
      await karim.hearsNo(440, 'call')

      await ana.request('consult.swap', { callId })
      await Promise.all([ana.hears(440, 'call'), caller.audio.hears(600)])
      await karim.hearsNo(600, 'call')

      await ana.request('consult.join', { callId })
      await Promise.all([caller.audio.hearsAll([600, 800]), karim.hearsAll([440, 600]), ana.hearsAll([440, 800])])
      t.equal((await ana.until(state => state.call?.mode === 'conference')).call?.parties.length, 3)

      await ana.request('conference.leave', { callId })
      await Promise.all([karim.hears(440, 'call'), caller.audio.hears(800)])
      t.match(await ana.until(state => state.wrapUp !== null), { call: null })
      await finish(ana)
      await caller.hangUp()
      await finish(karim)
    })

    await t.test('a page that is loaded anew in mid-call gets the same call back', async t => {
      const first = await TestSoftphone.onShift(server, tokens.ana, { hz: 600 })
      await first.request('back', {})
      await using caller = await ring(server, NUMBER)
      const before = await first.answers()
      await caller.audio.hears(600)
      await first.vanish()
      await caller.audio.hearsSpeech({})
      const startedAtMs = performance.now()
      await using again = await TestSoftphone.open(server, tokens.ana, { hz: 600, tab: first.tab })
      await again.connectAudio()
      await Promise.all([again.hears(440, 'call'), caller.audio.hears(600)])
      t.comment(`back in the call after ${Math.round(performance.now() - startedAtMs)} ms`)
      t.equal(again.state.call?.callId, before.call?.callId)
      t.equal(again.state.call?.connectedAt, before.call?.connectedAt)
      await caller.hangUp()
      await finish(again)
    })

    await t.test('the caller of an agent who does not come back goes to another one, first in line', async () => {
      const ana = await TestSoftphone.onShift(server, tokens.ana, { hz: 600 })
      await ana.request('back', {})
      await using caller = await ring(server, NUMBER)
      await ana.answers()
      await caller.audio.hears(600)
      await ana.vanish()
      await using karim = await TestSoftphone.onShift(server, tokens.karim, { hz: 800 })
      await karim.answers()
      await Promise.all([karim.hears(440, 'call'), caller.audio.hears(800)])
      await caller.hangUp()
      await finish(karim)
    })

    await t.test('a supervisor listens and whispers, and the customer hears nothing of it', async t => {
      await using ana = await TestSoftphone.onShift(server, tokens.ana, { hz: 600 })
      // The call that was lost is still to be wrapped up.
      await finish(ana)
      await using caller = await ring(server, NUMBER)
      const callId = (await ana.answers()).call?.callId ?? ''
      await caller.audio.hears(600)
      await using sara = await TestSoftphone.open(server, tokens.sara, { hz: 1000 })
      await sara.connectAudio()
      await sara.prove()
      await sara.request('supervise', { callId, mode: 'listen', reason: 'coaching' })
      await Promise.all([sara.hears(440, 'supervised'), sara.hears(600, 'supervised')])
      await ana.hearsNo(1000)
      t.match(await ana.until(state => state.call?.supervisor !== null), {
        call: { supervisor: { name: 'Sara Example', mode: 'listen' } }
      })
      await sara.request('supervise', { callId, mode: 'whisper', reason: 'coaching' })
      await ana.hears(1000, 'supervisor')
      await caller.audio.hearsNot(1000)
      await sara.request('supervise', { callId, mode: 'barge', reason: 'customer asked' })
      await Promise.all([caller.audio.hearsAll([600, 1000]), sara.hearsAll([440, 600], 'call')])
      await sara.request('supervise.stop', {})
      await caller.audio.hearsNot(1000)
      const audit = await server.api('GET', '/audit-log?limit=20')
      t.match(
        (audit.body.items as { action: string }[]).map(one => one.action).filter(action => action.startsWith('call.')),
        ['call.barge', 'call.whisper', 'call.listen']
      )
      await t.rejects(
        ana.request('supervise', { callId, mode: 'listen', reason: 'curious' }),
        { code: 'FORBIDDEN' },
        'agents do not listen to each other'
      )
      await caller.hangUp()
      await finish(ana)
    })
  })
}
