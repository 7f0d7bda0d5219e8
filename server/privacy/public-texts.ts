import type { PrivacyKind } from '../../sql/quality-tables.ts'

/** What persons may ask for on the public page, all of the same weight. */
export const PUBLIC_KINDS = [
  'export',
  'correct',
  'erase',
  'restrict',
  'do-not-sell',
  'stop-calls'
] as const satisfies readonly PrivacyKind[]
export type PublicKind = (typeof PUBLIC_KINDS)[number]

export const PUBLIC_LANGUAGES = ['en', 'de', 'es', 'zh', 'ar', 'ja'] as const
export type PublicLanguage = (typeof PUBLIC_LANGUAGES)[number]

export type PublicTexts = Readonly<{
  title: string
  question: string
  kinds: Readonly<Record<PublicKind, string>>
  contactLabel: string
  contactHelp: string
  noteLabel: string
  send: string
  codeTitle: string
  codeSent: string
  codeLabel: string
  codeSubmit: string
  codeExtend: string
  codeWrong: string
  codeEnded: string
  codeTooMany: string
  contactInvalid: string
  chooseOne: string
  noCodes: string
  receivedTitle: string
  received: string
  stopped: string
  statusLink: string
  statusTitle: string
  states: Readonly<Record<'received' | 'working' | 'done' | 'refused', string>>
  due: string
  download: string
  downloadEnds: string
  complain: string
  certificate: string
  unknownLink: string
  contact: string
  codeMessage: string
}>

/** Full sentences with {placeholders}; nobody is asked why, and nobody is asked to stay. */
export const PUBLIC_TEXTS: Readonly<Record<PublicLanguage, PublicTexts>> = {
  en: {
    title: 'Your data and your choices',
    question: 'What would you like?',
    kinds: {
      export: 'See my data and get a copy',
      correct: 'Correct my data',
      erase: 'Delete my data',
      restrict: 'Stop using my data',
      'do-not-sell': 'Do not sell or share my data, no advertising',
      'stop-calls': 'Stop calling me'
    },
    contactLabel: 'Your phone number or e-mail address',
    contactHelp: 'With country code, such as +49 30 1234567. We send a 6-digit code there.',
    noteLabel: 'Anything that we should know (you may leave this empty)',
    send: 'Send the code',
    codeTitle: 'Enter the code',
    codeSent: 'If messages can reach this number or address, a 6-digit code is on its way. It is valid for 10 minutes.',
    codeLabel: '6-digit code',
    codeSubmit: 'Confirm',
    codeExtend: 'I need 10 more minutes',
    codeWrong: 'The code is wrong. You can try {tries} more times.',
    codeEnded: 'The code is too old or was used. Please ask for a new one.',
    codeTooMany: 'Too many codes were asked for. Please wait an hour.',
    contactInvalid: 'This is neither a phone number with country code nor an e-mail address.',
    chooseOne: 'Please choose one of the six.',
    noCodes: 'This page cannot send codes at present. Please write to us: {contact}',
    receivedTitle: 'We have your request',
    received: 'Your request has the number {reference}. You get an answer by {due}.',
    stopped: 'We do not call this number any more, from now on. Your request has the number {reference}.',
    statusLink: 'Keep this link. It shows how far your request is:',
    statusTitle: 'Request {reference}',
    states: { received: 'Received', working: 'In work', done: 'Done', refused: 'Refused' },
    due: 'Answer by {due}',
    download: 'Download the copy (ZIP)',
    downloadEnds: 'The copy is here until {until}.',
    complain: 'You may complain to: {where}',
    certificate: 'What was done, place by place',
    unknownLink: 'There is no request with this link.',
    contact: 'Questions: {contact}',
    codeMessage: 'Your code: {code}. It is valid for 10 minutes. If you did not ask for it, do nothing.'
  },
  de: {
    title: 'Ihre Daten und Ihre Rechte',
    question: 'Was möchten Sie?',
    kinds: {
      export: 'Meine Daten sehen und eine Kopie erhalten',
      correct: 'Meine Daten berichtigen',
      erase: 'Meine Daten löschen',
      restrict: 'Meine Daten nicht weiter verwenden',
      'do-not-sell': 'Meine Daten nicht verkaufen oder weitergeben, keine Werbung',
      'stop-calls': 'Mich nicht mehr anrufen'
    },
    contactLabel: 'Ihre Telefonnummer oder E-Mail-Adresse',
    contactHelp: 'Mit Landesvorwahl, zum Beispiel +49 30 1234567. Dorthin senden wir einen 6-stelligen Code.',
    noteLabel: 'Was wir wissen sollten (kann leer bleiben)',
    send: 'Code senden',
    codeTitle: 'Code eingeben',
    codeSent:
      'Wenn Nachrichten diese Nummer oder Adresse erreichen, ist ein 6-stelliger Code unterwegs. Er gilt 10 Minuten.',
    codeLabel: '6-stelliger Code',
    codeSubmit: 'Bestätigen',
    codeExtend: 'Ich brauche 10 Minuten mehr',
    codeWrong: 'Der Code ist falsch. Sie können es noch {tries}-mal versuchen.',
    codeEnded: 'Der Code ist zu alt oder wurde benutzt. Bitte fordern Sie einen neuen an.',
    codeTooMany: 'Es wurden zu viele Codes angefordert. Bitte warten Sie eine Stunde.',
    contactInvalid: 'Das ist weder eine Telefonnummer mit Landesvorwahl noch eine E-Mail-Adresse.',
    chooseOne: 'Bitte wählen Sie eines der sechs.',
    noCodes: 'Diese Seite kann zurzeit keine Codes senden. Bitte schreiben Sie uns: {contact}',
    receivedTitle: 'Wir haben Ihr Anliegen',
    received: 'Ihr Anliegen hat die Nummer {reference}. Sie erhalten eine Antwort bis {due}.',
    stopped: 'Wir rufen diese Nummer ab jetzt nicht mehr an. Ihr Anliegen hat die Nummer {reference}.',
    statusLink: 'Bewahren Sie diesen Link auf. Er zeigt, wie weit Ihr Anliegen ist:',
    statusTitle: 'Anliegen {reference}',
    states: { received: 'Eingegangen', working: 'In Arbeit', done: 'Erledigt', refused: 'Abgelehnt' },
    due: 'Antwort bis {due}',
    download: 'Kopie herunterladen (ZIP)',
    downloadEnds: 'Die Kopie liegt hier bis {until}.',
    complain: 'Sie können sich beschweren bei: {where}',
    certificate: 'Was getan wurde, Ort für Ort',
    unknownLink: 'Zu diesem Link gibt es kein Anliegen.',
    contact: 'Fragen: {contact}',
    codeMessage: 'Ihr Code: {code}. Er gilt 10 Minuten. Wenn Sie ihn nicht angefordert haben, tun Sie nichts.'
  },
  es: {
    title: 'Sus datos y sus opciones',
    question: '¿Qué desea?',
    kinds: {
      export: 'Ver mis datos y obtener una copia',
      correct: 'Corregir mis datos',
      erase: 'Borrar mis datos',
      restrict: 'Dejar de usar mis datos',
      'do-not-sell': 'No vender ni compartir mis datos, sin publicidad',
      'stop-calls': 'No llamarme más'
    },
    contactLabel: 'Su teléfono o correo electrónico',
    contactHelp: 'Con prefijo del país, por ejemplo +34 910 123 456. Enviamos allí un código de 6 cifras.',
    noteLabel: 'Algo que debamos saber (puede dejarlo vacío)',
    send: 'Enviar el código',
    codeTitle: 'Escriba el código',
    codeSent:
      'Si los mensajes llegan a este número o dirección, un código de 6 cifras está en camino. Vale 10 minutos.',
    codeLabel: 'Código de 6 cifras',
    codeSubmit: 'Confirmar',
    codeExtend: 'Necesito 10 minutos más',
    codeWrong: 'El código no es correcto. Puede intentarlo {tries} veces más.',
    codeEnded: 'El código es antiguo o ya se usó. Pida uno nuevo.',
    codeTooMany: 'Se han pedido demasiados códigos. Espere una hora.',
    contactInvalid: 'No es un teléfono con prefijo del país ni un correo electrónico.',
    chooseOne: 'Elija una de las seis.',
    noCodes: 'Esta página no puede enviar códigos ahora. Escríbanos: {contact}',
    receivedTitle: 'Tenemos su solicitud',
    received: 'Su solicitud tiene el número {reference}. Recibirá respuesta hasta el {due}.',
    stopped: 'Desde ahora no llamaremos más a este número. Su solicitud tiene el número {reference}.',
    statusLink: 'Guarde este enlace. Muestra el estado de su solicitud:',
    statusTitle: 'Solicitud {reference}',
    states: { received: 'Recibida', working: 'En curso', done: 'Hecha', refused: 'Rechazada' },
    due: 'Respuesta hasta el {due}',
    download: 'Descargar la copia (ZIP)',
    downloadEnds: 'La copia está aquí hasta el {until}.',
    complain: 'Puede reclamar ante: {where}',
    certificate: 'Qué se hizo, lugar por lugar',
    unknownLink: 'No hay ninguna solicitud con este enlace.',
    contact: 'Preguntas: {contact}',
    codeMessage: 'Su código: {code}. Vale 10 minutos. Si no lo pidió, no haga nada.'
  },
  zh: {
    title: '您的数据与选择',
    question: '您想要什么？',
    kinds: {
      export: '查看我的数据并获取副本',
      correct: '更正我的数据',
      erase: '删除我的数据',
      restrict: '停止使用我的数据',
      'do-not-sell': '不要出售或共享我的数据，不要广告',
      'stop-calls': '不要再给我打电话'
    },
    contactLabel: '您的电话号码或电子邮箱',
    contactHelp: '请带国家代码，例如 +86 10 1234 5678。我们会发送 6 位验证码。',
    noteLabel: '需要我们了解的内容（可留空）',
    send: '发送验证码',
    codeTitle: '输入验证码',
    codeSent: '如果消息能送达此号码或邮箱，6 位验证码已在途中，有效期 10 分钟。',
    codeLabel: '6 位验证码',
    codeSubmit: '确认',
    codeExtend: '我还需要 10 分钟',
    codeWrong: '验证码错误。您还可以尝试 {tries} 次。',
    codeEnded: '验证码已过期或已使用，请重新获取。',
    codeTooMany: '请求验证码过多，请等待一小时。',
    contactInvalid: '这不是带国家代码的电话号码，也不是电子邮箱。',
    chooseOne: '请从六项中选择一项。',
    noCodes: '此页面目前无法发送验证码。请写信给我们：{contact}',
    receivedTitle: '我们已收到您的请求',
    received: '您的请求编号为 {reference}。您将在 {due} 前得到答复。',
    stopped: '从现在起我们不再拨打此号码。您的请求编号为 {reference}。',
    statusLink: '请保存此链接，可查看请求进度：',
    statusTitle: '请求 {reference}',
    states: { received: '已收到', working: '处理中', done: '已完成', refused: '已拒绝' },
    due: '答复期限 {due}',
    download: '下载副本 (ZIP)',
    downloadEnds: '副本保留至 {until}。',
    complain: '您可以向以下机构投诉：{where}',
    certificate: '各处的处理结果',
    unknownLink: '没有与此链接对应的请求。',
    contact: '如有疑问：{contact}',
    codeMessage: '您的验证码：{code}，10 分钟内有效。如非本人操作，请忽略。'
  },
  ar: {
    title: 'بياناتك وخياراتك',
    question: 'ماذا تريد؟',
    kinds: {
      export: 'الاطلاع على بياناتي والحصول على نسخة',
      correct: 'تصحيح بياناتي',
      erase: 'حذف بياناتي',
      restrict: 'إيقاف استخدام بياناتي',
      'do-not-sell': 'عدم بيع بياناتي أو مشاركتها، دون إعلانات',
      'stop-calls': 'عدم الاتصال بي بعد الآن'
    },
    contactLabel: 'رقم هاتفك أو بريدك الإلكتروني',
    contactHelp: 'مع رمز الدولة، مثل ‎+971 4 123 4567. نرسل إليه رمزًا من 6 أرقام.',
    noteLabel: 'ما ينبغي أن نعرفه (يمكن تركه فارغًا)',
    send: 'إرسال الرمز',
    codeTitle: 'أدخل الرمز',
    codeSent: 'إذا كانت الرسائل تصل إلى هذا الرقم أو العنوان فالرمز المكون من 6 أرقام في الطريق. صلاحيته 10 دقائق.',
    codeLabel: 'الرمز من 6 أرقام',
    codeSubmit: 'تأكيد',
    codeExtend: 'أحتاج إلى 10 دقائق أخرى',
    codeWrong: 'الرمز غير صحيح. يمكنك المحاولة {tries} مرات أخرى.',
    codeEnded: 'انتهت صلاحية الرمز أو استُخدم. اطلب رمزًا جديدًا من فضلك.',
    codeTooMany: 'طُلبت رموز كثيرة. انتظر ساعة من فضلك.',
    contactInvalid: 'هذا ليس رقم هاتف برمز الدولة ولا بريدًا إلكترونيًا.',
    chooseOne: 'اختر واحدًا من الستة من فضلك.',
    noCodes: 'لا يمكن لهذه الصفحة إرسال رموز حاليًا. اكتب إلينا من فضلك: {contact}',
    receivedTitle: 'وصلنا طلبك',
    received: 'رقم طلبك {reference}. تصلك الإجابة حتى {due}.',
    stopped: 'لن نتصل بهذا الرقم بعد الآن. رقم طلبك {reference}.',
    statusLink: 'احتفظ بهذا الرابط، فهو يبين حالة طلبك:',
    statusTitle: 'الطلب {reference}',
    states: { received: 'مستلم', working: 'قيد العمل', done: 'تم', refused: 'مرفوض' },
    due: 'الإجابة حتى {due}',
    download: 'تنزيل النسخة (ZIP)',
    downloadEnds: 'النسخة متاحة حتى {until}.',
    complain: 'يمكنك تقديم شكوى إلى: {where}',
    certificate: 'ما تم، موضعًا موضعًا',
    unknownLink: 'لا يوجد طلب بهذا الرابط.',
    contact: 'للأسئلة: {contact}',
    codeMessage: 'رمزك: {code}. صلاحيته 10 دقائق. إذا لم تطلبه فلا تفعل شيئًا.'
  },
  ja: {
    title: 'お客様のデータと選択',
    question: 'ご希望をお選びください',
    kinds: {
      export: '自分のデータを見て写しを受け取る',
      correct: '自分のデータを訂正する',
      erase: '自分のデータを削除する',
      restrict: '自分のデータの利用を止める',
      'do-not-sell': '自分のデータを販売・共有しない、広告なし',
      'stop-calls': '今後電話をかけない'
    },
    contactLabel: '電話番号またはメールアドレス',
    contactHelp: '国番号を付けてください（例：+81 3 1234 5678）。6 桁のコードを送ります。',
    noteLabel: 'お知らせいただきたいこと（空欄でも構いません）',
    send: 'コードを送る',
    codeTitle: 'コードを入力してください',
    codeSent: 'この番号またはアドレスに届く場合、6 桁のコードをお送りしました。有効期限は 10 分です。',
    codeLabel: '6 桁のコード',
    codeSubmit: '確認する',
    codeExtend: 'あと 10 分必要です',
    codeWrong: 'コードが違います。あと {tries} 回お試しいただけます。',
    codeEnded: 'コードの期限が切れたか、使用済みです。新しいコードをお求めください。',
    codeTooMany: 'コードの請求が多すぎます。1 時間お待ちください。',
    contactInvalid: '国番号付きの電話番号でもメールアドレスでもありません。',
    chooseOne: '六つのうち一つをお選びください。',
    noCodes: 'ただいまこのページからコードを送れません。こちらへご連絡ください：{contact}',
    receivedTitle: 'ご請求を受け付けました',
    received: '受付番号は {reference} です。{due} までにお答えします。',
    stopped: '今後この番号へはお電話しません。受付番号は {reference} です。',
    statusLink: 'このリンクを保管してください。進み具合が分かります：',
    statusTitle: '受付番号 {reference}',
    states: { received: '受付済み', working: '対応中', done: '完了', refused: 'お断り' },
    due: '回答期限 {due}',
    download: '写しをダウンロード (ZIP)',
    downloadEnds: '写しは {until} までここにあります。',
    complain: '苦情の申し立て先：{where}',
    certificate: '行ったことの一覧',
    unknownLink: 'このリンクの請求はありません。',
    contact: 'お問い合わせ：{contact}',
    codeMessage: 'コード：{code}（10 分間有効）。お心当たりがなければ何もなさらないでください。'
  }
}

/** The language of a page: the one chosen, else the browser's first that is known. */
export function languageFor(chosen: string | undefined, accepted: string | undefined): PublicLanguage {
  const wanted = [chosen ?? '', ...(accepted ?? '').split(',').map(one => one.split(';')[0]?.trim() ?? '')]
  for (const tag of wanted) {
    const known = PUBLIC_LANGUAGES.find(one => one === tag.toLowerCase().split('-')[0])
    if (known !== undefined) return known
  }
  return 'en'
}

export function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (_all, name: string) => values[name] ?? '')
}
