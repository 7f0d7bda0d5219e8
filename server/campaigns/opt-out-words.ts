/**
 * What people say when they want no more calls, in the languages that ship. Whoever hears words (a recogniser in a flow, a
 * transcript) asks {@link saysStop}; what it finds is a wish that is in force at once. Short words count only alone:
 * "stop" within a sentence may be about something else.
 */
const PHRASES: Readonly<Record<string, Readonly<{ alone: readonly string[]; within: readonly string[] }>>> = {
  en: {
    alone: ['stop', 'quit', 'end', 'cancel', 'unsubscribe', 'revoke', 'opt out'],
    within: [
      'stop calling',
      'do not call',
      "don't call",
      'dont call',
      'never call',
      'no more calls',
      'take me off',
      'remove me from',
      'remove my number',
      'opt out',
      'not call me again',
      'quit calling'
    ]
  },
  de: {
    alone: ['stopp', 'stop', 'aufhören', 'abmelden'],
    within: [
      'rufen sie mich nicht',
      'ruf mich nicht',
      'nicht mehr anrufen',
      'nie wieder anrufen',
      'keine anrufe mehr',
      'keine werbeanrufe',
      'aus der liste',
      'löschen sie meine nummer',
      'hören sie auf anzurufen'
    ]
  },
  es: {
    alone: ['basta', 'baja', 'cancelar'],
    within: [
      'no me llame',
      'no me llamen',
      'no me llames',
      'no llamen mas',
      'no vuelva a llamar',
      'no vuelvan a llamar',
      'dejen de llamar',
      'deje de llamar',
      'quiteme de la lista',
      'darme de baja'
    ]
  },
  zh: {
    alone: ['退订', '停止', '取消'],
    within: [
      '别再打',
      '不要再打',
      '不要打电话',
      '别打电话',
      '不要再给我打',
      '别给我打',
      '停止拨打',
      '把我删掉',
      '从名单'
    ]
  },
  ar: {
    alone: ['توقف', 'كفى', 'الغاء'],
    within: [
      'لا تتصل',
      'لا تتصلوا',
      'توقفوا عن الاتصال',
      'توقف عن الاتصال',
      'لا تعاودوا الاتصال',
      'احذفوا رقمي',
      'احذف رقمي',
      'ازيلوا رقمي'
    ]
  },
  ja: {
    alone: ['やめて', '停止', '解除'],
    within: [
      '電話しないで',
      '電話をしないで',
      'かけてこないで',
      'かけないで',
      '電話をやめて',
      '電話はやめて',
      'もうかけ',
      '二度と電話',
      '番号を消して',
      '番号を削除',
      'リストから外'
    ]
  }
}

export const OPT_OUT_LANGUAGES: readonly string[] = Object.keys(PHRASES)

/** Whether somebody asks for no more calls. Every language is looked at: people may fall back into their own. Pure. */
export function saysStop(text: string): Readonly<{ language: string; phrase: string }> | null {
  const heard = fold(text)
  for (const [language, { alone, within }] of Object.entries(PHRASES)) {
    for (const phrase of within) if (contains(heard, fold(phrase))) return { language, phrase }
    for (const phrase of alone) if (heard === fold(phrase)) return { language, phrase }
  }
  return null
}

/** Words of scripts with spaces count whole; the others anywhere. */
function contains(heard: string, phrase: string): boolean {
  return /^[\p{Script=Latin}' ]+$/u.test(phrase) ? ` ${heard} `.includes(` ${phrase} `) : heard.includes(phrase)
}

function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .normalize('NFC')
    .toLowerCase()
    .replace(/[’‘`]/g, "'")
    .replace(/[^\p{L}\p{N}' ]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
}
