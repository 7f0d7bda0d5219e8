import { appendFile, mkdir, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Insertable, Selectable } from 'kysely'
import type { Db } from '../../sql/database.ts'
import { saveCallEvents } from '../../sql/queries/calls.ts'
import type { CallEventsTable, CdrsTable } from '../../sql/tables.ts'
import { isDatabaseUnavailable, mayComeThroughLater } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { CallEvent } from './call-events.ts'
import { applyEvent, type Cdr } from './cdr.ts'

/** Rows in one insert; four parameters each stay far below PostgreSQL's limit of 65,535. */
const BATCH = 500
const FIRST_RETRY_MS = 250
/** Others end the calls of a control plane that dies; what is not in the database by then they do not know of. */
const LAST_RETRY_MS = 1_000
/** A transaction that takes so long may never end. */
const LATE_MS = 2_000
/** Events that arrive within this time share a transaction. */
const GATHER_MS = 20

/** Which of these calls were begun by or for somebody who was forgotten since, and what caused that. */
export type FindForgotten = (events: readonly CallEvent[]) => Promise<ReadonlyMap<string, string>>

/**
 * Writes the story of every call: in order, in batches, at least once, and idempotently. While the database is away,
 * events wait in memory and in a spool file, so that neither an outage nor a crash during one loses a record.
 */
export class StoryWriter implements AsyncDisposable {
  readonly #db: Db
  readonly #log: Logger
  readonly #spoolFile: string
  readonly #findForgotten: FindForgotten
  readonly #cdrs = new Map<string, Cdr>()
  #pending: CallEvent[] = []
  /** How many events are safe in the database, and how many of all are there or in the spool file. */
  #stored = 0
  #spooled = 0
  #hasSpool = false
  /** The last try has failed, or the present one takes so long that the process may end before it. */
  #isAway = false
  /** The spool could not be written; it may end in the middle of a line. */
  #isSpoolTorn = false
  #isFlushing = false
  #isClosing = false
  #retryMs = FIRST_RETRY_MS
  #timer: NodeJS.Timeout | undefined
  #spoolTimer: NodeJS.Timeout | undefined
  /** Who writes, empties or deletes the spool file does so after whoever came before. */
  #fileTurn: Promise<void> = Promise.resolve()
  #waiting: (() => void)[] = []

  constructor(db: Db, log: Logger, spoolFile: string, findForgotten: FindForgotten = async () => new Map()) {
    this.#db = db
    this.#log = log
    this.#spoolFile = spoolFile
    this.#findForgotten = findForgotten
  }

  /** Takes back what an earlier process spooled and could not deliver. Call once, before the first `write`. */
  async recover(): Promise<number> {
    let text: string
    try {
      text = await readFile(this.#spoolFile, 'utf8')
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code === 'ENOENT') return 0
      throw err
    }
    const events: CallEvent[] = []
    for (const line of text.split('\n')) {
      if (line === '') continue
      const event = readEvent(line)
      if (event !== null) events.push(event)
      // The last line of a spool that a crash cut short.
      else this.#log.warn({ characters: line.length }, 'a line of the call spool cannot be read')
    }
    // What is spooled from now on must not become the rest of a line that was cut off.
    if (text !== '' && !text.endsWith('\n')) await appendFile(this.#spoolFile, '\n')
    await this.#loadCdrs(events)
    this.#hasSpool = true
    this.#spooled = events.length
    this.#pending.push(...events)
    this.#schedule(0)
    return events.length
  }

  /** Takes an event into the story; returns the call's CDR after it. Never throws for the database's sake. */
  write(event: CallEvent): Cdr {
    const cdr = applyEvent(this.#cdrs.get(event.callId) ?? null, event)
    this.#cdrs.set(event.callId, cdr)
    this.#pending.push(event)
    this.#schedule(GATHER_MS)
    if (this.#isAway) this.#spoolSoon()
    return cdr
  }

  /** Goes on with the story of a call that another control plane began. */
  adopt(cdr: Cdr): void {
    this.#cdrs.set(cdr.callId, cdr)
  }

  /** Whether this process is telling the story of a call: its last event is not in the database yet. */
  isTelling(callId: string): boolean {
    return this.#cdrs.has(callId)
  }

  /** Events that are not in the database yet. */
  get backlog(): number {
    return this.#pending.length
  }

  /** Resolves when everything written so far is in the database. */
  async flushed(signal?: AbortSignal): Promise<void> {
    if (this.#pending.length === 0 && !this.#isFlushing) return
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => reject(signal?.reason)
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(() => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      })
      this.#schedule(0)
    })
  }

  /** Writes what is left; what the database does not take within 5 s stays in the spool for the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true
    try {
      await this.flushed(AbortSignal.timeout(5_000))
    } catch (err) {
      await this.#spool()
      this.#log.error({ err, events: this.#pending.length }, 'call events stay in the spool')
    }
    clearTimeout(this.#timer)
    clearTimeout(this.#spoolTimer)
  }

  #schedule(delayMs: number): void {
    if (this.#isFlushing || (this.#timer !== undefined && delayMs > 0)) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#flush()
    }, delayMs)
  }

  /** While the database is away a crash may come before the next try. */
  #spoolSoon(): void {
    this.#spoolTimer ??= setTimeout(() => {
      this.#spoolTimer = undefined
      void this.#spool()
    }, GATHER_MS)
  }

  async #flush(): Promise<void> {
    if (this.#isFlushing) return
    this.#isFlushing = true
    const late = setTimeout(() => {
      this.#isAway = true
      this.#spoolSoon()
    }, LATE_MS)
    try {
      while (this.#pending.length > 0) {
        const batch = this.#pending.slice(0, BATCH)
        const callIds = [...new Set(batch.map(event => event.callId))]
        const cdrs = callIds.map(id => this.#cdrs.get(id)).filter(cdr => cdr !== undefined)
        await this.#save(batch, cdrs)
        this.#pending.splice(0, batch.length)
        this.#stored += batch.length
        for (const cdr of cdrs) this.#forgetIfDone(cdr)
      }
      this.#isAway = false
      await this.#dropSpool()
      if (this.#retryMs > FIRST_RETRY_MS) this.#log.warn('the database is back and has every call event')
      this.#retryMs = FIRST_RETRY_MS
      this.#isFlushing = false
      for (const resolve of this.#waiting.splice(0)) resolve()
      if (this.#pending.length > 0) this.#schedule(GATHER_MS)
    } catch (err) {
      this.#isAway = true
      // Once for each outage, not once for each try.
      if (this.#retryMs === FIRST_RETRY_MS)
        this.#log.error({ err }, 'call events cannot be written; they wait in memory and in the spool')
      await this.#spool()
      this.#isFlushing = false
      if (!this.#isClosing) this.#schedule(this.#retryMs)
      this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS)
    } finally {
      clearTimeout(late)
    }
  }

  /** One transaction for the batch; when the database refuses it, one for each call, so that one bad story stays alone. */
  async #save(batch: readonly CallEvent[], cdrs: readonly Cdr[]): Promise<void> {
    const forgotten = await this.#findForgotten(batch)
    try {
      await this.#store(batch, cdrs, forgotten)
      return
    } catch (err) {
      if (isDatabaseUnavailable(err)) throw err
    }
    let later: unknown = null
    for (const [callId, events] of Map.groupBy(batch, event => event.callId)) {
      const own = cdrs.filter(cdr => cdr.callId === callId)
      try {
        await this.#store(events, own, forgotten)
      } catch (err) {
        if (isDatabaseUnavailable(err)) throw err
        if (mayComeThroughLater(err)) {
          // The others are not held up by what one of them waits for.
          later = err
          continue
        }
        this.#log.error({ err, callId }, 'the database refuses a call’s story; it is set aside')
        await mkdir(dirname(this.#spoolFile), { recursive: true })
        await appendFile(`${this.#spoolFile}.refused`, toLines(events), { mode: 0o600 })
      }
    }
    if (later !== null) throw later
  }

  async #store(
    events: readonly CallEvent[],
    cdrs: readonly Cdr[],
    forgotten: ReadonlyMap<string, string>
  ): Promise<void> {
    await saveCallEvents(
      this.#db,
      events.map(event => toEventRow(forgotten.has(event.callId) ? withoutPerson(event) : event)),
      cdrs.map(cdr => toCdrRow(forgotten.has(cdr.callId) ? withoutCustomer(cdr) : cdr)),
      cdrs.flatMap(({ callId }) => {
        const cause = forgotten.get(callId)
        return cause === undefined
          ? []
          : [{ store: 'calls', itemId: callId, callId, cause, method: 'stored without the person’s number' }]
      })
    )
  }

  /** Appends to the spool what is neither there nor in the database yet. */
  async #spool(): Promise<void> {
    await this.#inTurn(async () => {
      const fresh = this.#pending.slice(Math.max(0, this.#spooled - this.#stored))
      if (fresh.length === 0) return
      const until = this.#stored + this.#pending.length
      try {
        await mkdir(dirname(this.#spoolFile), { recursive: true })
        // A full disk takes half a line; what follows must not become the rest of it.
        await appendFile(this.#spoolFile, `${this.#isSpoolTorn ? '\n' : ''}${toLines(fresh)}`, { mode: 0o600 })
        this.#spooled = until
        this.#hasSpool = true
        this.#isSpoolTorn = false
      } catch (err) {
        // Once for each time that it goes wrong, not once for each try.
        if (!this.#isSpoolTorn) this.#log.error({ err }, 'the call spool cannot be written; call events wait in memory')
        this.#isSpoolTorn = true
        this.#hasSpool = true
      }
    })
  }

  /** Deletes the spool, unless something in it is not in the database yet: then the next flush does. */
  async #dropSpool(): Promise<void> {
    await this.#inTurn(async () => {
      if (!this.#hasSpool || this.#spooled > this.#stored) return
      await rm(this.#spoolFile, { force: true })
      this.#hasSpool = false
    })
  }

  async #inTurn(task: () => Promise<void>): Promise<void> {
    const turn = this.#fileTurn.then(task)
    this.#fileTurn = turn.catch(() => {})
    await turn
  }

  /** A CDR is kept while its call lives, and until its last event is safe. */
  #forgetIfDone(cdr: Cdr): void {
    if (cdr.state === 'ended' && this.#cdrs.get(cdr.callId) === cdr) this.#cdrs.delete(cdr.callId)
  }

  async #loadCdrs(events: readonly CallEvent[]): Promise<void> {
    for (const event of events) {
      const known = this.#cdrs.get(event.callId) ?? null
      if (known === null && event.kind !== 'started') {
        const row = await this.#db.selectFrom('cdrs').selectAll().where('call_id', '=', event.callId).executeTakeFirst()
        if (row === undefined) continue
        this.#cdrs.set(event.callId, fromCdrRow(row))
      }
      const cdr = applyEvent(this.#cdrs.get(event.callId) ?? null, event)
      this.#cdrs.set(event.callId, cdr)
    }
  }
}

function toLines(events: readonly CallEvent[]): string {
  return events.map(event => `${JSON.stringify(event)}\n`).join('')
}

function readEvent(line: string): CallEvent | null {
  let event: (Partial<CallEvent> & { at?: string }) | null
  try {
    event = JSON.parse(line)
  } catch {
    return null
  }
  const { callId, seq, kind } = event ?? {}
  const at = new Date(event?.at ?? '')
  if (typeof callId !== 'string' || typeof seq !== 'number' || typeof kind !== 'string' || Number.isNaN(at.getTime()))
    return null
  return { ...event, at } as CallEvent
}

function toEventRow({ callId, seq, at, kind, ...data }: CallEvent): Insertable<CallEventsTable> {
  return { call_id: callId, seq, at, kind, data: JSON.stringify(data, (_, value) => storable(value)) }
}

/** PostgreSQL takes neither NUL nor half a surrogate pair in a text; what a web service sent may hold both. */
function storable<T>(value: T): T | string {
  return typeof value === 'string' ? value.replaceAll('\0', '\ufffd').toWellFormed() : value
}

function toCdrRow(cdr: Cdr): Insertable<CdrsTable> {
  return {
    call_id: cdr.callId,
    direction: cdr.direction,
    caller_number: cdr.callerNumber,
    called_number: cdr.calledNumber,
    sip_call_id: cdr.sipCallId,
    trunk_id: cdr.trunkId,
    number_id: cdr.numberId,
    flow_id: cdr.flowId,
    flow_version: cdr.flowVersion,
    language: cdr.language,
    state: cdr.state,
    started_at: cdr.startedAt,
    answered_at: cdr.answeredAt,
    ended_at: cdr.endedAt,
    duration_ms: cdr.durationMs,
    talk_ms: cdr.talkMs,
    end_reason: cdr.endReason,
    ended_by: cdr.endedBy,
    fault: cdr.fault,
    hangup_cause: cdr.hangupCause,
    tags: cdr.tags.map(storable),
    last_seq: cdr.lastSeq,
    control_plane_id: cdr.controlPlaneId,
    is_simulated: cdr.isSimulated
  }
}

/** A stored row as a CDR. */
export function fromCdrRow(cdr: Selectable<CdrsTable>): Cdr {
  return {
    callId: cdr.call_id,
    direction: cdr.direction,
    callerNumber: cdr.caller_number,
    calledNumber: cdr.called_number,
    sipCallId: cdr.sip_call_id,
    trunkId: cdr.trunk_id,
    numberId: cdr.number_id,
    flowId: cdr.flow_id,
    flowVersion: cdr.flow_version,
    language: cdr.language,
    state: cdr.state,
    startedAt: cdr.started_at,
    answeredAt: cdr.answered_at,
    endedAt: cdr.ended_at,
    durationMs: cdr.duration_ms,
    talkMs: cdr.talk_ms,
    endReason: cdr.end_reason,
    endedBy: cdr.ended_by,
    fault: cdr.fault,
    hangupCause: cdr.hangup_cause,
    tags: cdr.tags,
    lastSeq: cdr.last_seq,
    controlPlaneId: cdr.control_plane_id,
    isSimulated: cdr.is_simulated
  }
}

function withoutPerson(event: CallEvent): CallEvent {
  return event.kind === 'started' ? withoutCustomer(event) : event
}

/** A call's figures without whom it was with, as an erasure leaves them. */
function withoutCustomer<T extends Pick<Cdr, 'direction' | 'callerNumber' | 'calledNumber' | 'sipCallId'>>(call: T): T {
  const isInbound = call.direction === 'inbound'
  return { ...call, sipCallId: null, ...(isInbound ? { callerNumber: null } : { calledNumber: null }) }
}
