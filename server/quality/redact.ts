import { digitRuns, holdsCard } from './spoken-digits.ts'
import type { NewUtterance, PersonalSpan, Utterance } from './utterance.ts'

/** What is known of the people of a call before a word is said; each occurrence is personal. */
export type KnownPersonal = Readonly<{ names?: readonly string[]; numbers?: readonly string[] }>

/** A telephone, account or order number is personal from this length. */
const NUMBER_DIGITS = 6
const MASK = '•'
/** Two utterances of one speaker belong to one number when no more time lies between. */
const JOIN_MS = 15_000

const NAME = String.raw`[\p{Lu}\p{Lt}][\p{L}\p{M}'’-]+`
const NAMES = `(${NAME}(?:(?:\\s+(?:de|del|la|von|van|der|den|bin|al|el)\\b){0,2}\\s+${NAME}){0,3})`

/** Ways to say one's name; the last group is what is personal. `(?i:…)` leaves the capital of the name to tell. */
const NAME_CUES: readonly RegExp[] = [
  new RegExp(`\\b(?i:my name is|name's|i am|i'm|this is|speaking with|called) ${NAMES}`, 'gu'),
  new RegExp(`\\b(?:Mr|Mrs|Ms|Miss|Dr|Sir|Madam)\\.? ${NAMES}`, 'gu'),
  new RegExp(`\\b(?i:mein name ist|ich heiße|ich heisse|ich bin|hier ist|hier spricht) ${NAMES}`, 'gu'),
  new RegExp(`\\b(?:Herr|Herrn|Frau|Doktor)(?: Dr\\.?| Prof\\.?)* ${NAMES}`, 'gu'),
  new RegExp(`\\b(?i:me llamo|mi nombre es|soy|habla con|le habla) ${NAMES}`, 'gu'),
  new RegExp(`\\b(?i:señora|señor|señorita|don|doña|sr|sra)\\.? ${NAMES}`, 'gu'),
  /(?:我叫|我的名字是|我的名字叫|我姓|本人|姓名是?)\s*([\p{Script=Han}]{2,4}?)(?=[，。,.\s！？、的]|$)/gu,
  /([\p{Script=Han}]{1,3})(?:先生|女士|小姐|太太)/gu,
  /(?:名前は|氏名は|私は|わたくし)\s*([\p{Script=Han}\p{Script=Katakana}\p{Script=Hiragana}ー]{2,10}?)(?:と申します|といいます|と言います|です)/gu,
  /([\p{Script=Han}\p{Script=Katakana}ー]{1,8})(?:さま|様|さん)/gu,
  /(?:اسمي|إسمي|أنا اسمي|معك)\s+([\p{Script=Arabic}]+(?:\s+[\p{Script=Arabic}]+){0,2})/gu,
  /(?:السيد|السيدة|الأستاذ|الأستاذة|أستاذ|سيد|سيدة)\s+([\p{Script=Arabic}]+(?:\s+[\p{Script=Arabic}]+)?)/gu
]

const LOWER_CUES: readonly RegExp[] = [
  /\b(?:my name is|mein name ist|ich heiße|ich heisse|me llamo|mi nombre es)\s+(\p{L}+(?:\s+\p{L}+)?)/gu
]

const ADDRESS_CUES: readonly RegExp[] = [
  /\b\d{1,6}[a-z]?,? (?:[\p{Lu}\d][\p{L}'-]* ){1,4}(?i:street|st|road|rd|avenue|ave|lane|ln|drive|dr|boulevard|blvd|way|court|ct|square|terrace|close)\b\.?(?:,? (?:[\p{Lu}][\p{L}'-]+|[A-Z]{1,2}\d[\dA-Z]? ?\d[A-Z]{2}|\d{5}(?:-\d{4})?)){0,4}/gu,
  /\b(?:[\p{Lu}][\p{L}-]*(?i:straße|strasse|str\.|weg|platz|allee|gasse|ufer|damm)|(?:Straße|Weg|Platz|Allee) (?:der|des|am|an der) [\p{Lu}][\p{L}-]+)(?: \d{1,4} ?[a-z]?\b)?(?:,? \d{5} [\p{Lu}][\p{L}-]+)?/gu,
  /\b(?i:calle|avenida|plaza|paseo|carretera|camino)(?: (?:de|del|la|los|las))*(?: [\p{Lu}][\p{L}-]+){1,4}(?:,? (?:número )?\d{1,5})?(?:,? \d{5}(?: [\p{Lu}][\p{L}-]+)?)?/gu,
  /[\p{Script=Han}]{2,}(?:省|市|区|縣|县)?[\p{Script=Han}]{1,8}(?:路|街|巷|大道|弄)[\d一二三四五六七八九十百零〇两]*(?:号|號)?(?:[\d一二三四五六七八九十百]+(?:室|楼|单元|幢|栋))*/gu,
  /[\p{Script=Han}]{1,4}(?:都|道|府|県)?[\p{Script=Han}]{1,6}(?:市|区|町|村)[\p{Script=Han}\p{Script=Katakana}ー]{0,8}[\d一二三四五六七八九十０-９]+(?:丁目|番地|番|号|の|-|−|[\d一二三四五六七八九十０-９])*/gu,
  /شارع\s+[\p{Script=Arabic}]+(?:\s+[\p{Script=Arabic}]+){0,3}(?:\s+(?:رقم\s+)?[\d٠-٩]+)?/gu,
  /\b(?:my address is|i live at|ich wohne in der|ich wohne am|meine adresse ist|meine anschrift ist|vivo en la|vivo en|mi dirección es)\s+([^.?!]{4,80})/giu,
  /(?:我的地址是|我住在|住所は|عنواني|العنوان)\s*([^。.?？!！]{3,60})/gu
]

const EMAILS: readonly RegExp[] = [
  /[\p{L}\p{N}._%+-]+@[\p{L}\p{N}.-]+\.\p{L}{2,}/gu,
  /\b[\p{L}\p{N}]+(?: (?:dot|punkt|punto|underscore|unterstrich|guion bajo|dash|minus) [\p{L}\p{N}]+)* (?:at|ät|arroba) [\p{L}\p{N}-]+(?: (?:dot|punkt|punto) [\p{L}]{2,})+/giu
]

/** After one of these words three or four digits are a card's check digits. */
const CHECK_DIGITS =
  /\b(?:cvv|cvc|security code|card code|prüfnummer|prüfziffer|sicherheitscode|código de seguridad)|安全码|校验码|セキュリティコード|رمز الأمان|رمز التحقق/iu

/**
 * What a text says about persons. It looks for known names and numbers, for numbers, cards and addresses by their form,
 * and for names after the words with which people introduce themselves. It errs on the side of hiding.
 */
export function findPersonal(text: string, language: string, known: KnownPersonal = {}): readonly PersonalSpan[] {
  const spans: PersonalSpan[] = []
  for (const email of EMAILS) for (const match of text.matchAll(email)) spans.push(span('email', match.index, match[0]))
  for (const run of digitRuns(text, language)) {
    if (holdsCard(run.digits)) spans.push({ kind: 'card', from: run.from, to: run.to })
    else if (run.digits.length >= NUMBER_DIGITS || isKnown(run.digits, known.numbers))
      spans.push({ kind: 'number', from: run.from, to: run.to })
    else if ((run.digits.length === 3 || run.digits.length === 4) && CHECK_DIGITS.test(text.slice(0, run.from)))
      spans.push({ kind: 'card', from: run.from, to: run.to })
  }
  for (const name of known.names ?? [])
    for (const word of [name, ...name.split(/\s+/)])
      if (word.length >= 2)
        for (const match of text.matchAll(new RegExp(`(?<![\\p{L}\\p{M}])${forRegExp(word)}(?![\\p{L}\\p{M}])`, 'giu')))
          spans.push(span('name', match.index, match[0]))
  for (const cue of NAME_CUES) for (const match of text.matchAll(cue)) spans.push(lastGroup('name', match))
  // Engines that write no capitals give no sign of where a name ends: the next two words then.
  if (!/\p{Lu}/u.test(text))
    for (const cue of LOWER_CUES) for (const match of text.matchAll(cue)) spans.push(lastGroup('name', match))
  for (const cue of ADDRESS_CUES) for (const match of text.matchAll(cue)) spans.push(lastGroup('address', match))
  return merge(spans)
}

function span(kind: PersonalSpan['kind'], from: number, found: string): PersonalSpan {
  return { kind, from, to: from + found.length }
}

function lastGroup(kind: PersonalSpan['kind'], match: RegExpExecArray): PersonalSpan {
  const group = match[1]
  if (group === undefined) return span(kind, match.index, match[0])
  return span(kind, match.index + match[0].lastIndexOf(group), group)
}

function isKnown(digits: string, numbers: readonly string[] = []): boolean {
  return digits.length >= 4 && numbers.some(number => number.replace(/\D/g, '').endsWith(digits))
}

function forRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

/** In order, without overlaps; what touches becomes one. A card wins over a number, a number over the rest. */
function merge(spans: readonly PersonalSpan[]): readonly PersonalSpan[] {
  const rank = ['card', 'number', 'email', 'address', 'name']
  const merged: PersonalSpan[] = []
  for (const one of [...spans].sort((a, b) => a.from - b.from || b.to - a.to)) {
    const last = merged.at(-1)
    if (last === undefined || one.from >= last.to) merged.push(one)
    else
      merged[merged.length - 1] = {
        kind: rank.indexOf(one.kind) < rank.indexOf(last.kind) ? one.kind : last.kind,
        from: last.from,
        to: Math.max(last.to, one.to)
      }
  }
  return merged
}

/** The text with each personal span as `[kind]`, and where its own offsets now are. */
export function redactedText(
  text: string,
  personal: readonly PersonalSpan[]
): Readonly<{ text: string; toOriginal(offset: number): number; toRedacted(offset: number): number }> {
  if (personal.length === 0) return { text, toOriginal: offset => offset, toRedacted: offset => offset }
  const pieces: { at: number; original: number; length: number; isHidden: boolean }[] = []
  let result = ''
  let from = 0
  const plain = (to: number) => {
    if (to > from) pieces.push({ at: result.length, original: from, length: to - from, isHidden: false })
    result += text.slice(from, to)
  }
  for (const one of personal) {
    plain(one.from)
    const label = `[${one.kind}]`
    pieces.push({ at: result.length, original: one.from, length: label.length, isHidden: true })
    result += label
    from = one.to
  }
  plain(text.length)
  return {
    text: result,
    toOriginal(offset) {
      const piece = pieces.findLast(one => one.at <= offset)
      if (piece === undefined) return offset
      return piece.isHidden ? piece.original : piece.original + (offset - piece.at)
    },
    toRedacted(offset) {
      const piece = pieces.findLast(one => one.original <= offset)
      if (piece === undefined) return offset
      return piece.isHidden ? piece.at : piece.at + Math.min(piece.length, offset - piece.original)
    }
  }
}

/** The text with personal spans taken out, for the index: what is hidden cannot be searched for. */
export function indexedText(text: string, personal: readonly PersonalSpan[]): string {
  let result = ''
  let from = 0
  for (const one of personal) {
    result += `${text.slice(from, one.from)} `
    from = one.to
  }
  return result + text.slice(from)
}

/**
 * Takes card numbers out for good, before anything is stored (PCI DSS 3.5.1): each digit becomes a dot of the same
 * length, so that offsets and times hold. A number may be read out over several utterances of one speaker.
 */
export function withoutCards(
  utterances: readonly NewUtterance[],
  language: string
): Readonly<{ utterances: readonly NewUtterance[]; cards: number }> {
  const texts = utterances.map(one => one.text)
  let cards = 0
  for (const group of groups(utterances)) {
    let joined = ''
    const starts = group.map(index => {
      const start = joined.length
      joined += `${texts[index] ?? ''} `
      return start
    })
    for (const found of findPersonal(joined, language)) {
      if (found.kind !== 'card') continue
      cards += 1
      for (const [order, index] of group.entries()) {
        const start = starts[order] ?? 0
        const text = texts[index] ?? ''
        const from = Math.max(0, found.from - start)
        const to = Math.min(text.length, found.to - start)
        if (to <= from) continue
        texts[index] = text.slice(0, from) + text.slice(from, to).replace(/[^\s]/g, MASK) + text.slice(to)
      }
    }
  }
  return {
    cards,
    utterances: utterances.map((one, index) => {
      const text = texts[index] ?? one.text
      if (text === one.text) return one
      return {
        ...one,
        text,
        words: (one.words ?? []).filter(word => text.toLowerCase().includes(word.text.toLowerCase()))
      }
    })
  }
}

/** Runs of utterances of one speaker that lie close together, whoever else says "yes" in between. */
function groups(utterances: readonly NewUtterance[]): readonly (readonly number[])[] {
  const open = new Map<string, { indexes: number[]; endMs: number }>()
  const all: number[][] = []
  for (const [index, one] of utterances.entries()) {
    const key = `${one.speaker} ${one.speakerId ?? ''}`
    const group = open.get(key)
    if (group !== undefined && one.startMs - group.endMs <= JOIN_MS) {
      group.indexes.push(index)
      group.endMs = one.endMs
      continue
    }
    const indexes = [index]
    all.push(indexes)
    open.set(key, { indexes, endMs: one.endMs })
  }
  return all
}

/** Whether the text ends in digits that may go on in the next utterance of the same speaker. */
export function endsInDigits(text: string, language: string): boolean {
  const run = digitRuns(text, language).at(-1)
  return run !== undefined && text.slice(run.to).replace(/[\s.,;:…–-]/g, '') === ''
}

export type Redacted = Pick<Utterance, 'text' | 'words' | 'personal'>
