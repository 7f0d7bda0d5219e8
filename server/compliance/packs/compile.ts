import { createHash } from 'node:crypto'
import type { Certainty, Layer, Mode, Party, Purpose, Sector } from '../codes.ts'
import { type Context, DEFAULT_SETTINGS, type Finding, type Settings } from '../rules/context.ts'
import {
  checkAbandonment,
  checkCallerId,
  checkConsent,
  checkInternalList,
  checkProhibition,
  checkReassigned,
  checkRegistration,
  checkRegistry,
  checkRevocation
} from '../rules/instant.ts'
import {
  courtesyCheck,
  type Dated,
  frequencyCheck,
  type HolidayBook,
  holidayBook,
  holidayCheck,
  inForce,
  pauseCheck,
  preferenceCheck,
  suspensionCheck,
  type TimedCheck,
  windowCheck
} from '../rules/timed.ts'
import { parseDay } from '../time/calendar.ts'
import type { LoadedPack } from './load.ts'
import type { Check, Pack, PackException, PackRule, VersionOf } from './schema.ts'

/** The settings try to loosen what they may not. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
  readonly code = 'LAW_NOT_LOOSENED'
}

export type RuleMeta = Readonly<{
  id: string
  title: string
  check: Check
  pack: string
  layer: Layer
  certainty: Certainty
  exceptWhen: readonly PackException[]
  /** Start of the version in force on a local date, for the log; null when none is. */
  versionOn(day: number): string | null
  /** A failure only warns, by the named decision of a person. */
  onlyWarns: boolean
}>

export type CompiledTimed = RuleMeta & TimedCheck & Readonly<{ kind: 'timed' }>
export type CompiledInstant = RuleMeta &
  Readonly<{
    kind: 'instant'
    /** Finding of the version in force on a local date; null when none is. */
    find(context: Context, day: number): Finding | null
    /** Whether the local dates could be judged by different versions. */
    hasVersions: boolean
  }>
export type CompiledDisclosure = RuleMeta &
  Readonly<{ kind: 'disclosure'; on(day: number): VersionOf<'disclosure'> | null }>
export type CompiledRecording = RuleMeta &
  Readonly<{ kind: 'recording'; on(day: number): VersionOf<'recording'> | null }>
export type CompiledRule = CompiledTimed | CompiledInstant | CompiledDisclosure | CompiledRecording

/** The rules that concern one kind of call in one set of jurisdictions. */
export type RuleChoice = Readonly<{
  timed: readonly CompiledTimed[]
  instant: readonly CompiledInstant[]
  disclosures: readonly CompiledDisclosure[]
  /** Rules whose versions are only proposed: judged and logged, never in force. */
  shadow: readonly (CompiledTimed | CompiledInstant)[]
  packs: readonly string[]
  /** Countries of the set for which nobody has written a pack. */
  uncovered: readonly string[]
}>

/** Packs made ready, once for each set of packs and settings. */
export type PackSet = Readonly<{
  settings: Settings
  /** `name@version#sha256:…` of every pack that is on. */
  refs: readonly string[]
  /** Over all packs and settings: equal hashes decide equally. */
  hash: string
  /** Start of the month in which the newest pack was written. A clock before it is wrong, and nothing is dialled by it. */
  writtenAtMs: number
  packs: readonly LoadedPack[]
  choose(
    jurisdictions: readonly string[],
    mode: Mode,
    purpose: Purpose,
    party: Party,
    sector: Sector | undefined
  ): RuleChoice
  recordingRules(jurisdiction: string): readonly CompiledRecording[]
  disclosureRules(jurisdiction: string): readonly Readonly<{ rule: CompiledDisclosure; source: PackRule }>[]
}>

/** Packs are versioned by year and month: `2026.11.1`. */
function writtenAt(version: string): number {
  const [year = 0, month = 1] = version.split('.').map(Number)
  return Date.UTC(year, month - 1, 1)
}

type Entry = Readonly<{
  pack: Pack
  ref: string
  rules: readonly Readonly<{ source: PackRule; rule: CompiledRule; shadow: CompiledRule | null }>[]
}>

const MAX_CHOICES = 4_096

/** Prepares packs for deciding. Throws SettingsError when the settings would loosen a law or an industry code. */
export function compilePacks(loaded: readonly LoadedPack[], changes: Partial<Settings> = {}): PackSet {
  const settings: Settings = Object.freeze({ ...DEFAULT_SETTINGS, ...changes })
  refuseLoosening(loaded, settings)
  const on = loaded.filter(({ pack }) => isOn(pack, settings))
  const entries: readonly Entry[] = on.map(one => ({
    pack: one.pack,
    ref: `${one.pack.pack}@${one.pack.version}#sha256:${one.hash}`,
    rules: compileRules(one.pack, settings)
  }))
  const covered = new Set(
    on.filter(({ pack }) => pack.kind !== 'courtesy').flatMap(({ pack }) => pack.jurisdictions.filter(isCountry))
  )
  const choices = new Map<string, RuleChoice>()
  // The numbering plan hands out one list for all numbers of a place, which makes its identity a key.
  const byPlace = new WeakMap<readonly string[], Map<string, RuleChoice>>()
  const refs = entries.map(one => one.ref)
  return {
    settings,
    refs,
    writtenAtMs: Math.max(0, ...on.map(one => writtenAt(one.pack.version))),
    hash: createHash('sha256')
      .update(JSON.stringify([refs, settings]))
      .digest('hex'),
    packs: on,
    choose(jurisdictions, mode, purpose, party, sector) {
      const kind = `${mode} ${purpose} ${party} ${sector ?? ''}`
      let byKind = byPlace.get(jurisdictions)
      let choice = byKind?.get(kind)
      if (choice !== undefined) return choice
      const key = `${jurisdictions.join()} ${kind}`
      choice = choices.get(key)
      if (choice === undefined) {
        if (choices.size >= MAX_CHOICES) choices.clear()
        choice = chooseRules(entries, covered, jurisdictions, mode, purpose, party, sector)
        choices.set(key, choice)
      }
      if (byKind === undefined) {
        byKind = new Map()
        byPlace.set(jurisdictions, byKind)
      }
      byKind.set(kind, choice)
      return choice
    },
    recordingRules: jurisdiction =>
      entries
        .filter(one => one.pack.jurisdictions.includes(jurisdiction))
        .flatMap(one => one.rules.flatMap(({ rule }) => (rule.kind === 'recording' ? [rule] : []))),
    disclosureRules: jurisdiction =>
      entries
        .filter(one => one.pack.jurisdictions.includes(jurisdiction) || one.pack.jurisdictions.includes('*'))
        .flatMap(one => one.rules.flatMap(({ rule, source }) => (rule.kind === 'disclosure' ? [{ rule, source }] : [])))
  }
}

function isOn(pack: Pack, settings: Settings): boolean {
  if (settings.disabledPacks.includes(pack.pack)) return false
  if (pack.isOptional !== true) return true
  if (settings.optionalPacks.includes(pack.pack)) return true
  return settings.ramadan !== 'off' && pack.rules.some(rule => rule.check === 'courtesy')
}

function isCountry(jurisdiction: string): boolean {
  return /^[A-Z]{2}$/.test(jurisdiction)
}

function refuseLoosening(loaded: readonly LoadedPack[], settings: Settings): void {
  for (const name of settings.disabledPacks) {
    const pack = loaded.find(one => one.pack.pack === name)?.pack
    if (pack !== undefined && (pack.kind === 'law' || pack.kind === 'code'))
      throw new SettingsError(`${name} is of kind ${pack.kind} and cannot be switched off`)
  }
  for (const { rule: id, by, reason } of settings.warnOnly) {
    const rule = loaded.flatMap(one => one.pack.rules).find(one => one.id === id)
    if (rule === undefined) throw new SettingsError(`there is no rule ${id}`)
    if (rule.certainty !== 'UNVERIFIED') throw new SettingsError(`${id} is not UNVERIFIED, so it cannot only warn`)
    if (by.trim() === '' || reason.trim() === '')
      throw new SettingsError(`${id} may only warn by a named person with a reason`)
  }
  if (!(settings.endGuardSeconds >= 0 && settings.endGuardSeconds <= 1_800))
    throw new SettingsError('endGuardSeconds must lie between 0 and 1800')
}

function chooseRules(
  entries: readonly Entry[],
  covered: ReadonlySet<string>,
  jurisdictions: readonly string[],
  mode: Mode,
  purpose: Purpose,
  party: Party,
  sector: Sector | undefined
): RuleChoice {
  const timed: CompiledTimed[] = []
  const instant: CompiledInstant[] = []
  const disclosures: CompiledDisclosure[] = []
  const shadow: (CompiledTimed | CompiledInstant)[] = []
  const packs: string[] = []
  for (const entry of entries) {
    if (!entry.pack.jurisdictions.some(one => one === '*' || jurisdictions.includes(one))) continue
    packs.push(entry.ref)
    for (const { source, rule, shadow: proposed } of entry.rules) {
      if (!concerns(source, mode, purpose, party, sector)) continue
      if (proposed !== null && (proposed.kind === 'timed' || proposed.kind === 'instant')) shadow.push(proposed)
      switch (rule.kind) {
        case 'timed':
          timed.push(rule)
          break
        case 'instant':
          instant.push(rule)
          break
        case 'disclosure':
          disclosures.push(rule)
          break
        case 'recording':
          break
        default:
          rule satisfies never
      }
    }
  }
  const uncovered = jurisdictions.filter(one => isCountry(one) && !covered.has(one))
  return { timed, instant, disclosures, shadow, packs, uncovered }
}

function concerns(rule: PackRule, mode: Mode, purpose: Purpose, party: Party, sector: Sector | undefined): boolean {
  return (
    rule.modes?.includes(mode) !== false &&
    rule.purposes?.includes(purpose) !== false &&
    // Nobody knows is a consumer, for every law that asks.
    (rule.party === undefined ||
      rule.party.includes(party) ||
      (party === 'unknown' && rule.party.includes('consumer'))) &&
    (rule.sectors === undefined || (sector !== undefined && rule.sectors.includes(sector))) &&
    (rule.exceptSectors === undefined || sector === undefined || !rule.exceptSectors.includes(sector))
  )
}

function compileRules(pack: Pack, settings: Settings): Entry['rules'] {
  const book = holidayBook(pack)
  return pack.rules.map(source => {
    const hasProposal = source.versions.some(one => one.status === 'proposed')
    return {
      source,
      rule: compileRule(pack, source, 'enacted', book, settings),
      shadow: hasProposal ? compileRule(pack, source, 'proposed', book, settings) : null
    }
  })
}

function compileRule(
  pack: Pack,
  source: PackRule,
  status: 'enacted' | 'proposed',
  book: HolidayBook,
  settings: Settings
): CompiledRule {
  const versions = dated<PackRule['versions'][number]>(source.versions, status)
  const meta: RuleMeta = {
    id: source.id,
    title: source.title,
    check: source.check,
    pack: pack.pack,
    layer: pack.kind,
    certainty: source.certainty,
    exceptWhen: source.exceptWhen ?? [],
    versionOn: day => inForce(versions, day)?.from ?? null,
    onlyWarns: settings.warnOnly.some(one => one.rule === source.id)
  }
  const timed = (check: TimedCheck): CompiledTimed => ({ ...meta, ...check, kind: 'timed' })
  const instant = <V>(all: readonly Dated<V>[], find: (context: Context, version: V) => Finding): CompiledInstant => ({
    ...meta,
    kind: 'instant',
    hasVersions: all.some(one => one.to !== Number.POSITIVE_INFINITY) || (all[0]?.from ?? 0) > parseDayOr(FIRST_DAY),
    find(context, day) {
      const version = inForce(all, day)
      return version === null ? null : find(context, version)
    }
  })
  switch (source.check) {
    case 'window':
      return timed(windowCheck(dated(source.versions, status), book, settings))
    case 'holiday':
      return timed(holidayCheck(dated(source.versions, status), book))
    case 'preference':
      return timed(preferenceCheck(book))
    case 'courtesy':
      return timed(courtesyCheck(dated(source.versions, status), settings))
    case 'frequency':
      return timed(frequencyCheck(dated(source.versions, status)))
    case 'pause':
      return timed(pauseCheck(dated(source.versions, status)))
    case 'suspension':
      return timed(suspensionCheck())
    case 'registry':
      return instant(dated<VersionOf<'registry'>>(source.versions, status), (context, version) =>
        checkRegistry(context, version, meta.exceptWhen)
      )
    case 'internal':
      return instant(dated<VersionOf<'internal'>>(source.versions, status), checkInternalList)
    case 'revocation':
      return instant(dated<VersionOf<'revocation'>>(source.versions, status), checkRevocation)
    case 'consent':
      return instant(dated<VersionOf<'consent'>>(source.versions, status), checkConsent)
    case 'prohibition':
      return instant(dated<VersionOf<'prohibition'>>(source.versions, status), checkProhibition)
    case 'reassigned':
      return instant(dated<VersionOf<'reassigned'>>(source.versions, status), checkReassigned)
    case 'cli':
      return instant(dated<VersionOf<'cli'>>(source.versions, status), checkCallerId)
    case 'abandon':
      return instant(dated<VersionOf<'abandon'>>(source.versions, status), checkAbandonment)
    case 'registration':
      return instant(dated<VersionOf<'registration'>>(source.versions, status), checkRegistration)
    case 'disclosure': {
      const all = dated<VersionOf<'disclosure'>>(source.versions, status)
      return { ...meta, kind: 'disclosure', on: day => inForce(all, day) }
    }
    case 'recording': {
      const all = dated<VersionOf<'recording'>>(source.versions, status)
      return { ...meta, kind: 'recording', on: day => inForce(all, day) }
    }
    default:
      return source satisfies never
  }
}

const FIRST_DAY = '0001-01-01'

function parseDayOr(text: string): number {
  return parseDay(text) ?? Number.NEGATIVE_INFINITY
}

function dated<V extends Readonly<{ from: string; to?: string; status: string }>>(
  versions: readonly V[],
  status: 'enacted' | 'proposed'
): readonly Dated<V>[] {
  return versions
    .filter(one => one.status === status)
    .map(version => ({
      from: parseDayOr(version.from),
      to: version.to === undefined ? Number.POSITIVE_INFINITY : (parseDay(version.to) ?? Number.POSITIVE_INFINITY),
      version
    }))
}
