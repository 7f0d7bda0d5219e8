import fc from 'fast-check'
import t from 'tap'
import { wishIn, yesOrNo } from '../../server/bots/caller-words.ts'
import {
  type DialogueAction,
  type DialogueEvent,
  type DialogueSettings,
  type DialogueState,
  dialogueStep,
  startDialogue
} from '../../server/bots/dialogue.ts'
import { LINE_LANGUAGES, lineFor } from '../../server/bots/lines.ts'
import { DISCLOSED_LANGUAGES } from '../../ivr-flows/nodes/bot.ts'

const SETTINGS: DialogueSettings = {
  language: 'en',
  asksIfSolved: true,
  limits: { turns: 5, ms: 60_000, tokens: 1, cents: 1, thinkMs: 1, silences: 3, misunderstandings: 3, unknowns: 2 }
}
const HEARD_ALL: DialogueEvent = { kind: 'disclosed', heardMs: 5_000, lengthMs: 5_000 }
const said = (text: string, isRaised = false): DialogueEvent => ({ kind: 'heard', text, confidence: 0.9, isRaised })
const replied = (
  reply: 'answer' | 'unknown' | 'talk',
  terms: readonly string[] = [reply],
  isFault = false
): DialogueEvent => ({
  kind: 'replied',
  reply,
  terms,
  isFault
})

/** What a conversation with these events does at its last one. */
function last(events: readonly DialogueEvent[], settings = SETTINGS): readonly DialogueAction[] {
  let state: DialogueState = startDialogue(0)
  let actions: readonly DialogueAction[] = []
  for (const event of [{ kind: 'started' } as const, ...events])
    [state, actions] = dialogueStep(settings, state, event, 1_000)
  return actions
}
const endOf = (events: readonly DialogueEvent[], settings = SETTINGS) => {
  const action = last(events, settings).at(-1)
  return action?.kind === 'end' ? action.end : null
}

t.test('a bot says first that it is no human, until that was heard', async t => {
  t.same(last([]), [{ kind: 'disclose' }])
  const half: DialogueEvent = { kind: 'disclosed', heardMs: 2_500, lengthMs: 5_000 }
  t.same(last([half]), [{ kind: 'disclose' }])
  t.match(endOf([half, half, half]), { kind: 'failed', code: 'DISCLOSURE_NOT_HEARD' })
  t.match(endOf([{ kind: 'disclosed', heardMs: 0, lengthMs: 0 }, half, half]), { kind: 'failed' })
  t.match(last([half, HEARD_ALL]), [{ kind: 'greet' }, { kind: 'listen' }])
})

t.test('nothing but the disclosure and its failure comes before it was heard', async t => {
  const event = fc.constantFrom<DialogueEvent>(
    HEARD_ALL,
    { kind: 'disclosed', heardMs: 10, lengthMs: 5_000 },
    said('where is my order'),
    said('agent'),
    { kind: 'silence' },
    { kind: 'notUnderstood' },
    { kind: 'key', digit: '1' },
    replied('answer'),
    replied('unknown')
  )
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), events => {
        let state = startDialogue(0)
        let actions: readonly DialogueAction[]
        ;[state, actions] = dialogueStep(SETTINGS, state, { kind: 'started' }, 0)
        let isDisclosed = false
        for (const one of events) {
          if (state.step === 'over') break
          // Keys and words are not asked for while it is said.
          if (!isDisclosed && one.kind !== 'disclosed') continue
          ;[state, actions] = dialogueStep(SETTINGS, state, one, 0)
          isDisclosed ||= actions.some(action => action.kind === 'greet')
          if (!isDisclosed && actions.some(action => action.kind === 'say' || action.kind === 'answer')) return false
          // Every move ends in something that leads on, or in the end.
          const [final] = actions.slice(-1)
          if (final === undefined || final.kind === 'say' || final.kind === 'greet') return false
        }
        return true
      })
    )
  )
})

t.test('a caller who asks for a person gets one, by words or by key, at any time', async t => {
  for (const text of [
    'I want to speak to a human',
    'operator',
    'representative please',
    'connect me with a real person'
  ])
    t.match(endOf([HEARD_ALL, said(text)]), { kind: 'handover', reason: 'asked' }, text)
  t.match(endOf([HEARD_ALL, { kind: 'key', digit: '0' }]), { kind: 'handover', reason: 'asked' })
  const languages: readonly (readonly [string, string])[] = [
    ['de', 'Ich möchte mit einem Menschen sprechen'],
    ['es', 'Quiero hablar con una persona'],
    ['zh', '我要转人工'],
    ['ja', 'オペレーターにつないでください'],
    ['ar', 'أريد التحدث مع موظف']
  ]
  for (const [language, text] of languages) t.equal(wishIn(text, language), 'person', text)
  t.equal(wishIn('Can two people share an account?', 'en'), null)
})

t.test('silence and not being understood have a ladder', async t => {
  const silent: DialogueEvent = { kind: 'silence' }
  t.match(last([HEARD_ALL, silent]), [{ line: 'didNotHear' }, { kind: 'listen' }])
  t.match(last([HEARD_ALL, silent, silent]), [{ line: 'pressZero' }, { kind: 'listen' }])
  t.match(endOf([HEARD_ALL, silent, silent, silent]), { kind: 'noAnswer' })
  const unclear: DialogueEvent = { kind: 'notUnderstood' }
  const unsure: DialogueEvent = { kind: 'heard', text: 'mumble', confidence: 0.2, isRaised: false }
  t.match(last([HEARD_ALL, unsure]), [{ line: 'didNotUnderstand' }, { kind: 'listen' }])
  t.match(endOf([HEARD_ALL, unclear, unsure, unclear]), { kind: 'handover', reason: 'notUnderstood' })
})

t.test('anger brings a person in: a second sharp word, or the first one in a raised voice', async t => {
  t.match(last([HEARD_ALL, said('this is ridiculous')]), [{ kind: 'answer' }])
  t.match(endOf([HEARD_ALL, said('this is ridiculous', true)]), { reason: 'frustrated' })
  t.match(endOf([HEARD_ALL, said('ridiculous'), replied('answer'), said('useless')]), { reason: 'frustrated' })
})

t.test('frustration and swearing are told from questions about the matter, in each language', async t => {
  const words: Readonly<Record<string, Readonly<{ angry: readonly string[]; calm: readonly string[] }>>> = {
    en: {
      angry: [
        'This is ridiculous!',
        'You are useless.',
        "For fuck's sake",
        'What the hell is this?',
        'That’s bullshit',
        'I’ve already told you that',
        'How many times do I have to say it?',
        'Goddamn machine',
        'I am sick of this',
        "You're not listening",
        'I will call my lawyer'
      ],
      calm: [
        'How many times a month may I withdraw money?',
        'I live in Scunthorpe',
        'Do you have a tariff for lawyers?',
        'I would like a class about passive income',
        'Where is my order?'
      ]
    },
    de: {
      angry: [
        'Das ist lächerlich!',
        'So ein Scheiß!',
        'Das ist doch Scheisse',
        'Verdammte Maschine',
        'Das habe ich Ihnen doch schon gesagt',
        'Wie oft soll ich das noch sagen?',
        'Sie hören mir nicht zu',
        'Was für ein Blödsinn',
        'Sie sind ja dumm',
        'Ich habe die Nase voll'
      ],
      calm: [
        'Haben Sie Sauerkraut?',
        'Ist das Gerät auf dem Bild ein Dummy?',
        'Ich brauche ein Sauerstoffgerät',
        'Wie oft kommt die Post?',
        'Wo ist meine Bestellung?'
      ]
    },
    es: {
      angry: [
        '¡Esto es ridículo!',
        '¡Qué mierda de servicio!',
        'Ya se lo he dicho',
        'Ya te lo dije',
        '¿Cuántas veces tengo que repetirlo?',
        'Estoy harta',
        'Usted no me entiende',
        'Son unos inútiles',
        'Hablaré con mi abogado',
        'No sirve para nada'
      ],
      calm: [
        '¿Cuántas veces al año puedo cambiar de tarifa?',
        'La computadora no enciende',
        'Soy abogado y quiero una tarifa de empresa',
        '¿Dónde está mi pedido?'
      ]
    },
    zh: {
      angry: [
        '气死我了！',
        '你们这是什么垃圾服务',
        '他妈的，怎么回事',
        '我说了三遍了',
        '你听不懂人话吗',
        '滚开',
        '我要投诉',
        '真是废物'
      ],
      calm: [
        '我要给他妈妈买一个手机',
        '我妈的手机坏了',
        '垃圾桶多少钱？',
        '滚筒洗衣机有货吗',
        '我是律师，想办企业套餐',
        '我的订单在哪里'
      ]
    },
    ar: {
      angry: [
        'هذا سخيف!',
        'أنت غبي',
        'هذه آلة غبية',
        'كم مرة يجب أن أقول ذلك؟',
        'قلت لك من قبل',
        'اللعنة',
        'سأتصل بالمحامي',
        'هذا غير مقبول'
      ],
      calm: [
        'كم مرة في الشهر يمكنني السحب؟',
        'هل ترغبين في رقم الطلب؟',
        'عملية الدفع فاشلة',
        'البطاقة غير مقبولة في المتجر',
        'أنا محامي وأريد عرضًا للشركات',
        'أين طلبي؟'
      ]
    },
    ja: {
      angry: [
        'ふざけるな！',
        'もういい加減にして',
        '何度も言ってるだろう',
        '馬鹿にしてるの',
        '役に立たないな',
        '最悪だ',
        'くそ！',
        '使えない機械だな',
        'さっきも言った'
      ],
      calm: [
        'カードが使えないのですが',
        '届いたばかりです',
        'そればかり聞こえます',
        'バカンスのプランはありますか',
        'クレームブリュレはありますか',
        '注文はどこですか'
      ]
    }
  }
  t.same(Object.keys(words).sort(), [...LINE_LANGUAGES].sort(), 'no shipped language is left out')
  for (const [language, { angry, calm }] of Object.entries(words)) {
    for (const text of angry) t.equal(wishIn(text, language), 'frustration', `${language}: ${text}`)
    for (const text of calm) t.equal(wishIn(text, language), null, `${language}: ${text}`)
    const [first = '', second = ''] = angry
    const settings = { ...SETTINGS, language }
    t.match(endOf([HEARD_ALL, said(first), replied('answer'), said(second)], settings), { reason: 'frustrated' })
  }
})

t.test('who asks for the same a third time is not answered the same a third time', async t => {
  const again = ['order', 'late']
  const events = [HEARD_ALL, said('a'), replied('answer', again), said('b'), replied('answer', ['late', 'order'])]
  t.match(last(events), [{ line: 'anythingElse' }, { kind: 'listen' }])
  t.match(endOf([...events, said('c'), replied('answer', again)]), { reason: 'loop' })
})

t.test('who has nothing more to ask when the time is over is let go, and brought to no person', async t => {
  const LATE = 61_000
  const asked = [HEARD_ALL, said('where is my order'), replied('answer')]
  const after = (events: readonly DialogueEvent[], event: DialogueEvent) => {
    const state = [{ kind: 'started' } as const, ...events].reduce<DialogueState>(
      (before, one) => dialogueStep(SETTINGS, before, one, 1_000)[0],
      startDialogue(0)
    )
    return dialogueStep(SETTINGS, state, event, LATE)[1]
  }
  const done = (isSolved: boolean | null) => [{ kind: 'end', end: { kind: 'done', isSolved } }]
  t.same(after(asked, said('No, thank you, goodbye')), done(null))
  const wasAsked = [...asked, said('no thank you')]
  t.same(after(wasAsked, said('yes')), done(true))
  t.same(after(wasAsked, { kind: 'key', digit: '1' }), done(true))
  t.same(after(wasAsked, { kind: 'silence' }), done(null))
  t.match(after(wasAsked, said('no')).at(-1), { end: { kind: 'handover', reason: 'unknownAnswer' } })
  t.match(after(asked, said('I want to speak to a person')).at(-1), { end: { kind: 'handover', reason: 'asked' } })
  t.match(after(asked, { kind: 'silence' }).at(-1), { end: { kind: 'handover', reason: 'limit' } })
  t.match(after(asked, said('what about my refund')).at(-1), { end: { kind: 'handover', reason: 'limit' } })
})

t.test('what it does not know, a fault, and limits lead to a person', async t => {
  t.match(last([HEARD_ALL, said('a'), replied('unknown')]), [{ line: 'unknown' }, { kind: 'listen' }])
  t.match(endOf([HEARD_ALL, said('a'), replied('unknown', ['x']), said('b'), replied('unknown', ['y'])]), {
    reason: 'unknownAnswer'
  })
  t.match(last([HEARD_ALL, said('a'), replied('unknown', [], true)]), [
    { line: 'fault' },
    { line: 'handOver' },
    { end: { reason: 'fault' } }
  ])
  const many = Array.from({ length: 5 }, (_, at) => [said(`q${at}`), replied('answer', [`q${at}`])]).flat()
  t.match(endOf([HEARD_ALL, ...many, said('one more')]), { reason: 'limit' })
  const [state] = dialogueStep(SETTINGS, startDialogue(0), { kind: 'started' }, 0)
  const [listening] = dialogueStep(SETTINGS, state, HEARD_ALL, 0)
  t.match(dialogueStep(SETTINGS, listening, said('late'), 61_000)[1].at(-1), { end: { reason: 'limit' } })
})

t.test('contained and solved are told apart', async t => {
  const answered = [HEARD_ALL, said('a'), replied('answer')]
  t.match(last([...answered, said('No, thank you')]), [{ line: 'isSolved' }, { expects: 'yesNo' }])
  t.match(endOf([...answered, said('no'), said('yes please')]), { kind: 'done', isSolved: true })
  t.match(endOf([...answered, said('no'), said('not really')]), { kind: 'handover' })
  t.match(endOf([...answered, said('no'), { kind: 'key', digit: '1' }]), { kind: 'done', isSolved: true })
  t.match(endOf([...answered, said('no'), { kind: 'silence' }]), { kind: 'done', isSolved: null })
  t.match(last([...answered, said('no'), said('perhaps')]), [{ line: 'yesOrNo' }, { expects: 'yesNo' }])
})

t.test('nobody listening is a fault of the bot, not of the caller', async t => {
  t.match(endOf([HEARD_ALL, { kind: 'deaf' }]), { kind: 'failed', code: 'SPEECH_MISSING' })
  t.match(endOf([HEARD_ALL, said('a'), replied('answer'), { kind: 'deaf' }]), { kind: 'handover', reason: 'fault' })
})

t.test('yes and no are understood in every language, and a guess is neither', async t => {
  const words: readonly (readonly [string, string, string, string])[] = [
    ['en', 'Yes, please.', 'No!', 'maybe'],
    ['de', 'Ja, genau.', 'Nein, danke', 'vielleicht'],
    ['es', 'Sí, por favor', 'No, gracias', 'quizás'],
    ['zh', '好的，谢谢', '不要', '也许'],
    ['ja', 'はい、お願いします', 'いいえ', 'たぶん'],
    ['ar', 'نعم من فضلك', 'لا شكرًا', 'ربما']
  ]
  for (const [language, yes, no, neither] of words) {
    t.equal(yesOrNo(yes, language), true, yes)
    t.equal(yesOrNo(no, language), false, no)
    t.equal(yesOrNo(neither, language), null, neither)
  }
})

t.test('the disclosure is there in each shipped language, and the flow checker knows which', async t => {
  t.same([...LINE_LANGUAGES].sort(), [...DISCLOSED_LANGUAGES].sort())
  t.equal(lineFor('disclosure', 'fr'), null)
  t.match(lineFor('fault', 'fr'), { language: 'en' })
  t.match(lineFor('disclosure', 'de-AT'), { language: 'de-AT', text: /nicht mit einem Menschen/ })
})
