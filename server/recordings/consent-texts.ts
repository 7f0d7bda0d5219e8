/** Keys of those whom no flow asks; see {@link consentTexts}. */
export const CONSENT_KEYS = { yes: '1', no: '2', stop: '*0' }

/** What a caller is told about recording when the flow has no words of its own. `{yes}`, `{no}` and `{stop}` are keys. */
export type ConsentTexts = Readonly<{
  notice: string
  objection: string
  question: string
  /** The same where the answer may be spoken; the words that ask for it come last, because what is said over the question is no yes. */
  spokenObjection: string
  spokenQuestion: string
  refusal: string
  /** Said to somebody who may leave a message, before the tone. */
  message: string
  /** Said before the call ends because it has to be recorded and cannot be. */
  failed: string
  /** Said before the call ends because it has to be recorded and the customer does not agree. */
  compulsory: string
  /** Said to somebody who joins a call that is being recorded. */
  joining: string
}>

/** What is really said. */
export type ConsentWording = Omit<ConsentTexts, 'spokenObjection' | 'spokenQuestion'>

const TEXTS: Readonly<Record<string, ConsentTexts>> = {
  en: {
    notice:
      'This call is recorded and analysed by software, as proof of what was agreed and to improve our service. To stop the recording at any time, press {stop}.',
    objection:
      'This call is recorded and analysed by software, as proof of what was agreed and to improve our service. If you do not want this, press {no} now. To stop the recording later, press {stop}.',
    question:
      'May we record this call and have it analysed by software, as proof of what was agreed and to improve our service? Press {yes} for yes, or {no} for no. You can stop the recording at any time by pressing {stop}.',
    spokenObjection:
      'This call is recorded and analysed by software, as proof of what was agreed and to improve our service. If you do not want this, say no or press {no} now. To stop the recording later, press {stop}.',
    spokenQuestion:
      'May we record this call and have it analysed by software, as proof of what was agreed and to improve our service? You can stop the recording at any time by pressing {stop}. Say yes or no, or press {yes} for yes, or {no} for no.',
    refusal: 'Thank you. This call is not recorded.',
    message: 'Please leave your message after the tone. It will be recorded.',
    failed:
      'Sorry, this call has to be recorded, and the recording has failed. We must end the call now. Please try again later.',
    compulsory:
      'This call may go on only when it is recorded, and without your consent we do not record it. We must end the call now. Thank you, and goodbye.',
    joining: 'The call that you are joining is recorded and analysed by software.'
  },
  de: {
    notice:
      'Dieses Gespräch wird zum Nachweis und zur Verbesserung unseres Service aufgezeichnet und mit Software ausgewertet. Mit {stop} beenden Sie die Aufzeichnung jederzeit.',
    objection:
      'Dieses Gespräch wird zum Nachweis und zur Verbesserung unseres Service aufgezeichnet und mit Software ausgewertet. Wenn Sie das nicht möchten, drücken Sie jetzt die {no}. Später beenden Sie die Aufzeichnung mit {stop}.',
    question:
      'Dürfen wir dieses Gespräch zum Nachweis und zur Verbesserung unseres Service aufzeichnen und mit Software auswerten? Drücken Sie die {yes} für ja oder die {no} für nein. Mit {stop} beenden Sie die Aufzeichnung jederzeit.',
    spokenObjection:
      'Dieses Gespräch wird zum Nachweis und zur Verbesserung unseres Service aufgezeichnet und mit Software ausgewertet. Wenn Sie das nicht möchten, sagen Sie jetzt nein oder drücken Sie die {no}. Später beenden Sie die Aufzeichnung mit {stop}.',
    spokenQuestion:
      'Dürfen wir dieses Gespräch zum Nachweis und zur Verbesserung unseres Service aufzeichnen und mit Software auswerten? Mit {stop} beenden Sie die Aufzeichnung jederzeit. Sagen Sie ja oder nein, oder drücken Sie die {yes} für ja oder die {no} für nein.',
    refusal: 'Vielen Dank. Dieses Gespräch wird nicht aufgezeichnet.',
    message: 'Bitte sprechen Sie Ihre Nachricht nach dem Signalton. Sie wird aufgezeichnet.',
    failed:
      'Entschuldigung, dieses Gespräch muss aufgezeichnet werden, und die Aufzeichnung ist ausgefallen. Wir müssen das Gespräch jetzt beenden. Bitte versuchen Sie es später noch einmal.',
    compulsory:
      'Dieses Gespräch darf nur mit Aufzeichnung geführt werden, und ohne Ihre Einwilligung zeichnen wir nicht auf. Wir müssen das Gespräch jetzt beenden. Vielen Dank und auf Wiederhören.',
    joining: 'Das Gespräch, an dem Sie gleich teilnehmen, wird aufgezeichnet und mit Software ausgewertet.'
  },
  es: {
    notice:
      'Esta llamada se graba y se analiza con un programa, como prueba de lo acordado y para mejorar nuestro servicio. Para detener la grabación en cualquier momento, pulse {stop}.',
    objection:
      'Esta llamada se graba y se analiza con un programa, como prueba de lo acordado y para mejorar nuestro servicio. Si no lo desea, pulse {no} ahora. Para detener la grabación más tarde, pulse {stop}.',
    question:
      '¿Podemos grabar esta llamada y analizarla con un programa, como prueba de lo acordado y para mejorar nuestro servicio? Pulse {yes} para sí o {no} para no. Puede detener la grabación en cualquier momento pulsando {stop}.',
    spokenObjection:
      'Esta llamada se graba y se analiza con un programa, como prueba de lo acordado y para mejorar nuestro servicio. Si no lo desea, diga no o pulse {no} ahora. Para detener la grabación más tarde, pulse {stop}.',
    spokenQuestion:
      '¿Podemos grabar esta llamada y analizarla con un programa, como prueba de lo acordado y para mejorar nuestro servicio? Puede detener la grabación en cualquier momento pulsando {stop}. Diga sí o no, o pulse {yes} para sí o {no} para no.',
    refusal: 'Gracias. Esta llamada no se graba.',
    message: 'Por favor, deje su mensaje después de la señal. Quedará grabado.',
    failed:
      'Lo sentimos, esta llamada debe grabarse y la grabación ha fallado. Tenemos que terminar la llamada. Inténtelo de nuevo más tarde.',
    compulsory:
      'Esta llamada solo puede continuar si se graba, y sin su consentimiento no la grabamos. Tenemos que terminar la llamada. Gracias y hasta pronto.',
    joining: 'La llamada a la que se une se graba y se analiza con un programa.'
  },
  zh: {
    notice: '本次通话将被录音并由软件分析，用于保存凭证和改进服务。您可以随时按 {stop} 停止录音。',
    objection:
      '本次通话将被录音并由软件分析，用于保存凭证和改进服务。如果您不同意，请现在按 {no}。之后您可以按 {stop} 停止录音。',
    question:
      '为了保存凭证和改进服务，我们可以对本次通话录音并由软件分析吗？同意请按 {yes}，不同意请按 {no}。您可以随时按 {stop} 停止录音。',
    spokenObjection:
      '本次通话将被录音并由软件分析，用于保存凭证和改进服务。如果您不同意，请现在说“不同意”或按 {no}。之后您可以按 {stop} 停止录音。',
    spokenQuestion:
      '为了保存凭证和改进服务，我们可以对本次通话录音并由软件分析吗？您可以随时按 {stop} 停止录音。请说“同意”或“不同意”，也可以按 {yes} 表示同意，按 {no} 表示不同意。',
    refusal: '谢谢。本次通话不会被录音。',
    message: '请在提示音后留言，您的留言将被录音。',
    failed: '抱歉，本次通话必须录音，但录音出现故障。我们现在必须结束通话，请稍后再试。',
    compulsory: '本次通话必须录音才能继续，而未经您同意我们不会录音。我们现在必须结束通话。谢谢，再见。',
    joining: '您即将加入的通话正在录音，并由软件分析。'
  },
  ar: {
    notice:
      'تُسجَّل هذه المكالمة ويحلّلها برنامج لإثبات ما يُتَّفق عليه ولتحسين خدمتنا. لإيقاف التسجيل في أي وقت اضغط {stop}.',
    objection:
      'تُسجَّل هذه المكالمة ويحلّلها برنامج لإثبات ما يُتَّفق عليه ولتحسين خدمتنا. إذا كنت لا ترغب في ذلك فاضغط {no} الآن. لإيقاف التسجيل لاحقًا اضغط {stop}.',
    question:
      'هل تسمح لنا بتسجيل هذه المكالمة وتحليلها ببرنامج لإثبات ما يُتَّفق عليه ولتحسين خدمتنا؟ اضغط {yes} للموافقة أو {no} للرفض. يمكنك إيقاف التسجيل في أي وقت بالضغط على {stop}.',
    spokenObjection:
      'تُسجَّل هذه المكالمة ويحلّلها برنامج لإثبات ما يُتَّفق عليه ولتحسين خدمتنا. إذا كنت لا ترغب في ذلك فقل لا أو اضغط {no} الآن. لإيقاف التسجيل لاحقًا اضغط {stop}.',
    spokenQuestion:
      'هل تسمح لنا بتسجيل هذه المكالمة وتحليلها ببرنامج لإثبات ما يُتَّفق عليه ولتحسين خدمتنا؟ يمكنك إيقاف التسجيل في أي وقت بالضغط على {stop}. قل نعم أو لا، أو اضغط {yes} للموافقة أو {no} للرفض.',
    refusal: 'شكرًا لك. لن تُسجَّل هذه المكالمة.',
    message: 'اترك رسالتك بعد الصافرة من فضلك. ستُسجَّل الرسالة.',
    failed: 'نعتذر، يجب تسجيل هذه المكالمة وقد تعطّل التسجيل. علينا إنهاء المكالمة الآن. يرجى المحاولة لاحقًا.',
    compulsory:
      'لا يمكن متابعة هذه المكالمة إلا مع تسجيلها، ونحن لا نسجّل دون موافقتك. علينا إنهاء المكالمة الآن. شكرًا لك ومع السلامة.',
    joining: 'المكالمة التي تنضم إليها مسجَّلة ويحلّلها برنامج.'
  },
  ja: {
    notice:
      'この つうわは、 きろくと サービス こうじょうの ため、 ろくおん され、 ソフトウェアで ぶんせき されます。 {stop} を おすと、 いつでも ろくおんを とめられます。',
    objection:
      'この つうわは、 きろくと サービス こうじょうの ため、 ろくおん され、 ソフトウェアで ぶんせき されます。 ごきぼう されない ばあいは、 いま {no} を おして ください。 あとで とめる ときは {stop} を おして ください。',
    question:
      'きろくと サービス こうじょうの ため、 この つうわを ろくおんし、 ソフトウェアで ぶんせき しても よろしい でしょうか。 はいは {yes}、 いいえは {no} を おして ください。 {stop} を おすと、 いつでも ろくおんを とめられます。',
    spokenObjection:
      'この つうわは、 きろくと サービス こうじょうの ため、 ろくおん され、 ソフトウェアで ぶんせき されます。 ごきぼう されない ばあいは、 いま いいえと おっしゃるか、 {no} を おして ください。 あとで とめる ときは {stop} を おして ください。',
    spokenQuestion:
      'きろくと サービス こうじょうの ため、 この つうわを ろくおんし、 ソフトウェアで ぶんせき しても よろしい でしょうか。 {stop} を おすと、 いつでも ろくおんを とめられます。 はい、 または いいえと おっしゃるか、 はいは {yes}、 いいえは {no} を おして ください。',
    refusal: 'ありがとう ございます。 この つうわは ろくおん されません。',
    message: 'はっしんおんの あとに、 メッセージを おはなし ください。 メッセージは ろくおん されます。',
    failed:
      'もうしわけ ございません。 この つうわは ろくおんが ひつようですが、 ろくおんが できなく なりました。 つうわを しゅうりょう いたします。 のちほど おかけなおし ください。',
    compulsory:
      'この つうわは ろくおん しなければ つづける ことが できません。 ごどういが ない ため、 ろくおんは いたしません。 つうわを しゅうりょう いたします。 ありがとう ございました。',
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

/**
 * The words in a language, or in English where there are none, with the keys filled in.
 * @param isHeard whether the answer may be spoken
 */
export function consentTexts(
  language: string,
  keys: Readonly<{ yes: string; no: string; stop: string }>,
  isHeard: boolean
): Readonly<{ language: string; texts: ConsentWording }> {
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
      objection: fill(isHeard ? texts.spokenObjection : texts.objection),
      question: fill(isHeard ? texts.spokenQuestion : texts.question),
      refusal: fill(texts.refusal),
      message: fill(texts.message),
      failed: fill(texts.failed),
      compulsory: fill(texts.compulsory),
      joining: fill(texts.joining)
    }
  }
}

/** Languages that have words of their own. */
export const CONSENT_LANGUAGES = Object.keys(TEXTS)
