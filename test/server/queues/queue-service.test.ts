import t from 'tap'
import { insertQueueCallback } from '../../../sql/queries/calls.ts'
import { testDatabases } from '../../support/parley.ts'
import { enter, Installation, next, nextOffer, ready, until } from './services.ts'

const SHUT = JSON.stringify({ timeZone: 'Europe/Berlin', weekly: {} })

for (const kind of testDatabases()) {
  t.test(`callers wait and are served, on ${kind}`, { timeout: 280_000 }, async t => {
    await using house = await Installation.open(kind)
    const plane = await house.start()
    await house.addQueue({ name: 'support', announce: 'null', wrap_up_ms: 0 })
    const ana = await house.addAgent(plane, 'ana')
    const goHome = async (...agents: string[]) => {
      for (const id of agents) await plane.agents.setStatus(id, 'offline', null)
    }

    await t.test('a caller gets the agent who is free, and the visit tells how it went', async t => {
      const queueId = await house.addQueue({ name: 'sales', announce: 'null' })
      const visit = await enter(plane, 'sales', { callId: 'call-1' })
      const offer = await nextOffer(visit)
      t.match(offer, { agentId: ana, agentControlPlaneId: plane.id, ringMs: 20_000, reason: 'waited longest' })
      t.equal((await until(plane, ana, agent => agent.state === 'reserved')).offerId, offer.id)
      await plane.agents.ringing(ana, offer.id)
      t.equal(await visit.settle(offer.id, { kind: 'answered' }), true)
      t.match(plane.agents.view(ana), { state: 'talking', queueId, callId: 'call-1' })
      await visit.leave('answered')
      t.equal((await plane.agents.callEnded(ana, 'call-1', { queueId, endedBy: 'caller', holdMs: 0 })).state, 'wrapUp')
      await plane.agents.finishWrapUp(ana, { callId: 'call-1', disposition: 'solved', note: 'done' })
      const [row] = await house.db.selectFrom('queue_visits').selectAll().where('queue_id', '=', queueId).execute()
      t.match(row, { outcome: 'answered', agent_id: ana, is_within_threshold: true, hold_ms: 0 })
      t.ok((row?.talk_ms ?? -1) >= 0 && (row?.wrap_up_ms ?? -1) >= 0)
      t.same(await plane.agents.noteOf(ana, 'call-1'), { note: 'done', disposition: 'solved' })
    })

    await t.test('a rejected caller goes to the next agent, and the one who rejected is left in peace', async t => {
      const karim = await house.addAgent(plane, 'karim')
      await using visit = await enter(plane, 'support')
      const first = await nextOffer(visit)
      const other = first.agentId === ana ? karim : ana
      await visit.settle(first.id, { kind: 'rejected' })
      t.match(plane.agents.view(first.agentId), { state: 'idle', isRoutable: true, missed: { reason: 'rejected' } })
      const second = await nextOffer(visit)
      t.equal(second.agentId, other)
      await visit.settle(second.id, { kind: 'withdrawn' })
      await visit.leave('abandoned')
      await goHome(karim)
      await plane.agents.back(ana)
    })

    await t.test('who misses a call gets no more until "I am back"', async t => {
      await using visit = await enter(plane, 'support')
      const offer = await nextOffer(visit)
      await visit.settle(offer.id, { kind: 'missed' })
      t.match(plane.agents.view(ana), { status: 'available', isRoutable: false, notRoutable: ['missedCall'] })
      t.match(plane.queues.deskQueues(ana), [{ name: 'support', waiting: 1, whyNot: 'notRoutable' }])
      await plane.agents.back(ana)
      t.equal((await nextOffer(visit)).agentId, ana)
    })

    await t.test(
      'a caller who hangs up while it rings takes the ring along, and nothing is held against the agent',
      async t => {
        await until(plane, ana, agent => agent.state === 'idle')
        const visit = await enter(plane, 'support')
        const offer = await nextOffer(visit)
        await visit.leave('abandoned')
        t.equal(offer.withdrawn.aborted, true)
        t.equal(await visit.settle(offer.id, { kind: 'answered' }), false, 'too late')
        t.match(plane.agents.view(ana), { state: 'idle', isRoutable: true, missed: { reason: 'callerGone' } })
        const visits = await house.db.selectFrom('queue_visits').select('outcome').orderBy('left_at', 'desc').execute()
        t.equal(visits[0]?.outcome, 'abandoned')
      }
    )

    await t.test('a microphone that fails keeps calls away until it is proved again', async t => {
      await using visit = await enter(plane, 'support')
      const offer = await nextOffer(visit)
      await visit.settle(offer.id, { kind: 'device' })
      t.match(plane.agents.view(ana), { isRoutable: false, notRoutable: ['noProof'], missed: { reason: 'device' } })
      await plane.agents.proof(ana, { isRoutable: true, reasons: [] })
      t.equal((await nextOffer(visit)).agentId, ana)
    })

    await t.test('all phones ring, the first who answers talks, and the others stop', async t => {
      await house.addQueue({ name: 'all', announce: 'null', strategy: 'ringAll', ring_all_max: 3, wrap_up_ms: 0 })
      const lee = await house.addAgent(plane, 'lee')
      await until(plane, ana, agent => agent.state === 'idle')
      await using visit = await enter(plane, 'all')
      const offers = [await nextOffer(visit), await nextOffer(visit)]
      t.same(offers.map(offer => offer.agentId).sort(), [ana, lee].sort())
      const [first, second] = offers
      if (first === undefined || second === undefined) throw new Error('two offers were made')
      const [won, lost] = await Promise.all([
        visit.settle(first.id, { kind: 'answered' }),
        visit.settle(second.id, { kind: 'answered' })
      ])
      t.equal([won, lost].filter(Boolean).length, 1, 'only one gets the caller')
      const [winner, loser] = won ? [first, second] : [second, first]
      t.equal(plane.agents.view(winner.agentId)?.state, 'talking')
      t.match(await until(plane, loser.agentId, agent => agent.state === 'idle'), { missCount: 0, isRoutable: true })
      t.equal(loser.withdrawn.aborted, true)
      const callId = plane.agents.view(winner.agentId)?.callId ?? ''
      await plane.agents.callEnded(winner.agentId, callId, { queueId: visit.queue.id, endedBy: 'agent' })
      await goHome(lee)
    })

    await t.test('a queue says why somebody may not wait', async t => {
      const after = JSON.stringify({ kind: 'number', value: '+12025550199' })
      await house.addQueue({ name: 'shut', calendar: SHUT, after_hours: after })
      await house.addQueue({ name: 'small', max_size: 1, tiers: JSON.stringify([tier('C2')]) })
      await house.addQueue({ name: 'nobody', waits_without_agents: false, tiers: JSON.stringify([tier('A1')]) })
      const request = { callId: 'c', language: 'ja', priority: 0, skills: [], calledNumber: null }
      t.match(await plane.queues.enter({ ...request, queue: 'shut' }), { kind: 'closed', overflow: { kind: 'number' } })
      t.same(await plane.queues.enter({ ...request, queue: 'nobody' }), { kind: 'noAgents', overflow: null })
      t.same(await plane.queues.enter({ ...request, queue: 'nonsense' }), { kind: 'unknownQueue' })
      await using _waiting = await enter(plane, 'small', { language: 'ja' })
      t.same(await plane.queues.enter({ ...request, queue: 'small' }), { kind: 'full', overflow: null })
    })

    await t.test('who waits hears the place, is offered a callback, and leaves after the longest wait', async t => {
      await house.addQueue({
        name: 'slow',
        announce: JSON.stringify({ position: true, wait: true, everyMs: 100 }),
        callback_after_ms: 250,
        max_wait_ms: 500,
        overflow: JSON.stringify({ kind: 'voicemail', value: 'support' }),
        tiers: JSON.stringify([tier('C2')])
      })
      await using first = await enter(plane, 'slow', { language: 'ja' })
      await using second = await enter(plane, 'slow', { language: 'ja' })
      t.same(await next(second), { kind: 'announce', position: 2, estimatedWaitMs: null })
      t.same(await next(first), { kind: 'announce', position: 1, estimatedWaitMs: null })
      t.same(plane.queues.deskQueues(ana).find(one => one.name === 'slow')?.whyNot, 'languageMissing')
      const kinds = []
      for (;;) {
        const event = await next(second)
        kinds.push(event.kind)
        if (event.kind === 'maxWait') {
          t.same(event.overflow, { kind: 'voicemail', value: 'support' })
          break
        }
      }
      t.equal(kinds.filter(one => one === 'callbackOffer').length, 1)
      await t.rejects(first.next(AbortSignal.abort(new Error('hung up'))), { message: 'hung up' })
    })

    await t.test('the more important caller goes first, then the one who waits longer', async t => {
      await goHome(ana)
      const order: string[] = []
      const visits = []
      for (const [name, priority] of [
        ['early', 50],
        ['late', 50],
        ['important', 90]
      ] as const) {
        const visit = await enter(plane, 'support', { priority })
        visits.push({ name, offered: nextOffer(visit).then(offer => ({ name, visit, offer })) })
      }
      await ready(plane, ana)
      for (let served = 0; served < 3; served++) {
        const waiting = visits.filter(one => !order.includes(one.name))
        const { name, visit, offer } = await Promise.race(waiting.map(one => one.offered))
        order.push(name)
        await visit.settle(offer.id, { kind: 'answered' })
        const callId = plane.agents.view(ana)?.callId ?? ''
        await visit.leave('answered')
        await plane.agents.callEnded(ana, callId, { queueId: visit.queue.id, endedBy: 'caller' })
      }
      t.same(order, ['important', 'early', 'late'])
    })

    await t.test('a caller whose agent was lost goes to the head of the queue', async t => {
      await goHome(ana)
      const first = await enter(plane, 'support')
      await ready(plane, ana)
      const offer = await nextOffer(first)
      await first.settle(offer.id, { kind: 'answered' })
      const important = await enter(plane, 'support', { priority: 100 })
      t.equal(await first.backToHead(), true)
      t.equal(plane.queues.position(first.entryId), 1)
      t.equal(plane.queues.position(important.entryId), 2)
      const callId = plane.agents.view(ana)?.callId ?? ''
      await plane.agents.callEnded(ana, callId, { queueId: first.queue.id, endedBy: 'system' })
      t.equal((await nextOffer(first)).agentId, ana)
      await first.leave('abandoned')
      await important.leave('abandoned')
    })

    const book = (id: string) =>
      insertQueueCallback(house.db, {
        id,
        call_id: `call-${id}`,
        number: '+493023125120',
        queue: 'support',
        language: 'de',
        place_from_at: new Date(Date.now() - 600_000)
      })
    const statusOf = async (id: string) =>
      (await house.db.selectFrom('queue_callbacks').select('status').where('id', '=', id).executeTakeFirst())?.status

    await t.test('a callback comes again when nobody answers, and fails after the last try', async t => {
      await ready(plane, ana)
      await book('unanswered')
      const attempts: number[] = []
      const last = Promise.withResolvers<void>()
      const desk = plane.queues.onCallbackDue(
        async ({ attempt, offer }) => {
          t.equal(offer.agentId, ana)
          attempts.push(attempt)
          if (attempt === 2) last.resolve()
          return { kind: 'tryLater' }
        },
        { retryMs: 50, maxAttempts: 2 }
      )
      await last.promise
      await desk[Symbol.asyncDispose]()
      t.same(attempts, [1, 2])
      t.equal(await statusOf('unanswered'), 'failed')
      t.match(await until(plane, ana, agent => agent.state === 'idle'), { isRoutable: true, missCount: 0 })
    })

    await t.test('a callback that has to wait for its hour uses up no try, and comes when it may', async t => {
      await ready(plane, ana)
      await book('early')
      const mayBeAt = new Date(Date.now() + 1_000)
      const tries: { attempt: number; at: number }[] = []
      const made = Promise.withResolvers<void>()
      const desk = plane.queues.onCallbackDue(
        async ({ attempt, offer, visit }) => {
          tries.push({ attempt, at: Date.now() })
          if (tries.length === 1) return { kind: 'notNow', until: mayBeAt }
          await visit.settle(offer.id, { kind: 'answered' })
          made.resolve()
          return { kind: 'done' }
        },
        { maxAttempts: 1 }
      )
      await made.promise
      await desk[Symbol.asyncDispose]()
      t.match(tries, [{ attempt: 1 }, { attempt: 1 }])
      t.ok((tries[1]?.at ?? 0) >= mayBeAt.getTime(), 'not before')
      t.equal(await statusOf('early'), 'done')
      const { callId } = await until(plane, ana, agent => agent.state === 'talking')
      await plane.agents.callEnded(ana, callId ?? '', { queueId: null, endedBy: 'agent', wrapUpMs: 0 })
    })

    await t.test('a callback keeps its place before callers who came later', async t => {
      await goHome(ana)
      await using live = await enter(plane, 'support')
      await book('kept')
      const talking = Promise.withResolvers<{ number: string; newCallId: string }>()
      await using _desk = plane.queues.onCallbackDue(async ({ number, newCallId, offer, visit }) => {
        await visit.settle(offer.id, { kind: 'answered' })
        talking.resolve({ number, newCallId })
        return { kind: 'done' }
      })
      while ((await house.db.selectFrom('queue_callback_turns').selectAll().execute()).length < 2)
        await plane.queues.settled()
      await ready(plane, ana)
      const { number, newCallId } = await talking.promise
      t.equal(number, '+493023125120')
      t.match(
        await until(plane, ana, agent => agent.state === 'talking'),
        { callId: newCallId },
        'a call of its own, not the one in which it was booked'
      )
      await plane.agents.callEnded(ana, newCallId, { queueId: live.queue.id, endedBy: 'agent' })
      t.equal((await nextOffer(live)).agentId, ana, 'the live caller came second')
      t.equal(await statusOf('kept'), 'done')
    })

    await t.test('an agent who is changed by hand in the database is seen as such', async t => {
      await goHome(ana)
      await house.db
        .updateTable('agents')
        .set({ status: 'onBreak', status_reason: 'Lunch' })
        .where('id', '=', ana)
        .execute()
      t.match(await until(plane, ana, agent => agent.status === 'onBreak'), { statusReason: 'Lunch' })
    })

    t.same(
      house.logs.filter(line => /"level":(40|50)/.test(line)),
      [],
      'nothing went wrong on the way'
    )
  })
}

function tier(languageLevel: string) {
  return { afterMs: 0, skills: [], languageLevel }
}
