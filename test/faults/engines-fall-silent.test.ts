import t from 'tap'
import { LONG_TONE } from '../support/flows.ts'
import { TestParley } from '../support/parley.ts'
import { freePort, Program } from '../support/programs.ts'
import { untilHealthy } from '../support/until-healthy.ts'

const NUMBER = '+12025550101'
/** Twelve seconds of silence are noticed; a busy machine has the rest. */
const NOTICED_MS = 30_000

t.test(
  'when the media server freezes, its callers are let go, new ones get 503 at once, and it keeps nothing when it wakes up',
  { timeout: 280_000 },
  async t => {
    const eventSocketPort = await freePort()
    const media = await Program.start(
      'media/embedded/freeswitch/program.ts',
      ['--event-socket-port', `${eventSocketPort}`, '--sip-port', '0', '--rtp-ports', '56400-56800', '--secret', 's'],
      /stand-in for FreeSWITCH/
    )
    t.teardown(() => media.kill())
    await using server = await TestParley.start({ env: { PARLEY_FREESWITCH: `127.0.0.1:${eventSocketPort}:s` } })
    await server.publish(LONG_TONE)
    await server.addNumber(NUMBER, 'long-tone')
    await using caller = await server.phone()
    const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
    caller.audio.connect((await call.answered()).sdp).sendSilence()
    await caller.audio.hears(400)

    media.signal('SIGSTOP')
    await call.waitForBye(NOTICED_MS)
    t.match(await server.story(call.callId), { endReason: 'mediaLost', fault: 'server' })
    t.equal((await fetch(`${server.url}/healthz`)).status, 503)
    const refused = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
    t.equal((await refused.answered(2_000)).status, 503, 'nobody waits for a server that is known to say nothing')

    media.signal('SIGCONT')
    await untilHealthy(server, NOTICED_MS)
    const ended = AbortSignal.timeout(NOTICED_MS)
    for (let before = -1; before !== caller.audio.packetsReceived; ) {
      before = caller.audio.packetsReceived
      await new Promise(resolve => setTimeout(resolve, 500))
      ended.throwIfAborted()
    }
    t.pass('the leg of the call that was let go is ended')
    const again = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
    caller.audio.forget().connect((await again.answered()).sdp)
    await caller.audio.hears(400)
    await again.bye()
    t.equal(server.logs.filter(line => line.includes('the media server does not answer')).length, 1)
  }
)

t.test(
  'when the SIP server freezes, its calls end with a reason, and it is told so when it wakes up',
  { timeout: 280_000 },
  async t => {
    const adminPort = await freePort()
    const sipPort = await freePort()
    const sip = await Program.start(
      'media/embedded/drachtio/program.ts',
      ['--admin-port', `${adminPort}`, '--secret', 's', '--udp-port', `${sipPort}`, '--tcp-port', `${sipPort}`],
      /stand-in for drachtio-server/
    )
    t.teardown(() => sip.kill())
    await using server = await TestParley.start({
      env: { PARLEY_DRACHTIO: `127.0.0.1:${adminPort}:s` },
      sip: { host: '127.0.0.1', port: sipPort }
    })
    await server.publish(LONG_TONE)
    await server.addNumber(NUMBER, 'long-tone')
    await using caller = await server.phone()
    const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
    caller.audio.connect((await call.answered()).sdp).sendSilence()
    await caller.audio.hears(400)

    sip.signal('SIGSTOP')
    const limit = AbortSignal.timeout(NOTICED_MS)
    while ((await fetch(`${server.url}/healthz`)).status !== 503) {
      limit.throwIfAborted()
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    t.match(await server.story(call.callId), { endReason: 'signallingLost', fault: 'server' })

    sip.signal('SIGCONT')
    await call.waitForBye(NOTICED_MS)
    t.pass('the caller does not stay in a call that nobody serves')
    await untilHealthy(server, NOTICED_MS)
    await using second = await server.phone()
    const again = second.phone.call(server.uri(NUMBER), { sdp: second.audio.sdp() })
    second.audio.connect((await again.answered()).sdp).sendSilence()
    await second.audio.hears(400)
    await again.bye()
  }
)
