import t from 'tap'
import { pcmOf } from '../../media/audio/pcm.ts'
import { SpeechError } from '../../media/speech/recognizer.ts'
import type { BatchRecognizer, SpokenWord } from '../../media/speech/batch-recognizer.ts'
import { AppError } from '../../server/errors.ts'
import { QualityError } from '../../server/quality/errors.ts'
import { hearRecording } from '../../server/quality/transcription/hear-recording.ts'
import { quietestCut } from '../../server/quality/transcription/quietest-cut.ts'
import { verdictOn } from '../../server/quality/transcription/retry.ts'
import { utterancesOf } from '../../server/quality/transcription/spoken-utterances.ts'
import { voicesOf } from '../../server/quality/transcription/voices.ts'
import { hearTones, sayInTones, TONE_WORDS } from '../support/speech-servers/tone-words.ts'

const ANSWERED = new Date('2026-11-24T17:00:00Z')
const at = (ms: number) => new Date(ANSWERED.getTime() + ms)
const word = (text: string, startMs: number, confidence = 0.9): SpokenWord => ({
  text,
  startMs,
  endMs: startMs + 200,
  confidence
})
const NOBODY = { people: [], held: [] }

t.test('the story tells who of ours the customer heard, and when music played', async t => {
  const voices = voicesOf(
    [
      { kind: 'agentJoined', agentId: 'ada', at: at(5_000) },
      { kind: 'held', at: at(8_000) },
      { kind: 'resumed', at: at(9_000) },
      { kind: 'bridged', legId: 'outside', at: at(10_000) },
      { kind: 'legEnded', legId: 'outside', at: at(12_000) },
      { kind: 'legEnded', legId: 'never connected', at: at(12_500) },
      { kind: 'agentLeft', agentId: 'ada', at: at(13_000) },
      { kind: 'agentJoined', agentId: 'bob', at: at(14_000) },
      { kind: 'held', at: at(15_000) }
    ],
    ANSWERED,
    20_000
  )
  t.same(voices.people, [
    { agentId: null, fromMs: 10_000, toMs: 12_000 },
    { agentId: 'ada', fromMs: 5_000, toMs: 13_000 },
    { agentId: 'bob', fromMs: 14_000, toMs: 20_000 }
  ])
  t.same(voices.held, [
    { fromMs: 8_000, toMs: 9_000 },
    { fromMs: 15_000, toMs: 20_000 }
  ])
})

t.test('words become utterances: by side, by speaker and by pause', async t => {
  const people = [
    { agentId: 'ada', fromMs: 5_000, toMs: 20_000 },
    { agentId: 'bob', fromMs: 15_000, toMs: 20_000 }
  ]
  const said = utterancesOf(
    {
      left: [word('my', 6_000, 0.8), word('invoice', 6_300, 0.6), word('please', 8_000)],
      right: [word('welcome', 4_500), word('hello', 5_000), word('both', 16_000)]
    },
    'en-GB',
    { people, held: [] },
    []
  )
  t.same(
    said.map(({ speaker, speakerId, text, startMs }) => [speaker, speakerId, text, startMs]),
    [
      ['bot', null, 'welcome', 4_500],
      ['agent', 'ada', 'hello', 5_000],
      ['customer', null, 'my invoice', 6_000],
      ['customer', null, 'please', 8_000],
      ['agent', null, 'both', 16_000]
    ]
  )
  t.match(said[2], {
    endMs: 6_500,
    words: [
      { text: 'my', startMs: 6_000, endMs: 6_200 },
      { text: 'invoice', startMs: 6_300, endMs: 6_500 }
    ]
  })
  t.ok(Math.abs((said[2]?.confidence ?? 0) - 0.7) < 1e-9)
})

t.test('nothing is taken from a pause, a card, or music, whatever a recogniser makes of it', async t => {
  const said = utterancesOf(
    {
      left: [word('before', 1_000), word('card', 1_950), word('after', 3_100)],
      right: [word('song', 5_100), word('back', 6_100)]
    },
    'en',
    { people: [], held: [{ fromMs: 5_000, toMs: 6_000 }] },
    [
      { kind: 'card', fromMs: 2_000, toMs: 3_000 },
      { kind: 'lost', fromMs: 1_100, toMs: 1_120 }
    ]
  )
  t.same(
    said.map(one => one.text),
    ['before', 'after', 'back']
  )
})

t.test('scripts without spaces get none, and nobody speaks for more than half a minute at once', async t => {
  const zh = utterancesOf({ left: [word('发', 0), word('票', 200)], right: [] }, 'zh-CN', NOBODY, [])
  t.equal(zh[0]?.text, '发票')
  const long = utterancesOf(
    { left: Array.from({ length: 200 }, (_, index) => word('so', index * 250)), right: [] },
    'en',
    NOBODY,
    []
  )
  t.equal(long.length, 2)
  t.ok(long.every(one => one.endMs - one.startMs <= 30_000))
})

t.test('refusals are final; failures are tried six times, further and further apart', async t => {
  const now = ANSWERED
  const failed = new SpeechError('SPEECH_FAILED', 'no')
  const pauses = [1, 2, 3, 4, 5, 6].map(attempts => {
    const { againAt } = verdictOn(failed, attempts, now)
    return againAt === null ? null : (againAt.getTime() - now.getTime()) / 60_000
  })
  t.same(pauses, [1, 4, 16, 64, 256, null])
  t.same(verdictOn(new QualityError('TRANSCRIPT_ERASED', 'gone'), 1, now), { code: 'TRANSCRIPT_ERASED', againAt: null })
  t.same(verdictOn(new SpeechError('SPEECH_MISSING', 'none'), 1, now), { code: 'SPEECH_MISSING', againAt: null })
  t.match(verdictOn(new AppError('CONFLICT', 'later'), 1, now), { code: 'CONFLICT', againAt: at(60_000) })
  t.match(verdictOn(new TypeError('a bug'), 1, now), { code: 'TRANSCRIPTION_FAILED', againAt: at(60_000) })
})

t.test('a long recording is cut where both sides are quiet', async t => {
  const loud = new Int16Array(8_000 * 10).fill(1_000)
  const left = loud.slice().fill(0, 8_000 * 8, 8_000 * 8 + 1_600)
  const right = loud.slice().fill(0, 8_000 * 9, 8_000 * 9 + 1_600)
  t.ok(quietestCut({ left, right: null }, 5_000) >= 8_000)
  t.ok(quietestCut({ left, right: null }, 5_000) <= 8_200)
  right.fill(0, 8_000 * 8, 8_000 * 8 + 1_600)
  const cutMs = quietestCut({ left, right }, 5_000)
  t.ok(cutMs >= 8_000 && cutMs <= 8_200, `${cutMs}`)
})

t.test('stretches of a recording are heard one by one, and every word once at its own time', async t => {
  const left = sayInTones(TONE_WORDS, 300, 100)
  const pcmOfSpan = (fromMs: number, toMs: number) => {
    const side = left.subarray(fromMs * 8, toMs * 8)
    const both = new Int16Array(side.length * 2)
    for (const [index, sample] of side.entries()) both[index * 2] = sample
    return pcmOf(both)
  }
  const lengths: number[] = []
  const ear = recognizer(async audio => {
    lengths.push(audio.left.length / 8)
    // Whisper and its like write thanks into silence.
    return {
      left: hearTones(audio.left).map(one => ({ ...one, text: one.word, confidence: 1 })),
      right: [word('thanks', 0)]
    }
  })
  let stretches = 0
  const heard = await hearRecording(
    async function* ({ fromMs, toMs }) {
      yield pcmOfSpan(fromMs, toMs)
    },
    left.length / 8,
    ear,
    'en',
    new AbortController().signal,
    async () => {
      stretches += 1
    },
    1_500
  )
  t.same(
    heard.left.map(one => one.text),
    [...TONE_WORDS]
  )
  t.ok(heard.left.every((one, index) => Math.abs(one.startMs - index * 400) <= 20))
  t.same(heard.right, [], 'words without sound are not taken')
  t.ok(lengths.length >= 3 && lengths.every(ms => ms <= 1_500))
  t.equal(stretches, lengths.length)
})

t.test('a recording without any sound is not sent to anybody', async t => {
  const deaf = recognizer(async () => {
    throw new Error('asked')
  })
  const silence = async function* () {
    yield Buffer.alloc(32_000)
  }
  const signal = new AbortController().signal
  t.same(await hearRecording(silence, 1_000, deaf, 'en', signal, async () => {}), { left: [], right: [] })
})

function recognizer(recognize: BatchRecognizer['recognize']): BatchRecognizer {
  return {
    name: 'ear',
    languages: ['en'],
    host: null,
    region: null,
    centsPerMinute: 0,
    recognize,
    async [Symbol.asyncDispose]() {}
  }
}
