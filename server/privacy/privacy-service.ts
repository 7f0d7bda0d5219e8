import { createHash, randomBytes, randomInt } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readSealedAudio } from '../../media/recordings/sealed-audio.ts'
import type { PgBoss } from '../../sql/jobs.ts'
import { numbersOfCustomers } from '../../sql/queries/privacy/customers.ts'
import { activeHolds, countAttempts } from '../../sql/queries/privacy/items.ts'
import { insertMarks, latestMark } from '../../sql/queries/privacy/marks.ts'
import { queueForSearch } from '../../sql/queries/quality/search.ts'
import {
  findRequest,
  insertRequest,
  insertRequestEvent,
  listUnfinishedRequests,
  type RequestRow,
  updateRequest
} from '../../sql/queries/privacy/requests.ts'
import type { PrivacyKind, PrivacyRequestsTable } from '../../sql/quality-tables.ts'
import { withdrawConsent } from '../compliance/consent/ledger.ts'
import { AppError } from '../errors.ts'
import { newId } from '../ids.ts'
import { unindexCalls } from '../quality/indexer.ts'
import { seal, unseal } from '../seal.ts'
import { clockOf, REGIMES, regimeOf } from './clocks.ts'
import { CallUnderWayError } from './campaign-stores.ts'
import { makeCopy } from './copy.ts'
import { DailySweep } from './daily-sweep.ts'
import { countryOf } from './retention.ts'
import type { Asked, Certificate, KeepLine, Plan, PlanLine } from './request-facts.ts'
import { hashesOf } from './request-stores.ts'
import { type PersonStore, STORES, type StoreItem, type StoreParts } from './stores.ts'
import { findSubject, NO_SUBJECT, type Subject } from './subject.ts'
import { bury, eraseAgain } from './tombstones.ts'

const JOBS = 'privacy-requests'
const WATCH = 'privacy-watch'
const SWEEP = 'retention-sweep'
/** A finished export may be fetched for so long. */
export const EXPORT_DAYS = 7
/** What the second person types, so that nobody erases by a slip. */
export const ERASE_WORD = 'ERASE'

/** A store may be away for a weekend; what still fails then is taken up by the watch. */
const RETRIES = { retryLimit: 20, retryDelay: 60, retryBackoff: true, retryDelayMax: 3_600 } as const

/** What is made anew of what is elsewhere, also of a call that was forgotten. */
const FOLLOWS: readonly string[] = ['searchIndex']
/** Stores by which others are found. */
const ROOTS: readonly string[] = ['calls', 'contacts']

export type PrivacyParts = StoreParts & Readonly<{ secretKey: Buffer; jobs: PgBoss }>

/** Persons' requests from their receipt to the certificate, and the sweep of what has become old. */
export class PrivacyService {
  readonly parts: PrivacyParts

  private constructor(parts: PrivacyParts) {
    this.parts = parts
  }

  static async start(parts: PrivacyParts): Promise<PrivacyService> {
    const service = new PrivacyService(parts)
    const { jobs } = parts
    // Before anybody works with data that a backup has brought back.
    const again = await eraseAgain(parts)
    if (again > 0) parts.quality.log.warn({ again }, 'a restored database was emptied of what had been erased')
    await jobs.createQueue(JOBS, RETRIES)
    // One that an older version made keeps its old figures otherwise.
    await jobs.updateQueue(JOBS, RETRIES)
    await jobs.work<{ id: string }>(JOBS, { pollingIntervalSeconds: 0.5 }, async taken => {
      for (const job of taken) await service.execute(job.data.id)
    })
    await jobs.createQueue(WATCH)
    await jobs.schedule(WATCH, '*/10 * * * *')
    await jobs.work(WATCH, async () => {
      await service.resume()
    })
    await service.resume()
    await jobs.createQueue(SWEEP)
    await jobs.schedule(SWEEP, '20 2 * * *')
    const daily = new DailySweep(parts)
    await jobs.work(SWEEP, async () => {
      await service.endCopies(new Date())
      await daily.run()
    })
    return service
  }

  hashesOf(asked: Pick<Asked, 'numbers' | 'emails'>): string[] {
    return hashesOf(this.parts, asked)
  }

  /** Takes a request up; its clocks run from now. Returns its id, the word it is called by, and the key of its status page. */
  async receive(
    given: Readonly<{
      kind: PrivacyKind
      asked: Asked
      language: string
      channel: PrivacyRequestsTable['channel']
      isProved: boolean
      regime?: string
      by: string
      receivedAt?: Date
    }>
  ): Promise<Readonly<{ id: string; reference: string; statusKey: string; dueAt: Date }>> {
    const { kind, asked, language, channel, isProved, by } = given
    const receivedAt = given.receivedAt ?? new Date()
    const country = asked.numbers.map(countryOf).find(one => one !== null) ?? null
    const regime = given.regime ?? regimeOf(country).id
    const clock = clockOf(regimeById(regime), receivedAt)
    const id = newId()
    const key = randomBytes(32)
    const statusKey = `ps_${randomBytes(32).toString('base64url')}`
    const reference = newReference()
    await insertRequest(this.parts.db, {
      id,
      reference,
      kind,
      regime,
      channel,
      language,
      sealed_key: seal(this.parts.secretKey, `privacy ${id}`, key),
      sealed: seal(key, `privacy ${id}`, JSON.stringify(asked)),
      subject_hashes: this.hashesOf(asked),
      status: isProved ? 'identity' : 'received',
      identity: isProved ? 'proved' : 'pending',
      identity_by: isProved ? by : null,
      identity_how: isProved ? 'code' : null,
      received_at: receivedAt,
      acknowledge_by: clock.acknowledgeBy,
      acknowledged_at: channel === 'public' ? receivedAt : null,
      due_at: clock.dueAt,
      house_due_at: clock.houseDueAt,
      extended_at: null,
      planned_by: null,
      planned_at: null,
      approved_by: null,
      approved_at: null,
      export_file: null,
      export_key: null,
      export_until: null,
      status_hash: hashOf(statusKey),
      done_at: null
    })
    await insertRequestEvent(this.parts.db, { requestId: id, by, what: 'received', detail: { kind, regime } })
    return { id, reference, statusKey, dueAt: clock.dueAt }
  }

  /** What the request says about the person; null once that was erased. */
  open(row: RequestRow): Asked | null {
    if (row.sealed_key === null || row.sealed === null) return null
    const key = unseal(this.parts.secretKey, `privacy ${row.id}`, row.sealed_key)
    return JSON.parse(unseal(key, `privacy ${row.id}`, row.sealed).toString())
  }

  /** Adds numbers or addresses that turned out to belong to the same person. */
  async link(row: RequestRow, more: Pick<Asked, 'numbers' | 'emails'>): Promise<void> {
    const asked = this.open(row)
    if (asked === null || row.sealed_key === null)
      throw new AppError('CONFLICT', 'The request was carried out already.')
    const next = {
      ...asked,
      numbers: [...new Set([...asked.numbers, ...more.numbers])],
      emails: [...new Set([...asked.emails, ...more.emails])]
    }
    const key = unseal(this.parts.secretKey, `privacy ${row.id}`, row.sealed_key)
    await updateRequest(
      this.parts.db,
      row.id,
      {
        sealed: seal(key, `privacy ${row.id}`, JSON.stringify(next)),
        subject_hashes: this.hashesOf(next),
        // A plan that was made for fewer numbers is none.
        plan: null,
        planned_by: null,
        planned_at: null,
        status: 'identity'
      },
      ['received', 'identity', 'planned']
    )
  }

  /** Everything about the person, store by store, and what must stay and why. Nothing is changed. */
  async plan(row: RequestRow): Promise<Plan> {
    const subject = await this.#subjectOf(row)
    const take: PlanLine[] = []
    const keep: KeepLine[] = []
    const reach = await this.#reachOf(subject)
    const holds = await this.#holdsFor(reach)
    for (const store of STORES) {
      const { free, held } = split(await store.find(this.parts, subject), holds)
      if (free.length > 0) take.push({ store: store.name, count: free.length })
      for (const [why, items] of Map.groupBy(held, one => one.why))
        keep.push({ store: store.name, count: items.length, why, until: items[0]?.until ?? null })
    }
    if (row.kind === 'erase') keep.push(...(await this.#evidence(reach)))
    return { madeAt: new Date().toISOString(), calls: subject.callIds.length, take, keep }
  }

  async begin(id: string): Promise<void> {
    await this.parts.jobs.send(JOBS, { id })
  }

  /**
   * Takes up approved requests that nobody works on: their control plane died before it had asked for the work, or the work was
   * tried as often as it is. Returns how many.
   */
  async resume(): Promise<number> {
    const { db, jobs, quality } = this.parts
    let resumed = 0
    for (const id of await listUnfinishedRequests(db)) {
      const known = await jobs.findJobs<{ id: string }>(JOBS, { data: { id } })
      if (known.some(({ state }) => state === 'created' || state === 'retry' || state === 'active')) continue
      await this.begin(id)
      resumed += 1
    }
    if (resumed > 0) quality.log.warn({ resumed }, 'approved requests that nobody worked on are carried out')
    return resumed
  }

  /** Carries a request out. Safe to repeat: what is gone stays gone, and what failed is tried again. */
  async execute(id: string): Promise<void> {
    const row = await findRequest(this.parts.db, id)
    if (row === undefined || !['approved', 'running', 'partly'].includes(row.status)) return
    await updateRequest(this.parts.db, id, { status: 'running' }, ['approved', 'partly'])
    switch (row.kind) {
      case 'erase':
        return await this.#erase(row)
      case 'access':
      case 'export':
        return await this.#export(row)
      case 'restrict':
      case 'do-not-sell':
      case 'stop-calls':
        return await this.#mark(row)
      case 'correct':
        return await this.#finish(row, [], [])
      default:
        row.kind satisfies never
    }
  }

  async #erase(row: RequestRow): Promise<void> {
    const { db } = this.parts
    const subject = await this.#subjectOf(row)
    const reach = await this.#reachOf(subject)
    const evidence = await this.#evidence(reach)
    const lines = new Map<string, Certificate['stores'][number]>()
    const kept: KeepLine[] = []
    const failed: string[] = []
    const progress: Record<string, unknown> = { ...row.progress }
    const empty = async (store: PersonStore): Promise<void> => {
      // A court may ask for something at any moment, also while the stores before this one are emptied.
      const { free, held } = split(await store.find(this.parts, subject), await this.#holdsFor(reach))
      try {
        const method = await this.#eraseFrom(store, free, subject, `request:${row.id}`)
        // Of an earlier run that did not get to its end, or of a moment ago.
        const before = progress[store.name] as { erased?: number } | undefined
        const line = {
          store: store.name,
          found: free.length + held.length + (before?.erased ?? 0),
          erased: free.length + (before?.erased ?? 0),
          kept: held.length,
          method,
          at: new Date().toISOString()
        }
        lines.set(store.name, line)
        progress[store.name] = line
      } catch (err) {
        this.parts.quality.log.error({ err, requestId: row.id, store: store.name }, 'a store could not be emptied yet')
        progress[store.name] = { failedAt: new Date().toISOString() }
        failed.push(store.name)
      }
      for (const [why, items] of Map.groupBy(held, one => one.why))
        kept.push({ store: store.name, count: items.length, why, until: items[0]?.until ?? null })
      await updateRequest(db, row.id, { progress: JSON.stringify(progress) }, ['running'])
    }
    for (const store of STORES) {
      // Calls and contacts lead to everything else: they are forgotten only when nothing was left behind.
      if (ROOTS.includes(store.name) && failed.length > 0) break
      await empty(store)
    }
    // What came into a store after its turn and before the calls were forgotten; what comes later finds them forgotten.
    for (const store of failed.length > 0 ? [] : STORES) {
      if ([...ROOTS, ...FOLLOWS].includes(store.name) || (await this.#isEmpty(store, subject, reach))) continue
      kept.splice(0, kept.length, ...kept.filter(one => one.store !== store.name))
      await empty(store)
    }
    if (failed.length > 0) {
      await updateRequest(db, row.id, { status: 'partly' }, ['running'])
      await insertRequestEvent(db, { requestId: row.id, by: 'system', what: 'partly', detail: { failed } })
      throw new AppError('CONFLICT', `These stores could not be emptied yet: ${failed.join(', ')}.`)
    }
    await this.#finish(row, [...lines.values()], [...kept, ...evidence])
  }

  /** Erases and says how. Rejects while a call that would be forgotten still runs: more of it would come afterwards. */
  async #eraseFrom(store: PersonStore, free: readonly StoreItem[], subject: Subject, cause: string): Promise<string> {
    if (free.length === 0) return 'nothing was there'
    if (store.name === 'calls') await this.#refuseRunning(free.map(item => item.id))
    const method = await store.erase(this.parts, free, subject, cause)
    await bury(
      this.parts,
      free.map(item => ({ store: store.name, itemId: item.id, callId: item.callId, cause, method }))
    )
    return method
  }

  async #isEmpty(store: PersonStore, subject: Subject, reach: readonly string[]): Promise<boolean> {
    return split(await store.find(this.parts, subject), await this.#holdsFor(reach)).free.length === 0
  }

  async #refuseRunning(callIds: readonly string[]): Promise<void> {
    const running = await this.parts.db
      .selectFrom('cdrs')
      .select('call_id')
      .where('call_id', 'in', [...callIds])
      .where('state', '<>', 'ended')
      .limit(1)
      .executeTakeFirst()
    if (running !== undefined) throw new CallUnderWayError('the person is on the telephone at the moment')
  }

  async #export(row: RequestRow): Promise<void> {
    const { db, dataDir, secretKey } = this.parts
    const { file, key, stores } = await makeCopy(this.parts, row, await this.#subjectOf(row))
    const done = await updateRequest(
      db,
      row.id,
      {
        export_file: file,
        export_key: seal(secretKey, `export ${row.id}`, key),
        export_until: new Date(Date.now() + EXPORT_DAYS * 86_400_000)
      },
      ['running']
    )
    if (!done) await rm(join(dataDir, file), { force: true })
    await this.#finish(row, stores, [])
  }

  /** The copy of a finished request, opened chunk by chunk. */
  exportOf(row: RequestRow): AsyncIterable<Buffer> {
    if (row.export_file === null || row.export_key === null || (row.export_until ?? new Date(0)) < new Date())
      throw new AppError('NOT_FOUND', 'There is no copy, or its time is over.')
    const key = unseal(this.parts.secretKey, `export ${row.id}`, row.export_key)
    return readSealedAudio(join(this.parts.dataDir, row.export_file), row.id, key)
  }

  /** Deletes copies that can be fetched no more, file and key. Returns how many. */
  async endCopies(now: Date): Promise<number> {
    const { db, dataDir } = this.parts
    const rows = await db
      .selectFrom('privacy_requests')
      .select(['id', 'export_file'])
      .where('export_file', 'is not', null)
      .where('export_until', '<', now)
      .execute()
    for (const { id, export_file } of rows) {
      await rm(join(dataDir, export_file ?? ''), { force: true })
      await db
        .updateTable('privacy_requests')
        .set({ export_file: null, export_key: null })
        .where('id', '=', id)
        .where('export_until', '<', now)
        .execute()
    }
    return rows.length
  }

  async #mark(row: RequestRow): Promise<void> {
    const { db, compliance } = this.parts
    const asked = this.open(row)
    const at = new Date()
    for (const e164 of asked?.numbers ?? []) {
      await compliance.internalList.stop({
        e164,
        scope: row.kind === 'do-not-sell' ? 'marketing' : 'all',
        channel: 'form',
        detail: row.reference,
        at,
        recordedBy: null
      })
      await withdrawConsent(compliance.ledger, { e164, seller: 'all', at, channel: 'form', recordedBy: null })
    }
    if (row.kind !== 'stop-calls')
      await insertMarks(
        db,
        row.subject_hashes.map(hash => ({
          subject_hash: hash,
          kind: row.kind === 'restrict' ? ('restrict' as const) : ('do-not-sell' as const),
          is_set: true,
          cause: `request:${row.id}`
        }))
      )
    if (row.kind === 'restrict') {
      const subject = await this.#subjectOf(row)
      // First, so that whoever read these calls before the mark does not write them back.
      await queueForSearch(db, subject.callIds)
      await unindexCalls(db, subject.callIds)
    }
    await this.#finish(row, [], [])
  }

  /**
   * Ends a restriction, or a wish that data is not sold: what was marked is free again, and its calls can be found. Wishes not to
   * be called, and consents that ended, stay as they are. Rejects with AppError when nothing is marked.
   */
  async lift(row: RequestRow): Promise<void> {
    const { db } = this.parts
    const kind = row.kind
    if ((kind !== 'restrict' && kind !== 'do-not-sell') || row.status !== 'done')
      throw new AppError('CONFLICT', 'Only a restriction that is in force can be lifted.')
    const marks = await Promise.all(row.subject_hashes.map(hash => latestMark(db, hash, kind)))
    const set = marks.filter(mark => mark?.is_set === true && mark.cause === `request:${row.id}`)
    if (set.length === 0)
      throw new AppError('CONFLICT', 'This restriction was lifted before, or a later request has taken its place.')
    await insertMarks(
      db,
      set.flatMap(mark =>
        mark === undefined
          ? []
          : [{ subject_hash: mark.subject_hash, kind, is_set: false, cause: `request:${row.id} lifted` }]
      )
    )
    const { callIds } = await this.#subjectOf(row)
    if (kind === 'restrict') await queueForSearch(db, callIds)
  }

  async #finish(row: RequestRow, stores: Certificate['stores'], kept: readonly KeepLine[]): Promise<void> {
    const { db } = this.parts
    const finishedAt = new Date()
    const body = {
      reference: row.reference,
      kind: row.kind,
      regime: row.regime,
      receivedAt: row.received_at.toISOString(),
      finishedAt: finishedAt.toISOString(),
      subjects: row.subject_hashes,
      stores,
      kept
    }
    const certificate: Certificate = {
      ...body,
      sha256: createHash('sha256').update(JSON.stringify(body)).digest('hex')
    }
    await updateRequest(
      db,
      row.id,
      {
        status: 'done',
        certificate: JSON.stringify(certificate),
        done_at: finishedAt,
        // The request itself names the person; after an erasure it no longer does.
        ...(row.kind === 'erase' && { sealed: null, sealed_key: null })
      },
      ['running']
    )
    await insertRequestEvent(db, {
      requestId: row.id,
      by: 'system',
      what: 'done',
      detail: { sha256: certificate.sha256 }
    })
  }

  async #subjectOf(row: RequestRow): Promise<Subject> {
    const asked = this.open(row)
    return asked === null ? NO_SUBJECT : await findSubject(this.parts.db, asked)
  }

  /** The numbers that the request names, and those on which the person's contacts and calls were or are reached. */
  async #reachOf({ numbers, callIds, contactIds }: Subject): Promise<readonly string[]> {
    const others = await numbersOfCustomers(this.parts.db, { callIds, contactIds, languageIds: [] })
    return [...new Set([...numbers, ...others])]
  }

  async #holdsFor(
    numbers: readonly string[]
  ): Promise<(item: StoreItem) => { why: string; until: string | null } | null> {
    const hashes = new Set(numbers.map(number => this.parts.compliance.hashOf(number)))
    const holds = await activeHolds(this.parts.db, new Date())
    const forPerson = holds.find(hold => hold.numberHash !== null && hashes.has(hold.numberHash))
    const byCall = new Map(holds.flatMap(hold => (hold.callId === null ? [] : [[hold.callId, hold] as const])))
    return item => {
      const hold = forPerson ?? (item.callId === null ? undefined : byCall.get(item.callId))
      if (hold !== undefined) return { why: `legal hold: ${hold.matter}`, until: hold.until?.toISOString() ?? null }
      return item.hold === null ? null : { why: `legal hold: ${item.hold}`, until: null }
    }
  }

  /** What the law wants kept: by keyed hash or sealed, never in the clear. */
  async #evidence(numbers: readonly string[]): Promise<readonly KeepLine[]> {
    const { db, compliance } = this.parts
    const hashes = numbers.map(number => compliance.hashOf(number))
    if (hashes.length === 0) return []
    const stops = hashes.filter(hash => compliance.internalList.findHash(hash) !== null).length
    const count = await countAttempts(db, hashes)
    return [
      ...(stops > 0
        ? [
            {
              store: 'doNotCallMarks',
              count: stops,
              why: 'the wish not to be called outlives the data, as a hash',
              until: null
            }
          ]
        : []),
      ...(count > 0
        ? [
            {
              store: 'callDecisions',
              count,
              why: 'proof that calls were lawful, number sealed, five years',
              until: null
            }
          ]
        : [])
    ]
  }
}

function split(
  items: readonly StoreItem[],
  holdOf: (item: StoreItem) => { why: string; until: string | null } | null
): Readonly<{
  free: readonly StoreItem[]
  held: readonly Readonly<{ item: StoreItem; why: string; until: string | null }>[]
}> {
  const free: StoreItem[] = []
  const held: { item: StoreItem; why: string; until: string | null }[] = []
  for (const item of items) {
    const hold = holdOf(item)
    if (hold === null) free.push(item)
    else held.push({ item, ...hold })
  }
  return { free, held }
}

function regimeById(id: string) {
  const regime = REGIME_IDS.get(id)
  if (regime === undefined) throw new AppError('VALIDATION_FAILED', `No regime is called ${id}.`)
  return regime
}

const REGIME_IDS = new Map(Object.entries(REGIMES))

export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}

/** Eight letters and digits that nobody mistakes for each other when they are read out. */
function newReference(): string {
  const letters = 'ABCDEFGHJKMNPQRTUVWXY346789'
  return Array.from({ length: 8 }, () => letters[randomInt(letters.length)] ?? 'A').join('')
}
