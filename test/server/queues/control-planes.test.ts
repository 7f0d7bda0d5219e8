import t from 'tap'
import { agentStep } from '../../../server/agents/agent-step.ts'
import { fromAgentRow } from '../../../server/agents/agent-rows.ts'
import { leaveQueue } from '../../../server/queues/outcomes.ts'
import { reserve } from '../../../sql/queries/queue-entries.ts'
import { testDatabases } from '../../support/parley.ts'
import { enter, Installation, nextOffer, ready, until } from './services.ts'
import { patient } from '../../support/patience.ts'

for (const kind of testDatabases())
  t.test(`two control planes share callers and agents, on ${kind}`, { timeout: 280_000 }, async t => {
    await using house = await Installation.open(kind)
    const [one, two] = [await house.start(), await house.start()]
    await house.addQueue({ name: 'support', announce: 'null', wrap_up_ms: 0 })

    await t.test('a caller here gets the agent there, and both sides see the same', async t => {
      const ana = await house.addAgent(two, 'ana')
      const visit = await enter(one, 'support')
      const offer = await nextOffer(visit)
      t.match(offer, { agentId: ana, agentControlPlaneId: two.id })
      t.match(await until(two, ana, agent => agent.offerId === offer.id), { state: 'reserved' })
      await two.agents.ringing(ana, offer.id)
      await until(one, ana, agent => agent.state === 'ringing')
      await visit.settle(offer.id, { kind: 'answered' })
      const { callId } = await until(two, ana, agent => agent.state === 'talking')
      await visit.leave('answered')
      await two.agents.callEnded(ana, callId ?? '', { queueId: visit.queue.id, endedBy: 'caller' })
      await until(one, ana, agent => agent.state === 'idle')
      await two.agents.setStatus(ana, 'offline', null)
    })

    await t.test('an offer that ends elsewhere is withdrawn here', async t => {
      const bo = await house.addAgent(two, 'bo')
      await using visit = await enter(one, 'support')
      const offer = await nextOffer(visit)
      // What the softphone's control plane does when the agent's own call is refused by the network there.
      await until(two, bo, agent => agent.offerId === offer.id)
      await two.agents.callEnded(bo, two.agents.view(bo)?.callId ?? '', { queueId: null, endedBy: 'agent' })
      await new Promise<void>(resolve => {
        if (offer.withdrawn.aborted) resolve()
        else offer.withdrawn.addEventListener('abort', () => resolve(), { once: true })
      })
      t.equal(await visit.settle(offer.id, { kind: 'answered' }), false)
      await two.agents.setStatus(bo, 'offline', null)
    })

    await t.test('every caller is served once, and no agent has two at a time', async t => {
      const agents = await Promise.all(
        Array.from({ length: 8 }, (_, at) => house.addAgent(at % 2 === 0 ? one : two, `crew${at}`, { isReady: false }))
      )
      const busy = new Set<string>()
      let served = 0
      const serve = async (at: number) => {
        const plane = at % 2 === 0 ? one : two
        const callId = `crowd-${at}`
        await using visit = await enter(plane, 'support', { callId })
        const offer = await nextOffer(visit, 30_000)
        t.notOk(busy.has(offer.agentId), 'the agent is free')
        busy.add(offer.agentId)
        t.equal(await visit.settle(offer.id, { kind: 'answered' }), true)
        served += 1
        busy.delete(offer.agentId)
        await plane.agents.callEnded(offer.agentId, callId, { queueId: visit.queue.id, endedBy: 'caller' })
      }
      const callers = Array.from({ length: 40 }, (_, at) => serve(at))
      await Promise.all(agents.map((id, at) => ready(at % 2 === 0 ? one : two, id)))
      await Promise.all(callers)
      t.equal(served, 40)
      const { count } = await house.db
        .selectFrom('offers')
        .select(eb => eb.fn.countAll<string>().as('count'))
        .where('call_id', 'like', 'crowd-%')
        .executeTakeFirstOrThrow()
      t.equal(Number(count), 40, 'nobody rang in vain')
      await Promise.all(agents.map((id, at) => (at % 2 === 0 ? one : two).agents.setStatus(id, 'offline', null)))
    })

    await t.test('holding an agent in SQL is the step of the state machine', async t => {
      const kim = await house.addAgent(one, 'kim', { isReady: false })
      await using visit = await enter(one, 'support', { callId: 'call-kim' })
      // Both control planes look the other way: only the statement itself is judged.
      await ready(one, kim)
      const offer = await nextOffer(visit)
      const held = await house.db.selectFrom('agents').selectAll().where('id', '=', kim).executeTakeFirstOrThrow()
      await visit.settle(offer.id, { kind: 'withdrawn' })
      const again = await nextOffer(visit)
      await visit.leave('abandoned')
      const before = one.agents.view(kim)
      if (before === undefined) throw new Error('kim has gone')
      const event = {
        kind: 'reserved',
        offerId: offer.id,
        callId: 'call-kim',
        queueId: visit.queue.id,
        isOwnWish: false
      } as const
      const { missed: _, ...rest } = fromAgentRow(held)
      const [after] = agentStep(before, event, rest.stateSince, one.agents.settings)
      t.match({ ...after, idleSince: rest.idleSince }, rest)
      t.ok(again)
      t.same(
        await reserve(
          house.db,
          [{ offerId: 'x', entryId: visit.entryId, agentId: kim, tier: 0, reason: '', ringMs: 1 }],
          one.id,
          new Date()
        ),
        [],
        'a caller who left cannot be held for anybody'
      )
      await one.agents.setStatus(kim, 'offline', null)
    })

    await t.test('a caller who was taken for lost is at the head again', async t => {
      const visit = await enter(one, 'support')
      const other = await enter(one, 'support', { priority: 100 })
      const storing = { now: new Date(), settings: one.agents.settings, thresholdMs: () => 0 }
      await leaveQueue(house.db, visit.entryId, 'lost', storing)
      const stateOf = async () =>
        await house.db
          .selectFrom('queue_entries')
          .select(['state', 'is_head'])
          .where('id', '=', visit.entryId)
          .executeTakeFirst()
      while ((await stateOf())?.state !== 'waiting') await one.queues.settled()
      t.match(await stateOf(), { is_head: true })
      const ana = await house.addAgent(one, 'late-ana')
      t.equal((await nextOffer(visit)).agentId, ana)
      await visit.leave('abandoned')
      await one.agents.setStatus(ana, 'offline', null)
      await other.leave('abandoned')
    })

    await t.test('when the agent’s control plane dies, the caller is at the head again within 10 s', async t => {
      const three = await house.start()
      const zoe = await house.addAgent(three, 'zoe')
      const visit = await enter(one, 'support')
      const offer = await nextOffer(visit)
      t.equal(offer.agentId, zoe)
      const diedAtMs = performance.now()
      await three.kill()
      await until(one, zoe, agent => agent.state === 'idle' && agent.detachedAt !== null, 12_000)
      t.ok(performance.now() - diedAtMs < patient(10_000), `${Math.round(performance.now() - diedAtMs)} ms`)
      t.match(one.agents.view(zoe), { isRoutable: false, missed: { reason: 'network' }, status: 'available' })
      const entry = await house.db
        .selectFrom('queue_entries')
        .select(['state', 'is_head'])
        .where('id', '=', visit.entryId)
        .executeTakeFirst()
      t.match(entry, { state: 'waiting', is_head: true })
      const ana = await house.addAgent(one, 'another-ana')
      t.equal((await nextOffer(visit)).agentId, ana)
      await visit.leave('abandoned')
      await one.agents.setStatus(ana, 'offline', null)
    })

    await t.test('when the caller’s control plane dies, the agent is free again within 10 s', async t => {
      const four = await house.start()
      const max = await house.addAgent(one, 'max')
      const visit = await enter(four, 'support')
      await nextOffer(visit)
      await until(one, max, agent => agent.state === 'reserved')
      const diedAtMs = performance.now()
      await four.kill()
      t.match(await until(one, max, agent => agent.state === 'idle', 12_000), { isRoutable: true })
      t.ok(performance.now() - diedAtMs < patient(10_000), `${Math.round(performance.now() - diedAtMs)} ms`)
    })
  })
