import { type ExplainLanguage, EXPLAIN_LANGUAGES } from '../explain/words.ts'

/** What a double opt-in says to the person, in the message and on the page behind its link. `{seller}` and `{link}` are filled in. */
export type OptInWords = Readonly<{
  subject: string
  message: string
  title: string
  question: string
  confirm: string
  done: string
  gone: string
}>

export const OPT_IN_WORDS: Readonly<Record<ExplainLanguage, OptInWords>> = {
  en: {
    subject: 'Please confirm: calls from {seller}',
    message:
      '{seller} would like to call you, as you asked. Please confirm here: {link} If you did not ask for this, do nothing.',
    title: 'Confirm calls',
    question: 'Do you agree that {seller} calls you? You can take this back at any time.',
    confirm: 'Yes, I agree',
    done: 'Thank you. Your agreement is recorded.',
    gone: 'This link is unknown, used or too old. Nothing was changed.'
  },
  es: {
    subject: 'Confirme: llamadas de {seller}',
    message:
      '{seller} desea llamarle, como usted pidió. Confírmelo aquí: {link} Si no lo pidió, no tiene que hacer nada.',
    title: 'Confirmar llamadas',
    question: '¿Acepta que {seller} le llame? Puede retirarlo en cualquier momento.',
    confirm: 'Sí, acepto',
    done: 'Gracias. Su consentimiento está anotado.',
    gone: 'El enlace es desconocido, ya se usó o es demasiado antiguo. No se ha cambiado nada.'
  },
  de: {
    subject: 'Bitte bestätigen: Anrufe von {seller}',
    message:
      '{seller} möchte Sie anrufen, wie Sie es wünschten. Bitte bestätigen Sie hier: {link} Wenn Sie das nicht wünschten, tun Sie nichts.',
    title: 'Anrufe bestätigen',
    question: 'Sind Sie einverstanden, dass {seller} Sie anruft? Sie können das jederzeit widerrufen.',
    confirm: 'Ja, ich bin einverstanden',
    done: 'Vielen Dank. Ihre Einwilligung ist aufgezeichnet.',
    gone: 'Dieser Link ist unbekannt, verbraucht oder zu alt. Es wurde nichts geändert.'
  },
  zh: {
    subject: '请确认：{seller} 的来电',
    message: '{seller} 希望按您的要求致电给您。请在此确认：{link} 如果您没有提出过，请不必理会。',
    title: '确认来电',
    question: '您是否同意 {seller} 致电给您？您可以随时撤回。',
    confirm: '是，我同意',
    done: '谢谢。您的同意已登记。',
    gone: '该链接未知、已使用或已过期。未作任何更改。'
  },
  ar: {
    subject: 'يرجى التأكيد: مكالمات من {seller}',
    message: 'ترغب {seller} في الاتصال بك كما طلبت. يرجى التأكيد هنا: {link} إذا لم تطلب ذلك فلا تفعل شيئًا.',
    title: 'تأكيد المكالمات',
    question: 'هل توافق على أن تتصل بك {seller}؟ يمكنك سحب ذلك في أي وقت.',
    confirm: 'نعم، أوافق',
    done: 'شكرًا لك. سُجلت موافقتك.',
    gone: 'هذا الرابط غير معروف أو مستخدم أو قديم جدًا. لم يتغير شيء.'
  },
  ja: {
    subject: 'ご確認ください：{seller} からのお電話',
    message:
      'ご依頼により、{seller} からお電話を差し上げます。こちらでご確認ください：{link} お心当たりがない場合は、何もしないでください。',
    title: 'お電話の確認',
    question: '{seller} からのお電話に同意されますか。いつでも撤回できます。',
    confirm: 'はい、同意します',
    done: 'ありがとうございます。同意を記録しました。',
    gone: 'このリンクは不明、使用済み、または期限切れです。何も変更されていません。'
  }
}

/** The first of the person's languages (an Accept-Language header or a tag) that there are words in; else English. */
export function optInLanguage(wanted: string): ExplainLanguage {
  for (const part of wanted.split(',')) {
    const primary = part.trim().toLowerCase().split(/[-;]/)[0]
    const known = EXPLAIN_LANGUAGES.find(one => one === primary)
    if (known !== undefined) return known
  }
  return 'en'
}
