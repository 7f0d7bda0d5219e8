import type { Worker } from 'node:worker_threads'
import t from 'tap'
import { finish, ring } from '../support/desk-calls.ts'
import { TO_SUPPORT } from '../support/flows.ts'
import { TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { freePort, Program } from '../support/programs.ts'
import { TestSoftphone } from '../support/softphone.ts'

const NUMBER = '+12025550101'
/** Nobody is stuck for longer, whatever dies. */
const STUCK_MS = 10_000

t.test(
  'when an engine dies nobody at a desk is stuck, and the next caller is served',
  { timeout: 280_000 },
  async t => {
    const [eventSocketPort, adminPort, sipPort] = [await freePort(), await freePort(), await freePort()]
    const startMedia = () =>
      Program.start(
        'media/embedded/freeswitch/program.ts',
        ['--event-socket-port', `${eventSocketPort}`, '--sip-port', '0', '--rtp-ports', '56400-56800', '--secret', 's'],
        /stand-in for FreeSWITCH/
      )
    const startSip = () =>
      Program.start(
        'media/embedded/drachtio/program.ts',
        ['--admin-port', `${adminPort}`, '--secret', 's', '--udp-port', `${sipPort}`, '--tcp-port', `${sipPort}`],
        /stand-in for drachtio-server/
      )
    let sfu: Worker | undefined
    process.on('worker', (worker: Worker) => {
      if (worker.threadName === 'sfu') sfu = worker
    })
    let media = await startMedia()
    let sip = await startSip()
    t.teardown(() => Promise.all([media.kill(), sip.kill()]))
    await using server = await TestParley.start({
      hasDemoData: true,
      env: { PARLEY_FREESWITCH: `127.0.0.1:${eventSocketPort}:s`, PARLEY_DRACHTIO: `127.0.0.1:${adminPort}:s` },
      sip: { host: '127.0.0.1', port: sipPort }
    })
    await server.publish(TO_SUPPORT)
    await server.addNumber(NUMBER, 'to-support')
    const people = await signInPeople(server, ['ana'])
    await using ana = await TestSoftphone.onShift(server, people.ana.token, { hz: 600 })

    const talk = async () => {
      const caller = await ring(server, NUMBER)
      await ana.answers()
      await Promise.all([ana.hears(440, 'call'), caller.audio.hears(600)])
      return caller
    }
    /** The whole way once more, as before. */
    const isServed = async () => {
      const limit = AbortSignal.timeout(20_000)
      while ((await fetch(`${server.url}/healthz`)).status !== 200) {
        limit.throwIfAborted()
        await new Promise(resolve => setTimeout(resolve, 50))
      }
      await using caller = await talk()
      await caller.hangUp()
      await finish(ana, STUCK_MS)
    }

    await t.test('the SFU dies while they talk: music, and the page is in the same call again', async t => {
      await using caller = await talk()
      const { callId } = ana.state.call ?? {}
      await sfu?.terminate()
      const away = await ana.until(state => state.call?.audio === 'reconnecting', STUCK_MS)
      t.equal(away.call?.callId, callId, 'the agent sees that the call is being put through again')
      await caller.audio.hearsSpeech({})
      await ana.reconnectAudio()
      await Promise.all([ana.hears(440, 'call'), caller.audio.hears(600)])
      t.match((await ana.until(state => state.call?.audio === 'connected')).call, { callId })
      await ana.prove()
      await caller.hangUp()
      await finish(ana, STUCK_MS)
      const kinds = (await server.story(caller.sipCallId)).events.map(event => event.kind)
      t.same(
        kinds.filter(kind => kind.startsWith('agent')),
        ['agentOffered', 'agentJoined', 'agentAway', 'agentBack', 'agentLeft']
      )
      await isServed()
    })

    await t.test('the media server dies while they talk', async t => {
      await using caller = await talk()
      await media.kill()
      await caller.waitForBye()
      await finish(ana, STUCK_MS)
      t.match(await server.story(caller.sipCallId), { endReason: 'mediaLost', fault: 'server' })
      media = await startMedia()
      await isServed()
    })

    await t.test('the media server dies while it rings', async t => {
      await using caller = await ring(server, NUMBER)
      await ana.until(state => state.offer !== null)
      await media.kill()
      await caller.waitForBye()
      const after = await ana.until(state => state.offer === null && state.state === 'idle', STUCK_MS)
      t.equal(after.call, null)
      t.match(await server.story(caller.sipCallId), { endReason: 'mediaLost', fault: 'server' })
      media = await startMedia()
      if (after.missed !== null) await ana.request('back', {})
      await isServed()
    })

    await t.test('the SIP server dies while they talk', async t => {
      await using caller = await talk()
      await sip.kill()
      caller.audio.stopSending()
      await finish(ana, STUCK_MS)
      t.match(await server.story(caller.sipCallId), { endReason: 'signallingLost', fault: 'server' })
      sip = await startSip()
      await isServed()
    })
  }
)
