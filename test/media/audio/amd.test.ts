import { readFile } from 'node:fs/promises'
import { pino } from 'pino'
import t from 'tap'
import { type AmdEvent, amdSettings, AnsweringMachineDetector } from '../../../media/audio/amd.ts'
import { generateNoise, generateTone } from '../../../media/audio/tone.ts'
import { createEspeak } from '../../../media/prompts/espeak.ts'

const speech = createEspeak(pino({ level: 'silent' }))
t.teardown(() => speech[Symbol.asyncDispose]())

const quiet = (ms: number) => generateNoise(ms * 8, 60)
const tone = (hz: number, ms: number) => generateTone({ frequenciesHz: [hz], durationMs: ms, amplitude: 9_000 })
const say = (text: string, language: string) => speech.synthesize(text, language, AbortSignal.timeout(30_000))

/** As it comes over the telephone: 20 ms frames through the detector, until it is sure. */
function listen(country: string | null, ...parts: readonly Int16Array[]): readonly AmdEvent[] {
  const detector = new AnsweringMachineDetector(amdSettings(country))
  const events: AmdEvent[] = []
  for (const part of parts)
    for (let at = 0; at < part.length; at += 160) events.push(...detector.push(part.subarray(at, at + 160)))
  return events
}

const PEOPLE: readonly (readonly [string, string, string])[] = [
  ['en', 'US', 'Hello?'],
  ['en', 'GB', 'Hello, Anna speaking.'],
  ['de', 'DE', 'Weber, guten Tag.'],
  ['es', 'ES', '¿Dígame?'],
  ['cmn', 'CN', '喂，你好'],
  ['ja', 'JP', 'もしもし'],
  ['ar', 'AE', 'ألو، السلام عليكم']
]

const MACHINES: readonly (readonly [string, string, string])[] = [
  [
    'en',
    'US',
    'Hi, you have reached Anna and Ben. We cannot come to the phone right now. Please leave a message after the tone.'
  ],
  [
    'de',
    'DE',
    'Guten Tag, Sie haben den Anschluss der Familie Weber erreicht. Wir sind gerade nicht zu Hause. Bitte hinterlassen Sie eine Nachricht.'
  ],
  ['es', 'ES', 'Hola, has llamado a Ana. Ahora no puedo atenderte. Deja tu mensaje después de la señal.'],
  ['cmn', 'CN', '您好，您拨打的电话暂时无人接听，请在提示音后留言，谢谢您的来电。'],
  [
    'ja',
    'JP',
    'ただいま でんわに でることが できません。ピーという おとの あとに おなまえと ごようけんを おはなし ください。'
  ],
  ['ar', 'AE', 'مرحبا، لا أستطيع الرد على مكالمتك الآن. من فضلك اترك رسالة بعد سماع الصافرة وسوف أتصل بك لاحقا.']
]

t.test('people are told by a short greeting and the quiet after it, in every language', async t => {
  for (const [language, country, words] of PEOPLE) {
    const said = await say(words, language)
    const [verdict] = listen(country, quiet(600), said, quiet(2_000))
    t.match(verdict, { kind: 'verdict', result: 'human', reason: 'shortGreeting' }, `${country}: ${words}`)
    const endsAtMs = 600 + said.length / 8
    t.ok((verdict?.atMs ?? 0) - endsAtMs < 1_000, `${country}: within a second after the greeting`)
  }
})

t.test('machines are told by a greeting that goes on, and are waited for until they record', async t => {
  for (const [language, country, words] of MACHINES) {
    const events = listen(country, quiet(300), await say(words, language), quiet(400), tone(1_000, 400), quiet(1_000))
    t.match(
      events,
      [{ kind: 'verdict', result: 'machine', reason: 'longGreeting' }, { kind: 'beep' }],
      `${country}: ${words}`
    )
  }
  const english = await say(MACHINES[0]?.[2] ?? '', 'en')
  t.match(listen('US', quiet(300), english, quiet(4_000)).at(-1), { kind: 'greetingOver' }, 'one that never beeps')
})

t.test('a short greeting with a beep is a machine too', async t => {
  const events = listen('US', quiet(300), await say('Anna.', 'en'), quiet(200), tone(1_400, 300), quiet(500))
  t.match(events, [{ kind: 'verdict', result: 'machine', reason: 'beep' }])
})

t.test('fax machines and the network are heard by their tones', async t => {
  const cng = [tone(1_100, 500), quiet(3_000), tone(1_100, 500)]
  t.match(listen(null, quiet(1_000), ...cng), [{ result: 'fax', reason: 'faxTone' }])
  t.match(listen(null, quiet(1_500), tone(2_100, 3_000)), [{ result: 'fax' }])
  t.match(listen(null, tone(950, 330), tone(1_400, 330), tone(1_800, 330), quiet(500)), [
    { result: 'network', reason: 'informationTones' }
  ])
})

t.test('the network is known although the first tones went by before anybody listened', async t => {
  const says = await say('The number you have dialled is not in service.', 'en')
  const whole = Int16Array.from([tone(950, 330), tone(1_400, 330), tone(1_800, 330), says].flatMap(part => [...part]))
  for (let missedMs = 0; missedMs <= 760; missedMs += 20)
    t.match(
      listen(null, whole.subarray(missedMs * 8), quiet(2_000))[0],
      { result: 'network', reason: 'informationTones' },
      `${missedMs} ms of it`
    )
  const hello = await say('Hello?', 'en')
  for (const hz of [950, 1_400, 1_800])
    t.match(
      listen('US', quiet(500), tone(hz, 330), quiet(300), hello, quiet(2_000))[0],
      { result: 'human' },
      `a line that beeps at ${hz} Hz before somebody speaks`
    )
  t.match(
    listen('US', quiet(200), tone(1_400, 500), quiet(300), hello, quiet(2_000))[0],
    { result: 'human' },
    'one that tells of a recording'
  )
})

t.test('tones are known although packets are missing', async t => {
  const torn = (...parts: readonly Int16Array[]) => {
    const heard = Int16Array.from(parts.flatMap(part => [...part]))
    for (let at = 3 * 160; at < heard.length; at += 7 * 160) heard.fill(0, at, at + 160)
    return heard
  }
  const information = torn(tone(950, 330), tone(1_400, 330), tone(1_800, 330), quiet(500))
  t.match(listen(null, information), [{ result: 'network', reason: 'informationTones' }])
  t.match(listen(null, torn(quiet(1_000), tone(1_100, 500), quiet(3_000))), [{ result: 'fax', reason: 'faxTone' }])
  const name = await say('Anna.', 'en')
  t.match(listen('US', torn(quiet(300), name, quiet(200), tone(1_400, 300), quiet(500))), [
    { result: 'machine', reason: 'beep' }
  ])
})

t.test('who says nothing stays unknown, and noise is no greeting', async t => {
  t.match(listen(null, quiet(5_000)), [{ result: 'unknown', reason: 'silence' }])
  t.match(listen(null, generateNoise(8 * 5_000, 900)), [{ result: 'unknown' }])
  const street = generateNoise(8 * 600, 700, 3)
  const said = await say('Hello?', 'en')
  const noise = generateNoise(said.length, 700, 4)
  const mixed = said.map((sample, index) => Math.max(-32_768, Math.min(32_767, sample + (noise[index] ?? 0))))
  t.match(listen('US', street, mixed, generateNoise(8 * 2_000, 700, 5)), [{ result: 'human' }], 'in the street')
})

t.test('the detector keeps no audio', async t => {
  const source = await readFile(new URL('../../../media/audio/amd.ts', import.meta.url), 'utf8')
  t.equal(source.match(/new Int16Array\(/g)?.length, 1, 'one block of 40 ms')
  t.notMatch(source, /node:fs|\.write\(/)
})
