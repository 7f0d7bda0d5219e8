import { once } from 'node:events'
import { connect } from 'node:net'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { CallTap, type MissedFrames, type TapFrame } from '../../../media/tap/call-tap.ts'
import { TapServer } from '../../../media/tap/tap-server.ts'
import { ForkingLeg, stereoFrame } from './support.ts'

const log = pino({ level: 'silent' })

/** A tap on a leg whose clock the test turns. */
async function startTap(t: Test, isLegKept = false, leg = new ForkingLeg()) {
  const taps = await TapServer.start('127.0.0.1', log)
  const clock = { ms: 0 }
  const tap = new CallTap({
    taps,
    endpoint: leg.endpoint,
    log,
    deadAirMs: 0,
    onDeadAir: () => {},
    isLegKept,
    now: () => clock.ms
  })
  t.teardown(async () => {
    await tap[Symbol.asyncDispose]()
    await taps[Symbol.asyncDispose]()
  })
  /** Attaches one who keeps what it gets and can wait for it. */
  const listen = (name: string) => {
    const frames: TapFrame[] = []
    let wake: () => void = () => {}
    const attachment = tap.attach({
      name,
      onFrame: frame => {
        frames.push(frame)
        wake()
      }
    })
    const got = async (count: number) => {
      while (frames.length < count) await new Promise<void>(resolve => (wake = resolve))
    }
    return { frames, attachment, got }
  }
  return { tap, leg, clock, listen }
}

t.test('nothing is forked before somebody listens, and all who listen share one fork', async t => {
  const { tap, leg, clock, listen } = await startTap(t)
  t.equal(leg.sockets.length, 0)
  const forked = leg.forked()
  const first = listen('first')
  await forked
  clock.ms = 20
  leg.send(stereoFrame(1, 2))
  await first.got(1)
  await first.attachment.flowing
  const second = listen('second')
  clock.ms = 40
  leg.send(stereoFrame(3, 4))
  await second.got(1)
  t.equal(leg.sockets.length, 1)
  t.equal(first.frames.length, 2)
  t.same(
    first.frames.map(one => [one.atMs, one.leftAndRight.readInt16LE(0), one.leftAndRight.readInt16LE(2)]),
    [
      [0, 1, 2],
      [20, 3, 4]
    ]
  )
  first.attachment[Symbol.dispose]()
  clock.ms = 60
  leg.send(stereoFrame(5, 6))
  await second.got(2)
  t.equal(first.frames.length, 2, 'who has left hears no more')
  t.equal(tap.facts.frames, 3)
  t.same(leg.asked, [], 'a media server that does not say that it can is asked for nothing')
})

t.test('frames come several at once while nobody listens, and one by one to whoever listens, from then on', async t => {
  const { tap, leg, clock, listen } = await startTap(t, false, new ForkingLeg(true))
  const forked = leg.forked()
  tap.start()
  await forked
  await leg.wasAsked(1)
  clock.ms = 100
  const one = listen('one')
  await leg.wasAsked(2)
  clock.ms = 105
  leg.send(Buffer.concat([1, 2, 3, 4, 5].map(value => stereoFrame(value, value))))
  await one.got(1)
  clock.ms = 120
  leg.send(stereoFrame(6, 6))
  await one.got(2)
  t.same(
    one.frames.map(frame => [frame.atMs, frame.leftAndRight.readInt16LE(0)]),
    [
      [80, 5],
      [100, 6]
    ],
    'what was said before somebody listened is not told'
  )
  t.equal(tap.facts.frames, 6)
  one.attachment[Symbol.dispose]()
  await leg.wasAsked(3)
  t.same(
    leg.asked.map(text => JSON.parse(text)),
    [5, 1, 5].map(frames => ({ type: 'gather', frames }))
  )
})

t.test('frames that come joined or cut are put together', async t => {
  const { leg, clock, listen } = await startTap(t)
  const forked = leg.forked()
  const one = listen('one')
  await forked
  clock.ms = 60
  const bytes = Buffer.concat([stereoFrame(1, 1), stereoFrame(2, 2), stereoFrame(3, 3)])
  leg.send(bytes.subarray(0, 701))
  leg.send(bytes.subarray(701))
  await one.got(3)
  t.same(
    one.frames.map(frame => frame.leftAndRight.readInt16LE(636)),
    [1, 2, 3]
  )
})

t.test('a fork that is cut off is made anew, and the time between is silence', async t => {
  const { tap, leg, clock, listen } = await startTap(t)
  const forked = leg.forked()
  const one = listen('one')
  await forked
  clock.ms = 20
  leg.send(stereoFrame(1, 1))
  await one.got(1)
  const again = leg.forked()
  leg.socket.terminate()
  await again
  t.same(leg.stopped, ['tap-1'], 'what is left of the first is taken away')
  // Two seconds have passed: frames in time from now on, and after ten seconds the clock has filled.
  for (let index = 0; index <= 500; index += 1) {
    clock.ms = 2_000 + index * 20
    leg.send(stereoFrame(9, 9))
    await one.got(2 + index)
  }
  await one.got(501 + 97)
  t.equal(tap.facts.reconnects, 1)
  t.ok(tap.facts.filled >= 97, `${tap.facts.filled} frames of silence`)
})

t.test('a slow consumer is told what it missed; the others and the call do not wait for it', async t => {
  const { tap, leg, clock, listen } = await startTap(t)
  const forked = leg.forked()
  const fast = listen('fast')
  const heard: number[] = []
  const missed: MissedFrames[] = []
  let release: () => void = () => {}
  const slow = { done: Promise.withResolvers<void>() }
  tap.attach({
    name: 'slow',
    maxWaitingFrames: 10,
    onMissed: one => void missed.push(one),
    onFrame: async frame => {
      heard.push(frame.atMs)
      if (heard.length === 1) await new Promise<void>(resolve => (release = resolve))
      if (frame.atMs === 980) slow.done.resolve()
    }
  })
  await forked
  for (let index = 0; index < 50; index += 1) {
    clock.ms = (index + 1) * 20
    leg.send(stereoFrame(0, 0))
    await fast.got(index + 1)
  }
  t.same(heard, [0])
  release()
  await slow.done.promise
  t.same(missed, [{ fromMs: 20, frames: 39 }])
  t.same(heard, [0, 800, 820, 840, 860, 880, 900, 920, 940, 960, 980])
})

t.test('a consumer that throws is detached, and the others go on', async t => {
  const { tap, leg, clock, listen } = await startTap(t)
  const forked = leg.forked()
  let hasEnded = false
  tap.attach({
    name: 'broken',
    onFrame: () => {
      throw new Error('no')
    },
    onEnd: () => {
      hasEnded = true
    }
  })
  const other = listen('other')
  await forked
  clock.ms = 20
  leg.send(stereoFrame(0, 0))
  clock.ms = 40
  leg.send(stereoFrame(0, 0))
  await other.got(2)
  t.ok(hasEnded)
})

t.test('while the call is hidden, nobody hears it', async t => {
  const { tap, leg, clock, listen } = await startTap(t)
  const forked = leg.forked()
  const one = listen('one')
  await forked
  clock.ms = 20
  leg.send(stereoFrame(7, 7))
  await one.got(1)
  const hidden = tap.hide()
  clock.ms = 40
  leg.send(stereoFrame(7, 7))
  await one.got(2)
  hidden[Symbol.dispose]()
  clock.ms = 60
  leg.send(stereoFrame(7, 7))
  await one.got(3)
  t.same(
    one.frames.map(frame => [frame.isHidden, frame.leftAndRight.readInt16LE(0)]),
    [
      [false, 7],
      [true, 0],
      [false, 7]
    ]
  )
})

t.test('the end of the call ends every consumer, also one that comes too late', async t => {
  const { tap, leg } = await startTap(t)
  const forked = leg.forked()
  const ended: string[] = []
  tap.attach({ name: 'early', onFrame: () => {}, onEnd: () => void ended.push('early') })
  await forked
  await tap[Symbol.asyncDispose]()
  tap.attach({ name: 'late', onFrame: () => {}, onEnd: () => void ended.push('late') })
  t.same(ended, ['early', 'late'])
  t.same(leg.stopped, [], 'the end of the leg takes its fork with it')
})

t.test('a leg that goes on without its tap is left without a fork', async t => {
  const { tap, leg, listen } = await startTap(t, true)
  const forked = leg.forked()
  listen('one')
  const socket = await forked
  const closed = once(socket, 'close')
  await tap[Symbol.asyncDispose]()
  await closed
  t.same(leg.stopped, ['tap-1'])
})

t.test('a fork that nobody expects is refused, and breaking it off ends that fork alone', async t => {
  const taps = await TapServer.start('127.0.0.1', log)
  t.teardown(async () => await taps[Symbol.asyncDispose]())
  const expected = taps.expect(() => {})
  const { hostname, port } = new URL(expected.url)
  const upgrade = async (path: string) => {
    const socket = connect({ host: hostname, port: Number(port) })
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: parley\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
        'Sec-WebSocket-Protocol: audio.drachtio.org\r\n\r\n'
    )
    const [answer] = await once(socket, 'data')
    return { socket, answer: String(answer) }
  }
  const stray = await upgrade('/tap/0123456789abcdef')
  t.match(stray.answer, /^HTTP\/1.1 404/)
  stray.socket.resetAndDestroy()
  await once(stray.socket, 'close')
  const { socket, answer } = await upgrade(new URL(expected.url).pathname)
  t.match(answer, /^HTTP\/1.1 101/)
  await expected.connected
  socket.resetAndDestroy()
  await expected.ended
})
