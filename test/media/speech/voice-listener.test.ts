import t from 'tap'
import { generateTone } from '../../../media/audio/tone.ts'
import { type VoiceEvent, VoiceListener } from '../../../media/speech/voice-listener.ts'
import type { TapConsumer } from '../../../media/tap/call-tap.ts'
import { createToneRecognizer } from '../../support/tone-recognizer.ts'

/** A listener whose sound the test gives, frame by frame, without any waiting. */
function listening() {
  const events: VoiceEvent[] = []
  let consumer: TapConsumer | undefined
  let atMs = 0
  const listener = new VoiceListener({
    tap: {
      attach(one) {
        consumer = one
        return { flowing: Promise.resolve(), [Symbol.dispose]() {} }
      }
    },
    recognizer: createToneRecognizer({ texts: { 500: 'yes' } }),
    request: { language: 'en', phrases: null },
    endpointMs: () => 400,
    onEvent: event => events.push(event)
  })
  const send = async (hz: number | null, ms: number, isHidden = false) => {
    const samples = generateTone({ frequenciesHz: hz === null ? [] : [hz], durationMs: ms })
    for (let at = 0; at < samples.length; at += 160, atMs += 20) {
      const leftAndRight = Buffer.alloc(640)
      for (let index = 0; index < 160; index += 1) leftAndRight.writeInt16LE(samples[at + index] ?? 0, index * 4)
      void consumer?.onFrame({ leftAndRight, atMs, isFilled: false, isHidden })
    }
    // What a recogniser finds comes a moment later.
    await new Promise(done => setImmediate(done))
  }
  return { events, send, listener }
}

t.test('a short word is heard, with the times of sound and quiet', async t => {
  const { events, send, listener } = listening()
  using _ = listener
  await send(null, 200)
  await send(500, 200)
  await send(null, 600)
  t.match(events, [
    { kind: 'speaking', atMs: 260 },
    { kind: 'partial', text: 'yes' },
    { kind: 'paused', atMs: 400 },
    { kind: 'ended', atMs: 800 },
    { kind: 'spoken', text: 'yes', confidence: 0.9 }
  ])
})

t.test('a cough is a noise', async t => {
  const { events, send, listener } = listening()
  using _ = listener
  await send(500, 120)
  await send(null, 600)
  t.match(events.at(-1), { kind: 'notUnderstood', why: 'noise' })
})

t.test('a pause within a sentence is told, and does not end it', async t => {
  const { events, send, listener } = listening()
  using _ = listener
  await send(500, 300)
  await send(null, 200)
  await send(500, 300)
  await send(null, 600)
  const kinds = events.map(one => one.kind).filter(kind => kind !== 'partial')
  t.same(kinds, ['speaking', 'paused', 'resumed', 'paused', 'ended', 'spoken'])
})

t.test('sound without gaps is music, and only what is louder is heard from then on', async t => {
  const { events, send, listener } = listening()
  using _ = listener
  await send(500, 5_000)
  t.match(events.at(-1), { kind: 'notUnderstood', why: 'music' })
  const before = events.length
  await send(500, 3_000)
  t.equal(events.length, before, 'the music goes on unheard')
})

t.test('what is hidden is not heard, and what was begun is dropped', async t => {
  const { events, send, listener } = listening()
  using _ = listener
  await send(500, 200)
  await send(500, 400, true)
  t.match(events.at(-1), { kind: 'notUnderstood', why: 'hidden' })
  await send(500, 400, true)
  t.equal(events.filter(one => one.kind === 'speaking').length, 1)
})
