import type { SpeechRegister } from '../../ivr-flows/host.ts'
import { primaryOf } from '../quality/search-words.ts'

/** What a bot says of itself, whatever it is asked. `disclosure` comes first in every conversation. */
export type LineName =
  | 'disclosure'
  | 'greeting'
  | 'didNotHear'
  | 'didNotUnderstand'
  | 'pressZero'
  | 'unknown'
  | 'fault'
  | 'anythingElse'
  | 'isSolved'
  | 'yesOrNo'
  | 'handOver'

type Lines = Readonly<Record<LineName, string>>

const LINES: Readonly<Record<string, Lines>> = {
  en: {
    disclosure:
      'You are speaking with a computer, not with a human. You can ask for a person at any time, or press zero.',
    greeting: 'How can I help you?',
    didNotHear: 'Sorry, I did not hear anything. What can I do for you?',
    didNotUnderstand: 'Sorry, I did not understand. Could you say that in other words?',
    pressZero: 'If you would like to speak with a person, press zero. Otherwise please tell me what you need.',
    unknown: 'I am sorry, I do not know that. You can ask something else, or press zero for a person.',
    fault: 'I am sorry, I cannot look that up at the moment.',
    anythingElse: 'Is there anything else that I can do for you?',
    isSolved: 'Is your matter settled? Please say yes or no.',
    yesOrNo: 'Please say yes or no, or press one for yes and two for no.',
    handOver: 'I am connecting you with a person. Please stay on the line.'
  },
  es: {
    disclosure:
      'Está hablando con un ordenador, no con una persona. Puede pedir hablar con una persona en cualquier momento o pulsar cero.',
    greeting: '¿En qué puedo ayudarle?',
    didNotHear: 'Disculpe, no he oído nada. ¿En qué puedo ayudarle?',
    didNotUnderstand: 'Disculpe, no le he entendido. ¿Puede decirlo con otras palabras?',
    pressZero: 'Si desea hablar con una persona, pulse cero. Si no, dígame qué necesita.',
    unknown: 'Lo siento, eso no lo sé. Puede preguntar otra cosa o pulsar cero para hablar con una persona.',
    fault: 'Lo siento, ahora mismo no puedo consultarlo.',
    anythingElse: '¿Puedo ayudarle en algo más?',
    isSolved: '¿Ha quedado resuelto su asunto? Diga sí o no, por favor.',
    yesOrNo: 'Diga sí o no, por favor, o pulse uno para sí y dos para no.',
    handOver: 'Le paso con una persona. Por favor, no cuelgue.'
  },
  de: {
    disclosure:
      'Sie sprechen mit einem Computer, nicht mit einem Menschen. Sie können jederzeit nach einem Menschen fragen oder die Null drücken.',
    greeting: 'Wie kann ich Ihnen helfen?',
    didNotHear: 'Entschuldigung, ich habe nichts gehört. Was kann ich für Sie tun?',
    didNotUnderstand: 'Entschuldigung, das habe ich nicht verstanden. Können Sie es anders sagen?',
    pressZero:
      'Wenn Sie mit einem Menschen sprechen möchten, drücken Sie die Null. Sonst sagen Sie mir bitte, worum es geht.',
    unknown: 'Das weiß ich leider nicht. Sie können etwas anderes fragen oder für einen Menschen die Null drücken.',
    fault: 'Das kann ich im Moment leider nicht nachsehen.',
    anythingElse: 'Kann ich sonst noch etwas für Sie tun?',
    isSolved: 'Ist Ihr Anliegen erledigt? Bitte sagen Sie ja oder nein.',
    yesOrNo: 'Bitte sagen Sie ja oder nein, oder drücken Sie eins für ja und zwei für nein.',
    handOver: 'Ich verbinde Sie mit einem Menschen. Bitte bleiben Sie am Apparat.'
  },
  zh: {
    disclosure: '您正在与电脑通话，不是真人。您可以随时要求与真人通话，或按零。',
    greeting: '请问有什么可以帮您？',
    didNotHear: '对不起，我没有听到。请问有什么可以帮您？',
    didNotUnderstand: '对不起，我没有听懂。请您换一种说法。',
    pressZero: '如需与真人通话，请按零。否则请告诉我您需要什么。',
    unknown: '对不起，这个我不知道。您可以问别的问题，或按零与真人通话。',
    fault: '对不起，我现在无法查询。',
    anythingElse: '请问还有什么可以帮您？',
    isSolved: '您的问题解决了吗？请说是或不是。',
    yesOrNo: '请说是或不是，或者按一表示是，按二表示不是。',
    handOver: '我正在为您转接真人，请不要挂断。'
  },
  ar: {
    disclosure: 'أنت تتحدث مع حاسوب وليس مع إنسان. يمكنك أن تطلب التحدث مع موظف في أي وقت أو أن تضغط صفرًا.',
    greeting: 'كيف يمكنني مساعدتك؟',
    didNotHear: 'عذرًا، لم أسمع شيئًا. كيف يمكنني مساعدتك؟',
    didNotUnderstand: 'عذرًا، لم أفهم. هل يمكنك قول ذلك بكلمات أخرى؟',
    pressZero: 'إذا أردت التحدث مع موظف فاضغط صفرًا. وإلا فأخبرني بما تحتاج إليه من فضلك.',
    unknown: 'عذرًا، لا أعرف ذلك. يمكنك أن تسأل عن شيء آخر أو أن تضغط صفرًا للتحدث مع موظف.',
    fault: 'عذرًا، لا أستطيع البحث عن ذلك الآن.',
    anythingElse: 'هل هناك شيء آخر يمكنني مساعدتك فيه؟',
    isSolved: 'هل حُلّت مسألتك؟ قل نعم أو لا من فضلك.',
    yesOrNo: 'قل نعم أو لا من فضلك، أو اضغط واحدًا لنعم واثنين للا.',
    handOver: 'سأصلك بموظف. يرجى البقاء على الخط.'
  },
  ja: {
    // In kana: the voice of this machine spells Chinese characters out, and this must be understood from every voice.
    disclosure:
      'ただいま、にんげんではなく、コンピューターがおうけしております。かかりのものとおはなしになるときは、いつでもゼロをおしてください。',
    greeting: 'ご用件をお聞かせください。',
    didNotHear: '申し訳ございません。お声が聞こえませんでした。ご用件をお聞かせください。',
    didNotUnderstand: '申し訳ございません。聞き取れませんでした。別の言い方でお願いいたします。',
    pressZero: '係の者とお話しになる場合は、ゼロを押してください。そうでない場合は、ご用件をお聞かせください。',
    unknown:
      '申し訳ございません。わかりかねます。ほかのご質問をどうぞ。係の者とお話しになる場合は、ゼロを押してください。',
    fault: '申し訳ございません。ただいまお調べできません。',
    anythingElse: 'ほかにご用件はございますか。',
    isSolved: 'ご用件は解決しましたでしょうか。はい、またはいいえでお答えください。',
    yesOrNo: 'はい、またはいいえでお答えください。はいの場合は一を、いいえの場合は二を押してください。',
    handOver: '係の者におつなぎいたします。電話を切らずにお待ちください。'
  }
}

/** The lines that address callers whom a company knows well; what is not here is the same in both. */
const FAMILIAR_LINES: Readonly<Record<string, Partial<Lines>>> = {
  es: {
    disclosure:
      'Estás hablando con un ordenador, no con una persona. Puedes pedir hablar con una persona en cualquier momento o pulsar cero.',
    greeting: '¿En qué puedo ayudarte?',
    didNotHear: 'Perdona, no he oído nada. ¿En qué puedo ayudarte?',
    didNotUnderstand: 'Perdona, no te he entendido. ¿Puedes decirlo con otras palabras?',
    pressZero: 'Si quieres hablar con una persona, pulsa cero. Si no, dime qué necesitas.',
    unknown: 'Lo siento, eso no lo sé. Puedes preguntar otra cosa o pulsar cero para hablar con una persona.',
    anythingElse: '¿Puedo ayudarte en algo más?',
    isSolved: '¿Ha quedado resuelto tu asunto? Di sí o no, por favor.',
    yesOrNo: 'Di sí o no, por favor, o pulsa uno para sí y dos para no.',
    handOver: 'Te paso con una persona. Por favor, no cuelgues.'
  },
  de: {
    disclosure:
      'Du sprichst mit einem Computer, nicht mit einem Menschen. Du kannst jederzeit nach einem Menschen fragen oder die Null drücken.',
    greeting: 'Wie kann ich dir helfen?',
    didNotHear: 'Entschuldigung, ich habe nichts gehört. Was kann ich für dich tun?',
    didNotUnderstand: 'Entschuldigung, das habe ich nicht verstanden. Kannst du es anders sagen?',
    pressZero: 'Wenn du mit einem Menschen sprechen möchtest, drück die Null. Sonst sag mir bitte, worum es geht.',
    unknown: 'Das weiß ich leider nicht. Du kannst etwas anderes fragen oder für einen Menschen die Null drücken.',
    anythingElse: 'Kann ich sonst noch etwas für dich tun?',
    isSolved: 'Ist dein Anliegen erledigt? Bitte sag ja oder nein.',
    yesOrNo: 'Bitte sag ja oder nein, oder drück eins für ja und zwei für nein.',
    handOver: 'Ich verbinde dich mit einem Menschen. Bitte bleib am Apparat.'
  },
  zh: {
    disclosure: '你正在与电脑通话，不是真人。你可以随时要求与真人通话，或按零。',
    greeting: '请问有什么可以帮你？',
    didNotHear: '对不起，我没有听到。请问有什么可以帮你？',
    didNotUnderstand: '对不起，我没有听懂。请你换一种说法。',
    pressZero: '如需与真人通话，请按零。否则请告诉我你需要什么。',
    unknown: '对不起，这个我不知道。你可以问别的问题，或按零与真人通话。',
    anythingElse: '请问还有什么可以帮你？',
    isSolved: '你的问题解决了吗？请说是或不是。',
    handOver: '我正在为你转接真人，请不要挂断。'
  },
  ja: {
    disclosure:
      'いま、にんげんではなく、コンピューターがはなしているよ。ひととはなしたいときは、いつでもゼロをおしてね。',
    greeting: '用件を聞かせてね。',
    didNotHear: 'ごめんね、声が聞こえなかったよ。用件を聞かせてね。',
    didNotUnderstand: 'ごめんね、聞き取れなかったよ。別の言い方で言ってみてね。',
    pressZero: '人と話したいときは、ゼロを押してね。そうでなければ、用件を聞かせてね。',
    unknown: 'ごめんね、それはわからないよ。ほかのことを聞いてね。人と話したいときは、ゼロを押してね。',
    fault: 'ごめんね、いまは調べられないよ。',
    anythingElse: 'ほかに用件はある？',
    isSolved: '用件は解決した？はい、か、いいえ、で答えてね。',
    yesOrNo: 'はい、か、いいえ、で答えてね。はいなら一を、いいえなら二を押してね。',
    handOver: '人につなぐね。電話を切らずに待っていてね。'
  }
}

/** Languages in which a bot can speak of itself; the flow checker knows the same list. */
export const LINE_LANGUAGES = Object.keys(LINES)

/**
 * A line in a language. Null where there is none: then the flow must have its own disclosure, and of the other lines the
 * English ones are better than silence.
 */
export function lineFor(
  name: LineName,
  language: string,
  register: SpeechRegister = 'formal'
): Readonly<{ text: string; language: string }> | null {
  const own = LINES[primaryOf(language)]
  const familiar = register === 'informal' ? FAMILIAR_LINES[primaryOf(language)]?.[name] : undefined
  if (own !== undefined) return { text: familiar ?? own[name], language }
  if (name === 'disclosure') return null
  return { text: LINES['en']?.[name] ?? '', language: 'en' }
}
