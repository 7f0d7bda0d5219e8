import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { startRtpPeer } from '../../../support/rtp-peer.ts'
import { headerIn, startSipPhone } from '../../../support/sip-phone.ts'
import { startRig, startServer, until } from './harness.ts'

const HOST = '127.0.0.1'

/** Takes outbound event-socket connections and keeps them. */
async function startController(t: Test) {
  const sockets: Socket[] = []
  const server = createServer(socket => {
    socket.setEncoding('utf8')
    socket.on('error', () => {})
    sockets.push(socket)
  })
  server.listen(0, HOST)
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { sockets, address: `${HOST}:${(server.address() as AddressInfo).port}` }
}

async function startDirect(t: Test, options: Parameters<typeof startServer>[0] = {}) {
  const fs = await startServer(options)
  t.teardown(() => fs[Symbol.asyncDispose]())
  const phone = await startSipPhone({ transport: 'udp' })
  const peer = await startRtpPeer()
  t.teardown(() => phone[Symbol.asyncDispose]())
  t.teardown(() => peer[Symbol.asyncDispose]())
  const controller = await startController(t)
  const invite = (sdp: string, headers: Record<string, string> = {}) =>
    phone.call(`sip:drachtio@${HOST}:${fs.ready.sipPort}`, {
      sdp,
      autoAck: false,
      headers: { 'User-Agent': 'drachtio-fsmrf:8f4e1619-ea53', 'X-esl-outbound': controller.address, ...headers }
    })
  return { fs, phone, peer, controller, invite }
}

t.test('offers that cannot be taken get 488, and nothing is left of them', async t => {
  const { fs, peer, invite } = await startDirect(t)
  const sdp = peer.sdp()
  const audio = /m=audio[\s\S]*$/.exec(sdp)?.[0] as string
  const offers: [string, string][] = [
    ['no common codec', sdp.replace('RTP/AVP 0 8 101', 'RTP/AVP 9 101')],
    ['two audio lines', sdp + audio],
    ['no audio', sdp.replace('m=audio', 'm=video')],
    ['SRTP', sdp.replace('RTP/AVP', 'RTP/SAVP')],
    ['nonsense', 'this is no session description']
  ]
  for (const [what, offer] of offers) t.equal((await invite(offer).answered()).status, 488, what)
  t.equal(fs.stats().channels, 0)
  t.equal(fs.stats().rtpPortsInUse, 0)
})

t.test('calls beyond the limit get 503, and a call that is no application gets 404', async t => {
  const { fs, peer, phone, controller, invite } = await startDirect(t, { maxChannels: 1 })
  const first = invite(peer.sdp())
  t.equal((await first.answered()).status, 200)
  first.ack()
  t.equal((await invite(peer.sdp()).answered()).status, 503)
  t.equal((await invite(peer.sdp(), { 'User-Agent': 'somebody' }).answered()).status, 404)
  await until(() => controller.sockets.length === 1, 'the server connects back')
  await first.bye()
  await until(() => fs.stats().channels === 0, 'the channel is released')
  void phone
})

t.test('the answer names one codec, telephone events and refuses video', async t => {
  const { peer, invite } = await startDirect(t)
  const call = invite(`${peer.sdp({ codecs: ['PCMA', 'PCMU'] })}m=video 5000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n`)
  const { sdp } = await call.answered()
  call.ack()
  t.match(sdp, /m=audio \d+ RTP\/AVP 8 101\r\n/)
  t.match(sdp, /a=rtpmap:8 PCMA\/8000/)
  t.match(sdp, /m=video 0 RTP\/AVP 96/)
  const held = await call.reinvite(peer.sdp({ codecs: ['PCMA'], direction: 'sendonly' }))
  t.match(held.body, 'a=recvonly')
  const back = await call.update(peer.sdp({ codecs: ['PCMU'] }))
  t.match(back.body, /RTP\/AVP 0 101/)
  const refused = await call.reinvite(peer.sdp().replace('0 8 101', '9'))
  t.equal(refused.status, 488)
  const info = await call.info('Signal=5\r\nDuration=160\r\n', 'application/dtmf-relay')
  t.equal(info.status, 200)
})

t.test('an offer in the answer is taken from the ACK', async t => {
  const { fs, peer, controller, invite } = await startDirect(t)
  const call = invite('')
  const { sdp, status } = await call.answered()
  t.equal(status, 200)
  t.match(sdp, /RTP\/AVP 0 8 101/)
  t.equal(controller.sockets.length, 0, 'nobody is called back before the ACK')
  peer.connect(sdp)
  call.ack(peer.sdp())
  await until(() => controller.sockets.length === 1, 'the server connects back')
  t.equal(fs.stats().channels, 1)
})

t.test('when nobody listens for the call it is hung up', async t => {
  const { fs, peer, invite } = await startDirect(t)
  const call = invite(peer.sdp(), { 'X-esl-outbound': `${HOST}:9` })
  t.equal((await call.answered()).status, 200)
  call.ack()
  await call.waitForBye()
  await until(() => fs.stats().channels === 0, 'nothing is left')
})

t.test('the controlling connection speaks the outbound protocol', async t => {
  const { peer, controller, invite } = await startDirect(t)
  const call = invite(peer.sdp())
  await call.answered()
  call.ack()
  await until(() => controller.sockets.length === 1, 'the server connects')
  const socket = controller.sockets[0] as Socket
  let text = ''
  socket.on('data', chunk => {
    text += chunk
  })
  socket.write('connect\n\nmyevents\n\nlinger\n\ngetvar sip_user_agent\n\nnonsense\n\n')
  await until(() => text.includes('command not found'), 'five answers')
  t.match(text, /^Event-Name: CHANNEL_DATA\n/)
  t.match(text, 'Channel-Unique-ID: ')
  t.match(text, 'variable_sip_user_agent: drachtio-fsmrf%3A8f4e1619-ea53\n')
  t.match(text, 'Control: full\n')
  t.match(text, 'Reply-Text: +OK Events Enabled')
  t.match(text, 'Reply-Text: +OK will linger')
  t.match(text, 'Reply-Text: drachtio-fsmrf:8f4e1619-ea53')
  t.match(text, 'Reply-Text: -ERR command not found')
  text = ''
  const uuid = 'a1b2c3d4-0000-4000-8000-000000000001'
  socket.write(
    `sendmsg\ncall-command: execute\nexecute-app-name: playback\nexecute-app-arg: silence_stream://40\nEvent-UUID: ${uuid}\n\n`
  )
  await until(() => text.includes('CHANNEL_EXECUTE_COMPLETE'), 'the application completes')
  t.match(text, `Application-UUID: ${uuid}`)
  t.match(text, 'Application-Response: FILE%20PLAYED')
  socket.write('sendmsg\ncall-command: execute\nexecute-app-name: nosuchapp\n\n')
  const bye = await call.waitForBye()
  t.match(
    headerIn(bye, 'Reason'),
    'DESTINATION_OUT_OF_ORDER',
    'an unknown application ends the call as on the real server'
  )
})

/** The controlling connection's text from `connect` on, with events. */
async function control(controller: Awaited<ReturnType<typeof startController>>) {
  await until(() => controller.sockets.length === 1, 'the server connects')
  const socket = controller.sockets[0] as Socket
  const heard = { text: '', socket }
  socket.on('data', chunk => {
    heard.text += chunk
  })
  socket.write('connect\n\nevent plain ALL\n\nmyevents\n\nlinger\n\n')
  await until(() => heard.text.includes('will linger'), 'events are on')
  return heard
}

t.test('keys that come by INFO are told and collected', async t => {
  const { peer, controller, invite } = await startDirect(t)
  const call = invite(peer.sdp({ events: false }))
  peer.connect((await call.answered()).sdp)
  call.ack()
  const heard = await control(controller)
  heard.socket.write(
    'sendmsg\ncall-command: execute\nexecute-app-name: play_and_get_digits\n' +
      'execute-app-arg: 3 3 1 5000 # tone_stream://%(60000,0,440) silence_stream://20 pin \\d+\n\n'
  )
  await peer.hears(440)
  for (const [type, body] of [
    ['application/dtmf-relay', 'Signal=9\r\nDuration=200\r\n'],
    ['application/dtmf-relay', 'Signal= 4\r\nDuration= 160\r\n'],
    ['application/dtmf', '7'],
    ['application/dtmf-relay', 'Signal=nonsense\r\n']
  ] as const) {
    t.equal((await call.info(body, type)).status, 200)
  }
  await until(() => /CHANNEL_EXECUTE_COMPLETE[\s\S]*variable_pin: 947\n/.test(heard.text), 'the keys are collected')
  t.same(
    [...heard.text.matchAll(/DTMF-Digit: (.)\nDTMF-Duration: (\d+)\nDTMF-Source: ENDPOINT\n/g)].map(
      ([, digit, duration]) => [digit, duration]
    ),
    [
      ['9', '1600'],
      ['4', '1280'],
      ['7', '2000']
    ]
  )
  await call.bye()
})

t.test(
  'a call that ends for want of audio or because the server stops says so in its last event and in the BYE',
  async t => {
    const causes = async (options: Parameters<typeof startServer>[0], stop: (fs: AsyncDisposable) => void) => {
      const { fs, peer, controller, invite } = await startDirect(t, options)
      const call = invite(peer.sdp())
      peer.connect((await call.answered()).sdp)
      call.ack()
      const heard = await control(controller)
      stop(fs)
      const bye = await call.waitForBye()
      await until(() => /Event-Name: CHANNEL_HANGUP\n[\s\S]*?Hangup-Cause: \w+\n/.test(heard.text), 'the last event')
      await until(() => fs.stats().channels === 0 && fs.stats().rtpPortsInUse === 0, 'everything is released')
      const cause = /Event-Name: CHANNEL_HANGUP\n[\s\S]*?Hangup-Cause: (\w+)\n/.exec(heard.text)?.[1]
      return [cause, /text="(\w+)"/.exec(headerIn(bye, 'Reason') ?? '')?.[1]]
    }
    t.same(await causes({ rtpTimeoutMs: 200 }, () => {}), ['MEDIA_TIMEOUT', 'MEDIA_TIMEOUT'])
    t.same(await causes({}, fs => void fs[Symbol.asyncDispose]()), ['SYSTEM_SHUTDOWN', 'SYSTEM_SHUTDOWN'])
  }
)

t.test('a call refused because all channels are taken leaves the others alone', async t => {
  const rig = await startRig(t, { maxChannels: 1 })
  const { peer, endpoint } = await rig.caller()
  await t.rejects(rig.ms.createEndpoint(), /503/)
  const playing = endpoint.play('tone_stream://%(300,0,440)')
  await peer.hears(440)
  await playing
  await endpoint.destroy()
  await until(() => rig.fs.stats().channels === 0, 'the channel is free again')
  await (await rig.ms.createEndpoint()).destroy()
})

t.test('an inbound event socket asks for the secret and says what it does not know', async t => {
  const { fs } = await startDirect(t)
  const ask = async (lines: string) => {
    const socket = connect(fs.ready.eventSocketPort, HOST)
    socket.setEncoding('utf8')
    let text = ''
    socket.on('data', chunk => {
      text += chunk
    })
    socket.write(lines)
    await once(socket, 'close')
    return text
  }
  const refused = await ask('auth wrong\n\n')
  t.match(refused, 'Content-Type: auth/request\n\n')
  t.match(refused, 'Reply-Text: -ERR invalid')
  t.match(refused, 'Disconnected, goodbye.')
  const text = await ask(
    'auth open sesame\n\napi nosuch\n\napi uuid_kill nobody\n\nbgapi version\nJob-UUID: job-1\n\nevent plain BACKGROUND_JOB\n\nfilter x y\n\nfilter delete x y\n\napi sofia status\n\nexit\n\n'
  )
  t.match(text, '-ERR nosuch Command not found!')
  t.match(text, '-ERR No such channel!')
  t.match(text, 'Reply-Text: +OK Job-UUID: job-1\nJob-UUID: job-1')
  t.match(text, '+OK event listener enabled plain')
  t.match(text, '+OK filter added. [x]=[y]')
  t.match(text, '+OK filter deleted. [x][y]')
  t.match(text, 'Reply-Text: +OK bye')
})

t.test('an application changes the session, hangs up by name, and reads what it set', async t => {
  const rig = await startRig(t)
  const { endpoint, call, peer } = await rig.caller()
  await endpoint.set({ color: 'blue', text: "it's" })
  await rig.ms.api(`uuid_setvar_multi ${endpoint.uuid} a=1;b=2 3`)
  peer.sendSilence()
  await peer.receives(0)
  const variables = await endpoint.getChannelVariables(true)
  t.equal(variables['variable_color'], 'blue')
  t.equal(variables['variable_text'], "it's")
  t.equal(variables['variable_b'], '2 3')
  t.type(variables['variable_rtp_audio_in_packet_count'], 'number')
  t.equal(await rig.ms.api(`uuid_getvar ${endpoint.uuid} nothing`), '_undef_')
  const other = await startRtpPeer()
  t.teardown(() => other[Symbol.asyncDispose]())
  await endpoint.modify(other.sdp())
  void endpoint.play('tone_stream://%(60000,0,700)').catch(() => {})
  other.connect(endpoint.local.sdp)
  await other.hears(700)
  const ssrc = await rig.ms.api(`uuid_getvar ${endpoint.uuid} rtp_use_ssrc`)
  t.equal(ssrc.trim(), String(other.heardSsrc), 'an SFU is told what to take')
  const ended = new Promise<{ reason: string }>(resolve => endpoint.once('destroy', resolve as never))
  t.equal(await rig.ms.api(`uuid_kill ${endpoint.uuid} USER_BUSY`), '+OK\n')
  t.equal((await ended).reason, 'USER_BUSY')
  void call
})

t.test('an endpoint without a caller is made, plays to nobody and is destroyed', async t => {
  const rig = await startRig(t)
  const endpoint = await rig.ms.createEndpoint()
  await endpoint.play('silence_stream://60')
  t.equal(rig.fs.stats().packetsSent, 0)
  await endpoint.destroy()
  await until(() => rig.fs.stats().channels === 0, 'nothing is left')
})
