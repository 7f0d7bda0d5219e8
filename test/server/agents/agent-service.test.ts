import t from 'tap'
import { newId } from '../../../server/ids.ts'
import { findLastAgent } from '../../../sql/queries/queue-entries.ts'
import { testDatabases } from '../../support/parley.ts'
import { enter, Installation, nextOffer, until } from '../queues/services.ts'

for (const kind of testDatabases())
  t.test(`agents and their states, on ${kind}`, { timeout: 280_000 }, async t => {
    await using house = await Installation.open(kind)
    const plane = await house.start({ graceMs: 150 })
    const { agents } = plane
    const queueId = await house.addQueue({
      name: 'support',
      announce: 'null',
      wrap_up_ms: 200,
      wrap_up_limit_ms: 60_000
    })
    const ana = await house.addAgent(plane, 'ana')
    const karim = await house.addAgent(plane, 'karim')

    const serve = async (callId: string, agentId: string) => {
      await using visit = await enter(plane, 'support', { callId })
      const offer = await nextOffer(visit)
      if (offer.agentId !== agentId) throw new Error('another agent was free as well')
      await visit.settle(offer.id, { kind: 'answered' })
      await visit.leave('answered')
      return await agents.callEnded(agentId, callId, { queueId, endedBy: 'caller', isTransferred: true })
    }

    await t.test('somebody whom nobody knows cannot sign in', async t => {
      await t.rejects(agents.signIn(newId()), { code: 'NOT_FOUND' })
    })

    await t.test('when the wrap-up runs out, the note is kept and the outcome is missing, not made up', async t => {
      await agents.setStatus(karim, 'onBreak', 'Lunch')
      t.match(await serve('call-1', ana), { state: 'wrapUp', wrapUp: { endedBy: 'caller' } })
      await agents.saveNote(ana, 'call-1', 'Refund promi')
      await until(plane, ana, agent => agent.state === 'idle')
      const note = await house.db
        .selectFrom('call_notes')
        .selectAll()
        .where('call_id', '=', 'call-1')
        .executeTakeFirst()
      t.match(note, { disposition: null, note: 'Refund promi', queue_id: queueId, wrap_up_end: 'timedOut' })
      const visit = await house.db
        .selectFrom('queue_visits')
        .selectAll()
        .where('call_id', '=', 'call-1')
        .executeTakeFirst()
      t.match(visit, { wrap_up_ms: 200, is_transferred: true, hold_ms: 0 })
    })

    await t.test('a missing outcome can be given later', async t => {
      await agents.finishWrapUp(ana, { callId: 'call-1', disposition: 'solved', note: 'Refund promised' })
      t.same(await agents.noteOf(ana, 'call-1'), { note: 'Refund promised', disposition: 'solved' })
      await t.rejects(agents.finishWrapUp(ana, { callId: 'never', disposition: null, note: '' }), { code: 'CONFLICT' })
    })

    await t.test('more time for wrap-up is given once it is asked for', async t => {
      const before = await serve('call-2', ana)
      const after = await agents.extendWrapUp(ana)
      t.equal((after.wrapUp?.endsAt.getTime() ?? 0) - (before.wrapUp?.endsAt.getTime() ?? 0), 59_800, 'up to the limit')
      await agents.finishWrapUp(ana, { callId: 'call-2', disposition: null, note: '' })
      t.equal(agents.view(ana)?.state, 'idle')
      await t.rejects(agents.extendWrapUp(ana), { code: 'CONFLICT' })
    })

    await t.test('a break chosen in a call begins after it', async t => {
      await using visit = await enter(plane, 'support', { callId: 'call-3' })
      const offer = await nextOffer(visit)
      await visit.settle(offer.id, { kind: 'answered' })
      t.match(await agents.setStatus(ana, 'onBreak', 'Lunch'), { status: 'available', nextStatus: { reason: 'Lunch' } })
      await visit.leave('answered')
      await agents.callEnded(ana, 'call-3', { queueId, endedBy: 'agent', wrapUpMs: 0 })
      t.match(agents.view(ana), { state: 'idle', status: 'onBreak', statusReason: 'Lunch', nextStatus: null })
      await agents.setStatus(ana, 'available', null)
    })

    await t.test('a softphone that is away stops calls, and is lost after the grace', async t => {
      t.match(await agents.detached(ana), { status: 'available', isRoutable: false, notRoutable: ['noProof'] })
      await until(plane, ana, agent => agent.notRoutable.includes('connectionLost'))
      await agents.attach(ana)
      t.match(await agents.proof(ana, { isRoutable: true, reasons: [] }), { status: 'available', isRoutable: true })
    })

    await t.test('a colleague is held for a transfer, and free again when nothing comes of it', async t => {
      t.same(await agents.reserveDirect(karim, 'call-4'), { kind: 'notFree', why: 'notAvailable' })
      t.same(await agents.reserveDirect(newId(), 'call-4'), { kind: 'notFree', why: 'unknown' })
      const held = await agents.reserveDirect(ana, 'call-4')
      if (held.kind !== 'reserved') throw new Error(held.why)
      t.same(await agents.reserveDirect(ana, 'call-5'), { kind: 'notFree', why: 'notIdle' })
      t.equal(await agents.settleDirect(held.offerId, { kind: 'rejected' }), true)
      t.equal(await agents.settleDirect(held.offerId, { kind: 'answered' }), false, 'over is over')
      t.match(agents.view(ana), { state: 'idle', missed: { reason: 'rejected', callId: 'call-4' } })
    })

    await t.test('an own call from a break goes back to the break', async t => {
      const held = await agents.reserveDirect(karim, 'call-6', { isOwnWish: true })
      if (held.kind !== 'reserved') throw new Error(held.why)
      t.equal(await agents.settleDirect(held.offerId, { kind: 'answered' }), true)
      t.match(agents.view(karim), { state: 'talking', status: 'onBreak', callId: 'call-6' })
      await t.rejects(agents.talking(karim, 'call-7'), { code: 'CONFLICT', message: /another call/ })
      await agents.callEnded(karim, 'call-6', { queueId: null, endedBy: 'agent', wrapUpMs: 0 })
      t.match(agents.view(karim), { state: 'idle', status: 'onBreak', statusReason: 'Lunch' })
    })

    await t.test('a direct ring that nobody settles ends by itself', async t => {
      await agents.setStatus(karim, 'available', null)
      const held = await agents.reserveDirect(karim, 'call-8', { ringMs: 10 })
      t.equal(held.kind, 'reserved')
      t.match(await until(plane, karim, agent => agent.state === 'idle', 8_000), {
        missed: { reason: 'missed' },
        notRoutable: ['missedCall']
      })
    })

    await t.test('who talks in a call that has ended is free again', async t => {
      await house.db
        .insertInto('cdrs')
        .values({
          call_id: 'call-9',
          direction: 'inbound',
          caller_number: '+12025550123',
          called_number: null,
          sip_call_id: null,
          trunk_id: null,
          number_id: null,
          flow_id: null,
          flow_version: null,
          language: null,
          state: 'ended',
          started_at: new Date(Date.now() - 60_000),
          answered_at: null,
          ended_at: new Date(Date.now() - 30_000),
          duration_ms: 30_000,
          talk_ms: null,
          end_reason: 'controlPlaneLost',
          ended_by: null,
          fault: null,
          hangup_cause: null,
          last_seq: 2,
          control_plane_id: plane.id
        })
        .execute()
      await agents.talking(ana, 'call-9', queueId)
      t.match(await until(plane, ana, agent => agent.state !== 'talking', 8_000), { wrapUp: { endedBy: 'system' } })
      await until(plane, ana, agent => agent.state === 'idle')
    })

    await t.test('of a call without any story the offer says whose it was', async t => {
      const answered = async (agentId: string, callId: string, planeId: string) => {
        const at = new Date()
        await house.db
          .insertInto('offers')
          .values({
            id: newId(),
            entry_id: null,
            call_id: callId,
            queue_id: queueId,
            agent_id: agentId,
            call_control_plane_id: planeId,
            agent_control_plane_id: plane.id,
            state: 'answered',
            outcome: null,
            reason: '',
            created_at: at,
            expires_at: at,
            answered_at: at,
            ended_at: at
          })
          .execute()
        await agents.talking(agentId, callId, queueId)
      }
      await answered(karim, 'call-of-a-living-one', plane.id)
      await answered(ana, 'call-of-a-dead-one', 'died-before-it-stored-anything')
      t.match(await until(plane, ana, agent => agent.state !== 'talking', 8_000), { wrapUp: { endedBy: 'system' } })
      await until(plane, ana, agent => agent.state === 'idle')
      t.equal(agents.view(karim)?.state, 'talking', 'a story may come late')
      await agents.callEnded(karim, 'call-of-a-living-one', { queueId, endedBy: 'caller', wrapUpMs: 0 })
    })

    await t.test('the agent who answered last is found for the next call', async t => {
      const visit = {
        call_id: 'call-9',
        queue_id: queueId,
        kind: 'inbound',
        called_number: null,
        language: 'en'
      } as const
      const times = { waited_ms: 0, is_within_threshold: true, talk_ms: null, hold_ms: null, wrap_up_ms: null }
      const at = new Date()
      await house.db
        .insertInto('queue_visits')
        .values({ id: newId(), ...visit, ...times, entered_at: at, left_at: at, outcome: 'answered', agent_id: ana })
        .execute()
      const yesterday = new Date(Date.now() - 86_400_000)
      t.equal(await findLastAgent(house.db, '+12025550123', yesterday), ana)
      t.equal(await findLastAgent(house.db, '+12025550124', yesterday), null)
    })

    await t.test('a day has neither gaps nor overlaps', async t => {
      const spans = await house.db
        .selectFrom('agent_intervals')
        .selectAll()
        .where('agent_id', '=', ana)
        .orderBy('id')
        .execute()
      t.ok(spans.length > 15)
      for (const [at, span] of spans.entries()) {
        const next = spans[at + 1]
        t.same(span.ended_at, next?.started_at ?? null)
      }
    })

    await t.test('signing out in a call waits for its end', async t => {
      await agents.talking(ana, 'call-10')
      t.match(await agents.signOut(ana), { status: 'available', nextStatus: { status: 'offline' } })
      await agents.callEnded(ana, 'call-10', { queueId: null, endedBy: 'caller', wrapUpMs: 0 })
      t.match(agents.view(ana), { status: 'offline', state: 'idle', controlPlaneId: null })
    })

    t.same(
      house.logs.filter(line => /"level":(40|50)/.test(line)),
      [],
      'nothing went wrong on the way'
    )
  })
