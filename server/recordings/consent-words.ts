import type { SpokenRequest } from '../../ivr-flows/host.ts'
import { heard, isSpaced, type SpokenLanguage, spokenLanguage } from '../../ivr-flows/understand/text.ts'
import { readYesNo } from '../../ivr-flows/understand/yes-no.ts'

export type SpokenConsent = 'yes' | 'no' | 'unclear'

/** A yes that a recogniser is less sure of is doubt. */
const CLEAR_CONFIDENCE = 0.6

type ConsentWords = Readonly<{
  /** What nobody says who does not agree. Sounds of listening ("mhm", "okay") are missing on purpose. */
  yes: readonly string[]
  /** What may stand beside a yes without changing it. */
  beside: readonly string[]
  /** Whoever says one of these anywhere does not want to be recorded, whatever else is said. */
  objections: readonly string[]
  /** What sounds like a no to who looks for words, and may be a yes: asked again. */
  doubtful: readonly string[]
}>

const WORDS: Readonly<Record<SpokenLanguage, ConsentWords>> = {
  en: {
    yes: [
      'yes',
      'yeah',
      'yep',
      'yup',
      'sure',
      'of course',
      'absolutely',
      'certainly',
      'go ahead',
      'i agree',
      'i do agree',
      'i consent',
      'you may',
      'you can',
      'you may record',
      'you can record',
      'that is fine',
      "that's fine"
    ],
    beside: ['please', 'thanks', 'thank you', 'okay', 'ok', 'this call', 'the call', 'me', 'it', 'with me'],
    objections: [
      "don't record",
      'do not record',
      'not record',
      'not be recorded',
      'no recording',
      'stop',
      'i object',
      'i refuse',
      'i decline',
      'rather not',
      "don't want",
      'do not want',
      'turn it off',
      'disagree'
    ],
    doubtful: ['no problem', 'no objection', 'no objections', 'not a problem', "don't mind", 'do not mind', 'not sure']
  },
  de: {
    yes: [
      'ja',
      'jawohl',
      'gerne',
      'einverstanden',
      'ich bin einverstanden',
      'natürlich',
      'selbstverständlich',
      'ich stimme zu',
      'dürfen sie',
      'das dürfen sie',
      'sie dürfen'
    ],
    beside: ['bitte', 'danke', 'vielen dank', 'okay', 'ok', 'klar', 'damit', 'aufzeichnen', 'aufnehmen'],
    objections: [
      'nicht aufzeichnen',
      'nicht aufnehmen',
      'keine aufzeichnung',
      'keine aufnahme',
      'ohne aufzeichnung',
      'widerspreche',
      'widerspruch',
      'lehne ab',
      'lehne das ab',
      'nicht einverstanden',
      'möchte nicht',
      'möchte ich nicht',
      'will nicht',
      'will ich nicht',
      'stopp',
      'stop'
    ],
    doubtful: ['kein problem', 'nichts dagegen', 'nicht sicher', 'weiß nicht', 'weiß ich nicht']
  },
  es: {
    yes: [
      'sí',
      'si',
      'claro que sí',
      'por supuesto',
      'desde luego',
      'de acuerdo',
      'estoy de acuerdo',
      'acepto',
      'adelante',
      'pueden grabar',
      'puede grabar'
    ],
    beside: ['por favor', 'gracias', 'claro', 'vale', 'la llamada', 'esta llamada'],
    objections: [
      'no grabe',
      'no graben',
      'no me grabe',
      'no me graben',
      'no quiero',
      'no estoy de acuerdo',
      'no acepto',
      'sin grabar',
      'sin grabación',
      'me opongo',
      'me niego',
      'rechazo',
      'paren',
      'pare'
    ],
    doubtful: ['no hay problema', 'no me importa', 'no tengo inconveniente', 'no sé', 'no estoy seguro']
  },
  zh: {
    yes: ['是', '是的', '同意', '可以', '行', '好', '好的', '当然', '当然可以', '愿意'],
    beside: ['我', '的', '吧', '请', '谢谢', '录音', '你们', '您'],
    objections: [
      '不要录',
      '别录',
      '不录',
      '不能录',
      '不同意',
      '不愿意',
      '不可以',
      '不行',
      '拒绝',
      '反对',
      '不想',
      '停止'
    ],
    doubtful: ['没问题', '没关系', '不知道', '不确定', '对不起', '不好意思', '无所谓']
  },
  ar: {
    yes: ['نعم', 'أجل', 'أيوه', 'ايوا', 'موافق', 'موافقة', 'أوافق', 'بالتأكيد', 'طبعا', 'أكيد'],
    beside: ['شكرا', 'من فضلك', 'لو سمحت', 'أنا', 'على التسجيل', 'تفضل', 'تفضلوا'],
    objections: [
      'لا تسجل',
      'لا تسجلوا',
      'بدون تسجيل',
      'من دون تسجيل',
      'لا أوافق',
      'غير موافق',
      'غير موافقة',
      'أرفض',
      'أعترض',
      'لا أريد',
      'توقف',
      'أوقفوا التسجيل'
    ],
    doubtful: ['لا مانع', 'لا مشكلة', 'لا بأس', 'لا أعرف', 'لست متأكدا']
  },
  ja: {
    yes: ['はい', 'ええ', '同意します', '承諾します', '了承します', '録音してください', '録音してもいいです'],
    beside: ['お願いします', 'どうぞ', 'です', 'ありがとうございます', 'もちろん'],
    objections: [
      '録音しないで',
      '録音はしないで',
      '録音をしないで',
      '録音はやめて',
      '録音をやめて',
      '同意しません',
      '同意できません',
      '承諾しません',
      '拒否',
      'お断り',
      '断ります',
      '困ります',
      '嫌です',
      'やめて'
    ],
    // “Daijōbu” and “kekkō” are said for “yes, that is fine” and for “no, thank you”.
    doubtful: ['大丈夫', '結構', 'いいです', 'かまいません', '構いません', 'わかりません', '問題ありません']
  }
}

/**
 * Whether somebody agrees to be recorded, by what a recogniser understood. A yes must be clear: all that was said says it, and
 * the recogniser is sure. A no counts however it is said. Pure.
 * @param confidence from 0 to 1
 */
export function readConsent(text: string, confidence: number, tag: string): SpokenConsent {
  const language = spokenLanguage(tag)
  if (language === null) return 'unclear'
  const said = heard(text, language)
  const sounds = (all: readonly string[]) => all.map(one => heard(one, language))
  const { yes, beside, objections, doubtful } = WORDS[language]
  const holds = holder(said, isSpaced(language))
  if (sounds(objections).some(holds)) return 'no'
  if (sounds(doubtful).some(holds)) return 'unclear'
  if (readYesNo(text, language) === false) return 'no'
  const isClear = confidence >= CLEAR_CONFIDENCE && consistsOf(said, sounds(yes), sounds(beside), isSpaced(language))
  return isClear ? 'yes' : 'unclear'
}

/**
 * What a recogniser is asked to hear. There is no grammar on purpose: a recogniser that needs one finds a yes in other words
 * ("Jess, are you there"), and is as sure of it.
 */
export const CONSENT_SPEECH: SpokenRequest = { kind: 'yesNo', grammar: null }

function holder(said: string, hasSpaces: boolean): (phrase: string) => boolean {
  return phrase => (hasSpaces ? ` ${said} `.includes(` ${phrase} `) : said.includes(phrase))
}

/** Whether a text is made of these and nothing else, with at least one that must be there. */
function consistsOf(
  text: string,
  needed: readonly string[],
  allowed: readonly string[],
  hasSpaces: boolean,
  hasNeeded = false
): boolean {
  if (text === '') return hasNeeded
  const after = (word: string): string | null => {
    if (text === word) return ''
    const start = hasSpaces ? `${word} ` : word
    return text.startsWith(start) ? text.slice(start.length) : null
  }
  const goesOn = (words: readonly string[], isNeeded: boolean) =>
    words.some(word => {
      const rest = after(word)
      return rest !== null && consistsOf(rest, needed, allowed, hasSpaces, hasNeeded || isNeeded)
    })
  return goesOn(needed, true) || goesOn(allowed, false)
}
