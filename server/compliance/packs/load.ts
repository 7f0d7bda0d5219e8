import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { formatDay, parseDay } from '../time/calendar.ts'
import { isZone } from '../time/zone.ts'
import type { PackCache } from './pack-cache.ts'
import { DAY_WORDS, type Pack, PackSchema, RuleSchema } from './schema.ts'

/** One thing that is wrong in a pack: `file:line:column message`. */
export type PackProblem = Readonly<{ file: string; line: number; column: number; message: string }>

/** A pack cannot be used. Nothing of the set was taken over: the old set stays in force. */
export class PackError extends Error {
  override readonly name = 'PackError'
  readonly code = 'PACK_INVALID'
  readonly problems: readonly PackProblem[]

  constructor(problems: readonly PackProblem[]) {
    super(problems.map(one => `${one.file}:${one.line}:${one.column} ${one.message}`).join('\n'))
    this.problems = problems
  }
}

/** A pack with its place and the sha256 of its text. */
export type LoadedPack = Readonly<{
  pack: Pack
  file: string
  text: string
  hash: string
  lineOf(path: readonly (string | number)[]): { line: number; column: number }
}>

const ajv = new Ajv({ allErrors: true, strict: false })
let packValidator: ValidateFunction | undefined
const ruleValidators = new Map<string, ValidateFunction>()

/** Reads every `*.yaml` of a folder; what `cache` knows is not read again. Throws PackError with all problems of all files. */
export async function loadPacks(folder: string, cache?: PackCache): Promise<readonly LoadedPack[]> {
  const names = (await readdir(folder)).filter(name => name.endsWith('.yaml')).sort()
  const sources = names.map(async name => ({ file: name, text: await readFile(join(folder, name), 'utf8') }))
  return parsePacks(await Promise.all(sources), cache)
}

/** Reads packs from their texts. Throws PackError with all problems of all files. */
export function parsePacks(
  sources: readonly Readonly<{ file: string; text: string }>[],
  cache?: PackCache
): readonly LoadedPack[] {
  const problems: PackProblem[] = []
  const packs: LoadedPack[] = []
  for (const { file, text } of sources) {
    const read = parsePack(file, text, cache)
    if ('problems' in read) problems.push(...read.problems)
    else packs.push(read)
  }
  problems.push(...checkSet(packs))
  if (problems.length > 0) throw new PackError(problems)
  return packs
}

function parsePack(file: string, text: string, cache?: PackCache): LoadedPack | { problems: readonly PackProblem[] } {
  const hash = createHash('sha256').update(text).digest('hex')
  const known = cache?.find(hash)
  if (known !== undefined) {
    let source: Source | undefined
    const lineOf: LoadedPack['lineOf'] = path => {
      source ??= parseSource(text)
      return source.lineOf(path)
    }
    return { pack: known, file, text, hash, lineOf }
  }
  const { document, at, lineOf } = parseSource(text)
  if (document.errors.length > 0)
    return {
      problems: document.errors.map(err => ({
        file,
        ...at(err.pos[0]),
        message: err.message.split('\n')[0] ?? 'not YAML'
      }))
    }
  const data: unknown = document.toJS()
  const problems: PackProblem[] = []
  const problem = (path: readonly (string | number)[], message: string) =>
    problems.push({ file, ...lineOf(path), message })
  packValidator ??= ajv.compile(PackSchema)
  if (!packValidator(data)) {
    for (const { path, message } of readableErrors(data, packValidator.errors ?? [])) problem(path, message)
    if (problems.length === 0) problem([], 'does not have the form of a rule pack')
    return { problems }
  }
  const pack = data as Pack
  checkPack(pack, problem)
  if (problems.length > 0) return { problems }
  cache?.add(hash, pack)
  return { pack, file, text, hash, lineOf }
}

type Source = ReturnType<typeof parseSource>

/** The text as a tree, and where its parts stand. */
function parseSource(text: string) {
  const counter = new LineCounter()
  const document = parseDocument(text, { lineCounter: counter, uniqueKeys: true, version: '1.2' })
  const at = (offset: number) => {
    const { line, col } = counter.linePos(offset)
    return { line, column: col }
  }
  const lineOf = (path: readonly (string | number)[]) => at(offsetOf(document.contents, path))
  return { document, at, lineOf }
}

type Complain = (path: readonly (string | number)[], message: string) => void

/** What a schema cannot say. */
function checkPack(pack: Pack, problem: Complain): void {
  if (pack.isOptional === true && (pack.kind === 'law' || pack.kind === 'code'))
    problem(['isOptional'], `a pack of kind ${pack.kind} cannot be switched off`)
  if (parseDay(pack.reviewBy) === null) problem(['reviewBy'], `${pack.reviewBy} is not a date`)
  if (pack.needsTzdb !== undefined && pack.needsTzdb > (process.versions['tz'] ?? ''))
    problem(
      ['needsTzdb'],
      `needs zone database ${pack.needsTzdb}; this runtime has ${process.versions['tz'] ?? 'none'}`
    )
  for (const [index, holiday] of (pack.holidays ?? []).entries()) {
    const ways = [holiday.on, holiday.nth, holiday.easter, holiday.dates].filter(way => way !== undefined).length
    if (ways !== 1) problem(['holidays', index], `${holiday.name} needs exactly one of on, nth, easter, dates`)
    for (const [at, date] of (holiday.dates ?? []).entries())
      if (parseDay(date) === null) problem(['holidays', index, 'dates', at], `${date} is not a date`)
    if (holiday.dates !== undefined && pack.holidaysKnownTo === undefined)
      problem(['holidays', index], 'lists of dates need holidaysKnownTo')
  }
  const ids = new Set<string>()
  for (const [index, rule] of pack.rules.entries()) {
    const path = ['rules', index]
    if (!rule.id.startsWith(`${pack.pack}.`)) problem([...path, 'id'], `${rule.id} must begin with ${pack.pack}.`)
    if (ids.has(rule.id)) problem([...path, 'id'], `${rule.id} stands twice`)
    ids.add(rule.id)
    checkVersions(rule.versions, [...path, 'versions'], problem)
    if (rule.check === 'holiday' && (pack.holidays ?? []).length === 0) problem(path, 'the pack has no holidays')
    if (rule.check === 'window')
      for (const [at, version] of rule.versions.entries())
        for (const [which, window] of version.windows.entries()) {
          const place = [...path, 'versions', at, 'windows', which]
          if (parseDays(window.days) === null) problem([...place, 'days'], `${window.days} is not a list of days`)
          if (window.start >= window.end) problem(place, `${window.start}-${window.end} ends before it begins`)
        }
    if (rule.check === 'courtesy')
      for (const [at, version] of rule.versions.entries())
        for (const [which, place] of version.places.entries())
          if (place.zone !== undefined && !isZone(place.zone))
            problem([...path, 'versions', at, 'places', which, 'zone'], `${place.zone} is not a zone of this runtime`)
    for (const [at, test] of rule.tests.entries())
      if (Number.isNaN(Date.parse(test.at))) problem([...path, 'tests', at, 'at'], `${test.at} is not an instant`)
  }
}

function checkVersions(
  versions: Pack['rules'][number]['versions'],
  path: readonly (string | number)[],
  problem: Complain
): void {
  const dated = versions.map((one, index) => ({
    index,
    status: one.status,
    from: parseDay(one.from),
    to: one.to === undefined ? Number.POSITIVE_INFINITY : parseDay(one.to)
  }))
  for (const one of dated) {
    if (one.from === null) problem([...path, one.index, 'from'], 'is not a date')
    if (one.to === null) problem([...path, one.index, 'to'], 'is not a date')
    if (one.from !== null && one.to !== null && one.from > one.to)
      problem([...path, one.index], 'ends before it begins')
  }
  const inForce = dated.filter(one => one.status !== 'proposed')
  for (const [index, one] of inForce.entries()) {
    const next = inForce[index + 1]
    if (next === undefined || one.to === null || next.from === null) continue
    if (next.from <= one.to)
      problem(
        [...path, next.index, 'from'],
        `overlaps with the version before, which is in force to ${Number.isFinite(one.to) ? formatDay(one.to) : 'for ever'}`
      )
    else if (next.from > one.to + 1)
      problem(
        [...path, next.index, 'from'],
        `leaves a gap after ${formatDay(one.to)}; say so with a version of status repealed`
      )
  }
}

function checkSet(packs: readonly LoadedPack[]): readonly PackProblem[] {
  const problems: PackProblem[] = []
  const names = new Map<string, LoadedPack>()
  for (const loaded of packs) {
    const other = names.get(loaded.pack.pack)
    if (other !== undefined)
      problems.push({
        file: loaded.file,
        ...loaded.lineOf(['pack']),
        message: `${loaded.pack.pack} is also in ${other.file}`
      })
    names.set(loaded.pack.pack, loaded)
  }
  for (const loaded of packs) {
    const parent = loaded.pack.extends
    if (parent !== undefined && !names.has(parent))
      problems.push({ file: loaded.file, ...loaded.lineOf(['extends']), message: `there is no pack ${parent}` })
  }
  return problems
}

/** The weekdays (Monday 0) and special days of `mon-sat holiday-eve`; null when a word is unknown. */
export function parseDays(text: string): { weekdays: readonly number[]; holiday: boolean; eve: boolean } | null {
  const weekdays: number[] = []
  let holiday = false
  let eve = false
  for (const word of text.split(/[\s,]+/)) {
    if (word === 'holiday') holiday = true
    else if (word === 'holiday-eve') eve = true
    else {
      const [first, last = first] = word.split('-').map(name => (DAY_WORDS as readonly string[]).indexOf(name))
      if (first === undefined || last === undefined || first < 0 || last < first) return null
      for (let day = first; day <= last; day += 1) weekdays.push(day)
    }
  }
  return { weekdays, holiday, eve }
}

/** Errors of the one kind of rule that was meant, instead of one for every kind that it is not. */
function readableErrors(
  data: unknown,
  errors: readonly ErrorObject[]
): readonly { path: (string | number)[]; message: string }[] {
  const found: { path: (string | number)[]; message: string }[] = []
  for (const error of errors) {
    const path = error.instancePath
      .split('/')
      .slice(1)
      .map(part => (/^\d+$/.test(part) ? Number(part) : part))
    if (path[0] === 'rules' && typeof path[1] === 'number') continue
    found.push({ path: extraPath(path, error), message: messageOf(error) })
  }
  const rules = (data as { rules?: unknown } | null)?.rules
  for (const [index, rule] of (Array.isArray(rules) ? rules : []).entries()) {
    const check: unknown = (rule as { check?: unknown } | null)?.check
    const validator = typeof check === 'string' ? ruleValidator(check) : null
    if (validator === null) {
      found.push({ path: ['rules', index], message: `has no known check (${String(check)})` })
      continue
    }
    if (validator(rule)) continue
    for (const error of validator.errors ?? []) {
      const path = error.instancePath
        .split('/')
        .slice(1)
        .map(part => (/^\d+$/.test(part) ? Number(part) : part))
      found.push({ path: extraPath(['rules', index, ...path], error), message: messageOf(error) })
    }
  }
  return found
}

function ruleValidator(check: string): ValidateFunction | null {
  const known = ruleValidators.get(check)
  if (known !== undefined) return known
  const schema = RuleSchema.anyOf.find(one => one.properties.check.const === check)
  if (schema === undefined) return null
  const validator = ajv.compile(schema)
  ruleValidators.set(check, validator)
  return validator
}

function extraPath(path: (string | number)[], error: ErrorObject): (string | number)[] {
  const extra = error.params['additionalProperty']
  return typeof extra === 'string' ? [...path, extra] : path
}

function messageOf(error: ErrorObject): string {
  const extra = error.params['additionalProperty']
  if (typeof extra === 'string') return `unknown key ${extra}`
  const allowed = error.params['allowedValues']
  if (Array.isArray(allowed)) return `must be one of ${allowed.join(', ')}`
  return error.message ?? error.keyword
}

function offsetOf(node: Node | null, path: readonly (string | number)[]): number {
  let current: unknown = node
  let offset = node?.range?.[0] ?? 0
  for (const part of path) {
    if (isMap(current)) {
      const pair = current.items.find(item => isScalar(item.key) && item.key.value === part)
      if (pair === undefined) break
      offset = (isScalar(pair.key) ? pair.key.range?.[0] : undefined) ?? offset
      current = pair.value
    } else if (isSeq(current) && typeof part === 'number') {
      current = current.items[part]
      offset = (current as Node | undefined)?.range?.[0] ?? offset
    } else break
  }
  return offset
}
