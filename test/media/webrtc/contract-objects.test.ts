import t from 'tap'
import { SoftphoneMediaError } from '../../../media/webrtc/softphone-media.ts'
import {
  aborted,
  connectSoftphone,
  contract,
  engines,
  hearTone,
  log,
  OPUS,
  open,
  pcmuParameters,
  reached,
  reportEngines,
  speakTone
} from './support/engines.ts'
import { FreeswitchPeer } from './support/freeswitch-peer.ts'
import { HeadlessTransport } from './support/headless-transport.ts'

t.jobs = 1
reportEngines()

const refused = (code: string) => ({ name: 'SoftphoneMediaError', code })

contract('offers have the shape that mediasoup-client takes', async (t, media) => {
  const connection = await media.createConnection()
  for (const offer of [connection.offers.send, connection.offers.receive]) {
    t.match(offer, {
      id: /^[0-9a-f-]{36}$/,
      iceParameters: { usernameFragment: /^\w{4,}$/, password: /^\w{22,}$/, iceLite: true },
      dtlsParameters: { role: 'auto' }
    })
    t.match(offer.iceCandidates[0], { ip: '127.0.0.1', protocol: 'udp', type: 'host', port: Number, priority: Number })
    const fingerprints = offer.dtlsParameters['fingerprints'] as readonly Readonly<Record<string, string>>[]
    t.match(fingerprints.find(({ algorithm }) => algorithm === 'sha-256')?.['value'], /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
  }
  const codecs = media.rtpCapabilities['codecs'] as readonly Readonly<Record<string, unknown>>[]
  t.match(codecs[0], { kind: 'audio', mimeType: 'audio/PCMU', preferredPayloadType: 0, clockRate: 8000 })
  t.match(codecs[1], {
    kind: 'audio',
    mimeType: 'audio/opus',
    preferredPayloadType: 111,
    clockRate: 48_000,
    channels: 2
  })
  t.equal(connection.state, 'new')
  t.equal(connection.microphone, null)
})

contract('all browsers come in by one port', async (t, media) => {
  const ports = new Set<unknown>()
  for (let index = 0; index < 3; index++) {
    const { offers } = await media.createConnection()
    ports.add(offers.send.iceCandidates[0]?.['port']).add(offers.receive.iceCandidates[0]?.['port'])
  }
  t.equal(ports.size, 1)
})

contract('each way connects once', async (t, media) => {
  const connection = await media.createConnection()
  const client = await HeadlessTransport.open(connection.offers.send)
  t.teardown(() => client.close())
  await connection.connect('send', client.dtlsParameters)
  await t.rejects(connection.connect('send', client.dtlsParameters), refused('ALREADY_CONNECTED'))
})

contract('parameters without a fingerprint are refused', async (t, media) => {
  const connection = await media.createConnection()
  await t.rejects(connection.connect('send', { role: 'client', fingerprints: [] }), refused('SFU_REFUSED'))
})

contract('codecs that the SFU has not are refused, and so are documents that are none', async (t, media) => {
  const { connection } = await connectSoftphone(t, media)
  const g722 = { mimeType: 'audio/G722', payloadType: 9, clockRate: 8000, channels: 1 }
  await t.rejects(connection.speak({ codecs: [g722], encodings: [{ ssrc: 5 }] }), refused('CODEC_NOT_SHARED'))
  for (const broken of [{}, { codecs: 'PCMU' }, { codecs: [{}] }, { codecs: [{ mimeType: 'audio/PCMU' }] }]) {
    await t.rejects(connection.speak(broken), SoftphoneMediaError)
  }
  t.equal(connection.microphone, null)
})

contract('who has another codec cannot hear', async (t, media) => {
  const speaker = await connectSoftphone(t, media)
  const listener = await connectSoftphone(t, media)
  const { microphone } = await speakTone(t, speaker, 440)
  const opusOnly = { codecs: [{ ...OPUS, kind: 'audio', preferredPayloadType: 111 }], headerExtensions: [] }
  await t.rejects(listener.connection.hear(microphone, opusOnly), refused('CODEC_NOT_SHARED'))
  const opus = await speaker.connection.speak({ codecs: [OPUS], encodings: [{ ssrc: 6 }] })
  const side = await media.createPlainSide()
  await using _freeswitch = await FreeswitchPeer.answer(side, 1_000, 440)
  await t.rejects(side.send(opus), refused('CODEC_NOT_SHARED'), 'FreeSWITCH was offered PCMU only')
  const hearing = await listener.connection.hear(opus, media.rtpCapabilities)
  t.match(hearing.offer.rtpParameters['codecs'], [{ mimeType: 'audio/opus', payloadType: 111, channels: 2 }])
})

contract('what is heard is described as mediasoup-client wants it', async (t, media) => {
  const { connection } = await connectSoftphone(t, media)
  const side = await media.createPlainSide()
  await using _freeswitch = await FreeswitchPeer.answer(side, 1_000, 440)
  const { offer } = await connection.hear(side.source, media.rtpCapabilities)
  t.match(offer, {
    id: /^[0-9a-f-]{36}$/,
    producerId: side.source.id,
    kind: 'audio',
    rtpParameters: {
      codecs: [{ mimeType: 'audio/PCMU', payloadType: 0, clockRate: 8000 }],
      encodings: [{ ssrc: Number }],
      rtcp: { cname: /./ }
    }
  })
})

contract('nobody hears a source that has gone, or one of another SFU', async (t, media) => {
  const { connection } = await connectSoftphone(t, media)
  const microphone = await connection.speak(pcmuParameters(5))
  const again = await connection.speak(pcmuParameters(5))
  await aborted(microphone.closed)
  t.equal(connection.microphone?.id, again.id, 'the same microphone came back with the same SSRC')
  await t.rejects(connection.hear(microphone, media.rtpCapabilities), refused('SOURCE_GONE'))
  const stranger = { id: 'b5a1c1de-0000-4000-8000-000000000000', closed: new AbortController().signal }
  await t.rejects(connection.hear(stranger, media.rtpCapabilities), refused('SOURCE_GONE'))
  const side = await media.createPlainSide()
  t.throws(() => side.source, refused('SOURCE_GONE'), 'nothing comes from FreeSWITCH before its answer')
  await using _freeswitch = await FreeswitchPeer.answer(side, 1_000, 440)
  await t.rejects(side.send(microphone), refused('SOURCE_GONE'))
  await t.rejects(side.send(side.source), refused('SOURCE_GONE'), 'FreeSWITCH does not hear itself')
})

contract('a leg that ends takes along what was heard of it', async (t, media) => {
  const { connection } = await connectSoftphone(t, media)
  const side = await media.createPlainSide()
  await using _freeswitch = await FreeswitchPeer.answer(side, 1_000, 440)
  const hearing = await connection.hear(side.source, media.rtpCapabilities)
  await side[Symbol.asyncDispose]()
  await side[Symbol.asyncDispose]()
  await Promise.all([aborted(hearing.closed), aborted(side.source.closed)])
  t.equal(connection.state, 'connected', 'the softphone stays')
})

contract('a hearing that ends leaves its source alone', async (t, media) => {
  const softphone = await connectSoftphone(t, media)
  const side = await media.createPlainSide()
  await using freeswitch = await FreeswitchPeer.answer(side, 1_000, 440)
  freeswitch.talk()
  const hearing = await softphone.connection.hear(side.source, media.rtpCapabilities)
  hearing[Symbol.dispose]()
  hearing[Symbol.dispose]()
  await aborted(hearing.closed)
  t.notOk(side.source.closed.aborted)
  await (await hearTone(media, softphone, side.source, 1_000)).heard()
})

contract('a connection that is closed takes everything of it along', async (t, media) => {
  const softphone = await connectSoftphone(t, media)
  const listener = await connectSoftphone(t, media)
  const { microphone } = await speakTone(t, softphone, 440)
  const hearing = await listener.connection.hear(microphone, media.rtpCapabilities)
  const states: string[] = []
  softphone.connection.onState(state => states.push(state))
  await softphone.connection[Symbol.asyncDispose]()
  await softphone.connection[Symbol.asyncDispose]()
  await Promise.all([aborted(microphone.closed), aborted(hearing.closed)])
  t.same(states, ['closed'])
  t.equal(softphone.connection.microphone, null)
  await t.rejects(softphone.connection.speak(pcmuParameters(7)), SoftphoneMediaError)
})

contract('SDP that is no answer is refused', async (t, media) => {
  const side = await media.createPlainSide()
  const good = 'v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\n'
  for (const [says, sdp] of Object.entries({
    nothing: '',
    'no audio': 'v=0\r\nc=IN IP4 127.0.0.1\r\nm=video 4000 RTP/AVP 0\r\n',
    'two streams': `${good}m=audio 4002 RTP/AVP 0\r\n`,
    'no PCMU': good.replace('AVP 0', 'AVP 8 101'),
    'a refused stream': good.replace('4000', '0'),
    'encrypted audio': good.replace('RTP/AVP', 'RTP/SAVP'),
    'a name instead of an address': good.replace('127.0.0.1', 'localhost')
  })) {
    await t.rejects(side.connect(sdp, 5), refused('SDP_REFUSED'), says)
  }
  await side.connect(good, 5)
  await t.rejects(side.connect(good, 5), refused('ALREADY_CONNECTED'))
})

contract(
  'legs have ports of their own, and a full range is said',
  async (t, media) => {
    const sides = await Promise.all([media.createPlainSide(), media.createPlainSide()])
    const ports = sides.map(side => Number(/^m=audio (\d+)/m.exec(side.offerSdp)?.[1]))
    t.notSame(ports[0], ports[1])
    t.match(sides[0]?.offerSdp, /^m=audio \d+ RTP\/AVP 0 101\r\n/m)
    t.match(sides[0]?.offerSdp, /^a=ptime:20\r\n/m)
  },
  { plainPorts: [45_000, 45_007] }
)

for (const engine of engines) {
  t.test(`${engine}: no leg is promised without a port`, async t => {
    await using media = await open(engine, { plainPorts: [45_010, 45_013] })
    await media.createPlainSide()
    const second = await media.createPlainSide()
    await t.rejects(media.createPlainSide(), refused('SFU_REFUSED'))
    await second[Symbol.asyncDispose]()
  })

  t.test(`${engine}: a port that somebody has is said at the start`, async t => {
    await using media = await open(engine)
    const { offers } = await media.createConnection()
    const udpPort = Number(offers.send.iceCandidates[0]?.['port'])
    await t.rejects(open(engine, { udpPort }), refused('SFU_REFUSED'))
  })

  t.test(`${engine}: everything ends with the SFU`, async t => {
    const media = await open(engine)
    const softphone = await connectSoftphone(t, media)
    const side = await media.createPlainSide()
    await using _freeswitch = await FreeswitchPeer.answer(side, 1_000, 440)
    await media[Symbol.asyncDispose]()
    await Promise.all([reached(softphone.connection, 'closed'), aborted(side.source.closed)])
    t.notOk(media.lost.aborted, 'a wanted end is no loss')
    await t.rejects(media.createConnection(), SoftphoneMediaError)
    await t.resolves(side.send(null), 'a leg that has gone needs nothing any more')
    await media[Symbol.asyncDispose]()
  })
}

t.test('where the best engine is asked for, one is always found, and it says which', async t => {
  const told: string[] = []
  await using media = await open('auto', { onEngine: (engine, reason) => told.push(engine, reason), log })
  t.equal(told[0], media.engine)
  t.equal(media.engine, engines.at(-1))
  t.ok(told[1])
})
