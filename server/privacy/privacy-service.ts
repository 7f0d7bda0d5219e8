import { createHash, randomBytes, randomInt } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readSealedAudio, SealedAudioWriter } from '../../media/recordings/sealed-audio.ts'
import type { PgBoss } from '../../sql/jobs.ts'
import { activeHolds, callsOfCustomer, countAttempts, insertErasures } from '../../sql/queries/privacy/items.ts'
import { insertMarks } from '../../sql/queries/privacy/marks.ts'
import {
  findRequest,
  insertRequest,
  insertRequestEvent,
  type RequestRow,
  updateRequest
} from '../../sql/queries/privacy/requests.ts'
import type { PrivacyKind, PrivacyRequestsTable } from '../../sql/quality-tables.ts'
import { withdrawConsent } from '../compliance/consent/ledger.ts'
import { deriveKey, hashPerson } from '../compliance/number-hash.ts'
import { AppError } from '../errors.ts'
import { newId } from '../ids.ts'
import { seal, unseal } from '../seal.ts'
import { clockOf, REGIMES, regimeOf } from './clocks.ts'
import { countryOf, readRetention, sweep } from './retention.ts'
import { STORES, type StoreItem, type StoreParts, type Subject } from './stores.ts'
import { ZipWriter } from './zip.ts'

const JOBS = 'privacy-requests'
const SWEEP = 'retention-sweep'
/** A finished export may be fetched for so long. */
export const EXPORT_DAYS = 7
const CHUNK_BYTES = 256 * 1024
/** What the second person types, so that nobody erases by a slip. */
export const ERASE_WORD = 'ERASE'

/** Who asks, in the clear only inside a sealed column. */
export type Asked = Readonly<{
  numbers: readonly string[]
  emails: readonly string[]
  name?: string
  /** The person's own words. */
  note?: string
}>

export type PlanLine = Readonly<{ store: string; count: number }>
export type KeepLine = Readonly<{ store: string; count: number; why: string; until: string | null }>
export type Plan = Readonly<{
  madeAt: string
  calls: number
  /** What will be deleted (or, for a copy, handed out). */
  take: readonly PlanLine[]
  keep: readonly KeepLine[]
}>

export type Certificate = Readonly<{
  reference: string
  kind: PrivacyKind
  regime: string
  receivedAt: string
  finishedAt: string
  subjects: readonly string[]
  stores: readonly Readonly<{
    store: string
    found: number
    erased: number
    kept: number
    method: string
    at: string
  }>[]
  kept: readonly KeepLine[]
  /** Over all of the above, so that a copy can be compared with the original. */
  sha256: string
}>

export type PrivacyParts = StoreParts & Readonly<{ secretKey: Buffer; jobs: PgBoss }>

/** Persons' requests from their receipt to the certificate, and the sweep of what has become old. */
export class PrivacyService {
  readonly parts: PrivacyParts
  readonly #hashKey: Buffer

  private constructor(parts: PrivacyParts) {
    this.parts = parts
    this.#hashKey = deriveKey(parts.secretKey, 'numbers')
  }

  static async start(parts: PrivacyParts): Promise<PrivacyService> {
    const service = new PrivacyService(parts)
    const { jobs } = parts
    await jobs.createQueue(JOBS, { retryLimit: 20, retryDelay: 60, retryBackoff: true })
    await jobs.work<{ id: string }>(JOBS, { pollingIntervalSeconds: 0.5 }, async taken => {
      for (const job of taken) await service.execute(job.data.id)
    })
    await jobs.createQueue(SWEEP)
    await jobs.schedule(SWEEP, '20 2 * * *')
    await jobs.work(SWEEP, async () => {
      const state = await readRetention(parts.db)
      if (!state.isSweeping) return
      const report = await sweep(parts, { isDry: false, now: new Date(), state })
      parts.quality.log.info({ ...report, byRule: report.byRule.length }, 'what is due by retention was deleted')
    })
    return service
  }

  hashesOf(asked: Pick<Asked, 'numbers' | 'emails'>): string[] {
    return [
      ...asked.numbers.map(number => this.parts.compliance.hashOf(number)),
      ...asked.emails.map(email => hashPerson(this.#hashKey, email))
    ]
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
    const holds = await this.#holdsFor(subject)
    for (const store of STORES) {
      const { free, held } = split(await store.find(this.parts, subject), holds)
      if (free.length > 0) take.push({ store: store.name, count: free.length })
      for (const [why, items] of Map.groupBy(held, one => one.why))
        keep.push({ store: store.name, count: items.length, why, until: items[0]?.until ?? null })
    }
    if (row.kind === 'erase') keep.push(...(await this.#evidence(subject)))
    return { madeAt: new Date().toISOString(), calls: subject.callIds.length, take, keep }
  }

  async begin(id: string): Promise<void> {
    await this.parts.jobs.send(JOBS, { id })
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
    const holds = await this.#holdsFor(subject)
    const stores: Certificate['stores'][number][] = []
    const kept: KeepLine[] = []
    const failed: string[] = []
    const progress: Record<string, unknown> = { ...row.progress }
    for (const store of STORES) {
      // Calls lead to everything else: they are forgotten only when nothing was left behind.
      if (store.name === 'calls' && failed.length > 0) break
      const { free, held } = split(await store.find(this.parts, subject), holds)
      try {
        const method =
          free.length === 0 ? 'nothing was there' : await store.erase(this.parts, free, subject, `request:${row.id}`)
        await insertErasures(
          db,
          free.map(item => ({
            store: store.name,
            itemId: item.id,
            callId: item.callId,
            cause: `request:${row.id}`,
            method
          }))
        )
        // Of an earlier run that did not get to its end.
        const before = progress[store.name] as { erased?: number } | undefined
        const line = {
          store: store.name,
          found: free.length + held.length + (before?.erased ?? 0),
          erased: free.length + (before?.erased ?? 0),
          kept: held.length,
          method,
          at: new Date().toISOString()
        }
        stores.push(line)
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
    if (failed.length > 0) {
      await updateRequest(db, row.id, { status: 'partly' }, ['running'])
      await insertRequestEvent(db, { requestId: row.id, by: 'system', what: 'partly', detail: { failed } })
      throw new AppError('CONFLICT', `These stores could not be emptied yet: ${failed.join(', ')}.`)
    }
    await this.#finish(row, stores, [...kept, ...(await this.#evidence(subject))])
  }

  async #export(row: RequestRow): Promise<void> {
    const { db, dataDir, quality } = this.parts
    const subject = await this.#subjectOf(row)
    const key = randomBytes(32)
    const file = join('exports', `${row.id}-${Date.now()}.sealed`)
    const writer = await SealedAudioWriter.open(join(dataDir, file), row.id, key, CHUNK_BYTES)
    const zip = new ZipWriter()
    const stores: Certificate['stores'][number][] = []
    try {
      const everything: Record<string, unknown[]> = {}
      for (const store of STORES) {
        const items = await store.find(this.parts, subject)
        everything[store.name] = []
        for (const item of items)
          everything[store.name]?.push({
            at: item.at.toISOString(),
            ...(await store.read(this.parts, item, subject))
          })
        stores.push({
          store: store.name,
          found: items.length,
          erased: 0,
          kept: items.length,
          method: 'copied',
          at: new Date().toISOString()
        })
        if (store.name !== 'recordings') continue
        for (const item of items) {
          const sound = await quality.recordings.library.readFile(item.id, 'flac', null, AbortSignal.timeout(120_000))
          const chunks: Buffer[] = []
          for await (const chunk of sound.body) chunks.push(chunk)
          writer.write(zip.file(`audio/${item.id}.flac`, Buffer.concat(chunks), false))
        }
      }
      const usage = await this.#usage(subject)
      const text = (value: unknown) => Buffer.from(`${JSON.stringify(value, null, 2)}\n`)
      writer.write(
        zip.file(
          'data.json',
          text({ request: row.reference, madeAt: new Date().toISOString(), stores: everything }),
          true
        )
      )
      writer.write(zip.file('usage.json', text(usage), true))
      writer.write(zip.file('calls.csv', Buffer.from(toCsv(everything['calls'] ?? [])), true))
      writer.write(zip.end())
    } finally {
      await writer.close()
    }
    const until = new Date(Date.now() + EXPORT_DAYS * 86_400_000)
    const done = await updateRequest(
      db,
      row.id,
      { export_file: file, export_key: seal(this.parts.secretKey, `export ${row.id}`, key), export_until: until },
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
      if (subject.callIds.length > 0)
        await db
          .deleteFrom('call_documents')
          .where('call_id', 'in', [...subject.callIds])
          .execute()
    }
    await this.#finish(row, [], [])
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
    if (asked === null) return { numbers: [], emails: [], callIds: [] }
    const calls = await callsOfCustomer(this.parts.db, asked.numbers)
    return { numbers: asked.numbers, emails: asked.emails, callIds: calls.map(call => call.callId) }
  }

  async #holdsFor(subject: Subject): Promise<(item: StoreItem) => { why: string; until: string | null } | null> {
    const hashes = new Set(subject.numbers.map(number => this.parts.compliance.hashOf(number)))
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
  async #evidence(subject: Subject): Promise<readonly KeepLine[]> {
    const { db, compliance } = this.parts
    const hashes = subject.numbers.map(number => compliance.hashOf(number))
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

  /** Who saw or heard what of this person, from the audit log. */
  async #usage(subject: Subject): Promise<readonly Readonly<Record<string, unknown>>[]> {
    if (subject.callIds.length === 0) return []
    const rows = await this.parts.db
      .selectFrom('audit_log')
      .select(['at', 'actor_kind', 'action', 'subject_id'])
      .where('subject_kind', '=', 'call')
      .where('subject_id', 'in', [...subject.callIds])
      .orderBy('id')
      .limit(50_000)
      .execute()
    return rows.map(row => ({
      at: row.at.toISOString(),
      who: row.actor_kind,
      what: row.action,
      callId: row.subject_id
    }))
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

/** RFC 4180; values that a spreadsheet would run as formulas begin with a quote mark. */
function toCsv(rows: readonly unknown[]): string {
  const records = rows as readonly Readonly<Record<string, unknown>>[]
  const columns = [...new Set(records.flatMap(row => Object.keys(row)))]
  const cell = (value: unknown) => {
    const text =
      value === null || value === undefined
        ? ''
        : value instanceof Date
          ? value.toISOString()
          : typeof value === 'object'
            ? JSON.stringify(value)
            : String(value)
    const safe = /^[=+\-@\t\r]/.test(text) && !/^\+\d+$/.test(text) ? `'${text}` : text
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
  }
  return [columns.join(','), ...records.map(row => columns.map(column => cell(row[column])).join(','))].join('\r\n')
}
