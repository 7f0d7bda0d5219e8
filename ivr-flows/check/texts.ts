import { isRecord } from '../json.ts'
import { canonicalLanguage, closest, COMMON_LANGUAGES, isKnownLanguage } from '../languages.ts'
import { didYouMean } from '../nearest.ts'
import { promptItems } from '../prompts.ts'
import type { PromptItem, Prompts } from '../parts.ts'
import type { Finding, Path } from '../problem.ts'
import { splitTemplate } from '../template.ts'
import type { RawFlow } from './meaning.ts'
import type { RoleValue } from './structure.ts'

type Languages = Readonly<{ all: readonly string[]; fallback: string | null }>

/** Finds languages that do not exist or that the flow does not speak, prompts that say nothing, and missing texts. */
export function checkLanguages(flow: RawFlow, roles: readonly RoleValue[]): Finding[] {
  const languages: Languages = {
    all: Array.isArray(flow['languages']) ? flow['languages'].filter(one => typeof one === 'string') : [],
    fallback: typeof flow['defaultLanguage'] === 'string' ? flow['defaultLanguage'] : null
  }
  const findings: Finding[] = []
  for (const { role, value, path, isKey } of roles) {
    if (role === 'language') findings.push(...checkTag(String(value), path, isKey ? 'key' : 'value'))
    if (role === 'language' && path[0] === 'nodes') findings.push(...checkSpoken(String(value), path, languages))
    if (role === 'prompt') findings.push(...checkPrompt(value as Prompts, path, languages))
  }
  const { all, fallback } = languages
  if (fallback !== null && all.length > 0 && !all.includes(fallback)) {
    findings.push({
      code: 'UNKNOWN_LANGUAGE',
      message: `The default language “${fallback}” is not among the flow’s languages`,
      path: ['defaultLanguage'],
      suggestion: `Add it to languages, or choose one of ${all.join(', ')}.`
    })
  }
  return findings
}

function checkTag(tag: string, path: Path, at: 'key' | 'value'): Finding[] {
  if (canonicalLanguage(tag) !== null && isKnownLanguage(tag)) return []
  const { suggestion = 'Languages are tags such as en, de-AT or zh-Hant.' } = didYouMean(tag, COMMON_LANGUAGES)
  return [{ code: 'UNKNOWN_LANGUAGE', message: `There is no language “${tag}”`, path, at, suggestion }]
}

function checkSpoken(tag: string, path: Path, { all }: Languages): Finding[] {
  if (all.length === 0 || closest(all, tag) !== null) return []
  const { suggestion = `Add it to languages, or choose one of ${all.join(', ')}.` } = didYouMean(tag, all)
  return [{ code: 'UNKNOWN_LANGUAGE', message: `The flow does not speak “${tag}”`, path, suggestion }]
}

function checkPrompt(prompts: Prompts, path: Path, languages: Languages): Finding[] {
  return promptItems(prompts).flatMap((item, index) => {
    const itemPath = Array.isArray(prompts) ? [...path, index] : path
    const written = Array.isArray(prompts) ? prompts[index] : prompts
    const isWrapped = isRecord(written) && item === written
    return checkTexts(item, itemPath, isWrapped, languages)
  })
}

function checkTexts(item: PromptItem, path: Path, isWrapped: boolean, languages: Languages): Finding[] {
  const key = item.text === undefined ? 'file' : 'text'
  const value = item[key]
  if (value === undefined) return []
  const valuePath = isWrapped ? [...path, key] : path
  if (typeof value === 'string') return checkOnlyText(value, key, item, valuePath, languages)
  const given = Object.keys(value)
  const findings = given.flatMap(tag => [
    ...checkTag(tag, [...valuePath, tag], 'key'),
    ...checkSpoken(tag, [...valuePath, tag], languages).map(finding => ({ ...finding, at: 'key' as const }))
  ])
  for (const tag of item.language === undefined ? languages.all : []) {
    if (closest(given, tag) !== null) continue
    findings.push(missing(tag, key, valuePath, tag === languages.fallback))
  }
  return findings
}

/** One text for a flow of several languages serves only the default one, unless it is nothing but values. */
function checkOnlyText(value: string, key: string, item: PromptItem, path: Path, languages: Languages): Finding[] {
  if (item.language !== undefined || key === 'file') return []
  const words = (splitTemplate(value) ?? []).filter(part => part.kind === 'text' && /\p{L}/u.test(part.text))
  if (words.length === 0) return []
  return languages.all
    .filter(tag => languages.fallback !== null && closest([languages.fallback], tag) === null)
    .map(tag => missing(tag, key, path, false))
}

function missing(tag: string, key: string, path: Path, isDefault: boolean): Finding {
  return {
    code: 'MISSING_TEXT',
    message: `The ${key} is missing in “${tag}”${isDefault ? ', the default language' : ''}`,
    path,
    severity: isDefault ? 'error' : 'warning',
    suggestion: `Add ${tag}: …`
  }
}
