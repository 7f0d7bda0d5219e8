/** Who answers a call, said by synthesised voices: the words of the set, and what the line does to them. Nobody was recorded. */

export type Answerer = 'human' | 'machine' | 'beep' | 'fax' | 'network' | 'assistant'

/** What somebody says who answers; `country` chooses the detector's settings. */
export type Spoken = Readonly<{
  who: 'human' | 'machine' | 'beep' | 'network' | 'assistant'
  country: string
  language: string
  text: string
}>

const said = (who: Spoken['who'], country: string, language: string, ...texts: readonly string[]): readonly Spoken[] =>
  texts.map(text => ({ who, country, language, text }))

export const SPOKEN: readonly Spoken[] = [
  ...said('human', 'US', 'en', 'Hello?', 'Yeah, hi.', 'This is Ann.', 'Good morning, Example Bakery, Ben speaking.'),
  ...said('human', 'GB', 'en-gb', 'Hello?', 'Hello, Anna speaking.', 'Four six seven, hello?'),
  ...said('human', 'DE', 'de', 'Hallo?', 'Weber.', 'Weber, guten Tag.', 'Bäckerei Beispiel, Weber, guten Tag.'),
  ...said('human', 'ES', 'es', '¿Dígame?', '¿Sí?', 'Hola, ¿quién es?'),
  ...said('human', 'FR', 'fr', 'Allô ?', 'Oui, bonjour.', 'Allô, oui, qui est à l’appareil ?'),
  ...said('human', 'CN', 'zh', '喂，你好', '喂？', '你好，哪位？'),
  ...said('human', 'JP', 'ja', 'もしもし', 'はい、たなかです', 'はい'),
  ...said('human', 'AE', 'ar', 'ألو', 'ألو، السلام عليكم', 'نعم، من معي؟'),
  ...said(
    'machine',
    'US',
    'en',
    'Hi, you have reached Ann and Ben. We cannot come to the phone right now. Please leave a message after the tone.',
    'The person you are trying to reach is not available. At the tone, please record your message.'
  ),
  ...said(
    'machine',
    'GB',
    'en-gb',
    'Sorry, I cannot take your call at the moment. Please leave your name and number after the tone.'
  ),
  ...said(
    'machine',
    'DE',
    'de',
    'Guten Tag, Sie haben den Anschluss der Familie Weber erreicht. Bitte hinterlassen Sie eine Nachricht nach dem Ton.',
    'Der gewünschte Gesprächspartner ist zurzeit nicht erreichbar. Bitte sprechen Sie nach dem Ton.'
  ),
  ...said(
    'machine',
    'ES',
    'es',
    'Hola, has llamado a Ana. Ahora no puedo atenderte. Deja tu mensaje después de la señal.'
  ),
  ...said(
    'machine',
    'FR',
    'fr',
    'Bonjour, vous êtes bien chez Anne. Je ne suis pas là, laissez-moi un message après le bip.'
  ),
  ...said('machine', 'CN', 'zh', '您好，您拨打的电话暂时无人接听，请在提示音后留言，谢谢您的来电。'),
  ...said(
    'machine',
    'JP',
    'ja',
    'ただいま でんわに でることが できません。ピーという おとの あとに おなまえと ごようけんを おはなし ください。'
  ),
  ...said(
    'machine',
    'AE',
    'ar',
    'مرحبا، لا أستطيع الرد على مكالمتك الآن. من فضلك اترك رسالة بعد سماع الصافرة وسوف أتصل بك لاحقا.'
  ),
  ...said('beep', 'US', 'en', 'Ann.', 'Leave a message.'),
  ...said('beep', 'DE', 'de', 'Weber.'),
  ...said('beep', 'ES', 'es', 'Deja un mensaje.'),
  ...said(
    'network',
    'US',
    'en',
    'The number you have dialed is not in service. Please check the number and dial again.'
  ),
  ...said('network', 'DE', 'de', 'Kein Anschluss unter dieser Nummer.'),
  ...said('network', 'CN', 'zh', '对不起，您拨打的号码是空号，请核对后再拨。'),
  ...said(
    'assistant',
    'US',
    'en',
    'Hi, the person you are calling is using a screening service. Please say your name and why you are calling.'
  ),
  ...said(
    'assistant',
    'DE',
    'de',
    'Guten Tag, der Angerufene verwendet einen Assistenten. Bitte nennen Sie Ihren Namen und den Grund Ihres Anrufs.'
  )
]

/** What a line does to what is said. `noisePeak` of 32,767; `lossShare` of the packets of 20 ms. */
export type Line = Readonly<{
  name: string
  law: 'PCMU' | 'PCMA'
  noise: 'none' | 'white' | 'street' | 'voices'
  noisePeak: number
  lossShare: number
  gain: number
}>

export const LINES: readonly Line[] = [
  { name: 'clean', law: 'PCMU', noise: 'none', noisePeak: 0, lossShare: 0, gain: 1 },
  { name: 'clean, A-law, quiet voice', law: 'PCMA', noise: 'white', noisePeak: 40, lossShare: 0, gain: 0.3 },
  { name: 'hiss', law: 'PCMU', noise: 'white', noisePeak: 500, lossShare: 0, gain: 1 },
  { name: 'street', law: 'PCMA', noise: 'street', noisePeak: 900, lossShare: 0, gain: 1 },
  { name: 'street, 3 % lost', law: 'PCMU', noise: 'street', noisePeak: 900, lossShare: 0.03, gain: 0.7 },
  { name: 'others talking', law: 'PCMU', noise: 'voices', noisePeak: 900, lossShare: 0, gain: 1 },
  { name: '5 % lost', law: 'PCMA', noise: 'white', noisePeak: 60, lossShare: 0.05, gain: 1 }
]

/** Silence between the answer and the first word, in milliseconds. */
export const LEADS_MS: readonly number[] = [150, 600, 1_400]
