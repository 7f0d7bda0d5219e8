import { isRecord } from '../json.ts'
import { samePhrase } from '../phrases.ts'
import type { Finding, Path } from '../problem.ts'
import { GrammarError, parseGrammar } from '../understand/grammar.ts'
import { spokenLanguage } from '../understand/text.ts'
import type { RawFlow } from './meaning.ts'

/** Finds spoken answers that lack what they need, grammars that cannot be read, and phrases that mean two things. */
export function checkSpeech(flow: RawFlow): Finding[] {
  const nodes = isRecord(flow['nodes']) ? flow['nodes'] : {}
  const languages = Array.isArray(flow['languages']) ? flow['languages'].filter(one => typeof one === 'string') : []
  return Object.entries(nodes).flatMap(([name, node]) => {
    if (!isRecord(node) || node['kind'] !== 'gather') return []
    const path: Path = ['nodes', name]
    const { speech } = node
    const accept: unknown = node['accept']
    const acceptsSpeech = Array.isArray(accept) && accept.includes('speech')
    if (!isRecord(speech)) return acceptsSpeech ? [missing(path, 'speech', 'what may be said')] : []
    const findings: Finding[] = []
    if (accept !== undefined && !acceptsSpeech)
      findings.push({
        code: 'WRONG_VALUE',
        message: 'What may be said is given, but accept leaves speech out',
        path: [...path, 'accept'],
        suggestion: 'Add speech to accept, or remove accept.'
      })
    if (node['card'] === true)
      findings.push({
        code: 'WRONG_VALUE',
        message: 'A card number is never listened to',
        path: [...path, 'speech'],
        at: 'key',
        suggestion: 'Remove speech, or card.'
      })
    return [...findings, ...checkKind(speech, [...path, 'speech'], languages)]
  })
}

function checkKind(speech: Readonly<Record<string, unknown>>, path: Path, languages: readonly string[]): Finding[] {
  const { kind, phrases, grammar } = speech
  const strangers = languages.filter(one => spokenLanguage(one) === null)
  if (kind === 'phrases')
    return isRecord(phrases) ? ambiguous(phrases, [...path, 'phrases']) : [missing(path, 'phrases', 'what may be said')]
  const findings = strangers.map(
    (tag): Finding => ({
      code: 'UNKNOWN_LANGUAGE',
      message: `Spoken answers of this kind are not read in “${tag}”; there the caller presses keys`,
      path: [...path, 'kind'],
      severity: 'warning'
    })
  )
  if (kind !== 'grammar') return findings
  if (!isRecord(grammar)) return [...findings, missing(path, 'grammar', 'what may be said, in a part of JSGF')]
  return [
    ...findings,
    ...Object.entries(grammar).flatMap(([tag, source]) =>
      typeof source === 'string' ? checkGrammar(source, [...path, 'grammar', tag]) : []
    )
  ]
}

function checkGrammar(source: string, path: Path): Finding[] {
  try {
    parseGrammar(source)
    return []
  } catch (err) {
    if (!(err instanceof GrammarError)) throw err
    const line = source.slice(0, err.offset).split('\n').length
    const where = source.includes('\n') ? ` (line ${line} of the grammar)` : ''
    const message = `The grammar cannot be read: ${err.message}${where}`
    return [{ code: 'BAD_GRAMMAR', message, path, offset: err.offset }]
  }
}

function ambiguous(phrases: Readonly<Record<string, unknown>>, path: Path): Finding[] {
  const known: Readonly<{ value: string; language: string; phrase: string }>[] = []
  const findings: Finding[] = []
  for (const [value, languages] of Object.entries(phrases))
    for (const [language, all] of Object.entries(isRecord(languages) ? languages : {}))
      for (const [index, phrase] of (Array.isArray(all) ? all : []).entries()) {
        if (typeof phrase !== 'string') continue
        const first = known.find(
          one => one.language === language && one.value !== value && samePhrase(one.phrase, phrase)
        )
        known.push({ value, language, phrase })
        if (first === undefined) continue
        const message = `“${phrase}” is a phrase for both “${first.value}” and “${value}”`
        const suggestion = 'Leave it with one of them.'
        findings.push({ code: 'DUPLICATE_KEY', message, path: [...path, value, language, index], suggestion })
      }
  return findings
}

function missing(path: Path, key: string, what: string): Finding {
  return {
    code: 'MISSING_PROPERTY',
    message: `“${String(path.at(-1))}” has no “${key}”`,
    path,
    at: 'key',
    suggestion: `Add ${key}: ${what}.`
  }
}
