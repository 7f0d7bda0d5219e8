/** What a caller is told about recording when the flow has no words of its own. `{yes}`, `{no}` and `{stop}` are keys. */
export type ConsentTexts = Readonly<{
  notice: string
  objection: string
  question: string
  refusal: string
  /** Said to somebody who joins a call that is being recorded. */
  joining: string
}>

const TEXTS: Readonly<Record<string, ConsentTexts>> = {
  en: {
    notice:
      'This call is recorded and analysed by software, as proof of what was agreed and to improve our service. To stop the recording at any time, press {stop}.',
    objection:
      'This call is recorded and analysed by software, as proof of what was agreed and to improve our service. If you do not want this, press {no} now. To stop the recording later, press {stop}.',
    question:
      'May we record this call and have it analysed by software, as proof of what was agreed and to improve our service? Press {yes} for yes, or {no} for no. You can stop the recording at any time by pressing {stop}.',
    refusal: 'Thank you. This call is not recorded.',
    joining: 'The call that you are joining is recorded and analysed by software.'
  },
  de: {
    notice:
      'Dieses Gespräch wird zum Nachweis und zur Verbesserung unseres Service aufgezeichnet und mit Software ausgewertet. Mit {stop} beenden Sie die Aufzeichnung jederzeit.',
    objection:
      'Dieses Gespräch wird zum Nachweis und zur Verbesserung unseres Service aufgezeichnet und mit Software ausgewertet. Wenn Sie das nicht möchten, drücken Sie jetzt die {no}. Später beenden Sie die Aufzeichnung mit {stop}.',
    question:
      'Dürfen wir dieses Gespräch zum Nachweis und zur Verbesserung unseres Service aufzeichnen und mit Software auswerten? Drücken Sie die {yes} für ja oder die {no} für nein. Mit {stop} beenden Sie die Aufzeichnung jederzeit.',
    refusal: 'Vielen Dank. Dieses Gespräch wird nicht aufgezeichnet.',
    joining: 'Das Gespräch, an dem Sie gleich teilnehmen, wird aufgezeichnet und mit Software ausgewertet.'
  },
  es: {
    notice:
      'Esta llamada se graba y se analiza con un programa, como prueba de lo acordado y para mejorar nuestro servicio. Para detener la grabación en cualquier momento, pulse {stop}.',
    objection:
      'Esta llamada se graba y se analiza con un programa, como prueba de lo acordado y para mejorar nuestro servicio. Si no lo desea, pulse {no} ahora. Para detener la grabación más tarde, pulse {stop}.',
    question:
      '¿Podemos grabar esta llamada y analizarla con un programa, como prueba de lo acordado y para mejorar nuestro servicio? Pulse {yes} para sí o {no} para no. Puede detener la grabación en cualquier momento pulsando {stop}.',
    refusal: 'Gracias. Esta llamada no se graba.',
    joining: 'La llamada a la que se une se graba y se analiza con un programa.'
  },
  zh: {
    notice: '本次通话将被录音并由软件分析，用于保存凭证和改进服务。您可以随时按 {stop} 停止录音。',
    objection:
      '本次通话将被录音并由软件分析，用于保存凭证和改进服务。如果您不同意，请现在按 {no}。之后您可以按 {stop} 停止录音。',
    question:
      '为了保存凭证和改进服务，我们可以对本次通话录音并由软件分析吗？同意请按 {yes}，不同意请按 {no}。您可以随时按 {stop} 停止录音。',
    refusal: '谢谢。本次通话不会被录音。',
    joining: '您即将加入的通话正在录音，并由软件分析。'
  },
  ar: {
    notice:
      'تُسجَّل هذه المكالمة ويحلّلها برنامج لإثبات ما يُتَّفق عليه ولتحسين خدمتنا. لإيقاف التسجيل في أي وقت اضغط {stop}.',
    objection:
      'تُسجَّل هذه المكالمة ويحلّلها برنامج لإثبات ما يُتَّفق عليه ولتحسين خدمتنا. إذا كنت لا ترغب في ذلك فاضغط {no} الآن. لإيقاف التسجيل لاحقًا اضغط {stop}.',
    question:
      'هل تسمح لنا بتسجيل هذه المكالمة وتحليلها ببرنامج لإثبات ما يُتَّفق عليه ولتحسين خدمتنا؟ اضغط {yes} للموافقة أو {no} للرفض. يمكنك إيقاف التسجيل في أي وقت بالضغط على {stop}.',
    refusal: 'شكرًا لك. لن تُسجَّل هذه المكالمة.',
    joining: 'المكالمة التي تنضم إليها مسجَّلة ويحلّلها برنامج.'
  },
  ja: {
    notice:
      'この つうわは、 きろくと サービス こうじょうの ため、 ろくおん され、 ソフトウェアで ぶんせき されます。 {stop} を おすと、 いつでも ろくおんを とめられます。',
    objection:
      'この つうわは、 きろくと サービス こうじょうの ため、 ろくおん され、 ソフトウェアで ぶんせき されます。 ごきぼう されない ばあいは、 いま {no} を おして ください。 あとで とめる ときは {stop} を おして ください。',
    question:
      'きろくと サービス こうじょうの ため、 この つうわを ろくおんし、 ソフトウェアで ぶんせき しても よろしい でしょうか。 はいは {yes}、 いいえは {no} を おして ください。 {stop} を おすと、 いつでも ろくおんを とめられます。',
    refusal: 'ありがとう ございます。 この つうわは ろくおん されません。',
    joining: 'これから さんか される つうわは ろくおん され、 ソフトウェアで ぶんせき されます。'
  }
}

/** How keys are called where a voice would not read `*` or `#` as people do. */
const KEY_WORDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  en: { '*': 'star', '#': 'pound' },
  de: { '*': 'Stern', '#': 'Raute' },
  es: { '*': 'asterisco', '#': 'almohadilla' },
  zh: { '*': '星号键', '#': '井号键' },
  ar: { '*': 'نجمة', '#': 'مربع' },
  ja: { '*': 'こめじるし', '#': 'シャープ' }
}

/** The words in a language, or in English where there are none, with the keys filled in. */
export function consentTexts(
  language: string,
  keys: Readonly<{ yes: string; no: string; stop: string }>
): Readonly<{ language: string; texts: ConsentTexts }> {
  const base = language.toLowerCase().split('-')[0] ?? ''
  const spoken = Object.hasOwn(TEXTS, base) ? base : 'en'
  const words = KEY_WORDS[spoken] ?? {}
  const sayKeys = (pressed: string) => [...pressed].map(key => words[key] ?? key).join(' ')
  const fill = (text: string) =>
    text.replaceAll(/\{(yes|no|stop)\}/g, (_, name: 'yes' | 'no' | 'stop') => sayKeys(keys[name]))
  const texts = TEXTS[spoken] ?? TEXTS['en']
  if (texts === undefined) throw new TypeError('there are no English words')
  return {
    language: spoken === base ? language : 'en',
    texts: {
      notice: fill(texts.notice),
      objection: fill(texts.objection),
      question: fill(texts.question),
      refusal: fill(texts.refusal),
      joining: fill(texts.joining)
    }
  }
}

/** Languages that have words of their own. */
export const CONSENT_LANGUAGES = Object.keys(TEXTS)
