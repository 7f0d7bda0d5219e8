import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { type Plane, Planes } from '../campaigns/planes.ts'
import { finish, ring, type TestCaller } from '../support/desk-calls.ts'
import { TO_SUPPORT } from '../support/flows.ts'
import { ADMIN_PASSWORD, TestParley, testDatabases } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { freshDatabase } from '../support/postgres-database.ts'
import { Cable } from '../support/programs.ts'
import { TestSoftphone } from '../support/softphone.ts'

const NUMBER = '+12025550111'
/** Nobody is stuck for longer than ten seconds; a busy machine gets twice that to show it. */
const STUCK_MS = 20_000

if (testDatabases().includes('postgres'))
  t.test('a control plane is killed, and another one is there', { timeout: 280_000 }, async t => {
    const stack = new AsyncDisposableStack()
    t.teardown(() => stack.disposeAsync())
    const databaseUrl = await freshDatabase(stack)
    const key = randomBytes(32)
    const env = { PARLEY_RECONNECT_MS: '15000' }
    /** It has the engines, and lives on. */
    const survivor = stack.use(
      await TestParley.start({ database: 'postgres', databaseUrl, secrets: { key }, hasDemoData: true, env })
    )
    const real = new URL(databaseUrl)
    const cable = stack.use(await Cable.to(real.hostname, Number(real.port || 5432)))
    const byCable = Object.assign(new URL(real), { hostname: '127.0.0.1', port: String(cable.port) })
    const { drachtio, freeswitch } = survivor.engines.addresses
    const planes = new Planes(stack, {
      ...env,
      PARLEY_DATABASE_URL: byCable.href,
      PARLEY_SECRET_KEY: key.toString('hex'),
      PARLEY_ADMIN_PASSWORD: ADMIN_PASSWORD,
      PARLEY_DRACHTIO: `${drachtio.host}:${drachtio.port}:${drachtio.secret}`,
      PARLEY_FREESWITCH: `${freeswitch.host}:${freeswitch.port}:${freeswitch.secret}`,
      PARLEY_HTTP_PORT: '0',
      PARLEY_WEBRTC_PORT: '0',
      PARLEY_POCKETSPHINX: 'off'
    })
    await survivor.publish(TO_SUPPORT)
    await survivor.addNumber(NUMBER, 'to-support')
    const people = await signInPeople(survivor, ['ana', 'karim'])
    let other: Plane = await planes.start()

    /** Calls until the wanted control plane has the call: the SIP server takes turns. */
    const ringAt = async (isWanted: (isHere: boolean) => boolean): Promise<TestCaller> => {
      for (;;) {
        const before = new Set([...survivor.parley.liveCalls.values()].map(call => call.id))
        const caller = await ring(survivor, NUMBER)
        if (isWanted([...survivor.parley.liveCalls.values()].some(call => !before.has(call.id)))) return caller
        await caller.hangUp()
        await caller[Symbol.asyncDispose]()
      }
    }
    /** Nothing of the dead one is left at the engines. */
    const cleared = async () => {
      const limit = AbortSignal.timeout(STUCK_MS)
      for (;;) {
        const [dialogs, channels] = await Promise.all([
          survivor.engines.drachtio?.stats().then(stats => stats.dialogs),
          survivor.engines.freeswitch?.stats().then(stats => stats.channels)
        ])
        if (dialogs === 0 && channels === 0) return
        if (limit.aborted) throw new Error(`${dialogs} dialogs and ${channels} channels are left`)
        await new Promise(resolve => setTimeout(resolve, 50))
      }
    }

    /** Somebody for whom callers wait, and whom none rings yet. */
    const onBreak = async (server: Readonly<{ url: string }>, token: string, hz: number) => {
      const agent = await TestSoftphone.onShift(server, token, { hz })
      await agent.request('status', { status: 'onBreak' })
      return agent
    }
    /** The agent reads what has happened. */
    const isTold = async (agent: TestSoftphone) => {
      const limit = AbortSignal.timeout(STUCK_MS)
      while (!agent.pushes.some(push => push.kind === 'notice' && push.code === 'CALL_SERVER_LOST')) {
        limit.throwIfAborted()
        await new Promise(resolve => setTimeout(resolve, 50))
      }
    }

    await t.test('one that only cannot reach the database goes on with its caller', async t => {
      await using _ana = await onBreak(survivor, people.ana.token, 600)
      await using caller = await ringAt(isHere => !isHere)
      await caller.audio.hearsSpeech({})
      cable.pull()
      t.match(await survivor.story(caller.sipCallId), { endReason: 'controlPlaneLost' }, 'the others take it for dead')
      const limit = AbortSignal.timeout(STUCK_MS)
      while (!survivor.logs.some(line => line.includes('goes on with its callers'))) {
        limit.throwIfAborted()
        await new Promise(resolve => setTimeout(resolve, 50))
      }
      caller.audio.forget()
      await caller.audio.hearsSpeech({})
      cable.plugIn()
      await caller.hangUp()
      // What it could not store is stored before anybody kills it.
      for (const [path, ready] of [
        ['healthz', /"status":"ok"/],
        ['metrics', /^parley_call_events_waiting 0$/m]
      ] as const) {
        const backSoon = AbortSignal.timeout(STUCK_MS)
        while (!ready.test(await (await fetch(`${other.url}/${path}`)).text())) {
          backSoon.throwIfAborted()
          await new Promise(resolve => setTimeout(resolve, 50))
        }
      }
    })

    await t.test('the one that has the calls: one talks, one rings, one waits, and a phone rings', async t => {
      await using ana = await onBreak(survivor, people.ana.token, 600)
      await using karim = await onBreak(survivor, people.karim.token, 800)
      await using talking = await ringAt(isHere => !isHere)
      await using ringing = await ringAt(isHere => !isHere)
      await using waiting = await ringAt(isHere => !isHere)
      await using called = await survivor.phone({ user: 'desk-7' })
      const phone = { user: 'desk-7', password: 'a desk phone’s password' }
      await survivor.api('PUT', '/sip-accounts/desk-7', { extension: '2001', password: phone.password })
      const registrar = `sip:${survivor.sip.host}:${survivor.sip.port}`
      t.equal((await called.phone.register(registrar, phone)).status, 200, 'whichever of them is asked each time')
      t.equal((await other.api('POST', '/calls', { to: '2001', from: NUMBER })).status, 202)
      const incoming = await called.phone.nextInvite()
      await incoming.answer(called.audio.sdp())
      t.equal((await other.api('POST', '/calls', { to: '2001', from: NUMBER })).status, 202)
      const unanswered = await called.phone.nextInvite()
      unanswered.ring()
      await ana.request('status', { status: 'available' })
      await ana.answers()
      await Promise.all([ana.hears(440, 'call'), talking.audio.hears(600)])
      await karim.request('status', { status: 'available' })
      await karim.until(state => state.offer !== null)
      const killedAtMs = performance.now()
      await other.kill()
      await unanswered.waitForCancel(STUCK_MS)
      const callers = [talking, ringing, waiting]
      await Promise.all([...callers.map(caller => caller.waitForBye(STUCK_MS)), incoming.waitForBye(STUCK_MS)])
      t.comment(`all were let go ${Math.round(performance.now() - killedAtMs)} ms after the kill`)
      t.match(await ana.until(state => state.wrapUp !== null, STUCK_MS), {
        call: null,
        wrapUp: { endedBy: 'system' }
      })
      await karim.until(state => state.offer === null && state.state === 'idle', STUCK_MS)
      await Promise.all([isTold(ana), isTold(karim)])
      t.equal(karim.state.missed, null, 'and it is not the agent who has missed it')
      await finish(ana)
      for (const { sipCallId } of callers)
        t.match(await survivor.story(sipCallId), { endReason: 'controlPlaneLost', endedBy: 'server', fault: 'server' })
      await cleared()
      const remembered = AbortSignal.timeout(STUCK_MS)
      while ((await sql`select * from held_legs`.execute(survivor.parley.db)).rows.length > 0) {
        remembered.throwIfAborted()
        await new Promise(resolve => setTimeout(resolve, 50))
      }
      t.pass('nothing is remembered of legs that are gone')
    })

    await t.test('who was cut off and calls again is before those who came later', async () => {
      await using ana = await onBreak(survivor, people.ana.token, 600)
      await using later = await ring(survivor, NUMBER, { user: '+12025550177' })
      await later.audio.hearsSpeech({})
      await using again = await ring(survivor, NUMBER)
      await again.audio.hearsSpeech({})
      await ana.request('status', { status: 'available' })
      await ana.answers()
      await Promise.all([ana.hears(440, 'call'), again.audio.hears(600)])
      await later.hangUp()
      await again.hangUp()
      await finish(ana)
    })

    await t.test('the one that has the pages: one agent talks, for the other it rings', async t => {
      other = await planes.start()
      await using ana = await onBreak(other, people.ana.token, 600)
      await using karim = await onBreak(other, people.karim.token, 800)
      await using talking = await ringAt(isHere => isHere)
      await using ringing = await ringAt(isHere => isHere)
      await ana.request('status', { status: 'available' })
      const callId = (await ana.answers()).call?.callId
      await Promise.all([ana.hears(440, 'call'), talking.audio.hears(600)])
      await karim.request('status', { status: 'available' })
      await karim.until(state => state.offer !== null)
      await other.kill()
      await Promise.all([ana.vanish(), karim.vanish()])

      await using back = await TestSoftphone.open(survivor, people.ana.token, { hz: 600, tab: ana.tab })
      await back.connectAudio()
      await Promise.all([back.hears(440, 'call'), talking.audio.hears(600)])
      t.equal(back.state.call?.callId, callId, 'the talk goes on')

      await using again = await TestSoftphone.open(survivor, people.karim.token, { hz: 800, tab: karim.tab })
      await again.connectAudio()
      t.match(await again.until(state => state.missed !== null, STUCK_MS), { missed: { reason: 'network' } })
      await again.prove()
      await again.answers()
      await Promise.all([again.hears(440, 'call'), ringing.audio.hears(800)])

      await Promise.all([talking.hangUp(), ringing.hangUp()])
      await Promise.all([finish(back), finish(again)])
      const kinds = (await survivor.story(talking.sipCallId)).events.map(event => event.kind)
      t.ok(kinds.includes('agentAway') && kinds.includes('agentBack'), kinds.join(' '))
      await cleared()
    })
  })
