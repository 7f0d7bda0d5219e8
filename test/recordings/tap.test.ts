import t from 'tap'
import { toneShare } from '../../media/audio/goertzel.ts'
import type { TapFrame } from '../../media/tap/call-tap.ts'
import type { Call } from '../../server/calls/call.ts'
import { LONG_TONE } from '../support/flows.ts'
import { TestParley } from '../support/parley.ts'

const NUMBER = '+12025550100'
const QUIET_NUMBER = '+12025550101'

/** Says nothing for 1.5 s, then 880 Hz. */
const QUIET = `
id: quiet
name: Quiet
languages: [en]
defaultLanguage: en
start: quiet
onFailure: bye
nodes:
  quiet: { kind: say, prompt: { silenceMs: 1500 }, next: tone }
  tone: { kind: say, prompt: { tone: "%(400,0,880)" }, next: bye }
  bye: { kind: hangup }
`

t.test('whoever listens to a call hears the customer on the left and what the customer hears on the right', async t => {
  await using server = await TestParley.start()
  await server.addNumber(NUMBER, await server.publish(LONG_TONE))
  await using caller = await server.phone()
  const dialled = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
  caller.audio.connect((await dialled.answered()).sdp).sendTone(1000)
  await caller.audio.hears(400)
  const [call] = [...server.parley.liveCalls.values()] as [Call]
  const frames: TapFrame[] = []
  const enough = Promise.withResolvers<void>()
  const attachment = call.tap?.attach({
    name: 'test',
    onFrame(frame) {
      frames.push(frame)
      if (frames.length === 100) enough.resolve()
    }
  })
  await attachment?.flowing
  await enough.promise
  const side = (which: 0 | 1) => {
    const bytes = Buffer.concat(frames.map(one => one.leftAndRight))
    return Int16Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readInt16LE(index * 4 + which * 2))
  }
  t.ok(toneShare(side(0), 1000) > 0.9)
  t.ok(toneShare(side(1), 400) > 0.9)
  t.equal(toneShare(side(0), 400) < 0.02 && toneShare(side(1), 1000) < 0.02, true, 'cleanly apart')
  t.equal((frames.at(-1)?.atMs ?? 0) - (frames[0]?.atMs ?? 0), (frames.length - 1) * 20)
  t.ok(Math.abs((call.tap?.elapsedMs ?? 0) - (frames.at(-1)?.atMs ?? 0)) < 300, 'on the clock of the call')
  attachment?.[Symbol.dispose]()
  await dialled.bye()
  const story = await server.story(dialled.callId)
  t.notOk(
    story.events.some(event => event.kind === 'audioLost'),
    'nothing was lost'
  )
})

t.test(
  'a customer who hears nothing for longer than the limit is noted in the story',
  { timeout: 280_000 },
  async t => {
    await using server = await TestParley.start({ env: { PARLEY_DEAD_AIR_MS: '600' } })
    await server.addNumber(QUIET_NUMBER, await server.publish(QUIET))
    await using caller = await server.phone()
    const dialled = caller.phone.call(server.uri(QUIET_NUMBER), { sdp: caller.audio.sdp() })
    caller.audio.connect((await dialled.answered()).sdp).sendTone(1000)
    await caller.audio.hears(880)
    await dialled.waitForBye()
    const story = await server.story(dialled.callId)
    t.match(story.events.find(event => event.kind === 'deadAir')?.data, { customerSpoke: true })
    const over = story.events.find(event => event.kind === 'deadAirOver')?.data as { silentMs: number } | undefined
    t.ok(over !== undefined && over.silentMs > 1_200 && over.silentMs < 2_500, `${over?.silentMs} ms`)
  }
)
