import type { Decision } from '../decide.ts'
import { ar } from './ar.ts'
import { de } from './de.ts'
import { en } from './en.ts'
import { es } from './es.ts'
import { ja } from './ja.ts'
import { EXPLAIN_LANGUAGES, type ExplainLanguage, openFactIn, type Words } from './words.ts'
import { zh } from './zh.ts'

const WORDS: Readonly<Record<ExplainLanguage, Words>> = { en, es, de, zh, ar, ja }

/** The language of an explanation for a language tag such as `de-AT`; English for every other. */
export function explainLanguage(tag: string): ExplainLanguage {
  const primary = tag.toLowerCase().split('-')[0]
  return EXPLAIN_LANGUAGES.find(one => one === primary) ?? 'en'
}

/**
 * A decision in sentences: the outcome, each failed rule with its reason, the local times, the next instant, what is
 * open and what must be done. Made from the codes each time; never stored as the truth.
 */
export function explain(
  decision: Omit<Decision, 'number'>,
  language: ExplainLanguage,
  titleOf: (rule: string) => string | null = () => null
): readonly string[] {
  const words = WORDS[language]
  const lines = [words.outcomes[decision.outcome]]
  for (const one of decision.results) {
    if (one.reasons.length === 0) continue
    const title = titleOf(one.rule)
    const sentence = one.reasons.map(reason => words.reasons[reason]).join(' ')
    lines.push(fill(words.rule, { rule: title === null ? one.rule : `${one.rule} (${title})`, sentence }))
    if (one.certainty === 'UNVERIFIED') lines.push(words.unverified)
  }
  if (decision.outcome !== 'ALLOW')
    for (const { zone, local } of decision.zones) lines.push(fill(words.local, { zone, time: local }))
  if (decision.nextAt !== null) lines.push(fill(words.nextAt, { at: decision.nextAt }))
  if (decision.open.length > 0)
    lines.push(fill(words.open, { facts: decision.open.map(fact => openFactIn(fact, words)).join(', ') }))
  for (const one of decision.shadow)
    for (const reason of one.reasons) lines.push(fill(words.proposed, { sentence: words.reasons[reason] }))
  if (decision.obligations.length > 0) {
    lines.push(words.mustDo)
    for (const { code, seconds } of decision.obligations)
      lines.push(fill(words.obligations[code], { seconds: String(seconds ?? '') }))
  }
  return lines
}

function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole)
}
