import t from 'tap'
import { testDatabases } from '../../support/parley.ts'
import { enter, Installation, next, nextOffer, ready, until } from './services.ts'

for (const kind of testDatabases()) {
  t.test(`callers wait and are served, on ${kind}`, { timeout: 60_000 }, async t => {
    await using house = await Installation.open(kind)
    const plane = await house.start()

    await t.test('a caller gets the agent who is free, and both talk', async t => {
      const queueId = await house.addQueue({ name: 'support', announce: 'null' })
      const ana = await house.addAgent(plane, 'ana')
      await using visit = await enter(plane, 'support')
      const offer = await nextOffer(visit)
      t.match(offer, { agentId: ana, agentControlPlaneId: plane.id, ringMs: 20_000, reason: 'waited longest' })
      t.equal((await until(plane, ana, agent => agent.state === 'reserved')).offerId, offer.id)
      await plane.agents.ringing(ana, offer.id)
      t.equal(await visit.settle(offer.id, { kind: 'answered' }), true)
      t.match(plane.agents.view(ana), { state: 'talking', queueId })
      await visit.leave('answered')
      const ended = await plane.agents.callEnded(ana, plane.agents.view(ana)?.callId ?? '', {
        queueId,
        endedBy: 'caller'
      })
      t.equal(ended.state, 'wrapUp')
      const [row] = await house.db.selectFrom('queue_visits').selectAll().where('queue_id', '=', queueId).execute()
      t.match(row, { outcome: 'answered', agent_id: ana, is_within_threshold: true })
      t.ok((row?.talk_ms ?? -1) >= 0)
      await plane.agents.finishWrapUp(ana, { callId: row?.call_id ?? '', disposition: null, note: 'done' })
    })
  })
}
