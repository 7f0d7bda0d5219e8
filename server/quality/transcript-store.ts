import { randomBytes } from 'node:crypto'
import type { Db } from '../../sql/database.ts'
import {
  completeTranscript,
  eraseTranscript,
  findTranscript,
  findTranscripts,
  insertParts,
  insertTranscript,
  listAbandonedTranscripts,
  markWritten,
  type PartRow,
  readParts,
  type TranscriptRow
} from '../../sql/queries/quality/transcripts.ts'
import { newId } from '../ids.ts'
import { seal, SealError, unseal } from '../seal.ts'
import { QualityError } from './errors.ts'
import { endsInDigits, findPersonal, type KnownPersonal, withoutCards } from './redact.ts'
import { openText, sealText } from './sealed-text.ts'
import { measure, type NewUtterance, placeWords, type Utterance } from './utterance.ts'

/** Utterances in one sealed part of a finished transcript. */
const PER_PART = 200
export const MAX_UTTERANCES = 20_000
export const MAX_UTTERANCE_CHARACTERS = 10_000
const MAX_CHARACTERS = 4_000_000
/** A transcript that was not written to for so long after its call is closed by whoever notices. */
const ABANDONED_MS = 120_000
/** The same where nothing was ever stored of the call: its story comes late while it runs, but not so late. */
const UNKNOWN_CALL_MS = 3_600_000

export type TranscriptParts = Readonly<{ db: Db; secretKey: Buffer }>

const KEY_PURPOSE = (id: string) => `transcript ${id}`

/** What may be turned into text: a consent that was granted and still is. */
export type TranscriptGrant = Readonly<{
  id: string
  callId: string
  /** False from the moment at which the customer refuses or withdraws. */
  isGranted(): boolean
}>

export type NewTranscript = Readonly<{
  language: string
  provider: string
  /** Where it heard it; null when the sound did not leave our machines or nobody says. */
  region?: string | null
  /** Names and numbers of the people of this call, so that they are recognised. */
  known?: KnownPersonal
}>

/**
 * Writes the transcript of a running call, utterance by utterance; each is sealed in the database when the promise of
 * {@link append} resolves (one that ends in digits waits for the next, because it may be the first half of a card's
 * number). There is none without a grant, and none goes on after the grant was withdrawn.
 */
export class TranscriptWriter implements AsyncDisposable {
  readonly id: string
  readonly #parts: TranscriptParts
  readonly #grant: TranscriptGrant
  readonly #key: Buffer
  readonly #given: NewTranscript
  #next = 0
  #waiting: NewUtterance[] = []
  #characters = 0
  #isFinished = false
  #writing: Promise<void> = Promise.resolve()

  private constructor(parts: TranscriptParts, grant: TranscriptGrant, given: NewTranscript, id: string, key: Buffer) {
    this.#parts = parts
    this.#grant = grant
    this.#given = given
    this.id = id
    this.#key = key
  }

  /** Rejects with QualityError TRANSCRIPT_NOT_ALLOWED or TRANSCRIPT_EXISTS. */
  static async open(parts: TranscriptParts, grant: TranscriptGrant, given: NewTranscript): Promise<TranscriptWriter> {
    refuseWithoutGrant(grant)
    const { id, key } = await begin(parts, grant.callId, grant.id, 'live', given)
    return new TranscriptWriter(parts, grant, given, id, key)
  }

  /** Rejects with QualityError TRANSCRIPT_NOT_ALLOWED once the grant is gone; what came before stays. */
  async append(utterance: NewUtterance): Promise<void> {
    if (this.#isFinished) throw new TypeError('the transcript is finished')
    refuseWithoutGrant(this.#grant)
    this.#characters += utterance.text.length
    if (this.#next >= MAX_UTTERANCES || this.#characters > MAX_CHARACTERS)
      throw new QualityError('TRANSCRIPT_TOO_LARGE', 'The transcript has reached its largest size.')
    this.#waiting.push(utterance)
    if (!endsInDigits(utterance.text, this.#given.language)) await this.#flush()
  }

  /** Packs what was written, measures it and hands it to the search. */
  async finish(): Promise<void> {
    if (this.#isFinished) return
    this.#isFinished = true
    await this.#flush()
    await completeFrom(this.#parts, this.id, this.#key, this.#given.language, this.#given.known)
  }

  /** Throws away what was written, as a withdrawal may demand. */
  async discard(): Promise<void> {
    this.#isFinished = true
    this.#waiting = []
    await this.#writing
    await eraseTranscript(this.#parts.db, this.id, new Date())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.finish()
  }

  async #flush(): Promise<void> {
    const taken = this.#waiting
    this.#waiting = []
    const written = this.#writing.then(() => this.#write(taken))
    // The next one waits for this one, however it ends; its failure belongs to the caller of this one.
    this.#writing = written.catch(() => undefined)
    await written
  }

  async #write(taken: readonly NewUtterance[]): Promise<void> {
    if (taken.length === 0) return
    const utterances = prepare(taken, this.#given.language, this.#given.known)
    const part = this.#next
    this.#next += 1
    await insertParts(this.#parts.db, [toPart(this.#key, this.id, part, utterances)])
    await markWritten(this.#parts.db, this.id, new Date())
  }
}

function refuseWithoutGrant(grant: TranscriptGrant): void {
  if (!grant.isGranted())
    throw new QualityError('TRANSCRIPT_NOT_ALLOWED', 'The customer has not agreed to be recorded, or no longer does.')
}

/**
 * Stores a whole transcript that was made elsewhere, or nothing. `mayStore` runs first in the same transaction and rejects
 * when it may not be. Rejects with QualityError TRANSCRIPT_EXISTS, or TRANSCRIPT_TOO_LARGE.
 */
export async function importTranscript(
  parts: TranscriptParts,
  callId: string,
  consent: string,
  origin: 'import' | 'job',
  given: NewTranscript & Readonly<{ utterances: readonly NewUtterance[] }>,
  mayStore?: (trx: Db) => Promise<void>
): Promise<Readonly<{ id: string; utterances: number; redactions: number; cards: number }>> {
  const { utterances } = given
  const characters = utterances.reduce((sum, one) => sum + one.text.length, 0)
  if (utterances.length > MAX_UTTERANCES || characters > MAX_CHARACTERS)
    throw new QualityError(
      'TRANSCRIPT_TOO_LARGE',
      `A transcript has at most ${MAX_UTTERANCES} utterances and ${MAX_CHARACTERS} characters.`
    )
  const sorted = [...utterances].sort((a, b) => a.startMs - b.startMs)
  const { cards } = withoutCards(sorted, given.language)
  const ready = prepare(sorted, given.language, given.known)
  const { id, redactions } = await parts.db.transaction().execute(async db => {
    await mayStore?.(db)
    const within = { ...parts, db }
    const begun = await begin(within, callId, consent, origin, given)
    return { id: begun.id, redactions: await complete(within, begun.id, begun.key, ready) }
  })
  return { id, utterances: ready.length, redactions, cards }
}

async function begin(
  parts: TranscriptParts,
  callId: string,
  consent: string,
  origin: 'live' | 'import' | 'job',
  given: NewTranscript
): Promise<Readonly<{ id: string; key: Buffer }>> {
  const id = newId()
  const key = randomBytes(32)
  const made = await insertTranscript(parts.db, {
    id,
    call_id: callId,
    language: given.language,
    provider: given.provider,
    region: given.region ?? null,
    origin,
    status: 'writing',
    consent,
    sealed_key: seal(parts.secretKey, KEY_PURPOSE(id), key),
    finished_at: null,
    erased_at: null
  })
  if (made === undefined) throw new QualityError('TRANSCRIPT_EXISTS', 'The call has a transcript already.')
  return { id, key }
}

function prepare(
  given: readonly NewUtterance[],
  language: string,
  known: KnownPersonal | undefined
): readonly Utterance[] {
  return withoutCards(given, language).utterances.map(one => ({
    speaker: one.speaker,
    speakerId: one.speakerId ?? null,
    startMs: Math.round(one.startMs),
    endMs: Math.round(Math.max(one.startMs, one.endMs)),
    text: one.text,
    confidence: one.confidence ?? null,
    words: placeWords(one.text, one.words),
    personal: findPersonal(one.text, language, known)
  }))
}

/** Reads what was written one by one, looks for cards over all of it once more, and packs it. */
async function completeFrom(
  parts: TranscriptParts,
  id: string,
  key: Buffer,
  language: string,
  known: KnownPersonal | undefined
): Promise<void> {
  const written = (await readParts(parts.db, [id])).flatMap(row => openPart(key, row))
  const hidden = hideCards(written, language, known)
  await complete(
    parts,
    id,
    key,
    hidden.toSorted((a, b) => a.startMs - b.startMs)
  )
}

/** Looks for cards over all that was said, whenever and by whomever it was written. */
function hideCards(
  utterances: readonly Utterance[],
  language: string,
  known: KnownPersonal | undefined
): readonly Utterance[] {
  const { utterances: hidden } = withoutCards(
    utterances.map(one => ({ ...one, words: [] })),
    language
  )
  return utterances.map((one, index) => {
    const text = hidden[index]?.text ?? one.text
    return text === one.text ? one : { ...one, text, personal: findPersonal(text, language, known) }
  })
}

async function complete(
  parts: TranscriptParts,
  id: string,
  key: Buffer,
  utterances: readonly Utterance[]
): Promise<number> {
  const packed = []
  for (let from = 0; from < utterances.length; from += PER_PART)
    packed.push(toPart(key, id, packed.length, utterances.slice(from, from + PER_PART)))
  const figures = measure(utterances)
  const redactions = utterances.reduce((sum, one) => sum + one.personal.length, 0)
  const now = new Date()
  await completeTranscript(parts.db, id, packed, {
    status: 'complete',
    utterances: utterances.length,
    words: figures.words,
    redactions,
    agent_ms: figures.agentMs,
    customer_ms: figures.customerMs,
    bot_ms: figures.botMs,
    longest_silence_ms: figures.longestSilenceMs,
    overlap_ms: figures.overlapMs,
    written_at: now,
    finished_at: now
  })
  return redactions
}

/** The short form in which utterances are sealed. */
type Packed = readonly [
  speaker: Utterance['speaker'],
  speakerId: string | null,
  startMs: number,
  endMs: number,
  text: string,
  confidence: number | null,
  words: Utterance['words'],
  personal: readonly (readonly [kind: Utterance['personal'][number]['kind'], from: number, to: number])[]
]

function toPart(key: Buffer, id: string, part: number, utterances: readonly Utterance[]) {
  const packed: readonly Packed[] = utterances.map(one => [
    one.speaker,
    one.speakerId,
    one.startMs,
    one.endMs,
    one.text,
    one.confidence,
    one.words,
    one.personal.map(span => [span.kind, span.from, span.to] as const)
  ])
  return {
    transcript_id: id,
    part,
    utterances: utterances.length,
    from_ms: Math.min(...utterances.map(one => one.startMs)),
    to_ms: Math.max(...utterances.map(one => one.endMs)),
    body: sealText(key, id, part, packed)
  }
}

function openPart(key: Buffer, row: PartRow): readonly Utterance[] {
  const packed = openText(key, row.transcript_id, row.part, row.body) as readonly Packed[]
  return packed.map(([speaker, speakerId, startMs, endMs, text, confidence, words, personal]) => ({
    speaker,
    speakerId,
    startMs,
    endMs,
    text,
    confidence,
    words,
    personal: personal.map(([kind, from, to]) => ({ kind, from, to }))
  }))
}

export type Transcript = Readonly<{ row: TranscriptRow; utterances: readonly Utterance[] }>

/** Null when the call has none. Throws QualityError TRANSCRIPT_ERASED or TRANSCRIPT_DAMAGED. */
export async function readTranscript(parts: TranscriptParts, callId: string): Promise<Transcript | null> {
  const row = await findTranscript(parts.db, callId)
  if (row === undefined) return null
  const key = keyOf(parts, row)
  if (key === null) throw new QualityError('TRANSCRIPT_ERASED', 'The transcript was erased.')
  const utterances = (await readParts(parts.db, [row.id])).flatMap(one => openPart(key, one))
  // While it is written, what both sides say comes in the order in which it was understood.
  if (row.status === 'writing') utterances.sort((a, b) => a.startMs - b.startMs)
  return { row, utterances }
}

/**
 * Those of several calls; calls without one, or whose text was erased, are left out. So are those that cannot be opened: one that
 * is damaged, or was sealed with another key, keeps nobody from the others. `onUnreadable` hears of each.
 */
export async function readTranscripts(
  parts: TranscriptParts,
  callIds: readonly string[],
  onUnreadable?: (callId: string, err: unknown) => void
): Promise<ReadonlyMap<string, Transcript>> {
  const rows = await findTranscripts(parts.db, callIds)
  const bodies = Map.groupBy(
    await readParts(
      parts.db,
      rows.map(row => row.id)
    ),
    part => part.transcript_id
  )
  const found = new Map<string, Transcript>()
  for (const row of rows) {
    try {
      const key = keyOf(parts, row)
      if (key === null) continue
      found.set(row.call_id, { row, utterances: (bodies.get(row.id) ?? []).flatMap(one => openPart(key, one)) })
    } catch (err) {
      if (!isUnreadable(err)) throw err
      onUnreadable?.(row.call_id, err)
    }
  }
  return found
}

/** It stays so: the text, or its key, is not what was written. */
function isUnreadable(err: unknown): boolean {
  return err instanceof SealError || (err instanceof QualityError && err.code === 'TRANSCRIPT_DAMAGED')
}

function keyOf(parts: TranscriptParts, row: TranscriptRow): Buffer | null {
  return row.sealed_key === null ? null : unseal(parts.secretKey, KEY_PURPOSE(row.id), row.sealed_key)
}

/**
 * Closes transcripts whose writer died with its control plane. One that cannot be opened is put off, so that the others have their
 * turn; `onUnreadable` hears of it. Returns how many were closed.
 */
export async function closeAbandoned(
  parts: TranscriptParts,
  now: Date,
  onUnreadable?: (callId: string, err: unknown) => void
): Promise<number> {
  const before = (ms: number) => new Date(now.getTime() - ms)
  const rows = await listAbandonedTranscripts(parts.db, before(ABANDONED_MS), before(UNKNOWN_CALL_MS), 100)
  let closed = 0
  for (const row of rows)
    try {
      const key = keyOf(parts, row)
      if (key === null) continue
      await completeFrom(parts, row.id, key, row.language, undefined)
      closed += 1
    } catch (err) {
      if (!isUnreadable(err)) throw err
      onUnreadable?.(row.call_id, err)
      await markWritten(parts.db, row.id, now)
    }
  return closed
}

/** Replaces the text of some utterances, as a person's right to correction demands. */
export async function correctTranscript(
  parts: TranscriptParts,
  callId: string,
  corrections: readonly Readonly<{ index: number; text: string }>[]
): Promise<void> {
  const found = await readTranscript(parts, callId)
  if (found === null) throw new QualityError('TRANSCRIPT_ERASED', 'The call has no transcript.')
  const key = keyOf(parts, found.row)
  if (key === null) throw new QualityError('TRANSCRIPT_ERASED', 'The transcript was erased.')
  const utterances = found.utterances.map((one, index) => {
    const text = corrections.find(correction => correction.index === index)?.text
    if (text === undefined) return one
    return { ...one, text, words: [], personal: findPersonal(text, found.row.language) }
  })
  // What a person typed may hold a card as well as what a machine heard.
  await complete(parts, found.row.id, key, hideCards(utterances, found.row.language, undefined))
}
