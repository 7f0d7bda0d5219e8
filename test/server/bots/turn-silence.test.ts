import t from 'tap'
import type { TapConsumer } from '../../../media/tap/call-tap.ts'
import { SilenceGuard } from '../../../server/bots/silence-guard.ts'
import { fillerText, onSilence, SilenceError } from '../../../server/bots/turn-silence.ts'
import type { Call } from '../../../server/calls/call.ts'

/** A call whose audio the test sends itself, frame by frame. */
function callWithTap() {
  const events: string[] = []
  const played: string[][] = []
  const { promise: attached, resolve } = Promise.withResolvers<TapConsumer>()
  let atMs = 0
  const call = {
    tap: {
      attach(consumer: TapConsumer) {
        resolve(consumer)
        return { flowing: Promise.resolve(), [Symbol.dispose]() {} }
      }
    },
    customer: {
      play(sources: string[]) {
        played.push(sources)
        return { finished: Promise.resolve('finished'), stop: async () => {} }
      }
    },
    record: ({ kind }: { kind: string }) => events.push(kind)
  } as unknown as Call
  const send = async (level: number, ms: number) => {
    const consumer = await attached
    for (const end = atMs + ms; atMs < end; atMs += 20) {
      const leftAndRight = Buffer.alloc(640)
      for (let at = 2; at < 640; at += 4) leftAndRight.writeInt16LE(level, at)
      void consumer.onFrame({ leftAndRight, atMs, isFilled: false, isHidden: false })
    }
    await new Promise(done => setImmediate(done))
  }
  return { call, send, events, played }
}

const parts = { settings: { limitMs: 200, maxFillers: 2 }, filler: async () => ['wait.wav'] }
const signal = new AbortController().signal

t.test('a caller who waits in silence is asked to wait, and hears what comes', async t => {
  const { call, send, events, played } = callWithTap()
  const { promise, resolve } = Promise.withResolvers<string>()
  const running = new SilenceGuard(parts, call).during('en', signal, () => promise)
  await send(5_000, 1_000)
  t.same(played, [], 'while there is something to hear nobody is asked to wait')
  await send(0, 220)
  t.same(played, [['wait.wav']])
  resolve('done')
  t.equal(await running, 'done')
  t.same(events, ['silenceFilled'])
})

t.test('work that takes too long is given up, and told so', async t => {
  const { call, send, events, played } = callWithTap()
  let isAborted = false
  const running = new SilenceGuard(parts, call).during('en', signal, stop => {
    stop.addEventListener('abort', () => {
      isAborted = true
    })
    return new Promise(() => {})
  })
  const refused = t.rejects(running, new SilenceError())
  await send(0, 800)
  await refused
  t.ok(isAborted)
  t.equal(played.length, 2)
  t.same(events, ['silenceFilled', 'silenceFilled', 'silenceGivenUp'])
})

t.test('work that fails by itself fails as it is', async t => {
  const { call } = callWithTap()
  const broken = new Error('broken')
  await t.rejects(
    new SilenceGuard(parts, call).during('en', signal, async () => Promise.reject(broken)),
    broken
  )
})

t.test('how often a caller is asked to wait has a limit', async t => {
  const settings = { limitMs: 4_000, maxFillers: 2 }
  t.same(
    [1, 2, 3].map(times => onSilence(settings, times)),
    ['fill', 'fill', 'giveUp']
  )
  t.equal(fillerText('de-AT').language, 'de-AT')
  t.equal(fillerText('fi').language, 'en', 'in English where there are no words of the language')
})
