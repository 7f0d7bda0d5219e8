import t from 'tap'
import { sequenceDistance } from '../../../media/audio/rtp.ts'
import {
  connectSoftphone,
  contract,
  hearTone,
  OPUS,
  pcmuParameters,
  reportEngines,
  speakTone
} from './support/engines.ts'
import { FreeswitchPeer } from './support/freeswitch-peer.ts'
import { COUNTER_MODE, GCM } from './support/headless-transport.ts'
import { ToneListener, ToneSource } from './support/tone-talker.ts'
import { patient } from '../../support/patience.ts'

t.jobs = 1
reportEngines()

for (const [name, profile] of [
  ['AES-GCM', GCM],
  ['AES counter mode with HMAC', COUNTER_MODE]
] as const) {
  contract(`agent and FreeSWITCH hear each other over ${name}`, async (t, media) => {
    const softphone = await connectSoftphone(t, media, { srtpProfiles: [profile] })
    t.equal(softphone.send.profile, profile)
    const side = await media.createPlainSide()
    await using freeswitch = await FreeswitchPeer.answer(side, 1_000, 440)
    freeswitch.talk()
    const { microphone } = await speakTone(t, softphone, 440)
    await side.send(microphone)
    const ear = await hearTone(media, softphone, side.source, 1_000)
    await Promise.all([freeswitch.heard.heard(), ear.heard()])
    const figures = await side.figures()
    t.ok(figures.packetsReceived > 5 && figures.packetsSent > 5)
  })
}

contract(
  'agent and FreeSWITCH speak Opus with each other where the installation says so',
  async (t, media) => {
    const offered = media.rtpCapabilities['codecs'] as readonly Readonly<{ mimeType: string }>[]
    t.same(
      offered.map(({ mimeType }) => mimeType),
      ['audio/opus'],
      'browsers find nothing else'
    )
    const softphone = await connectSoftphone(t, media)
    const side = await media.createPlainSide()
    t.match(side.offerSdp, /^m=audio \d+ RTP\/AVP 111\r\na=rtpmap:111 opus\/48000\/2\r$/m)
    const g711 = 'v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 40000 RTP/AVP 0\r\n'
    await t.rejects(side.connect(g711, 1), { code: 'SDP_REFUSED' })
    await using freeswitch = await FreeswitchPeer.answer(side, 1_000, 440)
    await freeswitch.heard.until(() => freeswitch.heard.packets.length >= 5)
    t.ok(freeswitch.heard.packets.every(({ payload }) => Buffer.from(payload).toString('hex') === 'f8fffe'))
    freeswitch.talk()
    const { microphone } = await speakTone(t, softphone, 440, new ToneSource(440, undefined, undefined, 109), OPUS)
    await side.send(microphone)
    const ear = await hearTone(media, softphone, side.source, 1_000)
    await Promise.all([freeswitch.heard.heard(), ear.heard()])
    t.ok(ear.packets.every(({ payloadType }) => payloadType === 111))
    const { packets } = freeswitch.heard
    t.ok(packets.every(({ payloadType }) => payloadType === 111))
    const [first, second] = packets
    t.equal(((second?.timestamp ?? 0) - (first?.timestamp ?? 0)) >>> 0, 960, '20 ms at 48 kHz')
  },
  { legCodec: 'opus' }
)

contract('AES-GCM is taken where both have it', async (t, media) => {
  const { send } = await connectSoftphone(t, media, { srtpProfiles: [COUNTER_MODE, GCM] })
  t.equal(send.profile, GCM)
})

contract('FreeSWITCH gets silence, without a gap, while nobody speaks', async (t, media) => {
  const softphone = await connectSoftphone(t, media)
  const side = await media.createPlainSide()
  await using freeswitch = await FreeswitchPeer.answer(side, 1_000, 440)
  await freeswitch.heard.until(() => freeswitch.heard.packets.length >= 10)
  t.ok(
    freeswitch.heard.packets.every(({ payload }) => payload.length === 160 && payload.every(byte => byte === 0xff)),
    'silence before anybody speaks'
  )
  const { microphone } = await speakTone(t, softphone, 440)
  await side.send(microphone)
  await freeswitch.heard.heard()
  await softphone.connection.mute(true)
  await freeswitch.heard.silent()
  await softphone.connection.mute(false)
  await freeswitch.heard.heard()
  await side.send(null)
  await freeswitch.heard.silent()
  await side.send(microphone)
  await freeswitch.heard.heard()
  await softphone.connection[Symbol.asyncDispose]()
  await freeswitch.heard.silent()
  t.pass('and after the browser has gone')
})

contract(
  'two SFUs are linked: what is said at one is heard at the other, both ways, until it is stopped',
  async (t, media) => {
    const [here, there] = [await connectSoftphone(t, media), await connectSoftphone(t, media)]
    // One SFU may be linked with itself: neither end knows of the other but its address.
    await using near = await media.createLink()
    await using far = await media.createLink()
    await Promise.all([near.connect(far.address), far.connect(near.address)])
    await t.rejects(near.connect(far.address), { code: 'ALREADY_CONNECTED' })
    const { microphone } = await speakTone(t, here, 440)
    const stream = await near.send(microphone)
    const ear = await hearTone(media, there, await far.receive(stream), 440)
    const back = await far.send((await speakTone(t, there, 700)).microphone)
    const other = await hearTone(media, here, await near.receive(back), 700)
    await Promise.all([ear.heard(), other.heard()])
    near.stop(stream)
    const packets = ear.packets.length
    await other.until(() => other.packets.length >= 30)
    t.ok(ear.packets.length - packets < 10, 'nothing comes after the stop, while the other way goes on')
    await t.rejects(near.send({ id: 'none', closed: new AbortController().signal }), { code: 'SOURCE_GONE' })
  }
)

contract('a call changes microphones without a new leg', async (t, media) => {
  const first = await connectSoftphone(t, media)
  const second = await connectSoftphone(t, media)
  const side = await media.createPlainSide()
  await using freeswitch = await FreeswitchPeer.answer(side, 1_000, 440)
  await side.send((await speakTone(t, first, 440)).microphone)
  await freeswitch.heard.heard()
  await side.send((await speakTone(t, second, 700)).microphone)
  await freeswitch.heard.silent()
  t.pass('the first is not heard any more')
})

contract('several softphones hear one leg, and one softphone hears several', async (t, media) => {
  const [first, second] = [await connectSoftphone(t, media), await connectSoftphone(t, media)]
  const [one, two] = [await media.createPlainSide(), await media.createPlainSide()]
  await using low = await FreeswitchPeer.answer(one, 500, 440)
  await using high = await FreeswitchPeer.answer(two, 1_500, 440)
  low.talk()
  high.talk()
  const ears = [
    await hearTone(media, first, one.source, 500),
    await hearTone(media, first, two.source, 1_500),
    await hearTone(media, second, one.source, 500)
  ]
  await Promise.all(ears.map(ear => ear.heard()))
  const { microphone } = await speakTone(t, first, 900)
  await (await hearTone(media, second, microphone, 900)).heard()
  t.pass('softphones hear each other as well')
})

contract('what is heard stops with pause and goes on with resume, without a gap in its numbers', async (t, media) => {
  const softphone = await connectSoftphone(t, media)
  const side = await media.createPlainSide()
  await using freeswitch = await FreeswitchPeer.answer(side, 1_000, 440)
  freeswitch.talk()
  const hearing = await softphone.connection.hear(side.source, media.rtpCapabilities)
  const ear = new ToneListener(1_000)
  softphone.receive.on('rtp', ear.push)
  await hearing.resume()
  await ear.heard()
  await hearing.pause()
  const count = ear.packets.length
  const before = (await side.figures()).packetsReceived
  while ((await side.figures()).packetsReceived < before + 10) await softphone.receive.check()
  // One packet may have been under way when the pause was answered.
  t.ok(ear.packets.length <= count + 1, `${ear.packets.length - count} packets during the pause`)
  await hearing.resume()
  await ear.until(() => ear.packets.length >= count + 10)
  const steps = ear.packets.slice(1).map(({ sequenceNumber }, index) => {
    return sequenceDistance(ear.packets[index]!.sequenceNumber, sequenceNumber)
  })
  t.ok(
    steps.every(step => step === 1),
    `steps are ${[...new Set(steps)].join(', ')}`
  )
  t.equal(new Set(ear.packets.map(({ ssrc }) => ssrc)).size, 1)
})

contract('numbers may wrap while packets are lost', async (t, media) => {
  const softphone = await connectSoftphone(t, media)
  const side = await media.createPlainSide()
  await using freeswitch = await FreeswitchPeer.answer(side, 1_000, 440)
  const source = new ToneSource(440, 0xabcd_ef01, 65_530)
  const microphone = await softphone.connection.speak(pcmuParameters(source.ssrc))
  await side.send(microphone)
  const say = () => softphone.send.sendRaw(softphone.send.protect(source.next()))
  // Spoken from a timer of its own, so that the order of packets is not left to the machine.
  const sayPaced = async (count: number) => {
    for (let index = 0; index < count; index++) {
      say()
      await softphone.send.check()
    }
  }
  await sayPaced(4)
  // The wrap itself and much more goes missing: neither side may lose count of the rounds.
  for (let index = 0; index < 1_000; index++) softphone.send.protect(source.next())
  await sayPaced(40)
  await freeswitch.heard.heard()
  // mediasoup counts what is missing when it writes its next report.
  for (;;) {
    const { lossShare } = await softphone.connection.figures()
    if (lossShare > 0.9) break
    await softphone.send.check()
  }
  t.pass('most packets are known to be missing')
})

contract('figures tell round trip, loss and bytes', async (t, media) => {
  const softphone = await connectSoftphone(t, media)
  const side = await media.createPlainSide()
  await using freeswitch = await FreeswitchPeer.answer(side, 1_000, 440)
  freeswitch.talk()
  const { microphone } = await speakTone(t, softphone, 440)
  await side.send(microphone)
  const ear = await hearTone(media, softphone, side.source, 1_000)
  await Promise.all([freeswitch.heard.heard(), ear.heard()])
  const report = await softphone.receive.senderReport()
  await softphone.receive.answerReport(report)
  for (;;) {
    const figures = await softphone.connection.figures()
    if (figures.roundTripMs === null) {
      await softphone.receive.check()
      continue
    }
    t.ok(figures.roundTripMs >= 0 && figures.roundTripMs < patient(1_000), `round trip ${figures.roundTripMs} ms`)
    t.equal(figures.lossShare, 0)
    t.ok(figures.jitterMs >= 0 && figures.jitterMs < 100)
    t.ok(figures.bytesReceived > 1_000 && figures.bytesSent > 1_000)
    break
  }
  const usage = await media.usage()
  t.ok(usage.cpuMs > 0)
  t.ok(usage.memoryBytes === null || usage.memoryBytes > 1_000_000)
})
