import fc from 'fast-check'
import { toCardinal as arabic } from 'n2words/ar-SA'
import { toCardinal as german } from 'n2words/de-DE'
import { toCardinal as british } from 'n2words/en-GB'
import { toCardinal as american, toOrdinal } from 'n2words/en-US'
import { toCardinal as spanish } from 'n2words/es-ES'
import { toCardinal as japanese } from 'n2words/ja-JP'
import { toCardinal as chinese } from 'n2words/zh-Hans-CN'
import t from 'tap'
import { readAnswer, sayAnswer } from '../../../ivr-flows/understand/answer.ts'
import { readDate } from '../../../ivr-flows/understand/dates.ts'
import { readDigits } from '../../../ivr-flows/understand/digits.ts'
import { readNumber } from '../../../ivr-flows/understand/numbers.ts'
import { readSpelling } from '../../../ivr-flows/understand/spelling.ts'
import { SPOKEN_LANGUAGES, type SpokenLanguage } from '../../../ivr-flows/understand/text.ts'
import { answerWords } from '../../../ivr-flows/understand/words.ts'
import { readYesNo } from '../../../ivr-flows/understand/yes-no.ts'

const SAY: readonly (readonly [SpokenLanguage, (value: number) => string])[] = [
  ['en', american],
  ['en', british],
  ['es', spanish],
  ['de', german],
  ['ar', arabic],
  ['ja', japanese],
  ['zh', chinese]
]
const number = fc.integer({ min: 0, max: 999_999 })
const today = '2026-03-10'

t.test('every number is read as it is said, in each language', async t => {
  for (const [language, say] of SAY)
    t.doesNotThrow(() =>
      fc.assert(
        fc.property(fc.oneof(number, fc.integer({ min: 0, max: 1_100 })), value => {
          if (readNumber(say(value), language) !== value)
            throw new Error(`${say(value)} → ${readNumber(say(value), language)}`)
          return readNumber(String(value), language) === value
        }),
        { numRuns: 400 }
      )
    )
})

t.test('numbers are read as people say them, not only as grammars write them', async t => {
  const said: Record<SpokenLanguage, Record<string, number | null>> = {
    en: {
      'a hundred and five': 105,
      'One hundred five': 105,
      '1,234': 1234,
      'a thousand and one': 1001,
      banana: null,
      'two million': null
    },
    es: { 'treinta y un': 31, 'doscientas una': 201, mil: 1000, 'veintiun mil': 21_000, veintitres: 23, '1.234': 1234 },
    de: {
      hundertfünf: 105,
      tausendundeins: 1001,
      zwohundert: 200,
      'ein und zwanzig': 21,
      dreissig: 30,
      eine: 1,
      hundert: 100
    },
    zh: { 一百五: 150, 一百零五: 105, 一万二: 12_000, 两千: 2000, 十二: 12, 一千零五十: 1050, 二十: 20 },
    ja: { 百五: 105, 一万二千: 12_000, 千: 1000, '１２': 12 },
    ar: {
      'مئة وخمسة': 105,
      مائتان: 200,
      'خمس وعشرين': 25,
      'ألفين وستة وعشرين': 2026,
      'ثلاثة آلاف': 3000,
      '٢٣': 23,
      'ثماني مئة': 800
    }
  }
  for (const language of SPOKEN_LANGUAGES)
    for (const [text, value] of Object.entries(said[language])) t.equal(readNumber(text, language), value, text)
})

t.test('digits that are read out come back as they were, in each language', async t => {
  for (const [language, say] of SAY) {
    const separator = language === 'zh' || language === 'ja' ? '' : ' '
    t.doesNotThrow(() =>
      fc.assert(
        fc.property(fc.stringMatching(/^[0-9]{1,16}$/), digits => {
          const words = [...digits].map(one => say(Number(one))).join(separator)
          const found = readDigits(words, language)
          if (found !== digits) throw new Error(`${words} → ${found}`)
          return readDigits(digits, language) === digits
        })
      )
    )
  }
  t.equal(readDigits('double five oh triple nine twelve thirty-four', 'en'), '5509991234')
  t.equal(readDigits('null acht fünfzehn', 'de'), '0815')
  t.equal(readDigits('seis doce tres', 'es'), '6123')
  t.equal(readDigits('幺三八洞洞', 'zh'), '13800')
  t.equal(readDigits('ゼロきゅうまるいち', 'ja'), '0901')
  t.equal(readDigits('five apples', 'en'), null)
  t.equal(readDigits('', 'en'), null)
})

const day = fc.date({ min: new Date('1920-01-01'), max: new Date('2060-12-31'), noInvalidDate: true })

t.test('every date is read as it is written out, in each language', async t => {
  const tags = ['en-US', 'en-GB', 'es', 'de', 'zh', 'ja', 'ar-EG']
  for (const tag of tags) {
    const language = tag.slice(0, 2) as SpokenLanguage
    const format = new Intl.DateTimeFormat(tag, { dateStyle: 'long', timeZone: 'UTC', calendar: 'gregory' })
    const context = { today, prefer: 'future', tag } as const
    t.doesNotThrow(
      () =>
        fc.assert(
          fc.property(day, one => {
            const found = readDate(format.format(one), language, context)
            if (found !== one.toISOString().slice(0, 10)) throw new Error(`${format.format(one)} → ${found}`)
          }),
          { numRuns: 300 }
        ),
      tag
    )
  }
})

t.test('dates are read as they are said, in words', async t => {
  const spoken: readonly (readonly [SpokenLanguage, (date: Date) => string])[] = [
    ['en', one => `the ${toOrdinal(one.getUTCDate())} of ${monthOf('en', one)} ${englishYear(one.getUTCFullYear())}`],
    ['en', one => `${monthOf('en', one)} ${toOrdinal(one.getUTCDate())}, ${englishYear(one.getUTCFullYear())}`],
    ['es', one => `el ${spanish(one.getUTCDate())} de ${monthOf('es', one)} de ${spanish(one.getUTCFullYear())}`],
    [
      'de',
      one =>
        `am ${answerWords('de').ordinals[one.getUTCDate()]?.[1]} ${monthOf('de', one)} ${germanYear(one.getUTCFullYear())}`
    ],
    ['ar', one => `${arabic(one.getUTCDate())} ${monthOf('ar', one)} ${arabic(one.getUTCFullYear())}`],
    [
      'zh',
      one =>
        `${[...String(one.getUTCFullYear())].map(d => '〇一二三四五六七八九'[Number(d)]).join('')}年${one.getUTCMonth() + 1}月${one.getUTCDate()}号`
    ],
    [
      'ja',
      one => `${japanese(one.getUTCFullYear())}年${japanese(one.getUTCMonth() + 1)}月${japanese(one.getUTCDate())}日`
    ]
  ]
  for (const [language, say] of spoken)
    t.doesNotThrow(() =>
      fc.assert(
        fc.property(day, one => {
          const found = readDate(say(one), language, { today, prefer: 'future', tag: language })
          if (found !== one.toISOString().slice(0, 10)) throw new Error(`${say(one)} → ${found}`)
        }),
        { numRuns: 300 }
      )
    )
})

t.test('what is left out of a date is filled in as it is meant', async t => {
  const read = (
    text: string,
    language: SpokenLanguage,
    prefer: 'future' | 'past' | 'thisYear' = 'future',
    tag = language as string
  ) => readDate(text, language, { today, prefer, tag })
  t.equal(read('the fifth of march', 'en'), '2027-03-05', 'the next one')
  t.equal(read('the fifth of march', 'en', 'past'), '2026-03-05', 'the last one')
  t.equal(read('twelfth of december', 'en', 'past'), '2025-12-12')
  t.equal(read('february twenty ninth', 'en'), '2028-02-29', 'a leap day is in a leap year')
  t.equal(read('tomorrow', 'en'), '2026-03-11')
  t.equal(read('übermorgen', 'de'), '2026-03-12')
  t.equal(read('next friday', 'en'), '2026-03-13')
  t.equal(read('tuesday', 'en'), '2026-03-17', 'today is a Tuesday: the next one')
  t.equal(read('el lunes', 'es', 'past'), '2026-03-09')
  t.equal(read('last friday', 'en'), '2026-03-06', 'whatever is preferred')
  t.equal(read('next friday', 'en', 'past'), '2026-03-13')
  t.equal(read('letzten Freitag', 'de'), '2026-03-06')
  t.equal(read('el viernes pasado', 'es'), '2026-03-06')
  t.equal(read('الجمعة الماضي', 'ar'), '2026-03-06')
  t.equal(read('星期五', 'zh'), '2026-03-13')
  t.equal(read('下星期五', 'zh'), '2026-03-20', 'the Friday of next week')
  t.equal(read('下个周一', 'zh'), '2026-03-16')
  t.equal(read('这周五', 'zh'), '2026-03-13')
  t.equal(read('来週の金曜日です', 'ja'), '2026-03-20')
  t.equal(read('٥/٣/٢٠٢٦', 'ar'), '2026-03-05')
  t.equal(read('3/5/85', 'en', 'past', 'en-US'), '1985-03-05', 'Americans say the month first')
  t.equal(read('3/5/85', 'en', 'past', 'en-GB'), '1985-05-03')
  t.equal(read('5.3.', 'de'), '2027-03-05')
  t.equal(read('昭和六十年三月五日', 'ja'), '1985-03-05')
  t.equal(read('the thirtieth of february', 'en'), null, 'no such day')
  t.equal(read('maybe', 'en'), null)
})

t.test('what is no whole number is not taken for another one', async t => {
  for (const language of ['en', 'es', 'de', 'zh', 'ar', 'ja'] as const)
    for (const text of ['3.5', '12,5', '-5', '1/2', '2:30', '0.500', '1,234.56', '٣٫٥'])
      t.equal(readNumber(text, language), null, `${language}: ${text}`)
  t.equal(readNumber('1,234', 'zh'), 1_234)
})

t.test('a no that means yes is one', async t => {
  const yeses: Readonly<Record<SpokenLanguage, string>> = {
    en: 'no problem, thanks',
    es: 'no hay problema',
    de: 'kein Problem',
    zh: '没问题',
    ar: 'لا مانع',
    ja: '問題ありません'
  }
  for (const [language, text] of Object.entries(yeses)) t.equal(readYesNo(text, language as SpokenLanguage), true, text)
  t.equal(readYesNo('no, no problem', 'en'), null)
  t.equal(readYesNo('不可以', 'zh'), false)
})

t.test('names that are spelled are read letter by letter', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{1,12}$/), name => {
        for (const [language, table] of [
          ['en', 'alphabet'],
          ['de', 'alphabet'],
          ['es', 'alphabet'],
          ['en', 'letters'],
          ['ja', 'letters']
        ] as const) {
          const words = answerWords(language)[table]
          const said = [...name].map(letter => words[letter]?.[0] ?? letter).join(language === 'ja' ? '' : ' ')
          const found = readSpelling(said, language)
          if (found !== name.toUpperCase()) throw new Error(`${language}: ${said} → ${found}`)
        }
      })
    )
  )
  t.equal(readSpelling('em ay double l e r', 'en'), 'MALLER')
  t.equal(readSpelling('B as in Bravo, O, B like Berlin', 'en'), 'BOB')
  t.equal(readSpelling('M wie Martha, Ü, L, Ludwig, E, R', 'de'), 'MÜLLER')
  t.equal(readSpelling('be de barcelona, eñe, i griega', 'es'), 'BÑY')
  t.equal(readSpelling('ميم حاء ميم دال', 'ar'), 'محمد')
  t.equal(readSpelling('た、な、か', 'ja'), 'たなか')
  t.equal(readSpelling('张三', 'zh'), '张三')
  t.equal(readSpelling('my name is Bob', 'en'), null)
})

t.test('yes and no are told apart, in each language, and what is neither is neither', async t => {
  for (const language of SPOKEN_LANGUAGES) {
    const { yes, no } = answerWords(language)
    for (const one of yes) t.equal(readYesNo(one, language), true, `${language}: ${one}`)
    for (const one of no) t.equal(readYesNo(one, language), false, `${language}: ${one}`)
    t.equal(readYesNo('12', language), null)
  }
  t.equal(readYesNo('Yes, that is right.', 'en'), true)
  t.equal(readYesNo('no that is not right', 'en'), false)
  t.equal(readYesNo('yes and no', 'en'), null)
  t.equal(readYesNo('ja genau, das stimmt', 'de'), true)
  t.equal(readYesNo('不是的', 'zh'), false, 'half of a negation is no yes')
})

t.test('an answer is read by what was asked for, and said back so that it can be checked', async t => {
  t.equal(readAnswer('sixty one', 'en-GB', { kind: 'number', today }), 61)
  t.equal(readAnswer('sixty one', 'fi', { kind: 'number', today }), null, 'a language that is not read')
  t.equal(readAnswer('Verkauf', 'de', { kind: 'phrases', phrases: { sales: ['Verkauf'] }, today }), 'sales')
  t.equal(sayAnswer('2026-03-05', 'date', 'en-GB'), '5 March 2026')
  t.equal(sayAnswer('123', 'digits', 'en'), '1 2 3')
  t.equal(sayAnswer('MÜ', 'spelled', 'ja'), 'M、Ü')
})

function monthOf(language: SpokenLanguage, date: Date): string {
  return answerWords(language).months[date.getUTCMonth() + 1]?.[0] ?? ''
}

function englishYear(year: number): string {
  const rest = year % 100
  if (year >= 2000 && year < 2010) return american(year)
  return `${american(Math.floor(year / 100))} ${rest === 0 ? 'hundred' : rest < 10 ? `oh ${american(rest)}` : american(rest)}`
}

function germanYear(year: number): string {
  return year >= 2000 ? german(year) : `${german(19)}hundert${year % 100 === 0 ? '' : german(year % 100)}`
}
