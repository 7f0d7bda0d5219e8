import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { splitArguments } from '../../../../media/embedded/freeswitch/arguments.ts'
import { agreeOnAudio, parseSdp } from '../../../../media/embedded/freeswitch/sip/sdp.ts'
import { parseSip } from '../../../../media/embedded/freeswitch/sip/message.ts'
import { parseToneScript, ToneScriptError } from '../../../../media/embedded/freeswitch/sound/tone-stream.ts'
import { startRig, startServer, until } from './harness.ts'

const HOST = '127.0.0.1'
const RUNS = { numRuns: 300 }

t.test('parsers take any text without harm', async t => {
  const sdpLine = fc.constantFrom(
    'v=0',
    'm=audio 4000 RTP/AVP 0 8',
    'm=audio 99999 RTP/AVP 0',
    'a=rtpmap:0',
    'c=IN IP4 1.2.3.4',
    'a=sendonly',
    ''
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(sdpLine, fc.string())), lines => {
      const text = lines.join('\r\n')
      parseSdp(text)
      const { kind } = agreeOnAudio(text)
      return kind === 'agreed' || kind === 'refused'
    }),
    RUNS
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), bytes => void parseSip(Buffer.from(bytes))),
    RUNS
  )
  fc.assert(
    fc.property(fc.string(), text => Array.isArray(splitArguments(text))),
    RUNS
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map(text => `%(100,0,${text})`)
      ),
      text => {
        try {
          parseToneScript(text)
        } catch (err) {
          if (!(err instanceof ToneScriptError)) throw err
        }
      }
    ),
    RUNS
  )
  t.pass('nothing was thrown')
})

t.test('garbage on every port leaves the server working', async t => {
  const fs = await startServer()
  t.teardown(() => fs[Symbol.asyncDispose]())
  const udp = createSocket('udp4')
  t.teardown(() => udp.close())
  const start = fc.constantFrom('INVITE sip:a@b SIP/2.0\r\n', 'BYE sip:a SIP/2.0\r\n', 'SIP/2.0 200 OK\r\n', '')
  const line = fc.oneof(
    fc.constantFrom(
      'Via: SIP/2.0/UDP h;branch=z9hG4bKx',
      'From: <sip:a@b>;tag=1',
      'To: x',
      'Call-ID: 1',
      'CSeq: 1 INVITE',
      'CSeq: x',
      'Content-Length: -5',
      'Contact: <sip:a@b>',
      'User-Agent: drachtio-fsmrf:1',
      'X-esl-outbound: 127.0.0.1:1'
    ),
    fc.string()
  )
  const messages = fc.sample(fc.tuple(start, fc.array(line, { maxLength: 14 }), fc.string()), 400)
  for (const [first, lines, body] of messages)
    udp.send(`${first}${lines.join('\r\n')}\r\n\r\n${body}`, fs.ready.sipPort, HOST)
  for (const text of fc.sample(fc.string({ maxLength: 200 }), 50)) {
    const socket = connect(fs.ready.eventSocketPort, HOST)
    socket.on('error', () => {})
    socket.write(
      `auth open sesame\n\n${text}\n\nsendmsg ${text}\nevent-lock: x\n\napi ${text}\n\nevent ${text}\n\nfilter ${text}\n\n`
    )
    socket.end()
  }
  const commands = connect(fs.ready.eventSocketPort, HOST)
  commands.setEncoding('utf8')
  let text = ''
  commands.on('data', chunk => {
    text += chunk
  })
  commands.write('auth open sesame\n\napi create_uuid\n\n')
  await until(() => /[0-9a-f]{8}-[0-9a-f]{4}/.test(text), 'it still answers')
  commands.destroy()
  await once(commands, 'close')
})

t.test('garbage instead of RTP does not disturb a call', async t => {
  const rig = await startRig(t)
  const { peer, endpoint } = await rig.caller()
  for (const bytes of fc.sample(fc.uint8Array({ minLength: 0, maxLength: 200 }), 200)) {
    peer.sendRaw(Buffer.from(bytes))
    peer.sendRaw(Buffer.concat([Buffer.from([0x80, 0]), Buffer.from(bytes)]))
    peer.sendRaw(Buffer.concat([Buffer.from([0x80, 101]), Buffer.from(bytes)]))
  }
  const playing = endpoint.play('tone_stream://%(300,0,440)')
  await peer.hears(440)
  await playing
})
