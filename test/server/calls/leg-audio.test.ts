import t from 'tap'
import type { Endpoint } from '../../../media/endpoint.ts'
import type { VoiceEvent } from '../../../media/speech/voice-listener.ts'
import { LegAudio } from '../../../server/calls/leg-audio.ts'

const RULES = { minDigits: 1, maxDigits: 1, terminators: '', timeoutMs: 60_000, interDigitMs: 1_000 }
const NOISE: VoiceEvent = { kind: 'notUnderstood', why: 'noise' }

/** Somebody is asked, with or without a prompt; the test is the voice. */
function asked(sources: readonly string[]) {
  const endpoint = {
    lost: new AbortController().signal,
    onDigit: () => () => {},
    play: () => {
      const { promise, resolve } = Promise.withResolvers<string>()
      return { finished: promise, stop: async () => resolve('stopped') }
    }
  } as unknown as Endpoint
  const { promise: hearing, resolve } = Promise.withResolvers<(event: VoiceEvent) => void>()
  const answer = new LegAudio(endpoint).collect(sources, RULES, true, new AbortController().signal, {
    listen(onEvent) {
      resolve(onEvent)
      return { heardMs: 1_234, promptOver() {}, [Symbol.dispose]() {} }
    }
  })
  return { answer, hearing }
}

t.test('a cough that stops no prompt is no answer; a line full of noise is', async t => {
  const { answer, hearing } = asked([])
  const say = await hearing
  for (let times = 0; times < 3; times += 1) {
    say({ kind: 'speaking', atMs: 0 })
    say(NOISE)
  }
  say({ kind: 'speaking', atMs: 0 })
  say({ kind: 'spoken', text: 'yes', confidence: 0.9 })
  t.same(await answer, { kind: 'spoken', phrase: 'yes', confidence: 0.9 })
  const noisy = asked([])
  const sayNoise = await noisy.hearing
  for (let times = 0; times < 4; times += 1) sayNoise(NOISE)
  t.same(await noisy.answer, { kind: 'notUnderstood' })
})

t.test('whoever interrupts a prompt has heard a part of it, and a noise that stopped it is asked about', async t => {
  const { answer, hearing } = asked(['prompt.wav'])
  const say = await hearing
  say({ kind: 'speaking', atMs: 0 })
  say(NOISE)
  t.same(await answer, { kind: 'notUnderstood', heardMs: 1_234 })
})
