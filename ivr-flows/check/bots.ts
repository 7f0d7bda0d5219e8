import { Ajv } from 'ajv'
import { isRecord } from '../json.ts'
import { closest, languageChain } from '../languages.ts'
import { DISCLOSED_LANGUAGES, REGISTER_LANGUAGES } from '../nodes/bot.ts'
import type { Finding, Path } from '../problem.ts'
import type { RawFlow } from './meaning.ts'

/** Parameters with such a name say whose data is meant. */
const PERSON = /customer|client|caller|phone|mobile|account|e?mail|order|user|member|contract|invoice|booking|patient/i
const PLACE = /\{([^{}]*)\}/g
/** What a value in an address can be: a list or an object has no form there. */
const SCALARS = ['string', 'integer', 'number', 'boolean']

const ajv = new Ajv({ strict: false, allErrors: true })

/** Finds bots that would not say that they are none, and tools that cannot work or could reach another person's data. */
export function checkBots(flow: RawFlow): Finding[] {
  const nodes = isRecord(flow['nodes']) ? flow['nodes'] : {}
  const languages = Array.isArray(flow['languages']) ? flow['languages'].filter(one => typeof one === 'string') : []
  return Object.entries(nodes).flatMap(([name, node]) => {
    if (!isRecord(node) || node['kind'] !== 'bot') return []
    const path: Path = ['nodes', name]
    const tools = Array.isArray(node['tools']) ? node['tools'].filter(isRecord) : []
    return [
      ...checkDisclosure(node, path, languages),
      ...checkRegister(node, path, languages),
      ...tools.flatMap((tool, at) => checkTool(tool, tools, [...path, 'tools', at], languages))
    ]
  })
}

function checkDisclosure(node: Readonly<Record<string, unknown>>, path: Path, languages: readonly string[]): Finding[] {
  const own = isRecord(node['disclosure']) ? Object.keys(node['disclosure']) : []
  return languages
    .filter(tag => closest([...DISCLOSED_LANGUAGES, ...own], tag) === null)
    .map(tag => ({
      code: 'MISSING_TEXT' as const,
      message: `The bot cannot say in “${tag}” that it is not a human`,
      path,
      suggestion: `Add disclosure: { ${tag}: … }.`
    }))
}

/** How callers are addressed can be chosen where the language has two ways and the flow speaks it. */
function checkRegister(node: Readonly<Record<string, unknown>>, path: Path, languages: readonly string[]): Finding[] {
  const register = isRecord(node['register']) ? node['register'] : {}
  return Object.keys(register).flatMap((tag): Finding[] => {
    const place = { path: [...path, 'register', tag], at: 'key' as const }
    if (!REGISTER_LANGUAGES.some(one => one === languageChain(tag).at(-1)?.toLowerCase()))
      return [
        {
          code: 'NO_REGISTER',
          message: `“${tag}” has no formal and informal way of addressing callers here`,
          ...place,
          suggestion: `Leave it out. There is a choice in ${REGISTER_LANGUAGES.join(', ')}.`
        }
      ]
    const isSpoken = languages.some(one =>
      languageChain(one).some(wanted => wanted.toLowerCase() === tag.toLowerCase())
    )
    if (isSpoken) return []
    return [
      {
        code: 'UNKNOWN_LANGUAGE',
        message: `The flow does not speak “${tag}”: no caller is addressed so`,
        ...place,
        suggestion: `Its languages are ${languages.join(', ')}.`
      }
    ]
  })
}

function checkTool(
  tool: Readonly<Record<string, unknown>>,
  all: readonly Readonly<Record<string, unknown>>[],
  path: Path,
  languages: readonly string[]
): Finding[] {
  const findings: Finding[] = []
  const bad = (message: string, at: Path, suggestion: string, severity?: 'warning') =>
    findings.push({ code: 'BAD_TOOL', message, path: at, suggestion, ...(severity !== undefined && { severity }) })
  const name = String(tool['name'])
  if (all.filter(other => other['name'] === tool['name']).length > 1)
    bad(`Two tools are called “${name}”`, [...path, 'name'], 'Give each a name of its own.')
  const properties = checkParameters(tool, path, bad)
  const facts = isRecord(tool['facts']) ? Object.keys(tool['facts']) : []
  const proven = isRecord(tool['proven']) ? tool['proven'] : {}
  for (const fact of facts)
    if (properties.includes(fact))
      bad(`“${fact}” is both a fact and a parameter`, [...path, 'facts', fact], 'A fact cannot be given by a model.')
  const kinds = all.flatMap(other => (isRecord(other['proves']) ? Object.keys(other['proves']) : []))
  for (const [parameter, kind] of Object.entries(proven)) {
    if (!properties.includes(parameter))
      bad(`“${parameter}” is not a parameter`, [...path, 'proven', parameter], 'Add it to parameters.')
    if (!kinds.includes(String(kind)))
      bad(
        `No tool proves “${String(kind)}”`,
        [...path, 'proven', parameter],
        `Add proves: { ${String(kind)}: … } to one.`
      )
  }
  for (const parameter of properties)
    if (PERSON.test(parameter) && !Object.hasOwn(proven, parameter))
      bad(
        `Whatever a caller says may become “${parameter}”`,
        [...path, 'parameters'],
        'If it says whose data is meant, make it a fact, or let it be proven by another tool.',
        'warning'
      )
  const known = [...properties, ...facts]
  const unknownIn = (text: string) =>
    [...text.matchAll(PLACE)].map(([, one = '']) => one).filter(one => !known.includes(one))
  for (const one of unknownIn(String(tool['url'] ?? '')))
    bad(`{${one}} is neither a parameter nor a fact`, [...path, 'url'], 'Declare it under parameters or facts.')
  const confirm = isRecord(tool['confirm']) ? tool['confirm'] : {}
  for (const [tag, text] of Object.entries(confirm))
    for (const one of unknownIn(String(text)).concat(facts.filter(fact => String(text).includes(`{${fact}}`))))
      bad(`{${one}} is not a parameter`, [...path, 'confirm', tag], 'Only what the model gives can be asked about.')
  if (tool['changes'] === true)
    for (const tag of languages)
      if (closest(Object.keys(confirm), tag) === null)
        findings.push({
          code: 'MISSING_TEXT',
          message: `Nobody asks the caller in “${tag}” before “${name}” changes anything`,
          path,
          suggestion: `Add confirm: { ${tag}: … }.`
        })
  return findings
}

/** Names of the parameters of a tool. */
function checkParameters(
  tool: Readonly<Record<string, unknown>>,
  path: Path,
  bad: (message: string, at: Path, suggestion: string) => void
): readonly string[] {
  const schema = tool['parameters']
  if (!isRecord(schema)) return []
  const at = [...path, 'parameters']
  try {
    ajv.compile(schema)
  } catch (err) {
    bad(
      `The schema cannot be read: ${err instanceof Error ? err.message : String(err)}`,
      at,
      'It must be a JSON schema.'
    )
    return []
  }
  if (schema['type'] !== 'object' || !isRecord(schema['properties'])) {
    bad('The parameters are not an object', at, 'Write type: object and properties: { … }.')
    return []
  }
  for (const [name, property] of Object.entries(schema['properties'])) {
    const type = isRecord(property) ? property['type'] : undefined
    if (typeof type !== 'string' || !SCALARS.includes(type))
      bad(
        `“${name}” is not a text, a number or yes/no`,
        [...at, 'properties', name],
        `Its type is one of ${SCALARS.join(', ')}.`
      )
  }
  return Object.keys(schema['properties'])
}
