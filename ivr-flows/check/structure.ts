import type { TSchema } from 'typebox'
import { didYouMean } from '../nearest.ts'
import { KEY_ROLE, ONE_OF, ROLE, type Role } from '../parts.ts'
import type { Finding, Path } from '../problem.ts'

/** A value of a role, found where the schema says so. */
export type RoleValue = Readonly<{ role: Role; value: unknown; path: Path; isKey: boolean }>

export type StructureReport = Readonly<{ findings: Finding[]; roles: RoleValue[] }>

/** The parts of JSON Schema that flow schemas use. */
type Schema = Readonly<{
  type?: string
  const?: unknown
  enum?: readonly unknown[]
  anyOf?: readonly Schema[]
  properties?: Readonly<Record<string, Schema>>
  patternProperties?: Readonly<Record<string, Schema>>
  additionalProperties?: boolean | Schema
  required?: readonly string[]
  items?: Schema
  minItems?: number
  maxItems?: number
  minProperties?: number
  maxProperties?: number
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  pattern?: string
  description?: string
  [ROLE]?: Role
  [KEY_ROLE]?: Role
  [ONE_OF]?: readonly string[]
}>

/**
 * Compares a document with a schema and lists every difference in words, along with all values that carry a role. Our
 * own walk, because validators report a failed union as all its branches' errors, which nobody can read.
 */
export function checkStructure(schema: TSchema, document: unknown): StructureReport {
  const report: StructureReport = { findings: [], roles: [] }
  walk(schema as Schema, document, [], report)
  return report
}

function walk(schema: Schema, value: unknown, path: Path, report: StructureReport): void {
  const role = schema[ROLE]
  const before = report.findings.length
  if (schema.anyOf !== undefined) walkUnion(schema, schema.anyOf, value, path, report)
  else if (schema.const !== undefined) walkConst([schema.const], value, path, report)
  else if (schema.enum !== undefined) walkConst(schema.enum, value, path, report)
  else walkPlain(schema, value, path, report)
  // What is already wrong in shape is not judged by meaning as well.
  if (role !== undefined && report.findings.length === before) report.roles.push({ role, value, path, isKey: false })
}

function walkPlain(schema: Schema, value: unknown, path: Path, report: StructureReport): void {
  switch (schema.type) {
    case undefined:
      break
    case 'object':
      if (isPlainObject(value)) walkObject(schema, value, path, report)
      else wrongType('an object', value, path, report)
      break
    case 'array':
      if (Array.isArray(value)) walkArray(schema, value, path, report)
      else wrongType('a list', value, path, report)
      break
    case 'string':
      if (typeof value === 'string') walkString(schema, value, path, report)
      else wrongType('text', value, path, report)
      break
    case 'number':
      if (typeof value === 'number' && Number.isFinite(value)) walkNumber(schema, value, path, report)
      else wrongType('a number', value, path, report)
      break
    case 'integer':
      if (typeof value === 'number' && Number.isInteger(value)) walkNumber(schema, value, path, report)
      else wrongType('a whole number', value, path, report)
      break
    case 'boolean':
      if (typeof value !== 'boolean') wrongType('true or false', value, path, report)
      break
    default:
      throw new Error(`the checker does not know schemas of type ${schema.type}`)
  }
}

function walkUnion(schema: Schema, branches: readonly Schema[], value: unknown, path: Path, report: StructureReport) {
  const constants = branches.flatMap(branch => (branch.const === undefined ? [] : [branch.const]))
  if (constants.length === branches.length) return walkConst(constants, value, path, report)
  const kinds = branches.flatMap(branch => branch.properties?.['kind']?.const ?? [])
  if (kinds.length === branches.length) return walkKinds(branches, kinds.map(String), value, path, report)
  const fitting = branches.filter(branch => fitsType(branch, value))
  if (fitting.length === 0) {
    const wanted = [...new Set(branches.map(typeWord))].join(' or ')
    return wrongType(
      schema.description === undefined ? wanted : `${wanted} (${schema.description})`,
      value,
      path,
      report
    )
  }
  // The branch with the fewest differences is what the author meant.
  const attempts = fitting.map(branch => {
    const attempt: StructureReport = { findings: [], roles: [] }
    walk(branch, value, path, attempt)
    return attempt
  })
  const best = attempts.reduce((one, other) => (other.findings.length < one.findings.length ? other : one))
  report.findings.push(...best.findings)
  report.roles.push(...best.roles)
}

function walkKinds(
  branches: readonly Schema[],
  kinds: readonly string[],
  value: unknown,
  path: Path,
  report: StructureReport
): void {
  if (!isPlainObject(value)) {
    wrongType('a node, an object with a kind', value, path, report)
    return
  }
  const kind = value['kind']
  const branch = branches[kinds.indexOf(String(kind))]
  if (branch !== undefined && typeof kind === 'string') {
    walkObject(branch, value, path, report)
    return
  }
  if (kind === undefined) {
    report.findings.push({
      code: 'MISSING_PROPERTY',
      message: `“${String(path.at(-1))}” does not say what kind of node it is`,
      path,
      at: 'key',
      suggestion: `Add kind, one of ${kinds.join(', ')}.`
    })
    return
  }
  report.findings.push({
    code: 'UNKNOWN_KIND',
    message: `There is no kind of node called ${show(kind)}`,
    path: [...path, 'kind'],
    ...either(didYouMean(String(kind), kinds), `Kinds are ${kinds.join(', ')}.`)
  })
}

function walkConst(allowed: readonly unknown[], value: unknown, path: Path, report: StructureReport): void {
  if (allowed.includes(value)) return
  const words = allowed.map(String)
  report.findings.push({
    code: 'WRONG_VALUE',
    message: `${show(value)} is not allowed here; ${words.length === 1 ? 'only' : 'one of'} ${words.join(', ')} is`,
    path,
    ...didYouMean(String(value), words)
  })
}

function walkObject(schema: Schema, value: Record<string, unknown>, path: Path, report: StructureReport): void {
  const { properties = {}, patternProperties = {}, required = [], additionalProperties } = schema
  const keys = Object.keys(value)
  const pattern = Object.entries(patternProperties)[0]
  const before = report.findings.length
  for (const key of keys) {
    const keyPath = [...path, key]
    const property = Object.hasOwn(properties, key) ? properties[key] : undefined
    if (property !== undefined) walk(property, value[key], keyPath, report)
    else if (pattern !== undefined && new RegExp(pattern[0], 'u').test(key)) {
      if (schema[KEY_ROLE] !== undefined)
        report.roles.push({ role: schema[KEY_ROLE], value: key, path: keyPath, isKey: true })
      walk(pattern[1], value[key], keyPath, report)
    } else if (pattern !== undefined) badName(key, keyPath, report)
    else if (additionalProperties === false) unknownProperty(key, keyPath, Object.keys(properties), keys, report)
  }
  // A property that is only misspelt was already named, with the right spelling.
  const misspelt = report.findings.slice(before).map(finding => finding.suggestion ?? '')
  for (const key of required) {
    if (Object.hasOwn(value, key) || misspelt.some(suggestion => suggestion.includes(`“${key}”`))) continue
    missingProperty(key, properties[key], path, report)
  }
  checkOneOf(schema, keys, path, report)
  if (keys.length < (schema.minProperties ?? 0)) {
    report.findings.push({ code: 'WRONG_VALUE', message: `${place(path)} is empty`, path, at: 'key' })
  }
  if (keys.length > (schema.maxProperties ?? Number.POSITIVE_INFINITY)) {
    report.findings.push({
      code: 'WRONG_VALUE',
      message: `${place(path)} has ${keys.length} entries; ${schema.maxProperties} are allowed`,
      path,
      at: 'key'
    })
  }
}

function checkOneOf(schema: Schema, keys: readonly string[], path: Path, report: StructureReport): void {
  const choices = schema[ONE_OF]
  if (choices === undefined) return
  const given = choices.filter(choice => keys.includes(choice))
  if (given.length === 1) return
  const list = new Intl.ListFormat('en', { type: 'disjunction' }).format(choices)
  const message =
    given.length === 0 ? `${place(path)} gives none of ${list}` : `${place(path)} gives ${given.join(' and ')} at once`
  report.findings.push({ code: 'NOT_ONE_OF', message, path, at: 'key', suggestion: `Give one of ${list}.` })
}

function walkArray(schema: Schema, value: readonly unknown[], path: Path, report: StructureReport): void {
  if (value.length < (schema.minItems ?? 0)) {
    report.findings.push({ code: 'WRONG_VALUE', message: `${place(path)} is empty`, path, at: 'key' })
  }
  if (value.length > (schema.maxItems ?? Number.POSITIVE_INFINITY)) {
    const message = `${place(path)} has ${value.length} entries; ${schema.maxItems} are allowed`
    report.findings.push({ code: 'WRONG_VALUE', message, path, at: 'key' })
    return
  }
  const { items } = schema
  if (items !== undefined) for (const [index, item] of value.entries()) walk(items, item, [...path, index], report)
}

function walkString(schema: Schema, value: string, path: Path, report: StructureReport): void {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern } = schema
  if (value.length < minLength) {
    report.findings.push({ code: 'WRONG_VALUE', message: `${place(path)} is empty`, path })
  } else if (value.length > maxLength) {
    const message = `${place(path)} is ${value.length} characters long; ${maxLength} are allowed`
    report.findings.push({ code: 'WRONG_VALUE', message, path })
  } else if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) {
    report.findings.push({
      code: schema[ROLE] === 'language' ? 'UNKNOWN_LANGUAGE' : 'BAD_NAME',
      message: `${show(value)} is not well formed`,
      path,
      ...(schema.description === undefined ? {} : { suggestion: `${schema.description}.` })
    })
  }
}

function walkNumber({ minimum, maximum }: Schema, value: number, path: Path, report: StructureReport): void {
  const low = minimum ?? Number.NEGATIVE_INFINITY
  const high = maximum ?? Number.POSITIVE_INFINITY
  if (value >= low && value <= high) return
  const allowed = maximum === undefined ? `at least ${low}` : `from ${low} to ${high}`
  report.findings.push({ code: 'WRONG_VALUE', message: `${place(path)} is ${value}; it must be ${allowed}`, path })
}

function wrongType(wanted: string, value: unknown, path: Path, report: StructureReport): void {
  report.findings.push({
    code: 'WRONG_TYPE',
    message: `${place(path)} must be ${wanted}, not ${typeName(value)}`,
    path,
    ...quotingHint(wanted, value)
  })
}

/** The commonest slips in YAML: a text that looks like a number, and a template without quotes. */
function quotingHint(wanted: string, value: unknown): { suggestion?: string } {
  if (!wanted.includes('text')) return {}
  if (typeof value === 'number' || typeof value === 'boolean' || value instanceof Date) {
    return { suggestion: `Put it in quotes: '${String(value)}'.` }
  }
  if (isPlainObject(value) && Object.keys(value).some(key => key.includes('{') || key.includes('[object'))) {
    return { suggestion: 'Put a text that starts with {{ in quotes.' }
  }
  return {}
}

function unknownProperty(
  key: string,
  path: Path,
  known: readonly string[],
  present: readonly string[],
  report: StructureReport
): void {
  const missing = known.filter(one => !present.includes(one))
  report.findings.push({
    code: 'UNKNOWN_PROPERTY',
    message: `“${key}” is not known here`,
    path,
    at: 'key',
    ...either(didYouMean(key, missing), `Known are ${known.join(', ')}.`)
  })
}

function missingProperty(key: string, schema: Schema | undefined, path: Path, report: StructureReport): void {
  const isTarget = schema?.[ROLE] === 'target'
  const owner = path.length === 0 ? 'The flow' : `“${String(path.at(-1))}”`
  report.findings.push({
    code: isTarget && path.length > 0 ? 'DEAD_END' : 'MISSING_PROPERTY',
    message:
      isTarget && path.length > 0
        ? `${owner} does not say what follows: “${key}” is missing`
        : `${owner} has no “${key}”`,
    path,
    at: 'key',
    suggestion: `Add ${key}${schema?.description === undefined ? '' : `: ${schema.description}`}.`
  })
}

function badName(key: string, path: Path, report: StructureReport): void {
  report.findings.push({
    code: 'BAD_NAME',
    message: `“${key}” is not a good name here`,
    path,
    at: 'key',
    suggestion:
      'Names have letters, digits, hyphens or underscores and start with a letter; languages are tags such as de-AT.'
  })
}

function either(first: { suggestion?: string }, second: string): { suggestion?: string } {
  return first.suggestion === undefined ? { suggestion: second } : first
}

function fitsType(schema: Schema, value: unknown): boolean {
  if (schema.anyOf !== undefined) return schema.anyOf.some(branch => fitsType(branch, value))
  switch (schema.type) {
    case 'object':
      return isPlainObject(value)
    case 'array':
      return Array.isArray(value)
    case 'integer':
    case 'number':
      return typeof value === 'number'
    default:
      if (schema.enum !== undefined) return schema.enum.some(one => typeof one === typeof value)
      if (schema.const !== undefined) return typeof schema.const === typeof value
      return schema.type === undefined || typeof value === schema.type
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function typeWord({ type, enum: allowed, const: only }: Schema): string {
  if (allowed !== undefined) return `one of ${allowed.join(', ')}`
  if (only !== undefined) return String(only)
  return type === 'object'
    ? 'an object'
    : type === 'array'
      ? 'a list'
      : type === 'string'
        ? 'text'
        : (type ?? 'a value')
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (isPlainObject(value)) return 'an object'
  if (typeof value === 'string') return 'text'
  return typeof value === 'number' || typeof value === 'boolean' ? show(value) : 'something else'
}

function place(path: Path): string {
  const last = path.at(-1)
  if (last === undefined) return 'The document'
  return typeof last === 'number' ? `Entry ${last + 1} of “${String(path.at(-2))}”` : `“${last}”`
}

function show(value: unknown): string {
  const text = String(value)
  return `“${text.length > 60 ? `${text.slice(0, 57)}…` : text}”`
}
