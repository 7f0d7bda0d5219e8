import { access } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { TONE_MENU } from '../support/flows.ts'
import { testDatabases, TestParley } from '../support/parley.ts'
import { freshDatabase } from '../support/postgres-database.ts'
import { Cable } from '../support/programs.ts'

const NUMBER = '+12025550100'

// Only a database that is somewhere else can go away.
for (const database of testDatabases().filter(one => one === 'postgres'))
  t.test(
    `while ${database} is away callers are served, and afterwards nothing is missing`,
    { timeout: 280_000 },
    async t => {
      await using stack = new AsyncDisposableStack()
      const real = new URL(await freshDatabase(stack))
      const cable = stack.use(await Cable.to(real.hostname, Number(real.port || 5432)))
      const url = new URL(real)
      url.hostname = '127.0.0.1'
      url.port = String(cable.port)
      const server = stack.use(await TestParley.start({ env: { PARLEY_DATABASE_URL: url.href } }))
      await server.publish(TONE_MENU)
      await server.addNumber(NUMBER, 'tone-menu')
      await using caller = await server.phone()
      const first = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
      caller.audio.connect((await first.answered()).sdp).sendSilence()
      await caller.audio.hears(440)

      cable.pull()
      caller.audio.sendDigits('1')
      await caller.audio.hears(880)
      await caller.audio.hears(440)
      caller.audio.sendDigits('2')
      await caller.audio.hears(1200)
      await first.waitForBye()

      await using late = await server.phone()
      const second = late.phone.call(server.uri(NUMBER), { sdp: late.audio.sdp() })
      const answer = await second.answered(8_000)
      t.equal(answer.status, 200, 'a caller who comes during the outage is served from what is known')
      late.audio.connect(answer.sdp).sendSilence()
      await late.audio.hears(440)
      await second.bye()

      const health = await fetch(`${server.url}/healthz`)
      t.equal(health.status, 503)
      const api = await fetch(`${server.url}/api/v1/calls`, { headers: { authorization: 'Bearer ps_x' } })
      t.match(await api.json(), { status: 503, code: 'DATABASE_UNAVAILABLE' })
      await t.resolves(access(join(server.dataDir, 'spool', 'call-events.jsonl')), 'the records are on disk meanwhile')

      cable.plugIn()
      const limit = AbortSignal.timeout(20_000)
      while ((await fetch(`${server.url}/healthz`)).status !== 200) {
        limit.throwIfAborted()
        await new Promise(resolve => setTimeout(resolve, 50))
      }
      const story = await server.story(first.callId)
      t.match(story, { endReason: 'flowHungUp' })
      t.same(
        story.events.filter(event => event.kind === 'nodeLeft').map(event => event.data['outcome']),
        ['key 1', 'next', 'key 2', 'next', 'hangup']
      )
      t.match(await server.story(second.callId), { endReason: 'callerHungUp' })
      await t.rejects(access(join(server.dataDir, 'spool', 'call-events.jsonl')), 'the spool is empty again')
      t.equal(
        server.logs.filter(line => line.includes('call events cannot be written')).length,
        1,
        'the outage is in the log once'
      )
    }
  )
