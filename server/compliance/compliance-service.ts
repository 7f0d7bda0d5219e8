import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { ComplianceDb } from '../../sql/queries/compliance/db.ts'
import { consentEventsOfMany } from '../../sql/queries/compliance/consent.ts'
import {
  activeOverrides,
  activeOverridesOf,
  type AttemptRow,
  attemptsOf,
  attemptsOfMany,
  type OverrideRow,
  suspensionsFrom
} from '../../sql/queries/compliance/decisions.ts'
import { seal, unseal } from '../seal.ts'
import { consentOf, foldConsent, type LedgerParts } from './consent/ledger.ts'
import { type Decision, decide } from './decide.ts'
import { DncStore } from './dnc/dnc-store.ts'
import { InternalList } from './dnc/internal-list.ts'
import type { Facts } from './facts.ts'
import { decideAndLog, type DecisionContext, type LogParts } from './log/decision-log.ts'
import { deriveKey, hashNumber } from './number-hash.ts'
import { analyzeNumber } from './numbers/analyze.ts'
import { compilePacks, type PackSet } from './packs/compile.ts'
import { type LoadedPack, loadPacks, PackError } from './packs/load.ts'
import { PackCache } from './packs/pack-cache.ts'
import { verifyPacks } from './packs/verify.ts'
import type { Settings } from './rules/context.ts'
import { DAY_MS } from './time/calendar.ts'

export type ComplianceOptions = Readonly<{
  db: ComplianceDb
  /** Folder of the rule packs. */
  packFolder: string
  /** Data folder; the numbers of do-not-call lists go to `dnc` in it. */
  dataFolder: string
  /** The installation's secret; keys for hashes and seals are derived from it. */
  secret: Buffer
  engine: string
  newId?: () => string
  settings?: Partial<Settings>
}>

/** What a caller knows about a planned call; the rest is looked up. Everything given wins over what is on file. */
export type Question = Partial<Facts> &
  Pick<Facts, 'number' | 'mode' | 'purpose'> &
  Readonly<{ person?: string; seller?: string }>

/** How far back attempts are looked at: the longest period of any rule. */
const ATTEMPTS_MS = 366 * DAY_MS
/** By them it is told when a call will be possible; all that are in force count besides. */
const SUSPENSIONS_TO_COME = 100

/**
 * Outbound compliance of one installation: the packs, the lists and the ledger that decisions rest on. Facts are
 * gathered here; the decision itself is the pure function {@link decide}.
 */
export class ComplianceService {
  readonly db: ComplianceDb
  readonly dnc: DncStore
  readonly internalList: InternalList
  readonly ledger: LedgerParts
  readonly log: LogParts
  readonly #key: Buffer
  readonly #folder: string
  readonly #cachePath: string
  readonly #settings: Partial<Settings>
  #loaded: readonly LoadedPack[]
  #packs: PackSet
  readonly #variants = new Map<string, PackSet>()

  private constructor(
    options: ComplianceOptions,
    loaded: readonly LoadedPack[],
    dnc: DncStore,
    internalList: InternalList
  ) {
    const { db, secret, engine, newId = randomUUID } = options
    this.db = db
    this.dnc = dnc
    this.internalList = internalList
    this.#loaded = loaded
    this.#packs = compilePacks(loaded, options.settings)
    this.#folder = options.packFolder
    this.#cachePath = cacheIn(options)
    this.#settings = options.settings ?? {}
    this.#key = deriveKey(secret, 'numbers')
    const sealing = deriveKey(secret, 'seal')
    this.ledger = {
      db,
      key: this.#key,
      newId,
      seal: text => seal(sealing, 'consent request', text),
      unseal: text => unseal(sealing, 'consent request', text).toString(),
      sealPart: (id, text) => seal(sealing, `consent part ${id}`, text),
      openPart: (id, sealed) => unseal(sealing, `consent part ${id}`, sealed).toString(),
      openEarlierPart: (sealedKey, sealed) =>
        unseal(unseal(sealing, 'consent key', sealedKey), 'consent', sealed).toString()
    }
    this.log = {
      db,
      key: this.#key,
      engine,
      newId,
      seal: text => seal(sealing, 'decision', text),
      unseal: text => unseal(sealing, 'decision', text).toString()
    }
  }

  /** Loads and tests the packs and reads the lists. Rejects with PackError; then nothing may be dialled. */
  static async open(options: ComplianceOptions): Promise<ComplianceService> {
    const loaded = await loadVerified(options.packFolder, cacheIn(options))
    const dnc = await DncStore.open(options.db, join(options.dataFolder, 'dnc'))
    const internalList = await InternalList.open(options.db, deriveKey(options.secret, 'numbers'))
    return new ComplianceService(options, loaded, dnc, internalList)
  }

  get packs(): PackSet {
    return this.#packs
  }

  /** Every pack that is there, also those that are off. */
  get loadedPacks(): readonly LoadedPack[] {
    return this.#loaded
  }

  /** The packs under other settings, for questions such as "and with the Ramadan courtesy?". Throws SettingsError. */
  packsWith(settings: Partial<Settings> | undefined): PackSet {
    if (settings === undefined) return this.#packs
    const key = JSON.stringify(settings)
    let set = this.#variants.get(key)
    if (set === undefined) {
      if (this.#variants.size > 32) this.#variants.clear()
      set = compilePacks(this.#loaded, { ...this.#settings, ...settings })
      this.#variants.set(key, set)
    }
    return set
  }

  /** Reads the packs anew. On any error the old set stays in force and the error is thrown. */
  async reloadPacks(): Promise<void> {
    const loaded = await loadVerified(this.#folder, this.#cachePath)
    this.#packs = compilePacks(loaded, this.#settings)
    this.#loaded = loaded
    this.#variants.clear()
  }

  hashOf(e164: string): string {
    return hashNumber(this.#key, e164)
  }

  /** Completes what the caller knows with what is on file: lists, consent, attempts, suspensions, overrides. */
  async gather(question: Question, context: DecisionContext = {}, now: Date = new Date()): Promise<Facts> {
    const { person, seller, ...known } = question
    const at = known.at ?? now.toISOString()
    const analysis = analyzeNumber(known.number)
    const facts: Facts = { ...known, at }
    if (analysis.kind !== 'number') return facts
    const { e164 } = analysis
    const instant = new Date(at)
    if (Number.isNaN(instant.getTime())) return facts
    const numberHash = this.hashOf(e164)
    const [consent, attempts, suspensions, overrides] = await Promise.all([
      known.consent === undefined
        ? consentOf(this.ledger, e164, person ?? null, seller ?? null, instant)
        : known.consent,
      known.attempts ?? this.#attempts(numberHash, instant),
      known.suspensions ?? this.#suspensions(instant),
      known.overrides ?? this.#overrides(numberHash, context.campaignId ?? null, instant)
    ])
    return {
      ...facts,
      consent,
      internalList: known.internalList === undefined ? this.#internal(e164) : known.internalList,
      registries: { ...this.#registries(e164), ...known.registries },
      attempts,
      suspensions,
      ...(overrides.length > 0 && { overrides })
    }
  }

  /**
   * The same as {@link gather} for many questions at one instant, with a query for each kind of fact instead of for each
   * question. Persons are not looked at, only numbers.
   */
  async gatherMany(
    questions: readonly Question[],
    context: DecisionContext = {},
    now: Date = new Date()
  ): Promise<readonly Facts[]> {
    const at = now.toISOString()
    const read = questions.map(question => {
      const { person: _person, seller, ...known } = question
      const analysis = analyzeNumber(known.number)
      const e164 = analysis.kind === 'number' ? analysis.e164 : null
      return { known, seller: seller ?? null, e164, hash: e164 === null ? null : this.hashOf(e164) }
    })
    const hashes = [...new Set(read.flatMap(one => one.hash ?? []))]
    const [consents, attempts, suspensions, overrides] = await Promise.all([
      consentEventsOfMany(this.db, hashes),
      attemptsOfMany(this.db, hashes, new Date(now.getTime() - ATTEMPTS_MS)),
      this.#suspensions(now),
      activeOverridesOf(this.db, context.campaignId ?? null, now)
    ])
    return read.map(({ known, seller, e164, hash }): Facts => {
      if (e164 === null || hash === null) return { ...known, at }
      const own = overrides.filter(row => row.numberHash === null || row.numberHash === hash)
      return {
        ...known,
        at,
        consent: known.consent === undefined ? foldConsent(consents.get(hash) ?? [], seller, now) : known.consent,
        internalList: known.internalList === undefined ? this.#internal(e164) : known.internalList,
        registries: { ...this.#registries(e164), ...known.registries },
        attempts: known.attempts ?? (attempts.get(hash) ?? []).slice(-1000).map(toAttempt),
        suspensions: known.suspensions ?? suspensions,
        ...(own.length > 0 && { overrides: own.map(toOverride) })
      }
    })
  }

  /** Gathers and decides; writes nothing. */
  async ask(question: Question, settings?: Partial<Settings>): Promise<Readonly<{ facts: Facts; decision: Decision }>> {
    const facts = await this.gather(question)
    return { facts, decision: decide(facts, this.packsWith(settings)) }
  }

  /** Gathers, decides and writes the decision, to be used for a call within 60 seconds. */
  async decideForCall(
    question: Question,
    context: DecisionContext
  ): Promise<Readonly<{ id: string; decision: Decision; facts: Facts }>> {
    const facts = await this.gather(question, context)
    return { facts, ...(await decideAndLog(this.log, facts, this.#packs, context)) }
  }

  #internal(e164: string): NonNullable<Facts['internalList']> | null {
    const entry = this.internalList.find(e164)
    return entry === null ? null : { since: entry.since.toISOString(), scope: entry.scope }
  }

  #registries(e164: string): NonNullable<Facts['registries']> {
    const found: NonNullable<Facts['registries']> = {}
    for (const registry of new Set(this.dnc.active.map(one => one.list.registry))) {
      const answer = this.dnc.lookup(registry, e164)
      if (answer !== null)
        found[registry] = {
          obtainedAt: answer.obtainedAt.toISOString(),
          listed: answer.listed,
          snapshotId: answer.snapshotId
        }
    }
    return found
  }

  async #attempts(numberHash: string, at: Date): Promise<NonNullable<Facts['attempts']>> {
    const rows = await attemptsOf(this.db, numberHash, new Date(at.getTime() - ATTEMPTS_MS))
    return rows.slice(-1000).map(toAttempt)
  }

  async #suspensions(at: Date): Promise<NonNullable<Facts['suspensions']>> {
    return (await suspensionsFrom(this.db, at, SUSPENSIONS_TO_COME)).map(row => ({
      jurisdiction: row.jurisdiction,
      kind: row.kind,
      from: row.fromAt.toISOString(),
      ...(row.toAt !== null && { to: row.toAt.toISOString() })
    }))
  }

  async #overrides(numberHash: string, campaignId: string | null, at: Date): Promise<NonNullable<Facts['overrides']>> {
    return (await activeOverrides(this.db, numberHash, campaignId, at)).map(toOverride)
  }
}

type AttemptOutcome = NonNullable<NonNullable<Facts['attempts']>[number]['outcome']>
const ATTEMPT_OUTCOMES: readonly AttemptOutcome[] = [
  'no_answer',
  'busy',
  'failed',
  'machine',
  'answered',
  'conversation',
  'abandoned',
  'hung_up'
]

function isOutcome(text: string | null): text is AttemptOutcome {
  return (ATTEMPT_OUTCOMES as readonly (string | null)[]).includes(text)
}

function toAttempt(row: AttemptRow): NonNullable<Facts['attempts']>[number] {
  return {
    at: row.placedAt.toISOString(),
    ...(row.subject !== null && { subject: row.subject }),
    ...(isOutcome(row.outcome) && { outcome: row.outcome })
  }
}

function toOverride(row: OverrideRow): NonNullable<Facts['overrides']>[number] {
  return {
    id: row.id,
    rules: [...row.rules],
    signedBy: [row.signedBy, row.countersignedBy ?? row.signedBy],
    reason: row.reason,
    from: row.signedAt.toISOString(),
    expiresAt: row.expiresAt.toISOString()
  }
}

function cacheIn({ dataFolder }: Pick<ComplianceOptions, 'dataFolder'>): string {
  return join(dataFolder, 'rule-packs.cache')
}

async function loadVerified(folder: string, cachePath: string): Promise<readonly LoadedPack[]> {
  const cache = await PackCache.open(cachePath)
  const packs = await loadPacks(folder, cache)
  const problems = verifyPacks(packs)
  if (problems.length > 0) throw new PackError(problems)
  await cache.write()
  return packs
}
