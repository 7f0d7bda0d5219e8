import { randomBytes } from 'node:crypto'
import t from 'tap'
import { finish, ring } from '../support/desk-calls.ts'
import { TO_SUPPORT } from '../support/flows.ts'
import { TestParley, testDatabases } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { freshDatabase } from '../support/postgres-database.ts'
import { TestSoftphone } from '../support/softphone.ts'

const NUMBER = '+12025550111'

if (testDatabases().includes('postgres'))
  t.test('agents answer callers of another control plane', { timeout: 280_000 }, async t => {
    const stack = new AsyncDisposableStack()
    t.teardown(() => stack.disposeAsync())
    const shared = {
      database: 'postgres',
      databaseUrl: await freshDatabase(stack),
      secrets: { key: randomBytes(32) },
      env: { PARLEY_RECONNECT_MS: '3000' }
    } as const
    /** Callers call here. */
    const calls = stack.use(await TestParley.start({ ...shared, hasDemoData: true }))
    /** Pages are open there. */
    const pages = stack.use(await TestParley.start(shared))
    await calls.publish(TO_SUPPORT)
    await calls.addNumber(NUMBER, 'to-support')
    const people = await signInPeople(calls, ['ana', 'karim', 'sara'])
    const tokens = { ana: people.ana.token, karim: people.karim.token, sara: people.sara.token }

    await t.test('a caller talks to an agent whose page is there: hold, keys, mute, note and wrap-up work', async t => {
      await using ana = await TestSoftphone.onShift(pages, tokens.ana, { hz: 600 })
      await using caller = await ring(calls, NUMBER)
      const { offer } = await ana.until(state => state.offer !== null)
      t.match(offer, { kind: 'queue', queue: { name: 'support' }, customer: { number: '+12 .. .. 23' } })
      await ana.request('answer', { offerId: offer?.id ?? '' })
      await Promise.all([ana.hears(440, 'call'), caller.audio.hears(600)])
      // The call and the agent's state come from two servers, and either may be first.
      const talking = await ana.until(state => state.call?.mode === 'talking' && state.state === 'talking')
      t.match(talking, { offer: null, call: { audio: 'connected', direction: 'inbound' } })
      const callId = talking.call?.callId ?? ''

      await ana.request('hold', { callId, isOnHold: true })
      await caller.audio.hearsSpeech({})
      await ana.hearsNo(440, 'call')
      t.equal((await ana.until(state => state.call?.mode === 'onHold')).call?.mode, 'onHold')
      await t.rejects(ana.request('consult.swap', { callId }), { code: 'CONFLICT' }, 'a refusal comes back in words')
      await ana.request('hold', { callId, isOnHold: false })
      await Promise.all([ana.hears(440, 'call'), caller.audio.hears(600)])

      await ana.request('digits', { callId, digits: '42#' })
      await caller.audio.hearsDigits('42#')
      await ana.request('mute', { isMuted: true })
      await caller.audio.hearsSilence({})
      t.equal((await ana.until(state => state.call?.isMuted === true)).call?.isMuted, true)
      await ana.request('mute', { isMuted: false })
      await caller.audio.hears(600)

      await ana.request('note', { callId, text: 'Promised a refund.' })
      t.equal((await ana.until(state => state.call?.note !== '')).call?.note, 'Promised a refund.')
      await ana.request('hangUp', { callId })
      await caller.audio.hears(1300)
      t.match(await ana.until(state => state.wrapUp !== null), {
        state: 'wrapUp',
        call: null,
        wrapUp: { note: 'Promised a refund.', callId, queue: { name: 'support' } }
      })
      await ana.request('wrapUp.finish', { callId, disposition: null, note: 'Promised a refund.' })
      await ana.until(state => state.state === 'idle' && state.wrapUp === null)
      const story = await calls.story(caller.sipCallId)
      t.match(
        story.events.map(event => event.kind),
        ['started', 'flowChosen', 'nodeEntered', 'answered', 'queueEntered', 'agentOffered', 'queueLeft', 'agentJoined']
      )
    })

    await t.test('an agent there rejects, and one whose page is here gets the caller', async t => {
      await using ana = await TestSoftphone.onShift(pages, tokens.ana, { hz: 600 })
      await using caller = await ring(calls, NUMBER)
      const { offer } = await ana.until(state => state.offer !== null)
      await using karim = await TestSoftphone.onShift(calls, tokens.karim, { hz: 800 })
      await ana.request('reject', { offerId: offer?.id ?? '' })
      t.match(await ana.until(state => state.missed !== null), { missed: { reason: 'rejected' }, offer: null })
      await karim.answers()
      await Promise.all([karim.hears(440, 'call'), caller.audio.hears(800)])
      await caller.hangUp()
      t.match(await karim.until(state => state.wrapUp !== null), { wrapUp: { endedBy: 'customer' } })
      await finish(karim)
      await ana.request('back', {})
    })

    await t.test('an agent there consults one here, makes a conference and leaves it', async t => {
      await using ana = await TestSoftphone.onShift(pages, tokens.ana, { hz: 600 })
      await using caller = await ring(calls, NUMBER)
      const callId = (await ana.answers()).call?.callId ?? ''
      await ana.hears(440, 'call')
      await using karim = await TestSoftphone.onShift(calls, tokens.karim, { hz: 800 })
      await ana.request('consult.start', { callId, destination: { kind: 'agent', agentId: people.karim.id } })
      t.match(await karim.until(state => state.offer !== null), { offer: { kind: 'consult', from: 'Ana Example' } })
      await karim.answers()
      await Promise.all([ana.hears(800, 'call'), karim.hears(600, 'call')])
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

    await t.test('the page there is loaded anew in mid-call: one call, and both hear each other again', async t => {
      const first = await TestSoftphone.onShift(pages, tokens.ana, { hz: 600 })
      await using caller = await ring(calls, NUMBER)
      const callId = (await first.answers()).call?.callId ?? ''
      await Promise.all([first.hears(440, 'call'), caller.audio.hears(600)])
      await first[Symbol.asyncDispose]()
      await caller.audio.hearsSpeech({})
      await using again = await TestSoftphone.open(pages, tokens.ana, { hz: 600, tab: first.tab })
      await again.connectAudio()
      await Promise.all([again.hears(440, 'call'), caller.audio.hears(600)])
      t.equal((await again.until(state => state.call?.audio === 'connected')).call?.callId, callId)
      await caller.hangUp()
      t.match(await again.until(state => state.wrapUp !== null), { wrapUp: { endedBy: 'customer' } })
      await finish(again)
      const kinds = (await calls.story(caller.sipCallId)).events.map(event => event.kind)
      t.ok(kinds.includes('agentAway') && kinds.includes('agentBack'), kinds.join(' '))
    })

    await t.test('the page moves to another control plane in mid-call, and back: one call', async t => {
      const there = await TestSoftphone.onShift(pages, tokens.ana, { hz: 600 })
      await using caller = await ring(calls, NUMBER)
      const callId = (await there.answers()).call?.callId ?? ''
      await Promise.all([there.hears(440, 'call'), caller.audio.hears(600)])
      await there.request('note', { callId, text: 'Wants a refund.' })
      await there.vanish()
      await caller.audio.hearsSpeech({})
      const here = await TestSoftphone.open(calls, tokens.ana, { hz: 600, tab: there.tab })
      await here.connectAudio()
      await Promise.all([here.hears(440, 'call'), caller.audio.hears(600)])
      const shown = await here.until(state => state.call?.audio === 'connected' && state.call.note !== '')
      t.match(shown.call, { callId, note: 'Wants a refund.' })

      // Before the first one is missed: a page that opens at once is not even away.
      const startedAtMs = performance.now()
      await using again = await TestSoftphone.open(pages, tokens.ana, { hz: 700, tab: here.tab })
      await again.connectAudio()
      await Promise.all([again.hears(440, 'call'), caller.audio.hears(700)])
      t.comment(`there and heard after ${Math.round(performance.now() - startedAtMs)} ms`)
      await caller.audio.hearsNot(600)
      await here.vanish()
      await again.request('hold', { callId, isOnHold: true })
      await again.hearsNo(440, 'call')
      await again.request('hold', { callId, isOnHold: false })
      await Promise.all([again.hears(440, 'call'), caller.audio.hears(700)])
      t.match((await again.until(state => state.call?.note !== '')).call, { callId, note: 'Wants a refund.' })
      await caller.hangUp()
      await finish(again)
      const kinds = (await calls.story(caller.sipCallId)).events.map(event => event.kind)
      const { body } = await calls.api('GET', '/calls?limit=1')
      t.match(body.items, [{ id: callId, state: 'ended', endReason: 'callerHungUp' }])
      t.equal(kinds.filter(kind => kind === 'agentJoined').length, 1, kinds.join(' '))
    })

    await t.test(
      'pages on two control planes: calls ring in the newer one, and the older one takes its place',
      async t => {
        await using older = await TestSoftphone.onShift(calls, tokens.ana, { hz: 600 })
        await using newer = await TestSoftphone.onShift(pages, tokens.ana, { hz: 800 })
        t.match(await older.until(state => !state.isActiveTab), { routable: { isRoutable: true } })
        await t.rejects(older.prove(), { code: 'CONFLICT' }, 'what it proves says nothing about the other one')
        await using first = await ring(calls, NUMBER)
        await newer.answers()
        await Promise.all([newer.hears(440, 'call'), first.audio.hears(800)])
        t.match(older.state, { offer: null, call: null })
        await first.hangUp()
        await finish(newer)

        await older.request('claim', {})
        await newer.until(state => !state.isActiveTab)
        t.ok((await older.until(state => state.isActiveTab)).isActiveTab)
        await older.reconnectAudio()
        await older.prove()
        await using second = await ring(calls, NUMBER)
        await older.answers()
        await Promise.all([older.hears(440, 'call'), second.audio.hears(600)])

        // In mid-call: the call goes with the page.
        await newer.request('claim', {})
        await newer.until(state => state.isActiveTab)
        await newer.reconnectAudio()
        await Promise.all([newer.hears(440, 'call'), second.audio.hears(800)])
        await newer.prove()
        await second.hangUp()
        await finish(newer)

        await newer.vanish()
        await older.until(state => state.isActiveTab)
        await older.reconnectAudio()
        await older.prove()
        await using third = await ring(calls, NUMBER)
        await older.answers()
        await Promise.all([older.hears(440, 'call'), third.audio.hears(600)])
        await third.hangUp()
        await finish(older)
      }
    )

    await t.test('a supervisor listens, whispers, joins and takes over, wherever the pages are', async t => {
      await using ana = await TestSoftphone.onShift(pages, tokens.ana, { hz: 600 })
      const supervised = async (agent: TestSoftphone, name: string, supervisorAt: TestParley) => {
        await using caller = await ring(calls, NUMBER)
        const callId = (await agent.answers()).call?.callId ?? ''
        await Promise.all([agent.hears(440, 'call'), caller.audio.hears(agent.hz)])
        await using sara = await TestSoftphone.open(supervisorAt, tokens.sara, { hz: 1000 })
        await sara.connectAudio()
        await sara.request('supervise', { callId, mode: 'listen', reason: 'training' })
        await Promise.all([sara.hears(440, 'supervised'), sara.hears(agent.hz, 'supervised')])
        await agent.hearsNo(1000)
        await caller.audio.hearsNot(1000)
        t.match(await sara.until(state => state.supervising !== null), {
          supervising: { callId, agent: name, mode: 'listen' }
        })
        t.match(await agent.until(state => state.call?.supervisor != null), {
          call: { supervisor: { name: 'Sara Example', mode: 'listen' } }
        })

        await sara.request('supervise', { callId, mode: 'whisper', reason: 'training' })
        await agent.hears(1000, 'supervisor')
        await caller.audio.hearsNot(1000)
        await Promise.all([sara.hears(440, 'supervised'), sara.hears(agent.hz, 'supervised')])
        await sara.request('supervise', { callId, mode: 'listen', reason: 'enough' })
        await agent.hearsNo(1000)

        await sara.request('supervise', { callId, mode: 'barge', reason: 'customer asked' })
        await Promise.all([caller.audio.hearsAll([agent.hz, 1000]), sara.hearsAll([440, agent.hz], 'call')])
        await sara.request('supervise.stop', {})
        await caller.audio.hearsNot(1000)
        await sara.until(state => state.supervising === null)
        t.equal((await agent.until(state => state.call?.supervisor === null)).call?.callId, callId)

        await sara.request('supervise', { callId, mode: 'takeOver', reason: 'escalation' })
        await Promise.all([caller.audio.hears(1000), sara.hears(440, 'call')])
        await finish(agent)
        t.match(await sara.until(state => state.call !== null), { call: { callId } })
        await caller.hangUp()
        await finish(sara)
        const { body } = await calls.api('GET', `/audit-log?limit=10&subjectId=${callId}`)
        t.match(
          (body.items as { action: string }[]).map(one => one.action).filter(action => action.startsWith('call.')),
          ['call.takeOver', 'call.barge', 'call.listen', 'call.whisper', 'call.listen']
        )
      }
      await supervised(ana, 'Ana Example', calls)
      await supervised(ana, 'Ana Example', pages)
      await ana.request('status', { status: 'onBreak' })
      await using karim = await TestSoftphone.onShift(calls, tokens.karim, { hz: 800 })
      await supervised(karim, 'Karim Example', pages)
      await t.rejects(
        ana.request('supervise', { callId: 'none', mode: 'listen', reason: 'curious' }),
        { code: 'FORBIDDEN' },
        'agents do not listen to each other'
      )
    })

    await t.test(
      'the other control plane goes away in mid-call, and the caller gets somebody else, first in line',
      async () => {
        await using lost = await TestSoftphone.onShift(pages, tokens.ana, { hz: 600 })
        await using caller = await ring(calls, NUMBER)
        await lost.answers()
        await Promise.all([lost.hears(440, 'call'), caller.audio.hears(600)])
        await using karim = await TestSoftphone.onShift(calls, tokens.karim, { hz: 800 })
        await pages[Symbol.asyncDispose]()
        await karim.answers()
        await Promise.all([karim.hears(440, 'call'), caller.audio.hears(800)])
        await caller.hangUp()
        await finish(karim)
      }
    )
  })
