import t from 'tap'
import { KnownTime } from '../../server/calls/known-time.ts'
import { createLoggers } from '../../server/log.ts'
import { testDatabases } from '../support/parley.ts'
import { patient } from '../support/patience.ts'
import { Installation } from './queues/services.ts'

const TOLERANCE_MS = 30_000
const STEP_MS = 300_000

for (const kind of testDatabases())
  t.test(`a person’s word for the time reaches every control plane, with ${kind}`, async t => {
    await using installation = await Installation.open(kind)
    const { db } = installation
    let aheadMs = 0
    const start = () =>
      KnownTime.start({
        db,
        log: createLoggers('silent').calls,
        toleranceMs: TOLERANCE_MS,
        clocks: {
          wall: () => new Date(Date.now() + aheadMs),
          steady: () => performance.now(),
          database: async () => new Date(Date.now() + aheadMs)
        }
      })
    await using here = await start()
    await using there = await start()
    const untilDoubt = async (time: KnownTime, doubted: string | undefined) => {
      const limit = AbortSignal.timeout(patient(10_000))
      while (time.doubt()?.kind !== doubted) {
        limit.throwIfAborted()
        await new Promise(resolve => setTimeout(resolve, 20))
      }
    }
    t.equal(here.doubt(), null)
    aheadMs = STEP_MS
    await Promise.all([untilDoubt(here, 'wasSet'), untilDoubt(there, 'wasSet')])
    t.equal(Math.round((there.doubt()?.byMs ?? 0) / 1_000), STEP_MS / 1_000)
    await here.confirm('Sara Example')
    t.equal(here.doubt(), null, 'where it was said, at once')
    await untilDoubt(there, undefined)

    aheadMs = 0
    await Promise.all([untilDoubt(here, undefined), untilDoubt(there, undefined)])
    aheadMs = 2 * STEP_MS
    await Promise.all([untilDoubt(here, 'wasSet'), untilDoubt(there, 'wasSet')])
    t.not(here.watch.doubt(here.watch.timesSet - 1), null, 'what was said before is no word for a later step')
    await using restarted = await start()
    t.equal(restarted.doubt(), null, 'a new process has nothing to compare with')
  })
