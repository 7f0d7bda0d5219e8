import type { Db } from '../../sql/database.ts'
import {
  ensurePlaces,
  findExisting,
  hasContacts,
  insertContacts,
  insertNumbers,
  numbersOf,
  type StoredContact,
  updateContacts
} from '../../sql/queries/campaigns/contacts.ts'
import { type ConsentEvent, type LedgerParts, recordConsents } from '../compliance/consent/ledger.ts'
import type { Mapping } from './mapping.ts'
import type { Place, PlaceFinder } from './places.ts'
import { type NewContact, readContact, type RowProblem } from './read-contact.ts'
import type { Row } from './rows.ts'

export type ImportCounts = Readonly<{
  lines: number
  imported: number
  updated: number
  duplicates: number
  /** Lines of which nothing could be used. */
  wrong: number
}>

export type ImportParts = Readonly<{ db: Db; ledger: LedgerParts; places: PlaceFinder }>

export type ImportTarget = Readonly<{
  listNo: number
  importId: string | null
  mapping: Mapping
  recordedBy: string | null
  at: Date
}>

const BATCH = 4_000
/** Batches that the database stores at the same time, each in a transaction. */
const AT_ONCE = 2
const MAX_TRIES = 6
const MAX_PROBLEMS = 200

/**
 * Takes rows into a list, a batch in a transaction. Memory holds a few batches, whatever the size of the file. A person whose
 * number is in the list already is a duplicate, which is left out or brings what is on file up to date.
 */
export class ContactImport {
  readonly #parts: ImportParts
  readonly #target: ImportTarget
  readonly #isUpdating: boolean
  readonly #placeIds = new Map<string, number>()
  readonly #storing = new Set<Promise<void>>()
  #batch: NewContact[] = []
  #failure: Readonly<{ err: unknown }> | undefined
  #retrying: Promise<void> = Promise.resolve()
  /** Whether a number of the file may be in the list; nobody is looked for in a list that was empty, until somebody is met. */
  #mayBeKnown: Promise<boolean> | undefined
  #isHeaderRead = false
  #counts = { lines: 0, imported: 0, updated: 0, duplicates: 0, wrong: 0 }
  readonly problems: RowProblem[] = []

  constructor(parts: ImportParts, target: ImportTarget) {
    this.#parts = parts
    this.#target = target
    this.#isUpdating = target.mapping.duplicates === 'update'
  }

  get counts(): ImportCounts {
    return { ...this.#counts }
  }

  async push(rows: readonly Row[]): Promise<void> {
    for (const row of rows) {
      if (!this.#isHeaderRead) {
        this.#isHeaderRead = true
        if (this.#target.mapping.hasHeader) continue
      }
      this.#counts.lines += 1
      const { contact, problems } = readContact(row, this.#target.mapping)
      for (const problem of problems) this.#complain(problem)
      if (contact === null) this.#counts.wrong += 1
      else this.#batch.push(contact)
      if (this.#batch.length >= BATCH) await this.#hand()
    }
  }

  /** Resolves when everything that was pushed is stored. */
  async flush(): Promise<void> {
    await this.#hand()
    await Promise.all(this.#storing)
    this.#throwFailure()
  }

  /** Hands the batch to the database; it is stored while the next one is read. */
  async #hand(): Promise<void> {
    const batch = this.#batch
    this.#batch = []
    // Where lines change what is on file, the later one wins: one after the other.
    const atOnce = this.#isUpdating ? 1 : AT_ONCE
    while (this.#storing.size >= atOnce) await Promise.race(this.#storing)
    this.#throwFailure()
    const storing: Promise<void> = this.#store(batch)
      .catch(err => {
        this.#failure ??= { err }
      })
      .finally(() => this.#storing.delete(storing))
    this.#storing.add(storing)
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.err
  }

  async #store(batch: readonly NewContact[]): Promise<void> {
    if (batch.length === 0) return
    const stored = await this.#withPlaces(batch)
    const isStored = await this.#tryToStore(batch, stored)
    if (isStored) return
    // Somebody has stored one of these people meanwhile: an earlier batch of this file, or a program.
    this.#mayBeKnown = Promise.resolve(true)
    const before = this.#retrying
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#retrying = promise
    try {
      await before
      for (let tries = 1; !(await this.#tryToStore(batch, stored)); tries += 1)
        if (tries === MAX_TRIES) throw new Error('others store the same contacts all the time')
    } finally {
      resolve()
    }
  }

  /** False when one of the people was stored by somebody else at the same time; then nothing of the batch is stored. */
  async #tryToStore(batch: readonly NewContact[], stored: readonly StoredContact[]): Promise<boolean> {
    const { fresh, known, twice } = await this.#sort(batch, stored)
    try {
      await this.#parts.db.transaction().execute(async trx => {
        await insertContacts(
          trx,
          this.#target.listNo,
          this.#target.importId,
          fresh.map(one => one.stored)
        )
        if (this.#isUpdating) await this.#update(trx, known)
      })
    } catch (err) {
      if (isRivalry(err)) return false
      throw err
    }
    await this.#recordConsents([...fresh, ...(this.#isUpdating ? known : [])].map(one => one.contact))
    for (const { contact } of known)
      this.#complain({ line: contact.line, code: 'DUPLICATE', message: 'The person is in the list already.' })
    for (const { contact, earlier } of twice)
      this.#complain({
        line: contact.line,
        code: 'DUPLICATE',
        message: `The same person as in line ${earlier}.`,
        shown: String(earlier)
      })
    this.#counts.imported += fresh.length
    this.#counts.duplicates += twice.length
    if (this.#isUpdating) this.#counts.updated += known.length
    else this.#counts.duplicates += known.length
    return true
  }

  async #withPlaces(batch: readonly NewContact[]): Promise<readonly StoredContact[]> {
    const wanted = new Map<string, Place>()
    const placed = batch.map(contact =>
      contact.numbers.map(one => {
        const place = this.#parts.places.find(one.analysis, contact)
        if (!this.#placeIds.has(place.key)) wanted.set(place.key, place)
        return { number: one.number, kind: one.kind, key: place.key }
      })
    )
    for (const [key, id] of await ensurePlaces(this.#parts.db, [...wanted.values()])) this.#placeIds.set(key, id)
    return batch.map((contact, index) => ({
      ...contact,
      numbers: (placed[index] ?? []).map(({ number, kind, key }) => ({
        number,
        kind,
        placeId: this.#placeIds.get(key) ?? 0
      }))
    }))
  }

  /** Who is new, who is in the list, and who stands earlier in this batch. */
  async #sort(batch: readonly NewContact[], stored: readonly StoredContact[]) {
    const { db } = this.#parts
    const { listNo } = this.#target
    this.#mayBeKnown ??= this.#isUpdating ? Promise.resolve(true) : hasContacts(db, listNo)
    const existing = (await this.#mayBeKnown)
      ? await findExisting(
          db,
          listNo,
          batch.flatMap(one => one.numbers.map(({ number }) => number)),
          batch.flatMap(one => one.externalId ?? [])
        )
      : NOBODY
    const seen = new Map<string, number>()
    const seenIds = new Map<string, number>()
    const fresh: { contact: NewContact; stored: StoredContact }[] = []
    const known: { contact: NewContact; stored: StoredContact; id: string }[] = []
    const twice: { contact: NewContact; earlier: number }[] = []
    for (const [index, contact] of batch.entries()) {
      const one = stored[index]
      if (one === undefined) continue
      const id =
        (contact.externalId === null ? undefined : existing.externalIds.get(contact.externalId)) ??
        contact.numbers.map(({ number }) => existing.numbers.get(number)).find(found => found !== undefined)
      const earlier =
        (contact.externalId === null ? undefined : seenIds.get(contact.externalId)) ??
        contact.numbers.map(({ number }) => seen.get(number)).find(found => found !== undefined)
      if (id !== undefined) known.push({ contact, stored: one, id })
      else if (earlier !== undefined) twice.push({ contact, earlier })
      else {
        for (const { number } of contact.numbers) seen.set(number, contact.line)
        if (contact.externalId !== null) seenIds.set(contact.externalId, contact.line)
        fresh.push({ contact, stored: one })
      }
    }
    return { fresh, known, twice }
  }

  async #update(trx: Db, known: readonly Readonly<{ stored: StoredContact; id: string }>[]): Promise<void> {
    // One person may stand in the file twice; the later line wins.
    const last = new Map(known.map(one => [one.id, one]))
    await updateContacts(
      trx,
      [...last.values()].map(one => ({ id: one.id, contact: one.stored }))
    )
    const numbers = await numbersOf(trx, [...last.keys()])
    const { listNo } = this.#target
    const added = [...last.values()].flatMap(({ id, stored }) => {
      const own = numbers.get(id) ?? []
      return stored.numbers
        .filter(({ number }) => !own.some(other => other.number === number))
        .slice(0, 10 - own.length)
        .map((one, index) => ({ ...one, contactId: id, position: own.length + index }))
    })
    const taken = await findExisting(
      trx,
      listNo,
      added.map(one => one.number),
      []
    )
    const used = new Set<string>()
    await insertNumbers(
      trx,
      listNo,
      added.filter(({ number }) => {
        if (taken.numbers.has(number) || used.has(number)) return false
        used.add(number)
        return true
      })
    )
  }

  async #recordConsents(contacts: readonly NewContact[]): Promise<void> {
    const { mapping, importId, recordedBy, at } = this.#target
    const { consent } = mapping
    if (consent === undefined) return
    const events: ConsentEvent[] = contacts.flatMap(contact => {
      const given = contact.consent
      if (given === null) return []
      const references = [
        ...(given.reference === null ? [] : [given.reference]),
        ...(consent.reference === undefined ? [] : [consent.reference]),
        ...(importId === null ? [] : [`import:${importId}:line:${contact.line}`])
      ]
      // That a file says so is no proof by itself: a reference, or the text that was agreed to, is.
      const hasProof = given.reference !== null || consent.reference !== undefined || consent.textVersion !== undefined
      return contact.numbers.map(
        ({ number }): ConsentEvent => ({
          kind: 'grant',
          e164: number,
          seller: consent.seller,
          grade: given.grade,
          ...(consent.purposes !== undefined && { purposes: consent.purposes }),
          ...(consent.modes !== undefined && { modes: consent.modes }),
          channels: ['voice'],
          at: given.at ?? at,
          recordedBy,
          evidence: {
            method: 'import',
            ...(contact.language !== null && { language: contact.language }),
            ...(consent.textVersion !== undefined && { textVersion: consent.textVersion }),
            ...(hasProof && { references })
          }
        })
      )
    })
    await recordConsents(this.#parts.ledger, events)
  }

  /** Tells of something that matters more than what single lines have. */
  warn(problem: RowProblem): void {
    this.problems.unshift(problem)
  }

  #complain(problem: RowProblem): void {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push(problem)
  }
}

const NOBODY: Awaited<ReturnType<typeof findExisting>> = { numbers: new Map(), externalIds: new Map() }

/** Whether two transactions wanted to store the same person (23505 unique_violation, 40P01 deadlock_detected). */
function isRivalry(err: unknown): boolean {
  const { code } = err as { code?: unknown }
  return code === '23505' || code === '40P01'
}
