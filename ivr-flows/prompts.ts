import type { Scope } from './expression.ts'
import type { Prompt } from './host.ts'
import { chooseLanguage } from './languages.ts'
import type { PromptItem, Prompts, Text } from './parts.ts'
import { fillText } from './template.ts'

/** A prompt as written, as a list of items in one form. */
export function promptItems(prompts: Prompts): readonly PromptItem[] {
  return Array.isArray(prompts) ? prompts.map(toItem) : [toItem(prompts)]
}

/** Keys that tell an item from texts per language. */
const ITEM_KEYS: readonly string[] = ['text', 'language', 'recorded', 'file', 'url', 'silenceMs', 'tone']

function toItem(part: string | Record<string, unknown>): PromptItem {
  if (typeof part === 'string') return { text: part }
  return Object.keys(part).some(key => ITEM_KEYS.includes(key))
    ? (part as PromptItem)
    : { text: part as Record<string, string> }
}

export type PromptLanguages = Readonly<{ language: string; defaultLanguage: string }>

/**
 * What the caller hears, in the caller's language or the nearest there is. A speech prompt carries the language that its
 * text is written in.
 * @throws {ExpressionError} when a template cannot be filled in.
 */
export function resolvePrompts(prompts: Prompts, languages: PromptLanguages, scope: Scope): readonly Prompt[] {
  return promptItems(prompts).flatMap(item => resolveItem(item, languages, scope))
}

function resolveItem(item: PromptItem, languages: PromptLanguages, scope: Scope): Prompt[] {
  const { recorded } = item
  if (item.text !== undefined) {
    const { text, language } = choose(item.text, item.language, languages)
    const filled = fillText(text, scope).trim()
    // A text that is only a value may turn out empty; there is then nothing to say.
    if (filled === '' && recorded === undefined) return []
    return [{ kind: 'speech', text: filled, language, ...(recorded === undefined ? {} : { recorded }) }]
  }
  if (item.file !== undefined) {
    const { text, language } = choose(item.file, item.language, languages)
    return [{ kind: 'file', name: fillText(text, scope), language }]
  }
  if (item.url !== undefined) return [{ kind: 'url', url: fillText(item.url, scope) }]
  if (item.silenceMs !== undefined) return [{ kind: 'silence', durationMs: item.silenceMs }]
  if (item.tone !== undefined) return [{ kind: 'tone', spec: item.tone }]
  return []
}

function choose(text: Text, fixed: string | undefined, { language, defaultLanguage }: PromptLanguages) {
  if (typeof text === 'string') return { text, language: fixed ?? defaultLanguage }
  const chosen = chooseLanguage(Object.keys(text), fixed ?? language, defaultLanguage)
  return { text: chosen === null ? '' : (text[chosen] ?? ''), language: chosen ?? defaultLanguage }
}
