import t from 'tap'
import { ClauseSplitter } from '../../server/bots/say/clauses.ts'
import { FreeWords } from '../../server/bots/say/courtesy.ts'
import { fillerText } from '../../server/bots/turn-silence.ts'
import { lineFor } from '../../server/bots/lines.ts'

type Words = Readonly<{
  /** Facts of a company, its goods or the caller's matter: never without a source, whatever the model calls them. */
  facts: readonly string[]
  /** Facts in the clothes of a question. */
  dressed: readonly string[]
  courtesies: readonly string[]
  questions: readonly string[]
}>

const WORDS: Readonly<Record<string, Words>> = {
  en: {
    facts: [
      'We are open until eight in the evening.',
      'Delivery is free of charge.',
      'We deliver tomorrow.',
      'Your contract has been cancelled.',
      'Of course, your money will be back within a week.',
      'Thank you, it is already on its way.',
      'How we deliver is free.',
      'Yes.',
      'No, you cannot.',
      'Good morning, our shop is closed today.'
    ],
    dressed: [
      'Did you know that delivery is free?',
      'We deliver tomorrow, is that all right?',
      'Because your contract was cancelled, what else do you need?',
      'Shall I confirm that your contract has been cancelled?',
      'Your order was sent, right?'
    ],
    courtesies: [
      'Of course, one moment.',
      'Good morning! Thank you for calling.',
      "You're very welcome. Have a nice day!",
      'I am sorry to hear that.',
      'No problem at all, take your time.',
      'I understand. One moment please, I will check that for you.',
      'Thank you for your patience.',
      'As you like.',
      'Hello, how can I help you?'
    ],
    questions: [
      'What is your order number?',
      'Which order do you mean, the kettle or the toaster?',
      'Could you please tell me your name and your address?',
      'Do you want to return the goods or exchange them?',
      'I am sorry, could you repeat that?',
      'Thank you. In which country do you live?',
      'Please tell me your postcode.'
    ]
  },
  de: {
    facts: [
      'Wir haben bis acht Uhr abends geöffnet.',
      'Der Versand ist kostenlos.',
      'Wir liefern morgen.',
      'Ihr Vertrag wurde gekündigt.',
      'Selbstverständlich, Ihr Geld kommt nächste Woche.',
      'Ja.',
      'Nein, das geht nicht.'
    ],
    dressed: [
      'Wussten Sie, dass der Versand kostenlos ist?',
      'Wir liefern morgen, ist das in Ordnung?',
      'Weil Ihr Vertrag gekündigt wurde, was brauchen Sie noch?'
    ],
    courtesies: [
      'Selbstverständlich, einen Moment bitte.',
      'Guten Morgen! Vielen Dank für Ihren Anruf.',
      'Gern geschehen. Ich wünsche Ihnen einen schönen Tag!',
      'Das tut mir leid.',
      'Kein Problem, ich helfe Ihnen gern weiter.',
      'Vielen Dank für Ihre Geduld.',
      'Schön, dass Sie anrufen.',
      'Schön, dass du anrufst.',
      'Auf Wiederhören!'
    ],
    questions: [
      'Wie lautet Ihre Bestellnummer?',
      'Welche Bestellung meinen Sie, den Kessel oder den Toaster?',
      'Können Sie mir sagen, welche Bestellung Sie meinen?',
      'Möchten Sie, dass ich Sie verbinde?',
      'Bitte nennen Sie mir Ihre Postleitzahl.'
    ]
  },
  es: {
    facts: [
      'Abrimos hasta las ocho de la tarde.',
      'El envío es gratis.',
      'Entregamos mañana.',
      'Su contrato ha sido cancelado.',
      'Por supuesto, su dinero llega la próxima semana.',
      'Sí.',
      'No, no puede.'
    ],
    dressed: [
      '¿Sabía que el envío es gratis?',
      'Entregamos mañana, ¿le parece bien?',
      'Como el contrato está cancelado, ¿qué más necesita?'
    ],
    courtesies: [
      'Por supuesto, un momento, por favor.',
      '¡Buenos días! Gracias por llamar.',
      'De nada. ¡Que tenga un buen día!',
      'Lo siento mucho.',
      'No se preocupe, con mucho gusto le ayudo.',
      'Me alegra que llame.',
      'Muchas gracias por su paciencia.'
    ],
    questions: [
      '¿Cuál es su número de pedido?',
      '¿A qué pedido se refiere, el hervidor o la tostadora?',
      '¿Puede decirme su nombre, por favor?',
      'Perdón, ¿puede repetirlo?',
      'Dígame su código postal, por favor.'
    ]
  },
  zh: {
    facts: [
      '我们营业到晚上八点。',
      '运费全免。',
      '我们明天送货。',
      '您的合同已经取消了。',
      '好的，退款下周到账。',
      '我们几天内免费送货。',
      '什么都免费。',
      '是的。',
      '不可以。'
    ],
    dressed: ['您知道运费全免吗？', '我们明天送货，好吗？', '因为合同取消了，您还需要什么？'],
    courtesies: [
      '好的，请稍等。',
      '您好！感谢您的来电。',
      '不客气，祝您生活愉快！',
      '非常抱歉给您带来不便。',
      '没问题，我很乐意为您服务。',
      '谢谢您的耐心等待。'
    ],
    questions: ['请问您的订单号是多少？', '您是要退货还是换货？', '对不起，您能再说一遍吗？', '请告诉我您的邮编。']
  },
  ja: {
    facts: [
      '夜の八時まで営業しております。',
      '送料は無料です。',
      '明日お届けします。',
      'ご契約は解約されました。',
      'かしこまりました。返金は来週です。',
      '何でも無料です。',
      'できません。'
    ],
    dressed: [
      '送料が無料なのをご存じですか？',
      '明日お届けしますが、よろしいですか？',
      'ご契約は解約されましたので、ほかにご用件はございますか？'
    ],
    courtesies: [
      'かしこまりました。少々お待ちください。',
      'お電話ありがとうございます。',
      '大変申し訳ございません。',
      'どうぞごゆっくり。',
      '恐れ入りますが、少々お待ちくださいませ。',
      'ありがとうございました。失礼いたします。'
    ],
    questions: [
      'ご注文番号は、何番でしょうか？',
      '返品でしょうか、それとも交換でしょうか？',
      '恐れ入りますが、もう一度おっしゃっていただけますか？',
      'お名前を教えてください。'
    ]
  },
  ar: {
    facts: [
      'نحن نعمل حتى الثامنة مساء.',
      'التوصيل مجاني.',
      'سنوصل الطلب غدا.',
      'تم إلغاء عقدك.',
      'بالطبع، سيصل المبلغ الأسبوع القادم.',
      'نعم.',
      'لا، لا يمكنك ذلك.'
    ],
    dressed: ['هل تعلم أن التوصيل مجاني؟', 'سنوصل الطلب غدا، هل يناسبك ذلك؟', 'لأن عقدك ألغي، ماذا تحتاج أيضا؟'],
    courtesies: [
      'بالطبع، لحظة واحدة من فضلك.',
      'مرحبا! شكرا على اتصالك.',
      'عفوا، أتمنى لك يوما سعيدا.',
      'أعتذر عن الإزعاج.',
      'لا مشكلة، يسعدني أن أساعدك.',
      'شكرا جزيلا على صبرك.'
    ],
    questions: [
      'ما هو رقم طلبك؟',
      'هل تريد إرجاع المنتج أم استبداله؟',
      'عفوا، هل يمكنك إعادة ذلك؟',
      'من فضلك أخبرني برقمك البريدي.'
    ]
  }
}

/** Whether all of it would be said, as it comes from a model clause by clause. */
function isSaid(text: string, language: string, kind: 'talk' | 'ask', hasChanged = false): boolean {
  const splitter = new ClauseSplitter(language)
  const free = new FreeWords(language)
  return [...splitter.push(text), ...splitter.end()].every(clause => free.mayBeSaid(clause, kind, hasChanged))
}

for (const [language, { facts, dressed, courtesies, questions }] of Object.entries(WORDS)) {
  t.test(`without a source no fact is said, with digits or without (${language})`, async t => {
    for (const text of facts) {
      t.notOk(isSaid(text, language, 'talk'), `as a courtesy: ${text}`)
      t.notOk(isSaid(text, language, 'ask'), `as a question: ${text}`)
      t.notOk(isSaid(text, language, 'talk', true), `after a change: ${text}`)
    }
    for (const text of dressed) {
      t.notOk(isSaid(text, language, 'ask'), text)
      t.notOk(isSaid(text, language, 'talk'), text)
    }
  })

  t.test(`bots stay polite and can ask (${language})`, async t => {
    for (const text of courtesies) for (const kind of ['talk', 'ask'] as const) t.ok(isSaid(text, language, kind), text)
    for (const text of questions) t.ok(isSaid(text, language, 'ask'), text)
    // What Parley says of itself is the measure of what is polite in a language.
    for (const name of ['greeting', 'anythingElse'] as const) {
      const text = lineFor(name, language)?.text ?? ''
      t.ok(isSaid(text, language, 'ask'), text)
    }
    t.ok(isSaid(fillerText(language).text, language, 'talk'), fillerText(language).text)
  })
}

t.test('that something is done is said only after a tool has changed it', async t => {
  const said: Readonly<Record<string, string>> = {
    en: 'Done. Thank you for waiting.',
    de: 'Das ist erledigt.',
    es: 'Ya está hecho.',
    zh: '已经办好了。',
    ja: '手続きが完了しました。',
    ar: 'تم ذلك.'
  }
  for (const [language, text] of Object.entries(said)) {
    t.ok(isSaid(text, language, 'talk', true), text)
    t.notOk(isSaid(text, language, 'talk', false), text)
  }
})

t.test('in a language without words of courtesy nothing is said without a source', async t => {
  t.notOk(isSaid('Kiitos soitostanne.', 'fi', 'talk'))
})
