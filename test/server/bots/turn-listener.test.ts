import t from 'tap'
import { generateTone } from '../../../media/audio/tone.ts'
import type { Recognition, Recognizer } from '../../../media/speech/recognizer.ts'
import { type VoiceEvent, VoiceListener } from '../../../media/speech/voice-listener.ts'
import type { TapConsumer } from '../../../media/tap/call-tap.ts'
import { TurnListener } from '../../../server/bots/turn-listener.ts'
import { rulesFor, soundsOf } from '../../../server/bots/turn-taking.ts'

/** A caller who speaks over a prompt. The test gives the sound, frame by frame, and what a recogniser makes of each stretch. */
function overPrompt(answerLimitMs = 4_000) {
  const consumers = new Set<TapConsumer>()
  const told: VoiceEvent[] = []
  const failures: string[] = []
  const answers: ((found: Recognition | null) => void)[] = []
  let atMs = 0
  const tap = {
    attach(one: TapConsumer) {
      consumers.add(one)
      return { flowing: Promise.resolve(), [Symbol.dispose]: () => void consumers.delete(one) }
    },
    get elapsedMs() {
      return atMs
    }
  }
  const recognizer: Recognizer = {
    name: 'scripted',
    languages: ['en'],
    isOpen: true,
    host: null,
    region: null,
    centsPerMinute: 0,
    async prepare() {},
    open: () => ({
      write() {},
      finish: () => new Promise(resolve => answers.push(resolve)),
      [Symbol.dispose]() {}
    }),
    async [Symbol.asyncDispose]() {}
  }
  const listener = new TurnListener({
    tap,
    rules: rulesFor('open', true),
    open: onEvent =>
      new VoiceListener({
        tap,
        recognizer,
        request: { language: 'en', phrases: null },
        endpointMs: () => 700,
        onEvent
      }),
    soundsOf: text => soundsOf(text, 'en'),
    isPrompted: true,
    answerLimitMs,
    onEvent: event => told.push(event),
    onFailure: err => failures.push(err.code),
    onTurn() {}
  })
  const hear = async (hz: number | null, ms: number) => {
    const samples = generateTone({ frequenciesHz: hz === null ? [] : [hz], durationMs: ms })
    for (let at = 0; at < samples.length; at += 160, atMs += 20) {
      const leftAndRight = Buffer.alloc(640)
      for (let index = 0; index < 160; index += 1) leftAndRight.writeInt16LE(samples[at + index] ?? 0, index * 4)
      for (const one of consumers) void one.onFrame({ leftAndRight, atMs, isFilled: false, isHidden: false })
    }
    // Timers whose time has come by the sound.
    await new Promise(done => setTimeout(done))
  }
  return {
    listener,
    failures,
    speaks: (ms: number) => hear(500, ms),
    isQuiet: (ms: number) => hear(null, ms),
    /** What the recogniser makes of the nth stretch, counted from 0. */
    async understands(nth: number, text: string | null) {
      answers[nth]?.(text === null ? null : { text, confidence: 0.9 })
      await new Promise(done => setImmediate(done))
    },
    said: () => told.flatMap(one => (one.kind === 'spoken' ? [one.text] : []))
  }
}

for (const [what, text] of [
  ['a sound of listening', 'mhm'],
  ['something that nobody understood', null]
] as const)
  t.test(`${what} takes the turn from nobody who has begun to speak meanwhile`, async t => {
    for (const spokenMs of [300, 800]) {
      const caller = overPrompt()
      using _ = caller.listener
      await caller.isQuiet(200)
      await caller.speaks(300)
      await caller.isQuiet(800)
      await caller.speaks(spokenMs)
      await caller.understands(0, text)
      t.same(caller.said(), [])
      await caller.speaks(300)
      await caller.isQuiet(800)
      await caller.understands(1, 'where is my order')
      t.same(caller.said(), ['where is my order'])
    }
  })

t.test('what a recogniser says after it was given up ends no newer turn', async t => {
  const caller = overPrompt(20)
  using _ = caller.listener
  await caller.isQuiet(200)
  await caller.speaks(300)
  await caller.isQuiet(800)
  const limit = AbortSignal.timeout(5_000)
  while (caller.failures.length === 0) {
    limit.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  t.same(caller.failures, ['SPEECH_TIMEOUT'])
  await caller.speaks(300)
  await caller.understands(0, 'another one please')
  t.same(caller.said(), [])
  await caller.isQuiet(800)
  await caller.understands(1, 'where is my order')
  t.same(caller.said(), ['where is my order'])
})
