import { primaryOf, quoteLexeme, segments, type WordRule, wordRule } from '../../quality/search-words.ts'

/** How a language's words are found in articles: PostgreSQL's configuration, or pairs of letters that ICU cut out. */
export function ruleOf(language: string, configs: ReadonlySet<string>): WordRule {
  return wordRule(language, configs)
}

/** Letters that writers use for one another. Vowel marks and the stretching of Arabic say nothing to a search. */
const ARABIC_FORMS: readonly (readonly [RegExp, string])[] = [
  [/[\u064b-\u065f\u0670\u0640]/g, ''],
  [/[أإآٱ]/g, 'ا'],
  [/ى/g, 'ي'],
  [/ة/g, 'ه']
]

/** A text as it is indexed and asked for: Unicode NFKC, and one form for the letters that are written in several. */
export function foldText(text: string, language: string): string {
  const folded = text.normalize('NFKC').replace(/[’‘]/g, "'")
  return primaryOf(language) === 'ar'
    ? ARABIC_FORMS.reduce((result, [form, plain]) => result.replace(form, plain), folded)
    : folded
}

const HAN_OR_KANA = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]+$/u
const ONLY_HIRAGANA = /^[\p{Script=Hiragana}ー]+$/u

/**
 * The search terms of a text that is written without spaces. Dictionaries cut a compound differently in a question than in
 * an article, so runs of Han and kana become pairs of letters; other words stay whole. Particles, endings and the words
 * with which people ask end a run: a pair over them would belong to no word.
 */
export function pairTerms(text: string, language: string): readonly string[] {
  const terms = new Set<string>()
  let run = ''
  const endRun = () => {
    const letters = [...run]
    if (letters.length === 1) terms.add(run)
    for (let at = 0; at + 1 < letters.length; at += 1) terms.add(`${letters[at] ?? ''}${letters[at + 1] ?? ''}`)
    run = ''
  }
  const asking = askingSegments(language)
  let last = 0
  for (const { word, from, to } of segments(foldText(text, language), language)) {
    if (from !== last) endRun()
    last = to
    const isLetters = HAN_OR_KANA.test(word)
    const saysNothing = ONLY_HIRAGANA.test(word) || asking.has(word)
    if (isLetters && !saysNothing) {
      run += word
      continue
    }
    endRun()
    if (!isLetters && !saysNothing) terms.add(word)
  }
  endRun()
  return [...terms]
}

/** The text form of a tsvector over such terms; where they stand does not matter. */
export function pairVector(text: string, language: string): string {
  return pairTerms(text, language).map(quoteLexeme).join(' ')
}

/** The text form of a tsquery that any of the terms satisfies; empty when there are none. */
export function anyOf(terms: readonly string[]): string {
  return terms.map(quoteLexeme).join(' | ')
}

/**
 * Words with which people ask, whatever they ask for. They say nothing about the matter, so that an article does not
 * have to hold them. Each text is cut into words as questions are.
 */
const ASKING: Readonly<Record<string, string>> = {
  en: 'please want need know tell help would like could can may question wonder wondering hello hi hey thanks thank you ok okay yes no well so just really get got let say said think asking ask find out possible explain give me something',
  de: 'bitte möchte möchten will wollen wissen sagen können kann könnten könnte helfen hilfe frage fragen hallo guten tag danke ja nein gerne würde würden brauche brauchen mal eigentlich etwas erklären möglich wie viel',
  es: 'favor quiero quisiera querría necesito saber decir puede puedo podría ayuda ayudar pregunta hola gracias buenos días buenas tardes sí no algo explicar posible gustaría',
  zh: '请问 我想 想要 想问 知道 告诉 可以 能不能 帮我 帮忙 你好 您好 谢谢 什么 怎么 怎样 如何 一下 需要 是否 吗 呢 我 的 了 是',
  ja: '教えて 知りたい 下さい 何 どう 願い 質問 言って 思い 私 事',
  ar: 'من فضلك أريد اريد أحتاج احتاج أعرف اعرف أخبرني هل يمكن يمكنني مساعدة سؤال مرحبا شكرا لو سمحت كيف ما ماذا السلام عليكم نعم لا'
}

export function askingWords(language: string): string {
  return ASKING[primaryOf(language)] ?? ''
}

const askingSets = new Map<string, ReadonlySet<string>>()

function askingSegments(language: string): ReadonlySet<string> {
  const known = askingSets.get(language)
  if (known !== undefined) return known
  const words = new Set(askingWords(language).split(' '))
  askingSets.set(language, words)
  return words
}
