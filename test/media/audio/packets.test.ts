import fc from 'fast-check'
import t from 'tap'
import { JitterBuffer } from '../../../media/audio/jitter-buffer.ts'
import { buildRtcpReport, parseRtcp, ReceptionStats } from '../../../media/audio/rtcp.ts'
import { buildRtp, parseRtp, rtpPayloadRange, sequenceDistance } from '../../../media/audio/rtp.ts'
import {
  digitEvent,
  eventDigit,
  parseTelephoneEvent,
  TelephoneEventReceiver,
  writeTelephoneEvent
} from '../../../media/audio/telephone-event.ts'

t.test('RTP packets are written and read, with padding, extension and sources', async t => {
  const packet = {
    payloadType: 8,
    marker: true,
    sequenceNumber: 65_535,
    timestamp: 0xffff_fff0,
    ssrc: 0x1234_5678,
    payload: Buffer.from([1, 2, 3])
  }
  t.same(parseRtp(buildRtp(packet)), packet)
  const plain = buildRtp(packet)
  const padded = Buffer.concat([plain, Buffer.from([0, 0, 3])])
  padded[0] = 0xa0
  t.same([...(parseRtp(padded)?.payload ?? [])], [1, 2, 3])
  const extended = Buffer.concat([plain.subarray(0, 12), Buffer.from([0, 0, 0, 1, 9, 9, 9, 9]), plain.subarray(12)])
  extended[0] = 0x90
  t.same([...(parseRtp(extended)?.payload ?? [])], [1, 2, 3])
  t.equal(parseRtp(Buffer.alloc(11)), undefined)
  t.equal(parseRtp(Buffer.alloc(12)), undefined, 'version 0')
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), bytes => {
      const range = rtpPayloadRange(bytes)
      return range === -1 || (Math.floor(range / 0x10000) <= range % 0x10000 && range % 0x10000 <= bytes.length)
    })
  )
  t.equal(sequenceDistance(65_535, 2), 3)
  t.equal(sequenceDistance(2, 65_535), -3)
})

t.test('the jitter buffer puts packets in order and forgets doubles, over a wrap', async t => {
  const buffer = new JitterBuffer<number>({ target: 2, max: 8 })
  t.equal(buffer.pull(), undefined, 'nothing yet')
  for (const sequence of [65_534, 0, 65_535, 65_535, 1]) buffer.push(sequence, sequence)
  t.same([buffer.pull(), buffer.pull(), buffer.pull(), buffer.pull()], [65_534, 65_535, 0, 1])
  t.equal(buffer.push(65_534, 1), false, 'late')
  buffer.push(3, 3)
  t.equal(buffer.pull(), undefined, '2 was lost')
  t.equal(buffer.pull(), 3)
  t.same(buffer.counters, { late: 1, duplicate: 1, lost: 1, dropped: 0 })
})

t.test('the jitter buffer stays bounded and gives out nothing twice, whatever comes', async t => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 65_535 }), fc.boolean()), { maxLength: 300 }), steps => {
      const buffer = new JitterBuffer<object>({ target: 2, max: 10 })
      const given = new Set<object>()
      for (const [sequence, isPull] of steps) {
        if (!isPull) buffer.push(sequence % 90, {})
        const item = isPull ? buffer.pull() : undefined
        if (item !== undefined && given.has(item)) return false
        if (item !== undefined) given.add(item)
        if (buffer.depth > 10 || buffer.depth < 0) return false
      }
      return true
    })
  )
  t.pass()
})

t.test('a sender that pauses or starts anew is followed', async t => {
  const buffer = new JitterBuffer<string>({ target: 1, max: 4 })
  buffer.push(10, 'a')
  t.equal(buffer.pull(), 'a')
  for (let slot = 0; slot < 10; slot++) buffer.pull()
  buffer.push(500, 'b')
  t.equal(buffer.pull(), 'b', 'after a pause')
  buffer.push(30_000, 'c')
  t.equal(buffer.pull(), 'c', 'after a jump')
})

t.test('one press is one key, with lost ends, doubles and late packets', async t => {
  const receiver = new TelephoneEventReceiver()
  const payload = (event: number, isEnd: boolean, duration: number) => {
    const bytes = Buffer.alloc(4)
    writeTelephoneEvent(bytes, 0, { event, isEnd, volume: 10, duration })
    return bytes
  }
  t.same(receiver.push(1_000, payload(1, false, 160)), [])
  t.same(receiver.push(1_000, payload(1, true, 800)), [{ digit: '1', durationTimestampUnits: 800 }])
  t.same(receiver.push(1_000, payload(1, true, 800)), [], 'a repeated end')
  t.same(receiver.push(3_000, payload(1, false, 160)), [], 'the same key again')
  t.same(
    receiver.push(5_000, payload(11, false, 160)),
    [{ digit: '1', durationTimestampUnits: 160 }],
    'its end was lost'
  )
  t.same(receiver.push(3_000, payload(1, true, 800)), [], 'a late packet')
  t.equal(receiver.isPressed, true)
  t.same(receiver.flush(), [{ digit: '#', durationTimestampUnits: 160 }])
  t.equal(parseTelephoneEvent(Buffer.alloc(3)), undefined)
  for (const digit of '0123456789*#ABCD') t.equal(eventDigit(digitEvent(digit) as number), digit)
  t.equal(digitEvent('x'), undefined)
})

t.test('RTCP reports are written and read, and loss and jitter are counted', async t => {
  const stats = new ReceptionStats()
  for (const [index, sequence] of [65_533, 65_534, 0, 1].entries())
    stats.onPacket(7, sequence, index * 160, index * 160 + (index % 2) * 16, 160)
  const block = stats.report(1_000)
  t.equal(block?.cumulativeLost, 1, '65535 is missing')
  t.equal(block?.highestSequence, 0x10000 + 1)
  t.equal(block?.fractionLost, Math.floor(256 / 5))
  const sender = { ntpMs: 1_700_000_000_500, rtpTimestamp: 160, packets: 3, octets: 480 }
  const items = parseRtcp(
    buildRtcpReport({ ssrc: 5, cname: 'a@b', sender, ...(block === undefined ? {} : { block }), isBye: true })
  )
  t.match(items, [
    { kind: 'sender-report', ssrc: 5, blocks: [block] },
    { kind: 'other', packetType: 202 },
    { kind: 'bye', ssrcs: [5] }
  ])
  const [report] = items ?? []
  t.ok(report?.kind === 'sender-report' && Math.abs(report.sender.ntpMs - sender.ntpMs) < 1)
  t.equal(parseRtcp(Buffer.from([0x80, 200, 0, 50])), undefined, 'longer than it is')
  fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), bytes => void parseRtcp(bytes)))
})
