import t from 'tap'
import { LONG_TONE } from '../support/flows.ts'
import { TestParley } from '../support/parley.ts'
import { freePort, Program } from '../support/programs.ts'
import { untilHealthy } from '../support/until-healthy.ts'

const NUMBER = '+12025550101'
const FREESWITCH = 'media/embedded/freeswitch/program.ts'
const DRACHTIO = 'media/embedded/drachtio/program.ts'

t.test(
  'when the media server dies, its callers are let go, new ones get 503, and it is used again when it is back',
  { timeout: 280_000 },
  async t => {
    const eventSocketPort = await freePort()
    const start = async () =>
      await Program.start(
        FREESWITCH,
        [
          '--event-socket-port',
          String(eventSocketPort),
          '--sip-port',
          '0',
          '--rtp-ports',
          '56000-56400',
          '--secret',
          's'
        ],
        /stand-in for FreeSWITCH/
      )
    let media = await start()
    await using server = await TestParley.start({ env: { PARLEY_FREESWITCH: `127.0.0.1:${eventSocketPort}:s` } })
    await server.publish(LONG_TONE)
    await server.addNumber(NUMBER, 'long-tone')
    await using caller = await server.phone()
    const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
    caller.audio.connect((await call.answered()).sdp).sendSilence()
    await caller.audio.hears(400)

    await media.kill()
    await call.waitForBye()
    t.match(await server.story(call.callId), { endReason: 'mediaLost', fault: 'server' })
    t.equal((await fetch(`${server.url}/healthz`)).status, 503)
    const refused = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
    t.equal((await refused.answered()).status, 503)
    t.match(await server.story(refused.callId), { endReason: 'mediaUnavailable' })

    media = await start()
    t.teardown(() => media.kill())
    await untilHealthy(server)
    const again = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
    const answer = await again.answered()
    t.equal(answer.status, 200)
    caller.audio.forget().connect(answer.sdp)
    await caller.audio.hears(400)
    await again.bye()
    const complaints = server.logs.filter(line => line.includes('the media server is gone'))
    t.equal(complaints.length, 1, 'it is in the log once')
  }
)

t.test(
  'when the SIP server dies, its calls end with a reason and it is used again when it is back',
  { timeout: 280_000 },
  async t => {
    const adminPort = await freePort()
    const sipPort = await freePort()
    const start = async () =>
      await Program.start(
        DRACHTIO,
        [
          '--admin-port',
          String(adminPort),
          '--secret',
          's',
          '--udp-port',
          String(sipPort),
          '--tcp-port',
          String(sipPort)
        ],
        /stand-in for drachtio-server/
      )
    let sip = await start()
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

    await sip.kill()
    t.match(await server.story(call.callId), { endReason: 'signallingLost', fault: 'server' })
    t.match(await server.engines.freeswitch?.stats(), { channels: 0 }, 'the media server holds nothing for it any more')

    sip = await start()
    t.teardown(() => sip.kill())
    await untilHealthy(server)
    await using second = await server.phone()
    const again = second.phone.call(server.uri(NUMBER), { sdp: second.audio.sdp() })
    const answer = await again.answered()
    t.equal(answer.status, 200)
    second.audio.connect(answer.sdp).sendSilence()
    await second.audio.hears(400)
    await again.bye()
  }
)
