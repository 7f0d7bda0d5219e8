import fc from 'fast-check'
import t from 'tap'
import { DeadAirWatch } from '../../../media/tap/dead-air.ts'
import { TapTimeline } from '../../../media/tap/timeline.ts'
import { stereoFrame } from './support.ts'

type Delivered = { atMs: number; isFilled: boolean }

function timeline() {
  const delivered: Delivered[] = []
  return { delivered, clock: new TapTimeline((_frame, atMs, isFilled) => delivered.push({ atMs, isFilled })) }
}

const FRAME = stereoFrame(0, 0)

t.test('frames that come in time stand where they belong, one for each 20 ms', async t => {
  const { delivered, clock } = timeline()
  for (let index = 0; index < 500; index += 1) clock.push(FRAME, 1_000 + (index + 1) * 20 + (index % 7) * 4)
  t.equal(delivered.length, 500)
  t.equal(delivered[0]?.atMs, 1_000)
  t.equal(delivered.at(-1)?.atMs, 1_000 + 499 * 20)
  t.notOk(delivered.some(one => one.isFilled))
})

t.test('frames that come in bursts are late, not lost', async t => {
  const { delivered, clock } = timeline()
  for (let burst = 0; burst < 50; burst += 1)
    for (let index = 0; index < 20; index += 1) clock.push(FRAME, (burst + 1) * 400)
  t.notOk(delivered.some(one => one.isFilled))
  t.match(clock.facts, { filled: 0 })
})

t.test('frames that the media server dropped are filled with silence within some seconds and counted', async t => {
  const { delivered, clock } = timeline()
  for (let index = 0; index < 1_200; index += 1) if (index < 200 || index >= 225) clock.push(FRAME, (index + 1) * 20)
  t.equal(delivered.filter(one => one.isFilled).length, 25)
  t.equal(delivered.length, 1_200, 'the length is that of the clock')
  const filledAtMs = delivered.find(one => one.isFilled)?.atMs ?? 0
  t.ok(filledAtMs >= 4_000 && filledAtMs <= 22_000, `near where they were lost: ${filledAtMs}`)
  t.match(clock.facts, { filled: 25, late: 0 })
})

t.test('when nothing comes the clock goes on, and what comes afterwards is thrown away', async t => {
  const { delivered, clock } = timeline()
  for (let index = 0; index < 100; index += 1) clock.push(FRAME, (index + 1) * 20)
  for (let ms = 2_000; ms <= 5_000; ms += 250) clock.tick(ms)
  t.equal(delivered.length, 239, 'up to some 200 ms before now')
  t.ok(delivered.slice(100).every(one => one.isFilled))
  // The 150 frames of the stall arrive at once, and then in time again.
  for (let index = 0; index < 150; index += 1) clock.push(FRAME, 5_010)
  t.ok(clock.facts.late > 120, `${clock.facts.late} came too late`)
  for (let index = 250; index < 500; index += 1) clock.push(FRAME, 5_010 + (index - 249) * 20)
  t.ok(Math.abs(delivered.length - 500) <= 6, `${delivered.length} frames in 10 s`)
  t.match(
    delivered.map(one => one.atMs),
    delivered.map((_, index) => index * 20),
    'without a gap and without going back'
  )
})

t.test('a pause of this program fills nothing that still lies in the sockets', async t => {
  const { clock } = timeline()
  for (let index = 0; index < 100; index += 1) clock.push(FRAME, (index + 1) * 20)
  clock.tick(6_000)
  for (let index = 100; index < 300; index += 1) clock.push(FRAME, 6_000)
  t.match(clock.facts, { filled: 0, late: 0, frames: 300 })
})

t.test('whatever is lost or late, the timeline has no gap and keeps to the clock', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ isLost: fc.boolean(), delayMs: fc.integer({ min: 0, max: 400 }) }), {
        minLength: 200,
        maxLength: 600
      }),
      frames => {
        const { delivered, clock } = timeline()
        let nowMs = 0
        let nextTickMs = 250
        frames.forEach(({ isLost, delayMs }, index) => {
          nowMs = Math.max(nowMs, (index + 1) * 20 + delayMs)
          while (nextTickMs < nowMs) {
            clock.tick(nextTickMs)
            nextTickMs += 250
          }
          if (!isLost || index === 0) clock.push(FRAME, nowMs)
        })
        const first = delivered[0]?.atMs ?? 0
        return (
          delivered.every((one, index) => one.atMs === first + index * 20) &&
          (delivered.at(-1)?.atMs ?? 0) <= nowMs + 100
        )
      }
    ),
    { numRuns: 50 }
  )
})

t.test('dead air is told once when the customer has heard nothing for the limit, and when sound is back', async t => {
  const watch = new DeadAirWatch(1_000)
  const changes = []
  const sides: [number, number][] = [
    ...Array<[number, number]>(50).fill([0, 4_000]),
    ...Array<[number, number]>(60).fill([3_000, 0]),
    [0, 4_000]
  ]
  for (const [index, [left, right]] of sides.entries()) {
    const change = watch.push(stereoFrame(left, right), index * 20)
    if (change !== null) changes.push(change)
  }
  t.same(changes, [
    { kind: 'started', fromMs: 1_000, customerSpoke: true },
    { kind: 'ended', fromMs: 1_000, silentMs: 1_200 }
  ])
})
