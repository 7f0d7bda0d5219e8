import { join } from 'node:path'
import type { ConsentOptions, ConsentOutcome } from '../../ivr-flows/host.ts'
import type { Endpoint } from '../../media/endpoint.ts'
import { RecordingThread } from '../../media/recordings/recording-thread.ts'
import type { Db } from '../../sql/database.ts'
import type { PgBoss } from '../../sql/jobs.ts'
import type { Call } from '../calls/call.ts'
import { repeat } from '../calls/reconciler.ts'
import type { ComplianceService } from '../compliance/compliance-service.ts'
import { AppError } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { CallRecording, type RecordingConsent } from './call-recording.ts'
import { askForConsent, type GateFacts, type GateVoice } from './consent-gate.ts'
import { type JoiningParty, type Prepare, tellJoiningParty, voiceOn } from './joining-party.ts'
import type { KeyRing } from './key-ring.ts'
import { SealedLibrary } from './sealed-library.ts'
import { Spool } from './spool.ts'
import type { Storage } from './storage.ts'
import { checkRecordings, requestRewrap, startUpkeep } from './upkeep.ts'

export type RecordingsParts = Readonly<{
  db: Db
  jobs: PgBoss
  compliance: Pick<ComplianceService, 'packs'>
  storage: Storage
  keys: KeyRing
  dataDir: string
  isOn: boolean
  cardLimitMs: number
  controlPlaneId: string
  metrics: Metrics
  log: Logger
}>

const DELIVER_EVERY_MS = 5_000

/** Everything about recording calls on this control plane: the gate, the recorders, the spool and the library. */
export class Recordings implements AsyncDisposable {
  readonly library: SealedLibrary
  readonly #parts: RecordingsParts
  readonly #thread: RecordingThread
  readonly #reading: RecordingThread
  readonly #spool: Spool
  readonly #calls = new Map<string, CallRecording>()
  readonly #finishing = new Set<Promise<void>>()
  #delivery: AsyncDisposable | undefined

  private constructor(parts: RecordingsParts, thread: RecordingThread, reading: RecordingThread, spool: Spool) {
    this.#parts = parts
    this.#thread = thread
    this.#reading = reading
    this.#spool = spool
    this.library = new SealedLibrary({ ...parts, spool, codec: reading })
  }

  static async start(parts: RecordingsParts): Promise<Recordings> {
    const { db, keys, storage, controlPlaneId, log, metrics } = parts
    const thread = new RecordingThread(log)
    // Players must never delay what is being recorded.
    const reading = new RecordingThread(log)
    const spool = await Spool.open({
      db,
      folder: join(parts.dataDir, 'spool', 'recordings'),
      thread,
      keys,
      storage,
      controlPlaneId,
      log,
      onWaiting: count => metrics.recordingsWaiting.set(count),
      onTrouble: (_id, code) => metrics.recordingAlarms.inc({ code })
    })
    const recordings = new Recordings(parts, thread, reading, spool)
    if (parts.isOn) await thread.ready()
    // What an earlier run left behind is finished and delivered first.
    spool.kick()
    recordings.#delivery = repeat(DELIVER_EVERY_MS, async () => spool.kick(), log, 'recordings cannot be delivered')
    await startUpkeep(parts.jobs, { ...parts, library: recordings.library })
    return recordings
  }

  /** What is recorded of a call; the same object for as long as the call lives. */
  of(call: Call): CallRecording {
    const known = this.#calls.get(call.id)
    if (known !== undefined) return known
    const { db, keys, controlPlaneId, cardLimitMs, metrics } = this.#parts
    call.defer(() => {
      this.#calls.delete(call.id)
    })
    const recording = new CallRecording(
      {
        db,
        keys,
        thread: this.#thread,
        spool: this.#spool,
        controlPlaneId,
        cardLimitMs,
        track: finishing => this.#track(finishing),
        alarm: code => metrics.recordingAlarms.inc({ code })
      },
      call
    )
    this.#calls.set(call.id, recording)
    return recording
  }

  /** A call that runs here; undefined when nobody has asked about it. */
  find(callId: string): CallRecording | undefined {
    return this.#calls.get(callId)
  }

  /** What a running call's customer said; `unasked` for whatever is not known here. */
  consentOf(callId: string): RecordingConsent {
    return this.#calls.get(callId)?.consent ?? 'unasked'
  }

  /** See {@link askForConsent}. */
  async ask(
    call: Call,
    voice: GateVoice,
    facts: GateFacts,
    options: ConsentOptions,
    signal: AbortSignal
  ): Promise<ConsentOutcome> {
    return await askForConsent(this.#parts, this.of(call), voice, facts, options, signal)
  }

  /** See {@link tellJoiningParty}. `endpoint` is the leg of the one who joins, connected with nobody yet. */
  async tell(
    call: Call,
    endpoint: Endpoint,
    party: JoiningParty,
    prepare: Prepare,
    signal: AbortSignal
  ): Promise<boolean> {
    using voice = voiceOn(endpoint, prepare)
    return await tellJoiningParty(this.#parts, this.of(call), voice, party, signal)
  }

  /** Makes a new wrapping key and has every data key wrapped by it. Rejects with AppError when the keys come from the settings. */
  async rotateKeys(): Promise<string> {
    const { keys, jobs } = this.#parts
    if (keys.rotate === null)
      throw new AppError('CONFLICT', 'The keys come from PARLEY_RECORDING_KEYS: put a new one first there and restart.')
    const version = await keys.rotate()
    await requestRewrap(jobs)
    return version
  }

  /** Compares a part of what is stored with what was; see {@link checkRecordings}. Runs by itself every quarter of an hour. */
  async check(now: Date): Promise<Readonly<{ checked: number; problems: number }>> {
    return await checkRecordings({ ...this.#parts, library: this.library }, now)
  }

  /** CPU time that compressing, sealing and writing have taken so far, in milliseconds. */
  async cpuMs(): Promise<number> {
    return await this.#thread.cpuMs()
  }

  /** Resolves when every ended call's recording is finished, and delivered if its store can be reached. */
  async settled(): Promise<void> {
    while (this.#finishing.size > 0) await Promise.all(this.#finishing)
    await this.#spool.settled()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#finishing.size > 0) await Promise.all(this.#finishing)
    await this.#delivery?.[Symbol.asyncDispose]()
    await this.#spool.stop()
    await this.#thread[Symbol.asyncDispose]()
    await this.#reading[Symbol.asyncDispose]()
  }

  #track(finishing: Promise<void>): void {
    const watched = finishing
      .catch(err => this.#parts.log.error({ err }, 'the end of a recording failed'))
      .finally(() => this.#finishing.delete(watched))
    this.#finishing.add(watched)
  }
}
