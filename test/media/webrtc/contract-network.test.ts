import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { buildRtp } from '../../../media/audio/rtp.ts'
import { buildBindingRequest } from '../../../media/webrtc/embedded/stun.ts'
import {
  aborted,
  connectSoftphone,
  contract,
  engines,
  hearTone,
  open,
  pcmuParameters,
  reached,
  reportEngines,
  speakTone
} from './support/engines.ts'
import { FreeswitchPeer } from './support/freeswitch-peer.ts'
import { HeadlessTransport, newIdentity } from './support/headless-transport.ts'
import { ToneSource } from './support/tone-talker.ts'

t.jobs = 1
reportEngines()

contract('a browser with another certificate than it announced is turned away', async (t, media) => {
  const connection = await media.createConnection()
  const announced = await newIdentity()
  const client = await HeadlessTransport.open(connection.offers.send)
  t.teardown(() => client.close())
  await connection.connect('send', {
    role: 'client',
    fingerprints: [{ algorithm: 'sha-256', value: announced.fingerprint }]
  })
  client.connect().catch(() => {})
  await reached(connection, 'closed')
  await t.rejects(connection.speak(pcmuParameters(1)), 'nothing can be said over it')
})

contract('a forger who shows the right certificate without its key is turned away', async (t, media) => {
  const connection = await media.createConnection()
  const [victim, forger] = [await newIdentity(), await newIdentity()]
  const identity = { ...victim, keyPem: forger.keyPem }
  const client = await HeadlessTransport.open(connection.offers.send, { identity })
  t.teardown(() => client.close())
  await connection.connect('send', client.dtlsParameters)
  client.connect().catch(() => {})
  await reached(connection, 'closed')
  t.notOk(client.isConnected)
})

contract('a hello in pieces over several datagrams is put together', async (t, media) => {
  const cutHello = (datagram: Buffer): readonly Buffer[] => {
    // Content type handshake, epoch 0, message type hello.
    const isHello = datagram[0] === 22 && datagram.readUInt16BE(3) === 0 && datagram[13] === 1
    return isHello ? fragments(datagram, 60) : [renumbered(datagram)]
  }
  const { send, receive } = await connectSoftphone(t, media, { outgoing: cutHello })
  t.ok(send.isConnected && receive.isConnected)
})

contract('an agent who changes network goes on talking and hearing', async (t, media) => {
  const softphone = await connectSoftphone(t, media)
  const side = await media.createPlainSide()
  await using freeswitch = await FreeswitchPeer.answer(side, 1_000, 440)
  freeswitch.talk()
  await side.send((await speakTone(t, softphone, 440)).microphone)
  const ear = await hearTone(media, softphone, side.source, 1_000)
  await Promise.all([ear.heard(), freeswitch.heard.heard()])
  await Promise.all([softphone.send.moveToNewPort(), softphone.receive.moveToNewPort()])
  await Promise.all([softphone.send.check(), softphone.receive.check()])
  const [heardBefore, saidBefore] = [ear.packets.length, freeswitch.heard.packets.length]
  await ear.until(() => ear.packets.length > heardBefore + 10)
  await freeswitch.heard.until(() => freeswitch.heard.packets.length > saidBefore + 10)
  await Promise.all([ear.heard(), freeswitch.heard.heard()])
  t.equal(softphone.connection.state, 'connected')
})

contract('ICE restarts in mid-call without a gap', async (t, media) => {
  const softphone = await connectSoftphone(t, media)
  const side = await media.createPlainSide()
  await using freeswitch = await FreeswitchPeer.answer(side, 1_000, 440)
  await side.send((await speakTone(t, softphone, 440)).microphone)
  await freeswitch.heard.heard()
  const before = softphone.send.ice
  const fresh = (await softphone.connection.restartIce('send')) as typeof before
  t.not(fresh.usernameFragment, before.usernameFragment)
  t.not(fresh.password, before.password)
  await softphone.send.check()
  softphone.send.ice = fresh
  await softphone.send.check()
  await freeswitch.heard.heard(400)
  t.equal(softphone.connection.state, 'connected')
  softphone.send.ice = before
  const oldAnswered = softphone.send.check().then(() => 'answered')
  softphone.send.ice = fresh
  await softphone.send.check()
  t.equal(await Promise.race([oldAnswered, Promise.resolve('silence')]), 'silence', 'the old password has ended')
})

for (const engine of engines) {
  // mediasoup waits at least ten seconds.
  const consentTimeoutMs = engine === 'embedded' ? 1_500 : 10_000
  t.test(`${engine}: a softphone that falls silent is disconnected, and comes back`, { timeout: 280_000 }, async t => {
    await using media = await open(engine, { consentTimeoutMs })
    const softphone = await connectSoftphone(t, media)
    const side = await media.createPlainSide()
    await using freeswitch = await FreeswitchPeer.answer(side, 1_000, 440)
    freeswitch.talk()
    const { microphone } = await speakTone(t, softphone, 440)
    await side.send(microphone)
    const ear = await hearTone(media, softphone, side.source, 1_000)
    await Promise.all([ear.heard(), freeswitch.heard.heard()])
    softphone.send.stopChecking()
    softphone.receive.stopChecking()
    await reached(softphone.connection, 'disconnected')
    await freeswitch.heard.silent()
    t.notOk(microphone.closed.aborted, 'the call keeps its microphone')
    softphone.send.keepChecking()
    softphone.receive.keepChecking()
    await reached(softphone.connection, 'connected')
    await freeswitch.heard.heard()
    const count = ear.packets.length
    await ear.until(() => ear.packets.length > count + 20)
  })
}

contract('a browser that says goodbye is gone at once', async (t, media) => {
  const softphone = await connectSoftphone(t, media)
  const { microphone } = await speakTone(t, softphone, 440)
  softphone.send.sendCloseNotify()
  await reached(softphone.connection, 'closed')
  await aborted(microphone.closed)
  t.pass()
})

contract('repeated packets are heard once', async (t, media) => {
  const softphone = await connectSoftphone(t, media)
  const side = await media.createPlainSide()
  await using freeswitch = await FreeswitchPeer.answer(side, 1_000, 440)
  const source = new ToneSource(440)
  await side.send(await softphone.connection.speak(pcmuParameters(source.ssrc)))
  for (let index = 0; index < 20; index++) {
    const sealed = softphone.send.protect(source.next())
    for (let copy = 0; copy < 3; copy++) softphone.send.sendRaw(sealed)
    await softphone.send.check()
  }
  await freeswitch.heard.heard()
  const numbers = freeswitch.heard.packets.filter(({ payload }) => payload[0] !== 0xff).map(one => one.sequenceNumber)
  t.equal(new Set(numbers).size, numbers.length)
})

contract('garbage from the network harms nobody', async (t, media) => {
  const softphone = await connectSoftphone(t, media)
  const side = await media.createPlainSide()
  await using freeswitch = await FreeswitchPeer.answer(side, 1_000, 440)
  freeswitch.talk()
  await side.send((await speakTone(t, softphone, 440)).microphone)
  const ear = await hearTone(media, softphone, side.source, 1_000)
  const stranger = createSocket('udp4')
  stranger.bind(0, '127.0.0.1')
  await once(stranger, 'listening')
  t.teardown(() => stranger.close())
  const answers: Buffer[] = []
  stranger.on('message', answer => answers.push(answer))
  const port = Number(softphone.connection.offers.send.iceCandidates[0]?.['port'])
  const plainPort = Number(/^m=audio (\d+)/m.exec(side.offerSdp)![1])
  const stun = buildBindingRequest({
    transactionId: randomBytes(12),
    username: `${softphone.send.ice.usernameFragment}:peer`,
    password: 'guessed',
    isNomination: true
  })
  const foreign = buildRtp({ ...new ToneSource(2_000).next(), ssrc: freeswitch.source.ssrc })
  for (let round = 0; round < 200; round++) {
    for (const datagram of [
      Buffer.alloc(0),
      randomBytes(1 + round * 5),
      Buffer.concat([Buffer.from([round]), randomBytes(round)]),
      stun.subarray(0, round % stun.length)
    ]) {
      softphone.send.sendRaw(datagram)
      freeswitch.sendRaw(datagram)
      for (const target of [port, plainPort, plainPort + 1]) stranger.send(datagram, target, '127.0.0.1')
    }
    stranger.send(foreign, plainPort, '127.0.0.1')
    // What a stranger sends must not change the way either.
    if (round % 50 === 0) stranger.send(stun, port, '127.0.0.1')
    await softphone.send.check()
  }
  const [heard, said] = [ear.packets.length, freeswitch.heard.packets.length]
  await ear.until(() => ear.packets.length > heard + 20)
  await freeswitch.heard.until(() => freeswitch.heard.packets.length > said + 20)
  await Promise.all([ear.heard(), freeswitch.heard.heard()])
  t.ok(
    answers.every(answer => answer.readUInt16BE(0) === 0x0111),
    'a stranger gets refusals at most'
  )
  t.notOk(media.lost.aborted)
})

/** Each record of the first epoch has a number of its own; the pieces of one take the numbers up to the next. */
const ROOM_FOR_PIECES = 100

/** The same records with room for pieces between their numbers; a number that comes twice is taken for a replay. */
function renumbered(datagram: Buffer): Buffer {
  const out = Buffer.from(datagram)
  for (let at = 0; at + 13 <= out.length; at += 13 + out.readUInt16BE(at + 11)) {
    const isHandshake = out.readUInt8(at) >= 20 && out.readUInt8(at) <= 63
    if (isHandshake && out.readUInt16BE(at + 3) === 0)
      out.writeUIntBE(out.readUIntBE(at + 5, 6) * ROOM_FOR_PIECES, at + 5, 6)
  }
  return out
}

/** A handshake record cut into records of fragments, each in a datagram of its own. */
function fragments(datagram: Buffer, bytes: number): readonly Buffer[] {
  const message = datagram.subarray(25)
  const pieces: Buffer[] = []
  for (let offset = 0; offset < message.length; offset += bytes) {
    const body = message.subarray(offset, offset + bytes)
    const out = Buffer.concat([datagram.subarray(0, 25), body])
    out.writeUIntBE(datagram.readUIntBE(5, 6) * ROOM_FOR_PIECES + pieces.length, 5, 6)
    out.writeUInt16BE(12 + body.length, 11)
    out.writeUIntBE(offset, 19, 3)
    out.writeUIntBE(body.length, 22, 3)
    pieces.push(out)
  }
  return pieces
}
