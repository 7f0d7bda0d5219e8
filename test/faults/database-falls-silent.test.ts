import t from 'tap'
import { TONE_MENU } from '../support/flows.ts'
import { testDatabases, TestParley } from '../support/parley.ts'
import { freshDatabase } from '../support/postgres-database.ts'
import { Cable } from '../support/programs.ts'

const NUMBER = '+12025550100'
/** What a ringing caller may be held up by reads that get no answer; a busy machine has the rest. */
const ANSWERED_MS = 4_000
/** Connections on which nothing comes are given up after eighteen seconds, and the next try is soon after. */
const BACK_MS = 40_000

// Only a database that is somewhere else can fall silent.
for (const database of testDatabases().filter(one => one === 'postgres'))
  t.test(
    `while ${database} takes everything and says nothing callers are served, and another one may take over its address`,
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

      cable.fallSilent()
      const health = fetch(`${server.url}/healthz`)
      caller.audio.sendDigits('1')
      await caller.audio.hears(880)
      await caller.audio.hears(440)
      caller.audio.sendDigits('2')
      await caller.audio.hears(1200)
      await first.waitForBye()

      const lateCallIds: string[] = []
      for (const when of ['at once', 'when what was known is old', 'when all connections wait']) {
        await using late = await server.phone()
        const call = late.phone.call(server.uri(NUMBER), { sdp: late.audio.sdp() })
        const answer = await call.answered(ANSWERED_MS)
        t.equal(answer.status, 200, `a caller is served from what is known ${when}`)
        late.audio.connect(answer.sdp).sendSilence()
        await late.audio.hears(440)
        await call.bye()
        lateCallIds.push(call.callId)
        // Longer than numbers and flows are believed without a look.
        await new Promise(resolve => setTimeout(resolve, 2_100))
      }
      t.equal((await health).status, 503)
      const api = await fetch(`${server.url}/api/v1/calls`, { headers: { authorization: 'Bearer ps_x' } })
      t.match(await api.json(), { status: 503, code: 'DATABASE_UNAVAILABLE' })

      cable.speakAgain()
      const limit = AbortSignal.timeout(BACK_MS)
      for (const [path, ready] of [
        ['healthz', /"status":"ok"/],
        ['metrics', /^parley_call_events_waiting 0$/m]
      ] as const)
        while (!ready.test(await (await fetch(`${server.url}/${path}`)).text())) {
          limit.throwIfAborted()
          await new Promise(resolve => setTimeout(resolve, 50))
        }
      const story = await server.story(first.callId)
      t.match(story, { endReason: 'flowHungUp' })
      t.same(
        story.events.filter(event => event.kind === 'nodeLeft').map(event => event.data['outcome']),
        ['key 1', 'next', 'key 2', 'next', 'hangup']
      )
      for (const callId of lateCallIds) t.match(await server.story(callId), { endReason: 'callerHungUp' })
    }
  )
