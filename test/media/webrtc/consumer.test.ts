import t from 'tap'
import { parseRtp, type RtpPacket, sequenceDistance } from '../../../media/audio/rtp.ts'
import { Consumer } from '../../../media/webrtc/embedded/consumer.ts'
import { Producer } from '../../../media/webrtc/embedded/producer.ts'
import { FigureWindow } from '../../../media/webrtc/figure-window.ts'

const PCMU = { mimeType: 'audio/PCMU', payloadType: 0, clockRate: 8000, channels: 1, parameters: {} }

function heard() {
  const producer = new Producer('p', { codec: PCMU, ssrc: undefined, cname: 'c' }, false)
  const packets: RtpPacket[] = []
  const send = (packet: Buffer) => packets.push(parseRtp(packet)!) > 0
  const consumer = new Consumer({ id: 'c', producer, payloadType: 0, ssrc: 9, cname: 'c', send })
  producer.consumers.add(consumer)
  consumer.setPaused(false)
  const say = (sequence: number, atMs: number, ssrc = 1, timestamp = sequence * 160) =>
    producer.onPacket(ssrc, sequence & 0xffff, timestamp >>> 0, false, Buffer.alloc(160), atMs)
  return { producer, consumer, packets, say }
}

const steps = (packets: readonly RtpPacket[]) =>
  packets.slice(1).map((packet, index) => sequenceDistance(packets[index]!.sequenceNumber, packet.sequenceNumber))

t.test('a listener sees losses and late packets where they happened', async t => {
  const { packets, say } = heard()
  for (const [place, sequence] of [10, 11, 14, 13, 15].entries()) say(sequence, place * 20)
  t.same(steps(packets), [1, 3, -1, 2])
})

t.test('another stream at the same source follows on without a gap, in the time that has passed', async t => {
  const { packets, say } = heard()
  say(10, 0)
  say(11, 20)
  say(40_000, 120, 2, 77)
  t.same(steps(packets), [1, 1])
  t.equal(packets[2]!.timestamp - packets[1]!.timestamp, 800, '100 ms')
  t.equal(packets[2]!.marker, true)
})

t.test('what was left out by a pause is no loss, and old packets do not come back', async t => {
  const { consumer, packets, say } = heard()
  say(10, 0)
  consumer.setPaused(true)
  for (let sequence = 11; sequence < 60; sequence++) say(sequence, sequence * 20)
  consumer.setPaused(false)
  say(60, 1_200)
  say(59, 1_201)
  say(61, 1_220)
  t.same(steps(packets), [1, 1])
})

t.test('a stream goes on through many wraps of its numbers', async t => {
  const { packets, say } = heard()
  for (let sequence = 0; sequence < 200_000; sequence++) say(sequence, sequence * 20)
  t.equal(packets.length, 200_000)
  t.ok(steps(packets).every(step => step === 1))
})

t.test('loss is told over the last seconds', async t => {
  const window = new FigureWindow()
  t.equal(window.lossShare({ packetsReceived: 50, packetsLost: 50 }, 0), 0.5, 'since the beginning')
  t.equal(window.lossShare({ packetsReceived: 100, packetsLost: 50 }, 1_000), 0)
  t.equal(window.lossShare({ packetsReceived: 150, packetsLost: 100 }, 2_000), 50 / 150)
  t.equal(window.lossShare({ packetsReceived: 400, packetsLost: 100 }, 9_000), 0, 'old losses are forgotten')
  t.equal(window.lossShare({ packetsReceived: 10, packetsLost: 10 }, 10_000), 0.5, 'another microphone counts anew')
})
