import t from 'tap'
import { type DeadAirChange, DeadAirWatch } from '../../../media/tap/dead-air.ts'
import { stereoFrame } from './support.ts'

const LOUD = 3_000

/** What a watch of 100 ms tells of frames, each given as what the customer says and hears; null is a frame that it is to skip. */
function told(frames: readonly (readonly [number, number] | null)[]): readonly DeadAirChange[] {
  const watch = new DeadAirWatch(100)
  return frames.flatMap((frame, index) => {
    if (frame === null) {
      watch.skip()
      return []
    }
    const change = watch.push(stereoFrame(...frame), index * 20)
    return change === null ? [] : [change]
  })
}

const times = <T>(count: number, one: T): readonly T[] => Array.from({ length: count }, () => one)

t.test('a customer who hears nothing for the limit is told of once, and the return of sound too', async t => {
  t.same(told([...times(3, [0, LOUD] as const), ...times(9, [0, 0] as const), [0, LOUD]]), [
    { kind: 'started', fromMs: 60, customerSpoke: false },
    { kind: 'ended', fromMs: 60, silentMs: 180 }
  ])
})

t.test('a customer who talks into the silence is told of as one', async t => {
  t.match(told(times(6, [LOUD, 0] as const)), [{ kind: 'started', fromMs: 0, customerSpoke: true }])
})

t.test('sound of any kind, however faint a voice is, is no dead air', async t => {
  t.same(told(times(50, [0, 40] as const)), [])
  t.match(told(times(50, [0, 20] as const)), [{ kind: 'started' }], 'the hiss of a line is')
})

t.test('one loud moment in 20 ms is sound, wherever it lies in them', async t => {
  for (const at of [0, 79, 159]) {
    const frame = stereoFrame(0, 0)
    frame.writeInt16LE(8_000, at * 4 + 2)
    const watch = new DeadAirWatch(20)
    t.equal(watch.push(frame, 0), null)
  }
})

t.test('silence counts anew after a moment that nobody has seen', async t => {
  t.same(told([...times(4, [0, 0] as const), null, ...times(4, [0, 0] as const)]), [])
  t.match(told([...times(4, [0, 0] as const), null, ...times(5, [0, 0] as const)]), [{ kind: 'started', fromMs: 100 }])
  t.match(
    told([...times(5, [0, 0] as const), null, [0, 0], [0, LOUD]]),
    [{ kind: 'started' }, { kind: 'ended', fromMs: 0, silentMs: 140 }],
    'what was told already ends with sound'
  )
})
