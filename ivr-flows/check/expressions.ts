import { checkSyntax } from '../expression.ts'
import { isRecord, toJson } from '../json.ts'
import { didYouMean } from '../nearest.ts'
import { promptItems } from '../prompts.ts'
import type { Prompts } from '../parts.ts'
import type { Finding, Path } from '../problem.ts'
import { splitTemplate } from '../template.ts'
import { fit, VARIABLE_TYPES } from '../variables.ts'
import type { RawFlow } from './meaning.ts'
import type { RoleValue } from './structure.ts'

/** An expression with its place: `offset` is where it starts in the text at `path`. */
type Place = Readonly<{ text: string; path: Path; offset: number }>

/** Finds expressions and patterns that cannot be read, and variables that the flow does not declare. */
export function checkExpressions(flow: RawFlow, roles: readonly RoleValue[]): Finding[] {
  const findings: Finding[] = []
  const collected: Place[] = []
  for (const { role, value, path, isKey } of roles) {
    if (role === 'expression' && typeof value === 'string') collected.push({ text: value, path, offset: 0 })
    if (role === 'template' || role === 'queue' || role === 'url') collect(value, path, collected, findings)
    if (role === 'prompt') collectPrompt(value as Prompts, path, collected, findings)
    if (role === 'pattern') findings.push(...checkPattern(String(value), path))
    if (role === 'variable') findings.push(...checkVariable(flow, String(value), path, isKey ? 'key' : 'value', 0))
  }
  // An address inside a prompt is visited twice: by its own role and as a part of the prompt.
  const places = [...new Map(collected.map(place => [JSON.stringify([place.path, place.offset]), place])).values()]
  findings.push(...checkDefaults(flow))
  const distinct = [...new Set(places.map(place => place.text))]
  const problems = new Map(checkSyntax(distinct).map((problem, index) => [distinct[index] ?? '', problem]))
  for (const { text, path, offset } of places) {
    const problem = problems.get(text)
    if (problem !== null && problem !== undefined) {
      const message = `The expression cannot be read: ${problem.message}`
      findings.push({ code: 'EXPRESSION_SYNTAX', message, path, offset: offset + problem.offset })
      continue
    }
    for (const use of variableUses(text)) {
      findings.push(...checkVariable(flow, use.name, path, 'value', offset + use.offset))
    }
  }
  return findings
}

function checkDefaults(flow: RawFlow): Finding[] {
  const vars = isRecord(flow['vars']) ? flow['vars'] : {}
  return Object.entries(vars).flatMap(([name, variable]): Finding[] => {
    if (!isRecord(variable) || variable['default'] === undefined) return []
    const type = VARIABLE_TYPES.find(one => one === variable['type'])
    if (type === undefined || fit(type, toJson(variable['default'])) !== undefined) return []
    const path = ['vars', name, 'default']
    return [{ code: 'WRONG_DEFAULT', message: `The default of “${name}” is not a ${type}`, path }]
  })
}

function collect(value: unknown, path: Path, places: Place[], findings: Finding[]): void {
  if (typeof value === 'string') {
    if (!value.includes('{{')) return
    const parts = splitTemplate(value)
    if (parts === null) {
      const suggestion = 'Close it with }}.'
      findings.push({
        code: 'TEMPLATE_SYNTAX',
        message: 'A {{ is never closed',
        path,
        offset: value.lastIndexOf('{{'),
        suggestion
      })
      return
    }
    for (const part of parts)
      if (part.kind === 'expression') places.push({ text: part.text, path, offset: part.offset })
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) collect(item, [...path, index], places, findings)
  } else if (isRecord(value)) {
    for (const [key, item] of Object.entries(value)) collect(item, [...path, key], places, findings)
  }
}

function collectPrompt(prompts: Prompts, path: Path, places: Place[], findings: Finding[]): void {
  // A prompt holds templates in all its texts, and nothing else that could be taken for one.
  if (promptItems(prompts).length > 0) collect(prompts, path, places, findings)
}

function checkPattern(pattern: string, path: Path): Finding[] {
  if (pattern.includes('/')) {
    return [{ code: 'BAD_PATTERN', message: 'The pattern has a slash, and keys never give one', path }]
  }
  try {
    new RegExp(`^(?:${pattern})$`)
    return []
  } catch (err) {
    const reason = err instanceof Error ? err.message : 'it is not well formed'
    return [{ code: 'BAD_PATTERN', message: `The pattern cannot be read: ${reason}`, path }]
  }
}

/** `vars.name` in an expression, outside of its texts and not as a part of another path. */
function variableUses(expression: string): { name: string; offset: number }[] {
  const blanked = expression.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, text => ' '.repeat(text.length))
  return [...blanked.matchAll(/(?<![.\w$])vars\.([A-Za-z_]\w*)/g)].map(match => ({
    name: match[1] ?? '',
    offset: match.index + 'vars.'.length
  }))
}

function checkVariable(flow: RawFlow, name: string, path: Path, at: 'key' | 'value', offset: number): Finding[] {
  const vars = isRecord(flow['vars']) ? flow['vars'] : {}
  if (Object.hasOwn(vars, name)) return []
  const known = Object.keys(vars)
  const { suggestion = `Declare it under vars: ${name}: { type: string }.` } = didYouMean(name, known)
  return [
    { code: 'UNKNOWN_VARIABLE', message: `The flow declares no variable “${name}”`, path, at, offset, suggestion }
  ]
}
