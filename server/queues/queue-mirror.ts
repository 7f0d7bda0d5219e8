import { openingState } from '../../ivr-flows/calendar/hours.ts'
import type { Db } from '../../sql/database.ts'
import { type EntryRow, readEntryChanges } from '../../sql/queries/queue-entries.ts'
import { type QueueRow, readQueueChanges } from '../../sql/queries/queues.ts'
import { Refresher } from '../agents/refresher.ts'
import { fromQueueRow } from './queue-rows.ts'
import type { Queue } from './queue.ts'

/** Left entries are remembered so long, so that an older reading of one cannot bring it back. */
const TOMBSTONE_MS = 60_000
/** Whether a queue is open is worked out again after this time. */
const OPENING_MS = 1_000

type MirrorListener = Readonly<{
  queueChanged(queue: Queue): void
  queueRemoved(queueId: string): void
  entryChanged(entry: EntryRow, before: EntryRow | undefined): void
}>

/** What the tables say about queues and their callers, as far as it was read. Holds live entries only. */
export class QueueMirror {
  readonly #db: Db
  readonly #listener: MirrorListener
  readonly #queues = new Map<string, { queue: Queue; version: number }>()
  readonly #removed = new Map<string, number>()
  readonly #entries = new Map<string, EntryRow>()
  readonly #left = new Map<string, { version: number; atMs: number }>()
  readonly #live = new Map<string, Set<string>>()
  readonly #owned = new Map<string, Set<string>>()
  readonly #opening = new Map<string, { isOpen: boolean; atMs: number; queue: Queue }>()
  readonly #queueReader = new Refresher(() => this.#readQueues())
  readonly #entryReader = new Refresher(() => this.#readEntries())
  #queueHorizon = '0'
  #entryHorizon = '0'

  constructor(db: Db, listener: MirrorListener) {
    this.#db = db
    this.#listener = listener
  }

  refreshQueues(): Promise<void> {
    return this.#queueReader.run()
  }

  refreshEntries(): Promise<void> {
    return this.#entryReader.run()
  }

  async idle(): Promise<void> {
    await Promise.all([this.#queueReader.idle(), this.#entryReader.idle()])
  }

  queue(id: string): Queue | undefined {
    return this.#queues.get(id)?.queue
  }

  queues(): readonly Queue[] {
    return this.#queues
      .values()
      .map(known => known.queue)
      .toArray()
  }

  findQueue(nameOrId: string): Queue | undefined {
    return this.queue(nameOrId) ?? this.queues().find(queue => queue.name === nameOrId)
  }

  entry(id: string): EntryRow | undefined {
    return this.#entries.get(id)
  }

  /** Control planes that hold callers. */
  owners(): readonly string[] {
    return [...this.#owned.keys()]
  }

  ownedBy(controlPlaneId: string): ReadonlySet<string> {
    return this.#owned.get(controlPlaneId) ?? new Set()
  }

  /** Callers of a queue who wait, also those for whom an agent rings. */
  *waitingIn(queueId: string): Iterable<EntryRow> {
    for (const id of this.#live.get(queueId) ?? []) {
      const entry = this.#entries.get(id)
      if (entry !== undefined) yield entry
    }
  }

  isOpen(queue: Queue, now: Date): boolean {
    if (queue.calendar === null) return true
    const known = this.#opening.get(queue.id)
    const isFresh = known !== undefined && known.queue === queue && Math.abs(now.getTime() - known.atMs) < OPENING_MS
    if (isFresh) return known.isOpen
    const { isOpen } = openingState(queue.calendar, now)
    this.#opening.set(queue.id, { isOpen, atMs: now.getTime(), queue })
    return isOpen
  }

  /** Takes a row in; one that is older than what is known changes nothing. */
  take(row: EntryRow): void {
    const before = this.#entries.get(row.id)
    const version = Number(row.version)
    if (before !== undefined && version <= Number(before.version)) return
    if (before === undefined && version <= (this.#left.get(row.id)?.version ?? 0)) return
    if (row.state === 'left') {
      this.#entries.delete(row.id)
      this.#left.set(row.id, { version, atMs: Date.now() })
    } else {
      this.#entries.set(row.id, row)
      this.#left.delete(row.id)
    }
    this.#count(row)
    this.#listener.entryChanged(row, before)
  }

  forgetOld(): void {
    const beforeMs = Date.now() - TOMBSTONE_MS
    for (const [id, { atMs }] of this.#left) if (atMs < beforeMs) this.#left.delete(id)
  }

  #count(row: EntryRow): void {
    const live = this.#live.get(row.queue_id) ?? new Set()
    if (row.state === 'waiting' || row.state === 'reserved') live.add(row.id)
    else live.delete(row.id)
    this.#live.set(row.queue_id, live)
    const owned = this.#owned.get(row.control_plane_id) ?? new Set()
    if (row.state === 'left') owned.delete(row.id)
    else owned.add(row.id)
    if (owned.size > 0) this.#owned.set(row.control_plane_id, owned)
    else this.#owned.delete(row.control_plane_id)
  }

  async #readQueues(): Promise<void> {
    const { rows, horizon } = await readQueueChanges(this.#db, this.#queueHorizon)
    for (const row of rows) this.#takeQueue(row)
    this.#queueHorizon = horizon
  }

  async #readEntries(): Promise<void> {
    const { rows, horizon } = await readEntryChanges(this.#db, this.#entryHorizon)
    for (const row of rows) this.take(row)
    this.#entryHorizon = horizon
  }

  #takeQueue(row: QueueRow): void {
    const version = Number(row.version)
    if (version <= (this.#queues.get(row.id)?.version ?? this.#removed.get(row.id) ?? 0)) return
    if (row.deleted_at !== null) {
      this.#queues.delete(row.id)
      this.#removed.set(row.id, version)
      this.#listener.queueRemoved(row.id)
      return
    }
    const queue = fromQueueRow(row)
    this.#queues.set(row.id, { queue, version })
    this.#listener.queueChanged(queue)
  }
}
