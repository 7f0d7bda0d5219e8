import type { SpeechRegister } from '../../../ivr-flows/host.ts'
import { primaryOf } from '../../quality/search-words.ts'
import { ClauseSplitter } from './clauses.ts'
import { speakable } from './speakable.ts'

const MOST_SHOWN = 5

/**
 * Ends of Japanese sentences in the plain form, in which nobody speaks to a customer: the copula, verbs and adjectives as in a
 * dictionary, and the plain past and negative. Nouns at the end of a sentence, and set phrases such as ありがとう, are none.
 */
const PLAIN_JAPANESE =
  /(?:だ|である|だろう|だった|(?:な|し)?ない|なかった|(?:[しきじみびりい]|っ|れ|せ|け|げ|え|べ|め|て|で)た|んだ|する|なる|ある|いる|れる|せる|きる|える|ける|せよ|しろ|思う|言う|もらう|くれ|やれ|(?![近遠早多全高安長一二三四五六七八九十])\p{Script=Han}[うくぐすつぬむぶる])(?:よ|ね|な|ぞ|さ|か|の)*$/u
/** Verbs that are polite by themselves, also before what looks like a plain end. */
const POLITE_JAPANESE =
  /(?:です|ます|ません|ました|でした|ましょう|でしょう|ませ|ください|下さい|くださいませ)(?:よ|ね|か|が)*$/u

/** Words by which somebody is addressed whom one knows well, whole and in any case. */
const FAMILIAR: Readonly<Record<string, RegExp>> = {
  de: /(?<!\p{L})(?:du|dich|dir|dein(?:e[mnrs]?)?|euch|eure?[mnrs]?)(?!\p{L})/iu,
  es: /(?<!\p{L})(?:tú|ti|contigo|vosotr[oa]s|vuestr[oa]s?)(?!\p{L})/iu,
  zh: /你/u
}

/**
 * Whether a sentence speaks to a customer as one does in its language: Japanese in desu and masu, German with “Sie”, Spanish with
 * “usted”, Chinese with “您”. Only what is surely familiar or plain is found; other languages have no such rule here.
 */
export function isPolite(text: string, language: string): boolean {
  const primary = primaryOf(language)
  if (primary !== 'ja') return FAMILIAR[primary]?.test(text) !== true
  const sentences = text.split(/[。！？!?\n]+/u).map(one => one.replace(/[」』”）\s]+$/gu, '').trim())
  // A clause that ends at a comma goes on.
  const ended = /[、，,]\s*$/u.test(text) ? sentences.slice(0, -1) : sentences
  return ended.every(one => one === '' || POLITE_JAPANESE.test(one) || !PLAIN_JAPANESE.test(one))
}

/** Whether a sentence may be said to callers who are spoken to in this way. A polite one is let through in either. */
export function isFitting(text: string, language: string, register: SpeechRegister): boolean {
  return register === 'informal' || isPolite(text, language)
}

/** The same words with the form of address that customers are owed, where one stands for the other in any sentence. */
export function politely(text: string, language: string): string {
  return primaryOf(language) === 'zh' ? text.replace(/你们/gu, '各位').replace(/你/gu, '您') : text
}

/** The same words with the form of address that was chosen, where one stands for the other in any sentence. */
export function addressed(text: string, language: string, register: SpeechRegister): string {
  if (register === 'formal') return politely(text, language)
  return primaryOf(language) === 'zh' ? text.replace(/您/gu, '你') : text
}

/** The first sentences of an article that do not speak to callers as one speaks to customers, as they would be read out. */
export function impoliteIn(body: string, language: string): readonly string[] {
  const splitter = new ClauseSplitter(language)
  // Headings are no sentences, and are not read out.
  const prose = body.replace(/^\s{0,3}#{1,6}\s.*$/gmu, '')
  const sentences = [...splitter.push(prose), ...splitter.end()].map(speakable)
  return [...new Set(sentences.filter(one => !isPolite(one, language)))].slice(0, MOST_SHOWN)
}
