import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ObjectStore, StoreError } from '../../media/recordings/object-store.ts'
import type { ClosedRecording } from '../../media/recordings/recording-file-writer.ts'
import { RecordingThreadError, type RecordingThread } from '../../media/recordings/recording-thread.ts'
import type { Insertable } from 'kysely'
import type { Db } from '../../sql/database.ts'
import {
  buryRecordings,
  findRecording,
  findWithdrawal,
  insertRecording,
  markRecordingStored,
  requestThatErased
} from '../../sql/queries/recordings.ts'
import type { RecordingsTable } from '../../sql/recording-tables.ts'
import type { RecordingPolicyName } from '../compliance/recording-policy.ts'
import type { Logger } from '../log.ts'
import { DELETES_ON_WITHDRAWAL } from './grant.ts'
import type { KeyRing, WrappedKey } from './key-ring.ts'
import type { Storage } from './storage.ts'

/** A recording that is a message left by the customer. */
export type SpooledMessage = Readonly<{
  mailbox: string
  /** Where the message begins, in milliseconds since the answer. */
  fromMs: number
}>

/** What has to be known to finish a recording after a crash. Holds no audio and nothing about the customer. */
export type SpoolNote = Readonly<{
  id: string
  callId: string
  consentId: string
  store: string
  objectKey: string
  key: WrappedKey
  answeredAt: string
  language: string | null
  message?: SpooledMessage
  /** Set once the file is whole. */
  closed: ClosedRecording | null
}>

export type FinishedNote = SpoolNote & Readonly<{ closed: ClosedRecording }>

export type SpoolParts = Readonly<{
  db: Db
  folder: string
  thread: RecordingThread
  keys: KeyRing
  storage: Storage
  controlPlaneId: string
  log: Logger
  /** How many recordings wait here, for the metric. */
  onWaiting(count: number): void
  /** A recording could not be finished; somebody must look. */
  onTrouble(recordingId: string, code: string): void
  /** A recording is safe in its store. */
  onStored?(): void
}>

const DELIVER_LIMIT_MS = 10 * 60_000

/** What stays of a recording whose consent was taken back. */
export function tombstoneOf(
  note: SpoolNote,
  { controlPlaneId, by, durationMs }: Readonly<{ controlPlaneId: string; by: string; durationMs: number }>
): Insertable<RecordingsTable> {
  return {
    id: note.id,
    call_id: note.callId,
    consent_id: note.consentId,
    kind: kindOf(note),
    state: 'erased',
    store: note.store,
    object_key: note.objectKey,
    control_plane_id: controlPlaneId,
    answered_at: new Date(note.answeredAt),
    duration_ms: durationMs,
    language: note.language,
    erased_at: new Date(),
    erased_by: by,
    erase_reason: 'consentWithdrawn'
  }
}

function kindOf(note: SpoolNote): 'call' | 'voicemail' {
  return note.message === undefined ? 'call' : 'voicemail'
}

/**
 * Recordings between the call and their store: written here as the call runs, finished here after a crash, and kept here,
 * sealed, for as long as the store cannot be reached. Nothing leaves before the store has every byte.
 */
export class Spool {
  readonly #parts: SpoolParts
  readonly #live = new Set<string>()
  readonly #complained = new Map<string, string>()
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #isWanted = false

  private constructor(parts: SpoolParts) {
    this.#parts = parts
  }

  static async open(parts: SpoolParts): Promise<Spool> {
    await mkdir(parts.folder, { recursive: true, mode: 0o700 })
    return new Spool(parts)
  }

  get folder(): string {
    return this.#parts.folder
  }

  pathOf(id: string): string {
    return join(this.#parts.folder, `${id}.sealed`)
  }

  /** A recording is about to be written; its note is on the disk before the first byte of audio. */
  async begin(note: SpoolNote): Promise<void> {
    this.#live.add(note.id)
    try {
      await this.#write(note)
    } catch (err) {
      this.#live.delete(note.id)
      throw err
    }
  }

  /** The call is over and its file whole; the store gets it soon. */
  async finished(note: SpoolNote): Promise<void> {
    try {
      await this.#write(note)
    } finally {
      this.release(note.id)
    }
  }

  /** Writes the rows of a recording that is whole on this disk, so that it is found; a second time changes nothing. */
  async register(note: FinishedNote): Promise<void> {
    const { db, controlPlaneId } = this.#parts
    const { closed, message } = note
    const key = await this.#currentKey(note)
    await insertRecording(
      db,
      {
        id: note.id,
        call_id: note.callId,
        consent_id: note.consentId,
        kind: kindOf(note),
        state: 'spooled',
        store: note.store,
        object_key: note.objectKey,
        control_plane_id: controlPlaneId,
        key_version: key.version,
        wrapped_key: key.wrapped,
        sha256: closed.sha256,
        bytes: closed.bytes,
        index_offset: closed.indexOffset,
        answered_at: new Date(note.answeredAt),
        duration_ms: closed.durationMs,
        language: note.language,
        gaps: JSON.stringify(closed.gaps)
      },
      message === undefined
        ? undefined
        : {
            id: note.id,
            call_id: note.callId,
            recording_id: note.id,
            mailbox: message.mailbox,
            language: note.language,
            file: null,
            sealed_key: null,
            from_ms: Math.round(message.fromMs),
            duration_ms: Math.max(0, Math.round(closed.durationMs - message.fromMs)),
            bytes: closed.bytes,
            heard_at: null
          }
    )
  }

  /** The wrapping may have been renewed while the call went on, and what renews those of all others has not seen this one. */
  async #currentKey({ id, key }: SpoolNote): Promise<WrappedKey> {
    const { keys, log } = this.#parts
    if (key.version === keys.current) return key
    try {
      return await keys.wrap(await keys.unwrap(key, id), id)
    } catch (err) {
      // Found all the same; its wrapping is renewed with those of all others at the next start.
      log.warn({ err, recordingId: id }, 'the wrapping of a recording’s key could not be renewed')
      return key
    }
  }

  /** Nobody writes this recording any more: what is on the disk is finished and delivered. */
  release(id: string): void {
    this.#live.delete(id)
    this.kick()
  }

  /** Throws everything of a recording away. */
  async discard(id: string): Promise<void> {
    this.#live.add(id)
    try {
      await rm(this.pathOf(id), { force: true })
      await rm(this.#noteOf(id), { force: true })
    } finally {
      this.#live.delete(id)
    }
  }

  /** Starts a delivery, unless one is running; then another one follows it. */
  kick(): void {
    this.#isWanted = true
    if (this.#running !== undefined || this.#stopping.signal.aborted) return
    this.#running = this.#deliverAll().finally(() => {
      this.#running = undefined
      if (this.#isWanted) this.kick()
    })
  }

  /** Resolves when nothing that can be delivered is left. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#isWanted = false
    await this.#running
  }

  async #deliverAll(): Promise<void> {
    this.#isWanted = false
    let waiting = 0
    for (const name of await this.#names()) {
      if (this.#stopping.signal.aborted) return
      const id = name.slice(0, -'.json'.length)
      if (this.#live.has(id)) continue
      try {
        await this.#deliver(id)
        this.#complained.delete(id)
      } catch (err) {
        if (this.#stopping.signal.aborted) return
        waiting += 1
        this.#complain(id, err)
      }
    }
    this.#parts.onWaiting(waiting)
  }

  async #names(): Promise<readonly string[]> {
    try {
      return (await readdir(this.#parts.folder)).filter(name => name.endsWith('.json'))
    } catch (err) {
      this.#complain('', err)
      return []
    }
  }

  async #deliver(id: string): Promise<void> {
    const { db } = this.#parts
    const known = await findRecording(db, id)
    // Delivered, or erased before it was: what is left here goes.
    if (known !== undefined && known.state !== 'spooled') return await this.discard(id)
    const kept = await this.#read(id)
    // A crash between the withdrawal and the deletion: what was to be deleted is not finished but deleted.
    const withdrawnUnder = await findWithdrawal(db, kept.consentId)
    if (DELETES_ON_WITHDRAWAL[withdrawnUnder as RecordingPolicyName] === true) return await this.#bury(kept)
    const note = await this.#finish(kept)
    if (note === null) return await this.discard(id)
    if (known === undefined) await this.register(note)
    // Its person was forgotten while it was known to this disk only: an erasure finds what is in the database. Asked after the row
    // is there, so that of the two one finds the other.
    const request = await requestThatErased(db, note.callId)
    if (request !== null) {
      await buryRecordings(db, [id], { at: new Date(), by: 'privacy', reason: request })
      return await this.discard(id)
    }
    await this.#put(note, note.closed.bytes)
    // Erased meanwhile: the tombstone stays, the bytes go.
    if (await markRecordingStored(db, id)) this.#parts.onStored?.()
    else await this.#storeOf(note).delete(note.objectKey, this.#limit())
    await this.discard(id)
  }

  async #bury(note: SpoolNote): Promise<void> {
    const { db, controlPlaneId } = this.#parts
    await insertRecording(
      db,
      tombstoneOf(note, { controlPlaneId, by: 'customer', durationMs: note.closed?.durationMs ?? 0 })
    )
    await this.discard(note.id)
  }

  async #put(note: SpoolNote, bytes: number): Promise<void> {
    const store = this.#storeOf(note)
    if ((await store.size(note.objectKey, this.#limit())) !== bytes)
      await store.put(note.objectKey, this.pathOf(note.id), this.#limit())
    const kept = await store.size(note.objectKey, this.#limit())
    if (kept !== bytes)
      throw new StoreError('STORE_UNAVAILABLE', `the store ${note.store} kept ${kept} of ${bytes} bytes`)
  }

  #storeOf(note: SpoolNote): ObjectStore {
    const store = this.#parts.storage.store(note.store)
    if (store === undefined) throw new StoreError('STORE_UNAVAILABLE', `there is no store ${note.store}`)
    return store
  }

  /** Gives a file that a crash left behind its end; null when there is nothing in it. */
  async #finish(note: SpoolNote): Promise<FinishedNote | null> {
    if (note.closed !== null) return { ...note, closed: note.closed }
    const { thread, keys, log } = this.#parts
    const path = this.pathOf(note.id)
    const size = await stat(path).then(
      one => one.size,
      (err: NodeJS.ErrnoException) => {
        if (err.code === 'ENOENT') return 0
        throw err
      }
    )
    if (size === 0) return null
    const key = await keys.unwrap(note.key, note.id)
    const sink = thread.open({ path, id: note.id, key, isResumed: true })
    const closed = await sink.close(0)
    const finished = { ...note, closed }
    await this.#write(finished)
    log.warn({ recordingId: note.id, callId: note.callId }, 'a recording that was cut off has been finished')
    return closed.durationMs === 0 ? null : finished
  }

  async #read(id: string): Promise<SpoolNote> {
    return JSON.parse(await readFile(this.#noteOf(id), 'utf8')) as SpoolNote
  }

  async #write(note: SpoolNote): Promise<void> {
    const path = this.#noteOf(note.id)
    await writeFile(`${path}.part`, JSON.stringify(note), { mode: 0o600, flush: true })
    await rename(`${path}.part`, path)
  }

  #noteOf(id: string): string {
    return join(this.#parts.folder, `${id}.json`)
  }

  #limit(): AbortSignal {
    return AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(DELIVER_LIMIT_MS)])
  }

  /** Each new reason once; it is tried again every few seconds. */
  #complain(id: string, err: unknown): void {
    const code = err instanceof RecordingThreadError ? err.code : String((err as { code?: unknown }).code ?? 'UNKNOWN')
    if (this.#complained.get(id) === code) return
    this.#complained.set(id, code)
    this.#parts.log.error({ err, recordingId: id }, 'a recording waits for its store; it is tried again')
    this.#parts.onTrouble(id, code)
  }
}
