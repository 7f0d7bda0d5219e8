import t from 'tap'
import { Wallboard, type WallboardView } from '../../../server/queues/wallboard.ts'
import { visitReport } from '../../../sql/reports/reports.ts'
import { testDatabases } from '../../support/parley.ts'
import { enter, Installation, nextOffer } from './services.ts'
import { patient } from '../../support/patience.ts'

for (const kind of testDatabases())
  t.test(`the wallboard, on ${kind}`, { timeout: 280_000 }, async t => {
    await using house = await Installation.open(kind)
    const plane = await house.start()
    await using board = new Wallboard({ db: house.db, queues: plane.queues, agents: plane.agents, log: t as never })
    const views: WallboardView[] = []
    const waiters: (() => void)[] = []
    const gone = new AbortController()
    board.onWallboard(view => {
      views.push(view)
      for (const wake of waiters.splice(0)) wake()
    }, gone.signal)
    /** The first board that is as wanted, and how long it took. */
    const shows = async (isWanted: (view: WallboardView) => boolean) => {
      const fromMs = performance.now()
      for (;;) {
        const view = views.at(-1)
        if (view !== undefined && isWanted(view)) return { view, tookMs: performance.now() - fromMs }
        if (performance.now() - fromMs > 5_000) throw new Error(`the board shows ${JSON.stringify(view)}`)
        await new Promise<void>(resolve => waiters.push(resolve))
      }
    }

    const queueId = await house.addQueue({ name: 'support', announce: 'null', goal_percent: 80 })
    await t.test('a caller who waits is on the board within a second', async t => {
      await using visit = await enter(plane, 'support')
      const { view, tookMs } = await shows(one => one.total.waiting === 1)
      t.ok(tookMs < patient(1_000), `${Math.round(tookMs)} ms`)
      t.match(view.queues, [{ id: queueId, waiting: 1, free: 0, goalPercent: 80, serviceLevel: null }])
      t.ok(view.queues[0]?.longestSince)
      await visit.leave('abandoned')
      const after = await shows(one => one.total.waiting === 0 && one.total.offered === 1)
      t.match(after.view.queues, [{ serviceLevel: 0, abandonment: 1 }])
    })

    await t.test('agents are counted by what they do, each once', async t => {
      const ana = await house.addAgent(plane, 'ana')
      await house.addAgent(plane, 'bo', { isReady: false })
      await shows(one => one.total.free === 1)
      await using visit = await enter(plane, 'support', { callId: 'call' })
      const offer = await nextOffer(visit)
      t.match((await shows(one => one.total.ringing === 1)).view.agents, [{ id: ana, state: 'reserved', queueId }])
      await visit.settle(offer.id, { kind: 'answered' })
      const { view } = await shows(one => one.total.talking === 1 && one.total.offered === 2)
      t.match(view.queues, [{ talking: 1, free: 0, serviceLevel: 0.5, abandonment: 0.5 }])
      await visit.leave('answered')
      await plane.agents.callEnded(ana, 'call', { queueId, endedBy: 'caller' })
      await shows(one => one.total.wrapUp === 1)
      await plane.agents.finishWrapUp(ana, { callId: 'call', disposition: null, note: '' })
      await plane.agents.setStatus(ana, 'onBreak', 'Lunch')
      await shows(one => one.total.onBreak === 1)
      await plane.agents.setStatus(ana, 'available', null)
      await plane.agents.proof(ana, { isRoutable: false, reasons: ['microphoneMissing'] })
      const fault = await shows(one => one.total.unreachable === 1)
      t.match(fault.view.agents, [{ id: ana, isRoutable: false, notRoutable: ['microphoneMissing'] }])
    })

    await t.test('its figures equal the report of the same window', async t => {
      // The window is counted once a second.
      const { view } = await shows(one => one.total.meanHandleMs !== null)
      const bucket = { from: view.windowFrom, until: new Date(view.asOf.getTime() + 1) }
      const { total } = await visitReport(house.db, [bucket], 'queue', {})
      const { offered, serviceLevel, abandonment, meanAnswerWaitMs, meanHandleMs } = total
      t.match(view.total, { offered, serviceLevel, abandonment, meanAnswerWaitMs, meanHandleMs })
      t.equal(offered, 2)
    })

    await t.test('at most four boards a second are made', async t => {
      const before = views.length
      const fromMs = performance.now()
      for (let at = 0; at < 30; at += 1) await (await enter(plane, 'support')).leave('abandoned')
      const seconds = (performance.now() - fromMs) / 1_000
      t.ok(views.length - before <= Math.ceil(4 * seconds) + 1, `${views.length - before} in ${seconds.toFixed(1)} s`)
    })
    gone.abort()
  })
