import t from 'tap'
import { composeHoldMusic } from '../../../media/audio/hold-music.ts'
import { generateNoise, generateTone } from '../../../media/audio/tone.ts'
import { StretchLevels, VoiceLevels } from '../../../media/audio/voice-level.ts'
import { createEspeak } from '../../../media/prompts/espeak.ts'
import { pino } from 'pino'

function levelsOf(samples: Int16Array): StretchLevels {
  const levels = new StretchLevels()
  for (let at = 0; at + 160 <= samples.length && !levels.isSteady; at += 160)
    levels.push(samples.subarray(at, at + 160), true)
  return levels
}

t.test('sound without the gaps of speech is told from speech', async t => {
  await using espeak = createEspeak(pino({ level: 'silent' }))
  t.ok(levelsOf(composeHoldMusic()).isSteady, 'music')
  t.ok(levelsOf(generateTone({ frequenciesHz: [440], durationMs: 5_000 })).isSteady, 'a tone')
  t.ok(levelsOf(generateNoise(40_000, 8_000)).isSteady, 'a fan')
  t.notOk(
    levelsOf(generateTone({ frequenciesHz: [440], durationMs: 3_000 })).isSteady,
    'less than four seconds tell nothing'
  )
  const texts = {
    en: 'I have ordered a telephone three weeks ago and nobody has told me until today where it is or when it will come to me',
    de: 'Ich habe vor drei Wochen ein Telefon bestellt und bis heute hat mir niemand gesagt wo es ist und wann es endlich kommt',
    zh: '我三个星期以前订了一部手机到今天为止没有人告诉我它在哪里什么时候能够送到我家里来请你们帮我查一下'
  }
  for (const [language, text] of Object.entries(texts)) {
    const speech = await espeak.synthesize(text, language, AbortSignal.timeout(20_000))
    t.ok(speech.length > 4 * 8_000, `${language}: more than four seconds`)
    t.notOk(levelsOf(speech).isSteady, `speech in ${language}`)
  }
})

t.test('a raised voice is one well above its owner’s own mean', async t => {
  const quiet = new VoiceLevels()
  t.notOk(quiet.judge(-20, 3_000), 'nobody is judged by the first words')
  t.notOk(quiet.judge(-14, 1_000), 'speaking up a little is not shouting')
  t.ok(quiet.judge(-8, 1_000))
  t.ok(quiet.judge(-8, 1_000), 'shouting does not become the mean')
  const loud = new VoiceLevels()
  loud.judge(-9, 3_000)
  t.notOk(loud.judge(-8, 1_000), 'a voice that is always loud is not raised')
})
