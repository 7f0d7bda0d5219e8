import { RATE_HZ, CHANNELS } from '../../media/recordings/flac.ts'
import type { RecordingGap } from '../../media/recordings/gaps.ts'
import { openFolderStore } from '../../media/recordings/folder-store.ts'
import { type ObjectStore, StoreError } from '../../media/recordings/object-store.ts'
import {
  PEAKS_PER_SECOND,
  type RecordingIndex,
  SAMPLES_PER_MS,
  spreadPeaks
} from '../../media/recordings/recording-format.ts'
import { readIndex, readPcm, type RecordingSource } from '../../media/recordings/recording-reader.ts'
import type { RecordingThread } from '../../media/recordings/recording-thread.ts'
import { SealedAudioError } from '../../media/recordings/sealed-audio.ts'
import type { Db } from '../../sql/database.ts'
import {
  buryRecordings,
  findRecording,
  findRecordings,
  listRecordings,
  listRecordingsOfCall,
  type RecordingRow,
  updateRecording
} from '../../sql/queries/recordings.ts'
import { eachOf } from './each-of.ts'
import { AppError } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { isWrongKey, type KeyRing } from './key-ring.ts'
import { KeyServiceError } from './key-service.ts'
import type {
  ErasureProof,
  RecordingFile,
  RecordingFilter,
  RecordingLibrary,
  RecordingPeaks,
  RecordingProblem,
  RecordingSummary,
  TimeSpan
} from './recording-library.ts'
import type { Spool } from './spool.ts'
import type { Storage } from './storage.ts'

export type LibraryParts = Readonly<{
  db: Db
  storage: Storage
  keys: KeyRing
  spool: Spool
  controlPlaneId: string
  /** Computes away from calls. */
  codec: RecordingThread
  metrics: Metrics
  log: Logger
}>

const WAV_HEAD_BYTES = 44
const BYTES_PER_MS = SAMPLES_PER_MS * CHANNELS * 2
const DELETE_LIMIT_MS = 30_000
/** Indexes of recordings that are being played: seeking asks for them again and again. */
const MAX_OPEN = 32

type Open = Readonly<{ source: RecordingSource; index: RecordingIndex }>

/** The library over sealed recordings in their stores and in the spool. */
export class SealedLibrary implements RecordingLibrary {
  readonly #parts: LibraryParts
  readonly #open = new Map<string, Promise<Open>>()

  constructor(parts: LibraryParts) {
    this.#parts = parts
  }

  async find(id: string): Promise<RecordingSummary | undefined> {
    const row = await findRecording(this.#parts.db, id)
    return row === undefined ? undefined : toSummary(row)
  }

  async listByCall(callId: string): Promise<readonly RecordingSummary[]> {
    return (await listRecordingsOfCall(this.#parts.db, callId)).map(toSummary)
  }

  async list(filter: RecordingFilter, before: string | null, limit: number): Promise<readonly RecordingSummary[]> {
    return (await listRecordings(this.#parts.db, filter, before, limit)).map(toSummary)
  }

  async gaps(id: string): Promise<readonly RecordingGap[]> {
    return gapsOfRow(await this.#mustFind(id))
  }

  async *readPcm(id: string, span: TimeSpan, signal: AbortSignal): AsyncGenerator<Buffer> {
    const { source, index } = await this.#opened(id, signal)
    yield* this.#translated(
      readPcm(source, index, { fromMs: span.fromMs, toMs: span.toMs ?? index.durationMs }, signal)
    )
  }

  async readFile(
    id: string,
    format: 'wav' | 'flac',
    range: Readonly<{ first: number; last?: number }> | null,
    signal: AbortSignal
  ): Promise<RecordingFile> {
    const { source, index } = await this.#opened(id, signal)
    switch (format) {
      case 'wav': {
        const totalBytes = WAV_HEAD_BYTES + index.durationMs * BYTES_PER_MS
        const first = range?.first ?? 0
        const last = Math.min(range?.last ?? totalBytes - 1, totalBytes - 1)
        if (first > last) throw new AppError('RANGE_INVALID', `The file has ${totalBytes} bytes.`)
        // The head of the file comes without reading any audio.
        const ahead = first < WAV_HEAD_BYTES ? 2 : 1
        const parts = this.#translated(wavBytes(source, index, first, last, signal))
        return { contentType: 'audio/wav', totalBytes, range: { first, last }, body: await primed(parts, ahead) }
      }
      case 'flac': {
        const { codec } = this.#parts
        const pcm = readPcm(source, index, { fromMs: 0, toMs: index.durationMs }, signal)
        const body = await primed(this.#translated(codec.encode(samplesOf(pcm), index.durationMs * SAMPLES_PER_MS)), 2)
        return { contentType: 'audio/flac', totalBytes: null, range: null, body }
      }
      default:
        return format satisfies never
    }
  }

  async peaks(id: string, pointsPerSecond: number): Promise<RecordingPeaks> {
    const { index } = await this.#opened(id, new AbortController().signal)
    const whole = spreadPeaks(index)
    const step = Math.max(1, Math.round(PEAKS_PER_SECOND / Math.max(0.1, pointsPerSecond)))
    const points = new Uint8Array(Math.ceil(whole.length / 2 / step) * 2)
    for (let at = 0; at < whole.length; at += 1) {
      const to = Math.floor((at >> 1) / step) * 2 + (at & 1)
      points[to] = Math.max(points[to] ?? 0, whole[at] ?? 0)
    }
    return { pointsPerSecond: PEAKS_PER_SECOND / step, points }
  }

  async hold(id: string, reason: string | null): Promise<void> {
    const row = await this.#mustFind(id)
    if (row.state === 'erased') throw erased()
    await updateRecording(this.#parts.db, id, { legal_hold: reason })
  }

  async erase(id: string, reason: string, erasedBy: string): Promise<ErasureProof> {
    const { db } = this.#parts
    const before = await this.#mustFind(id)
    if (before.state === 'erased') return await this.#proofOf(before)
    if (before.legal_hold !== null) throw new AppError('CONFLICT', `The recording must be kept: ${before.legal_hold}.`)
    // The key first: from here on nothing can open any copy, wherever it is.
    await buryRecordings(db, [id], { at: new Date(), by: erasedBy, reason })
    const buried = await this.#mustFind(id)
    if (buried.state !== 'erased') throw new AppError('CONFLICT', 'The recording must be kept: it was put on hold.')
    await this.#discardBytes(buried)
    return await this.#proofOf(buried)
  }

  async eraseAll(ids: readonly string[], reason: string, erasedBy: string): Promise<void> {
    const { db } = this.#parts
    const before = await findRecordings(db, ids)
    if (before.length < new Set(ids).size) throw new AppError('NOT_FOUND', 'No recording has one of these ids.')
    const held = before.find(one => one.state !== 'erased' && one.legal_hold !== null)
    if (held !== undefined) throw new AppError('CONFLICT', `A recording must be kept: ${held.legal_hold}.`)
    await buryRecordings(db, ids, { at: new Date(), by: erasedBy, reason })
    const buried = (await findRecordings(db, ids)).filter(one => one.state === 'erased')
    await eachOf(buried, one => this.#discardBytes(one))
    if (buried.length < before.length) throw new AppError('CONFLICT', 'A recording must be kept: it was put on hold.')
  }

  /** Of a recording whose key is gone, here and in its store; what the store does not do now is done later. */
  async #discardBytes({ id, store, object_key: key }: RecordingRow): Promise<void> {
    const { spool, storage, log } = this.#parts
    this.#open.delete(id)
    await spool.discard(id)
    try {
      await storage.store(store)?.delete(key, AbortSignal.timeout(DELETE_LIMIT_MS))
    } catch (err) {
      if (!(err instanceof StoreError)) throw err
      log.error({ err, recordingId: id }, 'the bytes of an erased recording could not be deleted yet')
    }
  }

  async #proofOf(row: RecordingRow): Promise<ErasureProof> {
    const store = this.#parts.storage.store(row.store)
    let bytesGone = false
    try {
      const signal = AbortSignal.timeout(DELETE_LIMIT_MS)
      if (store !== undefined && (await store.size(row.object_key, signal)) !== null)
        await store.delete(row.object_key, signal)
      bytesGone = store !== undefined && (await store.size(row.object_key, signal)) === null
    } catch (err) {
      if (!(err instanceof StoreError)) throw err
    }
    return {
      recordingId: row.id,
      callId: row.call_id,
      erasedAt: row.erased_at ?? new Date(0),
      reason: row.erase_reason ?? '',
      erasedBy: row.erased_by ?? '',
      keyDestroyed: true,
      bytesGone,
      sha256: row.sha256
    }
  }

  /** The recording's index, remembered while it is being played. */
  async #opened(id: string, signal: AbortSignal): Promise<Open> {
    const known = this.#open.get(id)
    if (known !== undefined) {
      // Erased by another control plane, it may not be heard here either.
      const row = await this.#mustFind(id)
      if (row.state === 'erased') throw erased()
      return await known
    }
    const opening = this.#openNow(id, signal)
    this.#open.set(id, opening)
    if (this.#open.size > MAX_OPEN) this.#open.delete(this.#open.keys().next().value ?? '')
    opening.catch(() => this.#open.delete(id))
    return await opening
  }

  async #openNow(id: string, signal: AbortSignal): Promise<Open> {
    const source = await this.source(await this.#mustFind(id))
    try {
      return { source, index: await readIndex(source, signal) }
    } catch (err) {
      throw toAppError(err)
    }
  }

  /** How a recording's sealed bytes are reached and opened. Rejects with AppError. */
  async source(row: RecordingRow): Promise<RecordingSource> {
    const { db, keys, storage, spool, codec, log, metrics } = this.#parts
    if (row.state === 'erased' || row.key_version === null || row.wrapped_key === null) throw erased()
    const id = row.id
    let key: Buffer
    try {
      key = await keys.unwrap({ version: row.key_version, wrapped: row.wrapped_key }, id)
    } catch (err) {
      if (err instanceof KeyServiceError)
        throw new AppError('RECORDING_AWAY', 'Try again later.', { cause: err, retryAfterSeconds: 30 })
      if (!isWrongKey(err)) throw err
      throw new AppError('RECORDING_UNREADABLE', `No key opens this recording (version ${row.key_version}).`, {
        cause: err
      })
    }
    const store = storage.store(row.store)
    const spooled = openFolderStore('spool', spool.folder)
    return {
      id,
      key,
      bytes: Number(row.bytes),
      indexOffset: Number(row.index_offset),
      read: (range, signal) => readSomewhere(db, row, store, spooled, range, signal),
      decode: flac => codec.decode(flac),
      onDamage: (span, err) => {
        log.error({ err, recordingId: id, ...span }, 'a part of a recording is damaged; it is played as silence')
        metrics.recordingAlarms.inc({ code: 'CHUNK_DAMAGED' })
      }
    }
  }

  async *#translated(parts: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    try {
      yield* parts
    } catch (err) {
      throw toAppError(err)
    }
  }

  async #mustFind(id: string): Promise<RecordingRow> {
    const row = await findRecording(this.#parts.db, id)
    if (row === undefined) throw new AppError('NOT_FOUND', 'No recording has this id.')
    return row
  }
}

/** In its store, or in the spool of this machine until it is delivered, whichever has it at this moment; away while another machine has it. */
async function* readSomewhere(
  db: Db,
  row: RecordingRow,
  store: ObjectStore | undefined,
  spooled: ObjectStore,
  range: Readonly<{ first: number; last: number }>,
  signal: AbortSignal
): AsyncGenerator<Buffer> {
  if (row.state === 'spooled' && (await spooled.size(`${row.id}.sealed`, signal)) !== null) {
    yield* spooled.read(`${row.id}.sealed`, range, signal)
    return
  }
  if (store === undefined) throw new StoreError('STORE_UNAVAILABLE', `there is no store ${row.store}`)
  try {
    yield* store.read(row.object_key, range, signal)
  } catch (cause) {
    if (row.state !== 'spooled' || !(cause instanceof StoreError) || cause.code !== 'OBJECT_MISSING') throw cause
    // The row may be from before it was delivered; then the store has lost it.
    if ((await findRecording(db, row.id))?.state !== 'spooled') throw cause
    // Nothing is lost: another control plane has it until the store takes it.
    throw new StoreError('STORE_UNAVAILABLE', `the recording waits on ${row.control_plane_id} for its store`, { cause })
  }
}

/** Bytes `first` to `last` of the WAV file that the recording would be. */
async function* wavBytes(
  source: RecordingSource,
  index: RecordingIndex,
  first: number,
  last: number,
  signal: AbortSignal
): AsyncGenerator<Buffer> {
  if (first < WAV_HEAD_BYTES)
    yield wavHead(index.durationMs * BYTES_PER_MS).subarray(first, Math.min(WAV_HEAD_BYTES, last + 1))
  const from = Math.max(0, first - WAV_HEAD_BYTES)
  let left = last - WAV_HEAD_BYTES + 1 - from
  if (left <= 0) return
  const fromMs = Math.floor(from / BYTES_PER_MS)
  const toMs = Math.ceil((from + left) / BYTES_PER_MS)
  let skip = from - fromMs * BYTES_PER_MS
  for await (const part of readPcm(source, index, { fromMs, toMs }, signal)) {
    const wanted = part.subarray(skip, skip + left)
    skip = Math.max(0, skip - part.length)
    left -= wanted.length
    if (wanted.length > 0) yield wanted
  }
}

async function* samplesOf(pcm: AsyncIterable<Buffer>): AsyncGenerator<Int16Array> {
  for await (const part of pcm) yield new Int16Array(Uint8Array.from(part).buffer)
}

/** The same parts, of which the first ones are there already: what cannot be read at all fails before anything is promised. */
async function primed(parts: AsyncGenerator<Buffer>, count: 1 | 2): Promise<AsyncIterable<Buffer>> {
  const ahead = [await parts.next()]
  if (count === 2) ahead.push(await parts.next())
  return (async function* () {
    try {
      for (const one of ahead) if (!one.done) yield one.value
      yield* parts
    } finally {
      await parts.return(undefined)
    }
  })()
}

function wavHead(dataBytes: number): Buffer {
  const head = Buffer.alloc(WAV_HEAD_BYTES)
  head.write('RIFF', 0, 'latin1')
  head.writeUInt32LE(36 + dataBytes, 4)
  head.write('WAVEfmt ', 8, 'latin1')
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(CHANNELS, 22)
  head.writeUInt32LE(RATE_HZ, 24)
  head.writeUInt32LE(RATE_HZ * CHANNELS * 2, 28)
  head.writeUInt16LE(CHANNELS * 2, 32)
  head.writeUInt16LE(16, 34)
  head.write('data', 36, 'latin1')
  head.writeUInt32LE(dataBytes, 40)
  return head
}

function erased(): AppError {
  return new AppError('RECORDING_ERASED', 'Its key has been destroyed; only the fact that it existed is kept.')
}

function toAppError(err: unknown): unknown {
  if (err instanceof SealedAudioError)
    return new AppError('RECORDING_UNREADABLE', 'The recording is damaged, or its key is another one.', { cause: err })
  if (err instanceof StoreError && err.code === 'OBJECT_MISSING')
    return new AppError('RECORDING_UNREADABLE', 'The store has no such recording any more.', { cause: err })
  if (err instanceof StoreError)
    return new AppError('RECORDING_AWAY', 'Try again later.', { cause: err, retryAfterSeconds: 30 })
  return err
}

function gapsOfRow(row: RecordingRow): readonly RecordingGap[] {
  return row.gaps as readonly RecordingGap[]
}

export function toSummary(row: RecordingRow): RecordingSummary {
  return {
    id: row.id,
    callId: row.call_id,
    kind: row.kind,
    answeredAt: row.answered_at,
    durationMs: row.duration_ms,
    gaps: gapsOfRow(row),
    state: row.state,
    store: row.store,
    bytes: row.bytes === null ? null : Number(row.bytes),
    sha256: row.sha256,
    language: row.language,
    consentId: row.consent_id,
    legalHold: row.legal_hold,
    problem: row.problem as RecordingProblem | null,
    createdAt: row.created_at,
    erasedAt: row.erased_at
  }
}
