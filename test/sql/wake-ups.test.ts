import t from 'tap'
import { openDatabase } from '../../sql/database.ts'
import { WakeUps } from '../../sql/wake-ups.ts'
import { testDatabases } from '../support/parley.ts'
import { freshDatabase } from '../support/postgres-database.ts'
import { Cable } from '../support/programs.ts'

/** What takes five seconds may take a busy machine longer. */
const LIMIT_MS = 30_000

// Control planes on one PGlite are in one process and need no connection for it.
for (const kind of testDatabases().filter(one => one === 'postgres'))
  t.test(
    `control planes wake each other through ${kind}, also after it has said nothing`,
    { timeout: 120_000 },
    async t => {
      await using stack = new AsyncDisposableStack()
      const real = new URL(await freshDatabase(stack))
      const cable = stack.use(await Cable.to(real.hostname, Number(real.port || 5432)))
      const byCable = Object.assign(new URL(real), { hostname: '127.0.0.1', port: String(cable.port) })
      const ignore = () => {}
      const errors: Error[] = []
      const near = stack.use(await openDatabase({ kind: 'postgres', url: real.href }, ignore))
      const far = stack.use(await openDatabase({ kind: 'postgres', url: byCable.href }, ignore))
      const one = stack.use(await WakeUps.open(near, ignore))
      const other = stack.use(await WakeUps.open(far, err => errors.push(err)))
      const until = async (is: () => boolean) => {
        const limit = AbortSignal.timeout(LIMIT_MS)
        while (!is()) {
          limit.throwIfAborted()
          await new Promise(resolve => setTimeout(resolve, 20))
        }
      }
      const heardBy = (wakeUps: WakeUps, stop = new AbortController()) => {
        const topics: string[] = []
        wakeUps.listen(topic => topics.push(topic), stop.signal)
        return topics
      }
      const [heardHere, heardThere] = [heardBy(one), heardBy(other)]
      one.wake('agents')
      other.wake('entries')
      await until(() => heardThere.includes('agents') && heardHere.includes('entries'))

      cable.fallSilent()
      other.wake('agents')
      const limit = AbortSignal.timeout(LIMIT_MS)
      await Promise.race([
        other.told(),
        new Promise((_, reject) => limit.addEventListener('abort', () => reject(limit.reason)))
      ])
      t.pass('whoever waits until all are told goes on')
      await until(() => errors.length > 0)
      cable.speakAgain()
      heardThere.length = 0
      await until(() => heardThere.includes('queues'))
      t.pass('whatever may have happened meanwhile is looked at')
      heardHere.length = 0
      heardThere.length = 0
      one.wake('entries')
      other.wake('agents')
      await until(() => heardThere.includes('entries') && heardHere.includes('agents'))
      t.equal(errors.length, 1, 'the loss is told once')
    }
  )
