import t from 'tap'
import { endsInDigits, findPersonal, indexedText, redactedText, withoutCards } from '../../server/quality/redact.ts'
import { digitRuns, holdsCard, passesLuhn } from '../../server/quality/spoken-digits.ts'

const hidden = (text: string, language: string, known = {}) =>
  redactedText(text, findPersonal(text, language, known)).text

t.test('names are hidden after the words with which people introduce themselves, in six languages', async t => {
  for (const [language, text, expected] of [
    ['en', 'Hello, my name is Anna Weber and I called before.', 'Hello, my name is [name] and I called before.'],
    ['en', 'This is ridiculous, I am angry.', 'This is ridiculous, I am angry.'],
    ['en', 'my name is anna weber and i called', 'my name is [name] and i called'],
    ['en', 'Thank you, Mr. Khan.', 'Thank you, Mr. [name].'],
    ['de', 'Guten Tag, mein Name ist Jonas Vogel.', 'Guten Tag, mein Name ist [name].'],
    ['de', 'Ja, Frau Dr. Weber', 'Ja, Frau Dr. [name]'],
    ['es', 'Hola, me llamo Lucía de la Cruz, buenos días', 'Hola, me llamo [name], buenos días'],
    ['zh', '你好，我叫王小明，我要退款', '你好，我叫[name]，我要退款'],
    ['ja', '私は田中太郎と申します。', '私は[name]と申します。'],
    ['ar', 'مرحبا اسمي أحمد علي', 'مرحبا اسمي [name]']
  ] as const)
    t.equal(hidden(text, language), expected)
})

t.test('numbers, mail addresses and postal addresses are hidden', async t => {
  for (const [language, text, expected] of [
    ['en', 'Call me on 202 555 0123 please', 'Call me on [number] please'],
    ['en', 'order 4711 please', 'order 4711 please'],
    ['en', 'it is anna.weber@example.com', 'it is [email]'],
    ['en', 'anna dot weber at example dot com', '[email]'],
    ['en', 'I live on 12 Baker Street, London now', 'I live on [address] now'],
    ['de', 'null drei null zwei drei eins zwei fünf', '[number]'],
    ['de', 'Wir wohnen Lindenstraße 12 a, 10115 Berlin', 'Wir wohnen [address]'],
    ['es', 'mi teléfono es seis uno dos tres cuatro cinco seis', 'mi teléfono es [number]'],
    ['zh', '我的电话是一三八零零一三八零零零', '我的电话是[number]'],
    ['ja', 'ゼロさんいちにさんよんごろく です', '[number] です'],
    ['ar', 'رقمي خمسة صفر خمسة واحد اثنين ثلاثة', 'رقمي [number]']
  ] as const)
    t.equal(hidden(text, language), expected)
  t.equal(hidden('the last four are 5 0 2 0', 'en', { numbers: ['+493023125020'] }), 'the last four are [number]')
  t.equal(hidden('Is Weber there', 'en', { names: ['Anna Weber'] }), 'Is [name] there')
})

t.test('payment cards are recognised however they are read out', async t => {
  for (const [language, text] of [
    ['en', '4111 1111 1111 1111'],
    ['en', 'four one one one, one one one one, one one one one, one one one one'],
    ['en', 'forty one eleven eleven eleven eleven eleven eleven eleven'],
    ['de', 'vier eins eins eins und dann eins eins eins eins eins eins eins eins eins eins eins eins'],
    ['de', 'einundvierzig elf elf elf elf elf elf elf'],
    ['es', 'cuatro uno uno uno uno uno uno uno uno uno uno uno uno uno uno uno'],
    ['zh', '四一一一 一一一一 一一一一 一一一一'],
    ['ja', 'よん いち いち いち いち いち いち いち いち いち いち いち いち いち いち いち'],
    ['ar', 'أربعة واحد واحد واحد واحد واحد واحد واحد واحد واحد واحد واحد واحد واحد واحد واحد'],
    ['ar', '٤١١١ ١١١١ ١١١١ ١١١١']
  ] as const) {
    t.equal(
      digitRuns(text, language)
        .map(run => run.digits)
        .join(''),
      '4111111111111111',
      text
    )
    t.match(findPersonal(text, language), [{ kind: 'card' }], text)
  }
  t.match(findPersonal('the security code is one two three', 'en'), [{ kind: 'card' }])
  t.equal(passesLuhn('4111111111111112'), false)
  t.equal(holdsCard('0000000000000000'), false)
})

t.test('a card that goes over several utterances is taken out of each, with other speakers in between', async t => {
  const { utterances, cards } = withoutCards(
    [
      { speaker: 'customer', startMs: 0, endMs: 900, text: 'it is 4111 1111' },
      { speaker: 'agent', startMs: 900, endMs: 1_000, text: 'yes 12' },
      { speaker: 'customer', startMs: 1_000, endMs: 2_000, text: '1111 1111 thanks' }
    ],
    'en'
  )
  t.equal(cards, 1)
  t.same(
    utterances.map(one => one.text),
    ['it is •••• ••••', 'yes 12', '•••• •••• thanks']
  )
  t.equal(endsInDigits('it is 4111', 'en'), true)
  t.equal(endsInDigits('4111 is it', 'en'), false)
})

t.test('what is hidden is not indexed, and offsets lead back to the text', async t => {
  const text = 'I am Anna Weber, order 12'
  const personal = findPersonal(text, 'en')
  t.equal(indexedText(text, personal), 'I am  , order 12')
  const { text: shown, toOriginal, toRedacted } = redactedText(text, personal)
  t.equal(shown, 'I am [name], order 12')
  t.equal(toOriginal(shown.indexOf('order')), text.indexOf('order'))
  t.equal(toRedacted(text.indexOf('order')), shown.indexOf('order'))
})
