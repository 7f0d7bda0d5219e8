import type { Certainty, Layer, Obligation, Outcome, Reason } from './codes.ts'
import { worse } from './codes.ts'
import type { Facts, Location } from './facts.ts'
import { analyzeNumber, type NumberAnalysis } from './numbers/analyze.ts'
import {
  jurisdictionsOf,
  NUMBERING_PLAN_VERSION,
  PRESUMED_BY_AREA_CODE,
  zonesOfPlace
} from './numbers/numbering-plan.ts'
import type { CompiledInstant, CompiledTimed, PackSet, RuleChoice } from './packs/compile.ts'
import { type RecordingPolicy, recordingPolicy } from './recording-policy.ts'
import {
  type Context,
  dayRange,
  instant,
  isSolicited,
  optionalInstant,
  readAttempts,
  readConsent,
  type Settings
} from './rules/context.ts'
import { exemption } from './rules/exceptions.ts'
import { HORIZON_MS } from './rules/windows.ts'
import { DAY_MS } from './time/calendar.ts'
import { formatLocal, formatUtc, type Zone, zoneOf } from './time/zone.ts'

/** What one rule said. */
export type RuleResult = Readonly<{
  rule: string
  pack: string
  layer: Layer
  certainty: Certainty
  /** Start of the version that was in force; null when none was. */
  version: string | null
  ok: boolean
  reasons: readonly Reason[]
  /** The outcome that this rule alone would give. */
  outcome: Outcome
  /** When this rule alone would let the call pass, RFC 3339; null for never or not known. */
  next: string | null
  /** Why the rule did not apply, such as `relationship` or `override:…`. */
  exemptBy: string | null
}>

export type ZoneView = Readonly<{ zone: string; local: string }>

/** The answer to "may this call be placed at this instant?", with everything that was looked at. */
export type Decision = Readonly<{
  outcome: Outcome
  /** Every reason of every failed rule, once, in the order of the rules. */
  reasons: readonly Reason[]
  /** For DEFER: the first instant at which every rule that time can cure lets the call pass, where that is known; else null. */
  nextAt: string | null
  obligations: readonly Obligation[]
  recording: RecordingPolicy | null
  /** What must still be settled before dialling; empty at the stage `dial`. */
  open: readonly string[]
  number: Readonly<{ e164: string | null; country: string | null; line: string | null; evidence: readonly string[] }>
  jurisdictions: readonly string[]
  zones: readonly ZoneView[]
  /** A decision may be acted on until then: 60 seconds after `at`. */
  validUntil: string
  packs: readonly string[]
  packSetHash: string
  numberingPlan: string
  results: readonly RuleResult[]
  /** What proposed laws would say. */
  shadow: readonly RuleResult[]
  /** Why the engine could not decide. */
  error: string | null
}>

const VALID_MS = 60_000
const FEASIBLE_MS = 7 * DAY_MS
const ADDRESS_AGE_MS = 366 * DAY_MS

/**
 * Decides about one call. Pure: the same facts and packs give the same decision, no clock and no I/O.
 * Never throws for facts that cannot be used: what cannot be decided is not dialled.
 */
export function decide(facts: Facts, packs: PackSet): Decision {
  try {
    return evaluate(facts, packs)
  } catch (err) {
    return refuse(
      facts,
      packs,
      null,
      'core.engine',
      'BLOCK',
      'JUR_AMBIGUOUS',
      err instanceof Error ? err.message : String(err)
    )
  }
}

/**
 * The decision for a clock that cannot be right: it shows a time before the newest rules were written. Hours, ages of lists
 * and periods would all be wrong by it. Not part of `decide`, which judges old facts by new rules when it replays.
 */
export function refuseByClock(facts: Facts, packs: PackSet): Decision {
  const says = `the clock says ${facts.at}, before the newest rules were written (${formatUtc(packs.writtenAtMs)})`
  return refuse(facts, packs, null, 'core.clock', 'DEFER', 'CLOCK_UNCERTAIN', says)
}

function evaluate(facts: Facts, packs: PackSet): Decision {
  const atMs = instant(facts.at)
  const number = analyzeNumber(facts.number)
  if (number.kind === 'invalid') return refuse(facts, packs, number, 'core.number', 'BLOCK', 'NUM_INVALID', null)
  if (number.kind === 'special') return refuse(facts, packs, number, 'core.number', 'BLOCK', 'NUM_SPECIAL', null)
  // Hours, gaps and ages would all be wrong by it; it is cured by time or by a person, and nobody knows when.
  if (facts.stage === 'dial' && facts.clockDoubt !== undefined)
    return refuse(facts, packs, number, 'core.clock', 'DEFER', 'CLOCK_UNCERTAIN', null)
  const { settings } = packs
  const place = placeOf(facts, number, settings, atMs)
  const context = contextOf(facts, place, settings, atMs)
  const choice = packs.choose(place.jurisdictions, facts.mode, context.purpose, context.party, facts.sector)
  if (place.zones.length === 0) {
    const results = [plainResult('core.jurisdiction', 'REVIEW', ['JUR_AMBIGUOUS'], facts, atMs)]
    return finish(facts, packs, number, place, choice, atMs, null, results, [], [], [], null)
  }

  const results: RuleResult[] = []
  const open: string[] = []
  if (choice.uncovered.length > 0)
    results.push(plainResult('core.jurisdiction', 'REVIEW', ['JUR_NO_PACK'], facts, atMs))
  for (const rule of choice.instant) results.push(runInstant(rule, context, open))
  let isWaiting = false
  for (const rule of choice.timed) {
    const result = runTimed(rule, context)
    results.push(result)
    if (!result.ok) isWaiting = true
  }
  let nextMs: number | null = null
  if (isWaiting) {
    const binding = choice.timed.filter(rule => !rule.onlyWarns && exemptBy(rule, context) === null)
    nextMs = firstOpen(binding, context, atMs, atMs + HORIZON_MS)
    const calendar = binding.filter(rule => rule.isCalendar)
    if (calendar.length > 0 && firstOpen(calendar, context, atMs, atMs + FEASIBLE_MS + DAY_MS) > atMs + FEASIBLE_MS)
      results.push(infeasible(calendar, context, nextMs))
  }
  const shadow = choice.shadow.map(rule =>
    rule.kind === 'timed' ? runTimed(rule, context) : runInstant(rule, context, [])
  )
  return finish(
    facts,
    packs,
    number,
    place,
    choice,
    atMs,
    context,
    results,
    open,
    shadow,
    facts.overrides === undefined ? [] : overridesIn(results),
    nextMs
  )
}

function contextOf(facts: Facts, place: PlaceOfCall, settings: Settings, atMs: number): Context {
  const isAsked = isSolicited(facts, atMs)
  return {
    facts,
    atMs,
    jurisdictions: place.jurisdictions,
    zones: place.zones,
    ...dayRange(place.zones, atMs),
    mode: facts.mode,
    purpose: facts.purpose === 'callback_requested' && !isAsked ? 'marketing' : facts.purpose,
    party: facts.party ?? 'unknown',
    isSolicited: isAsked,
    isDialling: facts.stage === 'dial',
    consent: readConsent(facts.consent, atMs, facts.mode, facts.purpose),
    attempts: readAttempts(facts),
    lastInquiryMs: lastInquiry(facts),
    settings
  }
}

/** When the calendar rules (hours, days, holidays) let a call pass, apart from everything else about it. */
export type CallTimes = Readonly<{
  jurisdictions: readonly string[]
  zones: readonly string[]
  /** The earliest instant from `fromMs` on that is open; Infinity when none is before `limitMs`. */
  firstOpen(fromMs: number, limitMs: number): number
}>

/** The open times of a call for planning; null for a number that cannot be called or has no known place. */
export function callTimes(facts: Facts, packs: PackSet): CallTimes | null {
  const atMs = instant(facts.at)
  const number = analyzeNumber(facts.number)
  if (number.kind !== 'number') return null
  const place = placeOf(facts, number, packs.settings, atMs)
  if (place.zones.length === 0) return null
  const context = contextOf(facts, place, packs.settings, atMs)
  const choice = packs.choose(place.jurisdictions, facts.mode, context.purpose, context.party, facts.sector)
  const calendar = choice.timed.filter(rule => rule.isCalendar && !rule.onlyWarns && exemptBy(rule, context) === null)
  return {
    jurisdictions: place.jurisdictions,
    zones: place.zones.map(zone => zone.name),
    firstOpen: (fromMs, limitMs) => firstOpen(calendar, context, fromMs, limitMs)
  }
}

type PlaceOfCall = Readonly<{ jurisdictions: readonly string[]; zones: readonly Zone[]; evidence: readonly string[] }>

/** The jurisdiction set and the zone set: the number's own, and those of every place on file. */
function placeOf(
  facts: Facts,
  number: Extract<NumberAnalysis, { kind: 'number' }>,
  settings: Settings,
  atMs: number
): PlaceOfCall {
  const locations = facts.locations ?? []
  if (locations.length === 0)
    return { jurisdictions: number.jurisdictions, zones: zonesByName(number.zones), evidence: [number.evidence] }
  const trusted =
    settings.trustsVerifiedAddress && !number.jurisdictions.some(one => PRESUMED_BY_AREA_CODE.has(one))
      ? locations.filter(one => one.kind === 'address' && isProvedLately(one, atMs))
      : []
  const used = trusted.length > 0 ? trusted : locations
  const ownZones = trusted.length > 0 || number.isPlaceless ? [] : number.zones
  const ownLaws = trusted.length > 0 ? [] : number.jurisdictions
  const zones = new Set(ownZones)
  const jurisdictions = new Set(ownLaws)
  const evidence = trusted.length > 0 ? [] : [number.evidence]
  for (const location of used) {
    const region = location.region ?? null
    for (const law of jurisdictionsOf(location.country, region)) jurisdictions.add(law)
    const found = location.zone === undefined ? zonesOfPlace(location.country, region) : [location.zone]
    for (const zone of found) zones.add(zone)
    evidence.push(`${location.kind}:${location.country}${region === null ? '' : `-${region}`}`)
  }
  return { jurisdictions: [...jurisdictions], zones: [...zones].map(zoneOf), evidence }
}

const zoneLists = new WeakMap<readonly string[], readonly Zone[]>()

/** The plan hands out the same list for every number of a place. */
function zonesByName(names: readonly string[]): readonly Zone[] {
  let zones = zoneLists.get(names)
  if (zones === undefined) {
    zones = names.map(zoneOf)
    zoneLists.set(names, zones)
  }
  return zones
}

function isProvedLately(location: Location, atMs: number): boolean {
  const provedMs = optionalInstant(location.verifiedAt)
  return provedMs !== null && provedMs <= atMs && atMs - provedMs <= ADDRESS_AGE_MS
}

/** A request for a callback is an inquiry too (16 CFR 310.2: established business relationship). */
function lastInquiry(facts: Facts): number | null {
  const inquiryMs = optionalInstant(facts.relationship?.lastInquiryAt)
  const askedMs = optionalInstant(facts.callbackRequestedAt)
  if (inquiryMs === null) return askedMs
  return askedMs === null ? inquiryMs : Math.max(inquiryMs, askedMs)
}

function runTimed(rule: CompiledTimed, context: Context): RuleResult {
  const { atMs } = context
  const next = rule.firstOpen(context, atMs, atMs + HORIZON_MS)
  if (next <= atMs) return passed(rule, context)
  const exempt = exemptBy(rule, context)
  if (exempt !== null) return result(rule, context, [], 'ALLOW', null, exempt)
  const reason = rule.reasonAt(context, atMs)
  if (reason === 'JUR_NO_PACK') return result(rule, context, [reason], 'REVIEW', null, null)
  return next === Number.POSITIVE_INFINITY
    ? result(rule, context, [reason], 'BLOCK', null, null)
    : result(rule, context, [reason], 'DEFER', next, null)
}

function runInstant(rule: CompiledInstant, context: Context, open: string[]): RuleResult {
  let finding = rule.find(context, context.maxDay)
  // The law may have changed at midnight in one zone and not yet in another: both versions count.
  if (rule.hasVersions && context.minDay !== context.maxDay && (finding === null || finding.reasons.length === 0))
    finding = rule.find(context, context.minDay) ?? finding
  if (finding === null || (finding.reasons.length === 0 && finding.open === undefined)) return passed(rule, context)
  const exempt = exemptBy(rule, context)
  if (exempt !== null) return result(rule, context, [], 'ALLOW', null, exempt)
  if (finding.open !== undefined && !open.includes(finding.open)) open.push(finding.open)
  if (finding.reasons.length === 0) return passed(rule, context)
  const outcome = finding.reasons.includes('REASSIGNED_NODATA') ? 'REVIEW' : 'BLOCK'
  return result(rule, context, finding.reasons, outcome, null, null)
}

const passes = new WeakMap<CompiledTimed | CompiledInstant, Map<string | null, RuleResult>>()

/** Most results say that a rule had nothing against the call: one shared object for each version of a rule. */
function passed(rule: CompiledTimed | CompiledInstant, context: Context): RuleResult {
  const version = rule.versionOn(context.maxDay)
  let known = passes.get(rule)
  if (known === undefined) {
    known = new Map()
    passes.set(rule, known)
  }
  let found = known.get(version)
  if (found === undefined) {
    found = Object.freeze(result(rule, context, [], 'ALLOW', null, null))
    known.set(version, found)
  }
  return found
}

/** An exception of the rule, or an override that two people signed. A law can only be overridden where it asks for a person's review. */
function exemptBy(rule: CompiledTimed | CompiledInstant, context: Context): string | null {
  if (rule.exceptWhen.length > 0) {
    const found = exemption(context, rule.exceptWhen)
    if (found !== null) return found
  }
  if (context.facts.overrides === undefined || rule.layer === 'law') return null
  const id = overrideFor(rule.id, context.facts, context.atMs)
  return id === null ? null : `override:${id}`
}

/** The id of a valid override of a rule: two different people, in force, not expired. */
function overrideFor(rule: string, facts: Facts, atMs: number): string | null {
  for (const one of facts.overrides ?? []) {
    if (!one.rules.includes(rule)) continue
    if (new Set(one.signedBy).size < 2) continue
    if (one.from !== undefined && instant(one.from) > atMs) continue
    if (instant(one.expiresAt) <= atMs) continue
    return one.id
  }
  return null
}

/**
 * The earliest instant that all rules let pass. Each step goes to a time before which some rule forbids the call,
 * so nothing allowed is skipped, and the steps end because every rule only ever moves forward.
 */
function firstOpen(rules: readonly CompiledTimed[], context: Context, fromMs: number, limitMs: number): number {
  let at = fromMs
  for (let agreed = 0, index = 0; agreed < rules.length; index = (index + 1) % rules.length) {
    const next = rules[index]?.firstOpen(context, at, limitMs) ?? at
    if (next >= limitMs) return Number.POSITIVE_INFINITY
    agreed = next <= at ? agreed + 1 : 1
    at = Math.max(at, next)
  }
  return at
}

/**
 * No minute of the next seven days is open. When each zone by itself has one, the place is too uncertain to call;
 * else the rules contradict each other for that long.
 */
function infeasible(calendar: readonly CompiledTimed[], context: Context, nextMs: number): RuleResult {
  const { zones, atMs, facts } = context
  const isOpenAlone = (zone: Zone) =>
    firstOpen(calendar, { ...context, zones: [zone] }, atMs, atMs + FEASIBLE_MS + DAY_MS) <= atMs + FEASIBLE_MS
  if (zones.length > 1 && zones.every(isOpenAlone))
    return plainResult('core.zones', 'REVIEW', ['JUR_AMBIGUOUS'], facts, atMs)
  const isEverOpen = nextMs !== Number.POSITIVE_INFINITY
  return {
    ...plainResult('core.feasible', isEverOpen ? 'DEFER' : 'BLOCK', ['NO_FEASIBLE_WINDOW'], facts, atMs),
    next: isEverOpen ? formatUtc(nextMs) : null
  }
}

function result(
  rule: CompiledTimed | CompiledInstant,
  context: Context,
  reasons: readonly Reason[],
  outcome: Outcome,
  nextMs: number | null,
  exempt: string | null
): RuleResult {
  return {
    rule: rule.id,
    pack: rule.pack,
    layer: rule.layer,
    certainty: rule.certainty,
    version: rule.versionOn(context.maxDay),
    ok: reasons.length === 0 || rule.onlyWarns,
    reasons,
    outcome: rule.onlyWarns ? 'ALLOW' : outcome,
    next: nextMs === null ? null : formatUtc(nextMs),
    exemptBy: exempt ?? (rule.onlyWarns && reasons.length > 0 ? 'warnOnly' : null)
  }
}

/** The result of a rule that is part of the engine. Its reviews can be settled by two people. */
function plainResult(
  rule: string,
  outcome: Outcome,
  reasons: readonly Reason[],
  facts: Facts,
  atMs: number
): RuleResult {
  const id = outcome === 'REVIEW' ? overrideFor(rule, facts, atMs) : null
  return {
    rule,
    pack: 'core',
    layer: 'law',
    certainty: 'P',
    version: null,
    ok: id !== null,
    reasons,
    outcome: id === null ? outcome : 'ALLOW',
    next: null,
    exemptBy: id === null ? null : `override:${id}`
  }
}

const OVERRIDDEN = /^override:(.+)$/

function overridesIn(results: readonly RuleResult[]): readonly RuleResult[] {
  const ids = new Set(results.flatMap(one => OVERRIDDEN.exec(one.exemptBy ?? '')?.[1] ?? []))
  return [...ids].map(id => ({
    rule: `override.${id}`,
    pack: 'core',
    layer: 'house',
    certainty: 'P',
    version: null,
    ok: true,
    reasons: ['OVERRIDE_APPLIED'],
    outcome: 'ALLOW',
    next: null,
    exemptBy: null
  }))
}

function finish(
  facts: Facts,
  packs: PackSet,
  number: Extract<NumberAnalysis, { kind: 'number' }>,
  place: PlaceOfCall,
  choice: RuleChoice,
  atMs: number,
  context: Context | null,
  results: readonly RuleResult[],
  open: readonly string[],
  shadow: readonly RuleResult[],
  overrides: readonly RuleResult[],
  nextMs: number | null
): Decision {
  const all = overrides.length === 0 ? results : [...results, ...overrides]
  let outcome: Outcome = 'ALLOW'
  const reasons: Reason[] = []
  for (const one of all) {
    if (!one.ok) outcome = worse(outcome, one.outcome)
    if (!one.ok || one.reasons[0] === 'OVERRIDE_APPLIED')
      for (const reason of one.reasons) if (!reasons.includes(reason)) reasons.push(reason)
  }
  // Rules that are each open in time may never be open together.
  if (outcome === 'DEFER' && nextMs === Number.POSITIVE_INFINITY) outcome = 'BLOCK'
  const recording =
    facts.isRecorded === false || context === null
      ? null
      : recordingPolicy(
          facts.ownLocations === undefined ? place.jurisdictions : [...place.jurisdictions, ...facts.ownLocations],
          packs,
          context.maxDay
        )
  return {
    outcome,
    reasons,
    nextAt: outcome === 'DEFER' && nextMs !== null ? formatUtc(nextMs) : null,
    obligations: outcome === 'ALLOW' || outcome === 'DEFER' ? obligationsOf(choice, context, recording) : [],
    recording,
    open,
    number: { e164: number.e164, country: number.country, line: number.line, evidence: place.evidence },
    jurisdictions: place.jurisdictions,
    zones: place.zones.map(zone => ({ zone: zone.name, local: formatLocal(zone, atMs) })),
    validUntil: formatUtc(atMs + VALID_MS),
    packs: choice.packs,
    packSetHash: packs.hash,
    numberingPlan: NUMBERING_PLAN_VERSION,
    results: all,
    shadow,
    error: null
  }
}

type KnownObligations = { day: number; recording: RecordingPolicy | null; list: readonly Obligation[] }
const knownObligations = new WeakMap<RuleChoice, KnownObligations>()

function obligationsOf(
  choice: RuleChoice,
  context: Context | null,
  recording: RecordingPolicy | null
): readonly Obligation[] {
  if (context === null) return []
  const known = knownObligations.get(choice)
  if (known !== undefined && known.day === context.maxDay && known.recording === recording) return known.list
  const found: Obligation[] = []
  let isSame = true
  for (const rule of choice.disclosures) {
    if (rule.exceptWhen.length > 0) {
      isSame = false
      if (exemption(context, rule.exceptWhen) !== null) continue
    }
    for (const one of rule.on(context.maxDay)?.obligations ?? []) {
      const same = found.findIndex(other => other.code === one.code)
      if (same < 0) found.push(one)
      else if ((one.seconds ?? Infinity) < (found[same]?.seconds ?? Infinity)) found[same] = one
    }
  }
  if (recording !== null && recording.obligation !== null) found.push({ code: recording.obligation })
  if (isSame) knownObligations.set(choice, { day: context.maxDay, recording, list: Object.freeze(found) })
  return found
}

function refuse(
  facts: Facts,
  packs: PackSet,
  number: NumberAnalysis | null,
  rule: string,
  outcome: Outcome,
  reason: Reason,
  error: string | null
): Decision {
  const atMs = Date.parse(facts.at)
  return {
    outcome,
    reasons: [reason],
    nextAt: null,
    obligations: [],
    recording: null,
    open: [],
    number: { e164: number?.e164 ?? null, country: null, line: null, evidence: [] },
    jurisdictions: [],
    zones: [],
    validUntil: Number.isNaN(atMs) ? facts.at : formatUtc(atMs + VALID_MS),
    packs: packs.refs,
    packSetHash: packs.hash,
    numberingPlan: NUMBERING_PLAN_VERSION,
    results: [{ ...plainResult(rule, outcome, [reason], { ...facts, overrides: [] }, atMs), reasons: [reason] }],
    shadow: [],
    error
  }
}
