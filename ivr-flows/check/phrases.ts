import { isRecord } from '../json.ts'
import { samePhrase } from '../phrases.ts'
import type { Finding, Path } from '../problem.ts'
import type { RawFlow } from './meaning.ts'

type Said = Readonly<{ key: string; phrase: string; path: Path }>

/** Finds phrases of menus that belong to no choice, and phrases that would choose two keys. */
export function checkPhrases(flow: RawFlow): Finding[] {
  const nodes = isRecord(flow['nodes']) ? flow['nodes'] : {}
  return Object.entries(nodes).flatMap(([name, node]) => {
    if (!isRecord(node) || !isRecord(node['say']) || !isRecord(node['choices'])) return []
    const { say, choices } = node
    const path: Path = ['nodes', name, 'say']
    const strangers = Object.keys(say as object)
      .filter(key => !Object.hasOwn(choices as object, key))
      .map((key): Finding => {
        const suggestion = `Add “${key}” to choices, or remove its phrases.`
        const message = `No choice has the key “${key}”, so that its phrases lead nowhere`
        return { code: 'UNKNOWN_TARGET', message, path: [...path, key], at: 'key', suggestion }
      })
    return [...strangers, ...ambiguous(say as Readonly<Record<string, unknown>>, path)]
  })
}

function ambiguous(say: Readonly<Record<string, unknown>>, path: Path): Finding[] {
  const byLanguage = new Map<string, Said[]>()
  for (const [key, languages] of Object.entries(say)) {
    if (!isRecord(languages)) continue
    for (const [language, phrases] of Object.entries(languages)) {
      if (!Array.isArray(phrases)) continue
      const known = byLanguage.get(language) ?? []
      byLanguage.set(language, known)
      for (const [index, phrase] of phrases.entries())
        if (typeof phrase === 'string') known.push({ key, phrase, path: [...path, key, language, index] })
    }
  }
  return [...byLanguage.values()].flatMap(all =>
    all.flatMap((one, index) => {
      const first = all.slice(0, index).find(other => other.key !== one.key && samePhrase(other.phrase, one.phrase))
      if (first === undefined) return []
      const message = `“${one.phrase}” is a phrase for both “${first.key}” and “${one.key}”`
      return [{ code: 'DUPLICATE_KEY', message, path: one.path, suggestion: 'Leave it with one of them.' } as const]
    })
  )
}
