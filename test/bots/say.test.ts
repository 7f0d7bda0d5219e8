import fc from 'fast-check'
import t from 'tap'
import type { BotOptions } from '../../ivr-flows/host.ts'
import { instructionsFor } from '../../server/bots/answer/instructions.ts'
import { ClauseSplitter } from '../../server/bots/say/clauses.ts'
import { unsupported } from '../../server/bots/say/grounding.ts'
import { heardWords } from '../../server/bots/say/heard-words.ts'
import { readMark } from '../../server/bots/say/reply-mark.ts'
import { addressed, isFitting, isPolite, politely } from '../../server/bots/say/register.ts'
import { speakable, tabooIn } from '../../server/bots/say/speakable.ts'
import { type LineName, lineFor } from '../../server/bots/lines.ts'
import { inOwnEnglish } from '../../server/bots/say/english.ts'
import { fillerText } from '../../server/bots/turn-silence.ts'
import { CONSENT_KEYS, consentTexts } from '../../server/recordings/consent-texts.ts'

t.test('markup is never read out', async t => {
  const said: readonly (readonly [string, string])[] = [
    ['**Yes**, you can [return it](https://shop.example/r).', 'Yes, you can return it.'],
    ['# Returns\n- free\n- fast', 'Returns free fast'],
    ['<speak><prosody rate="slow">Hello</prosody> there</speak>', 'Hello there'],
    ['[[2]] See https://evil.example/x?a=1 now 😀', 'See now'],
    ['```js\nalert(1)\n``` Done.', 'Done.'],
    ['<|im_end|>', ''],
    ['***', ''],
    ['Press 1\ufe0f\u20e3 now', 'Press 1 now'],
    ['3 < 5 and 7 > 2', '3 < 5 and 7 > 2'],
    ['您可以在30天内退货。', '您可以在30天内退货。']
  ]
  for (const [written, spoken] of said) t.equal(speakable(written), spoken, written)
})

t.test('phrases that must not be said are found as whole words, whatever their case and width', async t => {
  t.equal(tabooIn('We GUARANTEE it.', ['guarantee'], 'en'), 'guarantee')
  t.equal(tabooIn('No guarantees here', ['guarantee'], 'en'), null)
  t.equal(tabooIn('絶対に儲かります', ['絶対に'], 'ja'), '絶対に')
  t.equal(tabooIn('ＧＵＡＲＡＮＴＥＥ', ['guarantee'], 'en'), 'guarantee')
})

t.test('the first clause is given at a comma, the others at the ends of sentences', async t => {
  const splitter = new ClauseSplitter('en')
  const text =
    'Yes, you can return the kettle within thirty days, and we pay for it. Ask Mr. Smith on 3. May if it costs 9.99 euros. Bye'
  const given: string[] = []
  for (const letter of text) given.push(...splitter.push(letter))
  given.push(...splitter.end())
  t.same(given, [
    'Yes, you can return the kettle within thirty days,',
    'and we pay for it.',
    'Ask Mr. Smith on 3. May if it costs 9.99 euros.',
    'Bye'
  ])
  const chinese = new ClauseSplitter('zh')
  t.same(chinese.push('您可以在三十天内退货，运费由我们承担。请保留收据。'), [
    '您可以在三十天内退货，',
    '运费由我们承担。',
    '请保留收据。'
  ])
})

t.test('no letter is lost or changed, however the text arrives', async t => {
  const texts = fc.array(fc.constantFrom('a', 'b ', '. ', ', ', '。', '、', '3', '\n', 'word '), { maxLength: 80 })
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(texts, pieces => {
        const splitter = new ClauseSplitter('en')
        const given = [...pieces.flatMap(piece => splitter.push(piece)), ...splitter.end()]
        return given.join('').replace(/\s/g, '') === pieces.join('').replace(/\s/g, '')
      })
    )
  )
})

t.test('what no source says is not said', async t => {
  const source = ['Returns\nYou may return goods within 30 days. Shipping costs 1,000 yen. Call 020 7946 0123.']
  t.same(unsupported('You can return goods within 30 days.', source, 'en'), [])
  t.same(unsupported('You can return goods within 90 days.', source, 'en'), ['90'])
  t.same(unsupported('Shipping costs 1000 yen.', source, 'en'), [])
  t.same(unsupported('Please call 020 7946 0124.', source, 'en'), ['02079460124'.replace(/^0/, '')])
  const madeUp = 'The president lives in a white palace near Madrid.'
  t.same(unsupported(madeUp, source, 'en'), [madeUp])
  t.same(unsupported('退货期限是90天。', ['退货期限是30天。'], 'zh'), ['90'])
  t.same(unsupported('المدة ٣٠ يومًا', ['المدة 30 يومًا'], 'ar'), [], 'digits of another script are the same number')
  t.same(unsupported('Yes.', source, 'en'), [])
})

t.test('a fact without digits that no source has is not said, alone or joined to one that a source has', async t => {
  const sources: Readonly<
    Record<string, Readonly<{ source: string; said: readonly string[]; held: readonly string[] }>>
  > = {
    en: {
      source: 'Returns\nYou may return goods within 30 days. Shipping is free. With your contract you have a warranty.',
      said: [
        'You can return your goods within 30 days, and shipping is free.',
        'Of course, shipping is free.',
        'You may return them within 30 days, no problem.'
      ],
      held: [
        'Shipping is free and we deliver tomorrow morning.',
        'You may return goods, the shop opens on Sundays.',
        'Your order has been cancelled with immediate effect.'
      ]
    },
    de: {
      source: 'Rückgabe\nSie können Waren innerhalb von 30 Tagen zurückgeben. Der Versand ist kostenlos.',
      said: [
        'Sie können die Waren innerhalb von 30 Tagen zurückgeben, und der Versand ist kostenlos.',
        'Gern, der Versand ist kostenlos.'
      ],
      held: ['Der Versand ist kostenlos und wir liefern morgen früh.', 'Ihr Vertrag wurde von uns gekündigt.']
    },
    es: {
      source: 'Devoluciones\nPuede devolver los productos en 30 días. El envío es gratuito.',
      said: ['Puede devolver el producto en 30 días y el envío es gratuito.', 'Por supuesto, el envío es gratuito.'],
      held: ['El envío es gratuito y entregamos mañana temprano.', 'Su contrato ha sido cancelado para siempre.']
    },
    zh: {
      source: '退货\n您可以在30天内退货。运费由我们承担。',
      said: ['您可以在30天内退货，运费由我们承担。', '好的，运费由我们承担。'],
      held: ['运费由我们承担，明天早上送达。', '您的合同已经取消。']
    },
    ja: {
      source: '返品\n商品は30日以内に返品できます。送料は無料です。',
      said: ['商品は30日以内に返品できます。送料は無料です。', 'かしこまりました。送料は無料です。'],
      held: ['送料は無料です。明日配達します。', 'ご契約は解約済みです。']
    },
    ar: {
      source: 'الإرجاع\nيمكنك إرجاع المنتجات خلال 30 يوما. التوصيل مجاني.',
      said: ['يمكنك إرجاع المنتجات خلال 30 يوما، التوصيل مجاني.', 'بالطبع، التوصيل مجاني.'],
      held: ['التوصيل مجاني، ونفتح المتجر صباح الأحد.', 'عقدك ألغي نهائيا أمس.']
    }
  }
  for (const [language, { source, said, held }] of Object.entries(sources)) {
    for (const text of said) t.same(unsupported(text, [source], language), [], text)
    for (const text of held) t.not(unsupported(text, [source], language).length, 0, text)
  }
})

t.test('of a clause that was interrupted the words are known that were heard', async t => {
  const clause = 'You may return goods within 30 days.'
  t.equal(heardWords(clause, 0.5, 'en'), 'You may return…')
  t.equal(heardWords(clause, 0.6, 'en'), 'You may return goods…')
  t.equal(heardWords(clause, 0.05, 'en'), '', 'half a word is none')
  t.equal(heardWords(clause, 0, 'en'), '')
  t.equal(heardWords(clause, 1, 'en'), clause)
  t.equal(heardWords(clause, 0.98, 'en'), clause, 'a full stop makes no sound')
  t.equal(heardWords('您可以在30天内退货。', 0.5, 'zh'), '您可以在…')
  t.match(heardWords('商品は三十日以内に返品できます。', 0.5, 'ja'), /^商品は三十.*…$/)
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), share => {
        const heard = heardWords(clause, share, 'en').replace(/…$/, '')
        return clause.startsWith(heard) && (heard === clause || heard.length <= clause.length * share)
      })
    )
  )
})

t.test('a reply says what it is before its first word', async t => {
  t.same(readMark('[[1, 3]] You may', false), {
    kind: 'found',
    mark: { kind: 'cites', passages: [1, 3] },
    rest: 'You may'
  })
  t.match(readMark(' [[HandOver]]', true), { mark: { kind: 'handover' } })
  t.same(readMark('[', false), { kind: 'waiting' })
  t.same(readMark('[[unk', false), { kind: 'waiting' })
  t.same(readMark('Of course!', false), { kind: 'missing' })
  t.same(readMark('[[', true), { kind: 'missing' })
  t.same(readMark('[[rm -rf]] x', true), { kind: 'missing' })
})

t.test(
  'a model is told how customers of each language are spoken to, and which words to keep and to avoid',
  async t => {
    const bot: BotOptions = {
      goal: 'Answer questions about orders.',
      greeting: [],
      disclosure: null,
      knowledge: { product: null, region: null },
      tools: [],
      glossary: ['Parley Plus'],
      taboo: ['guarantee'],
      register: 'formal',
      limits: {
        turns: 20,
        ms: 600_000,
        tokens: 60_000,
        cents: 20,
        thinkMs: 6_000,
        silences: 3,
        misunderstandings: 3,
        unknowns: 2
      },
      asksIfSolved: true
    }
    const told = (language: string) => instructionsFor(bot, language)
    t.match(told('en-GB'), /postcode, mobile, cheque/)
    t.notMatch(told('en-GB'), /zip code/)
    t.match(told('en-US'), /zip code, cell phone, check/)
    t.notMatch(told('en'), /zip code|postcode/)
    t.match(told('ja'), /kenjougo.*sonkeigo.*okyakusama/)
    t.match(told('de-AT'), /"Sie"/)
    t.match(told('es'), /"usted"/)
    t.match(told('zh-TW'), /"您"/)
    const familiar = (language: string) => instructionsFor({ ...bot, register: 'informal' }, language)
    t.match(familiar('de-AT'), /"du"/)
    t.match(familiar('es'), /"tú"/)
    t.match(familiar('zh-TW'), /"你"/)
    t.match(familiar('ja'), /plain Japanese/)
    for (const language of ['de', 'es', 'zh', 'ja']) t.notMatch(familiar(language), /"Sie"|"usted"|"您"|sonkeigo/)
    t.equal(familiar('en'), told('en'), 'English has one way')
    for (const language of ['en', 'de', 'es', 'zh', 'ja', 'ar']) {
      t.match(told(language), `(${language})`)
      t.match(told(language), /exactly so: Parley Plus\./)
      t.match(told(language), /Never use these words: guarantee\./)
    }
  }
)

t.test('a sentence speaks to a customer as one does, in each language', async t => {
  const polite: readonly (readonly [string, string])[] = [
    ['ja', '30日以内に返品できます。送料は無料です。'],
    ['ja', 'ご注文の品は、'],
    ['ja', 'ありがとうございます。少々お待ちください。'],
    ['ja', '送料は三千円。'],
    ['ja', 'お名前をどうぞ。'],
    ['de', 'Sie können die Ware zurückgeben, Durch- und Dienstwahl inbegriffen.'],
    ['es', 'Puede devolver su pedido en treinta días.'],
    ['zh', '您可以在30天内退货。'],
    ['en', 'You may return it, du calme.']
  ]
  for (const [language, text] of polite) t.ok(isPolite(text, language), text)
  const others: readonly (readonly [string, string])[] = [
    ['ja', '30日以内に返品できる。'],
    ['ja', '送料は無料です。返品は30日以内だ。'],
    ['ja', 'それはできないよ。'],
    ['ja', '明日届く。'],
    ['ja-JP', '昨日、確認した。'],
    ['de-AT', 'Du kannst deine Ware zurückgeben.'],
    ['es-MX', 'Eso es para ti.'],
    ['zh', '你可以退货。']
  ]
  for (const [language, text] of others) {
    t.notOk(isFitting(text, language, 'formal'), text)
    t.ok(isFitting(text, language, 'informal'), `${text} is said where callers are friends`)
  }
  t.equal(politely('你可以退货，你们好。', 'zh'), '您可以退货，各位好。')
  t.equal(politely('你', 'ja'), '你')
  t.equal(addressed('您好，谢谢您。', 'zh-Hant', 'informal'), '你好，谢谢你。')
  t.equal(addressed('你好。', 'zh', 'formal'), '您好。')
})

const LINE_NAMES = Object.keys({
  disclosure: 1,
  greeting: 1,
  didNotHear: 1,
  didNotUnderstand: 1,
  pressZero: 1,
  unknown: 1,
  fault: 1,
  anythingElse: 1,
  isSolved: 1,
  yesOrNo: 1,
  handOver: 1
} satisfies Record<LineName, 1>) as LineName[]

/** What only strangers say to each other; in Japanese also the humble words. */
const FORMAL_WORDS: Readonly<Record<string, RegExp>> = {
  de: /(?<!\p{L})(?:Sie|Ihnen|Ihr\p{L}*)(?!\p{L})|(?:sagen|drücken|bleiben) Sie/u,
  es: /(?<!\p{L})(?:usted|le|su|puede|está|desea|diga|dígame|pulse|disculpe|cuelgue)(?!\p{L})/iu,
  zh: /您/u,
  ja: /です|ます|ません|ください|ございま|お客様/u
}

t.test('a bot on familiar terms keeps to them in whatever it says of itself', async t => {
  for (const [language, formal] of Object.entries(FORMAL_WORDS)) {
    const texts = LINE_NAMES.map(name => lineFor(name, language, 'informal')?.text ?? '')
    t.same(
      texts.filter(text => text === '' || formal.test(text)),
      [],
      language
    )
    const others = LINE_NAMES.map(name => lineFor(name, language)?.text ?? '')
    t.ok(others.filter(text => formal.test(text)).length >= 5, `${language}: the words are those of strangers`)
  }
  t.equal(lineFor('greeting', 'en', 'informal')?.text, lineFor('greeting', 'en')?.text)
})

t.test('what Parley itself says to callers is polite in every language', async t => {
  for (const language of ['de', 'es', 'zh', 'ja']) {
    const consent = [true, false].flatMap(isHeard => Object.values(consentTexts(language, CONSENT_KEYS, isHeard).texts))
    const texts = [
      ...LINE_NAMES.map(name => lineFor(name, language)?.text ?? ''),
      fillerText(language).text,
      ...consent
    ]
    t.ok(texts.length > 20 && texts.every(text => text !== ''))
    t.same(
      texts.filter(text => !isPolite(text, language)),
      [],
      language
    )
  }
})

t.test('Americans and the British hear their own words', async t => {
  const pairs: readonly (readonly [american: string, british: string])[] = [
    ['Zip codes and your cell phone', 'Postcodes and your mobile phone'],
    ['Press the pound key.', 'Press the hash key.'],
    ['We open on May 3, and close on June 30.', 'We open on 3 May, and close on 30 June.']
  ]
  for (const [american, british] of pairs) {
    for (const text of [american, british]) {
      t.equal(inOwnEnglish(text, 'en-GB'), british)
      t.equal(inOwnEnglish(text, 'en-US'), american)
      t.equal(inOwnEnglish(text, 'en'), text)
      t.equal(inOwnEnglish(text, 'en-NG'), text)
      t.equal(inOwnEnglish(text, 'de'), text)
    }
  }
  t.equal(inOwnEnglish('In May 3 people called at 5 pm', 'en-GB'), 'In May 3 people called at 5 pm')
  t.equal(inOwnEnglish('It lasts from May 3rd to June 1st.', 'en-GB'), 'It lasts from 3 May to 1 June.')
})
