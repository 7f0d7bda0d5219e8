import { join } from 'node:path'
import type { ConsentOptions, ConsentOutcome, VoicemailOptions } from '../../ivr-flows/host.ts'
import type { Endpoint } from '../../media/endpoint.ts'
import type { CallTap } from '../../media/tap/call-tap.ts'
import { WAITING_LIMIT_MS } from '../../media/recordings/recording-file-writer.ts'
import { RecordingThread } from '../../media/recordings/recording-thread.ts'
import type { Db } from '../../sql/database.ts'
import type { PgBoss } from '../../sql/jobs.ts'
import type { Call } from '../calls/call.ts'
import type { VoiceInput } from '../calls/leg-audio.ts'
import { repeat } from '../calls/reconciler.ts'
import type { ComplianceService } from '../compliance/compliance-service.ts'
import { recordingPolicy } from '../compliance/recording-policy.ts'
import { DAY_MS } from '../compliance/time/calendar.ts'
import { AppError } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { CallRecording, type RecordingConsent } from './call-recording.ts'
import { askCalled, type CalledCustomer } from './ask-called.ts'
import { askForConsent, type GateFacts, type GateVoice, rehearseConsent } from './consent-gate.ts'
import { type Joining, type JoiningParty, type Prepare, tellJoiningParty, voiceOn } from './joining-party.ts'
import type { RecordingGrant } from './grant.ts'
import type { KeyRing } from './key-ring.ts'
import { mayLeaveMachine } from './outside.ts'
import { placesOf } from './places.ts'
import type { RecorderParts } from './recorder.ts'
import { SealedLibrary } from './sealed-library.ts'
import { sayLast } from './say-last.ts'
import { Spool } from './spool.ts'
import type { Storage } from './storage.ts'
import { checkRecordings, requestRewrap, startUpkeep } from './upkeep.ts'
import { type MessageVoice, takeMessage, type VoicemailResult } from './voicemail.ts'

export type RecordingsParts = Readonly<{
  db: Db
  jobs: PgBoss
  compliance: Pick<ComplianceService, 'packs'>
  storage: Storage
  keys: KeyRing
  dataDir: string
  isOn: boolean
  /** Whether customers whom agents call are told or asked; off leaves such calls unrecorded. */
  areAgentCallsOn: boolean
  cardLimitMs: number
  controlPlaneId: string
  metrics: Metrics
  log: Logger
  /** Makes words audible. */
  prepare: Prepare
  /**
   * Gets ready to hear an answer of the customer by a recogniser on this machine, or of whoever is on a leg that `other` taps. Null when
   * nobody here understands the language.
   */
  listenHere(call: Call, language: string, signal: AbortSignal, other?: CallTap): Promise<VoiceInput | null>
  /** See `RecorderParts`; by default as long as what comes fits into memory. */
  diskPatienceMs?: number | undefined
  /** A recording is safe in its store. */
  onStored?: () => void
}>

/** Told when the recorder of a call has been started by a grant. */
export type OnStarted = (recording: CallRecording, grant: RecordingGrant, customerNumber: string | null) => void

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
  #onStarted: OnStarted | undefined

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
    const reading = new RecordingThread(log, 'recordings-read')
    const spool = await Spool.open({
      db,
      folder: join(parts.dataDir, 'spool', 'recordings'),
      thread,
      keys,
      storage,
      controlPlaneId,
      log,
      onWaiting: count => metrics.recordingsWaiting.set(count),
      onTrouble: (_id, code) => metrics.recordingAlarms.inc({ code }),
      ...(parts.onStored !== undefined && { onStored: parts.onStored })
    })
    const recordings = new Recordings(parts, thread, reading, spool)
    if (parts.isOn) await thread.ready()
    // What an earlier run left behind is finished and delivered first.
    spool.kick()
    recordings.#delivery = repeat(DELIVER_EVERY_MS, async () => spool.kick(), log, 'recordings cannot be delivered')
    await startUpkeep(parts.jobs, { ...parts, library: recordings.library })
    return recordings
  }

  /** Whoever follows calls that may be recorded, from their grant on. */
  follow(onStarted: OnStarted): void {
    this.#onStarted = onStarted
  }

  /** What is recorded of a call; the same object for as long as the call lives. */
  of(call: Call): CallRecording {
    const known = this.#calls.get(call.id)
    if (known !== undefined) return known
    call.defer(() => {
      this.#calls.delete(call.id)
    })
    const recording = new CallRecording(
      {
        ...this.#recorderParts(),
        cardLimitMs: this.#parts.cardLimitMs,
        onStarted: this.#onStarted,
        track: finishing => this.#track(finishing),
        sayLast: (ending, language, words) => sayLast(this.#parts.prepare, ending, language, words)
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

  /**
   * Which hosts outside may hear or read what the customer of a call in these places says, at each moment: the one rule for
   * recognisers and language models. See {@link mayLeaveMachine}; where data may go is the storage file's to say.
   */
  mayHear(call: Call, places: readonly string[]): (host: string) => boolean {
    const recording = this.of(call)
    return this.mayHearWith(() => recording.consent, places)
  }

  /** The same rule for a caller whose consent is known elsewhere, as of a simulated one. */
  mayHearWith(consentNow: () => RecordingConsent, places: readonly string[]): (host: string) => boolean {
    const { compliance, storage } = this.#parts
    const { policy } = recordingPolicy(places, compliance.packs, Math.floor(Date.now() / DAY_MS))
    return host => mayLeaveMachine(consentNow(), policy) && storage.mayProcess(places, host)
  }

  /** See {@link askCalled}. `endpoint` is the customer's leg, connected with nobody yet. */
  async askCalled(
    call: Call,
    endpoint: Endpoint,
    customer: CalledCustomer,
    prepare: Prepare,
    signal: AbortSignal
  ): Promise<void> {
    if (!this.#parts.isOn || !this.#parts.areAgentCallsOn) return
    using voice = this.#voiceOf(call, endpoint, customer.language, prepare)
    const recording = this.of(call)
    recording.beginAsking()
    try {
      await askCalled(this.#parts, recording, voice, customer, signal)
    } finally {
      recording.endAsking()
    }
  }

  /**
   * Records a call from now on where the law of both ends lets that be done without a word; false everywhere else, where the
   * customer stays unasked.
   */
  async beginUnasked(
    call: Call,
    endpoint: Endpoint,
    customer: Omit<CalledCustomer, 'isInHaste'>,
    prepare: Prepare,
    signal: AbortSignal
  ): Promise<boolean> {
    const { isOn, compliance } = this.#parts
    if (!isOn) return false
    const places = placesOf(customer.number, customer.own)
    const { policy } = recordingPolicy(places, compliance.packs, Math.floor(Date.now() / DAY_MS))
    if (policy !== 'one_party') return false
    using voice = this.#voiceOf(call, endpoint, customer.language, prepare)
    await askCalled(this.#parts, this.of(call), voice, { ...customer, isInHaste: true }, signal)
    return true
  }

  /** See {@link rehearseConsent}. */
  async rehearse(
    voice: GateVoice,
    facts: GateFacts,
    options: ConsentOptions,
    signal: AbortSignal
  ): Promise<ConsentOutcome> {
    return await rehearseConsent(this.#parts, voice, facts, options, signal)
  }

  /** See {@link takeMessage}. Messages are taken also where calls are not recorded. */
  async takeMessage(
    call: Call,
    voice: MessageVoice,
    facts: GateFacts,
    options: VoicemailOptions,
    signal: AbortSignal
  ): Promise<VoicemailResult> {
    const { compliance, storage } = this.#parts
    const parts = {
      compliance,
      storage,
      recorder: this.#recorderParts(),
      track: (finishing: Promise<unknown>) => this.#track(finishing)
    }
    return await takeMessage(parts, call, voice, facts, options, signal)
  }

  /** See {@link tellJoiningParty}. `endpoint` is the leg of the one who joins, connected with nobody yet. */
  async tell(
    call: Call,
    endpoint: Endpoint,
    party: JoiningParty,
    prepare: Prepare,
    signal: AbortSignal
  ): Promise<Joining> {
    const tap = call.tapLeg(endpoint)
    using voice = voiceOn(endpoint, prepare, async until =>
      tap === null ? null : await this.#parts.listenHere(call, party.language, until, tap)
    )
    try {
      return await tellJoiningParty(this.#parts, this.of(call), voice, party, signal)
    } finally {
      // Not waited for: a media server takes seconds to let go of a fork that nobody listens to any more.
      if (tap !== null) this.#track(tap[Symbol.asyncDispose]())
    }
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

  /** How the customer is spoken to on a leg that nobody else talks to. */
  #voiceOf(call: Call, endpoint: Endpoint, language: string, prepare: Prepare): GateVoice & Disposable {
    return voiceOn(endpoint, prepare, async until => await this.#parts.listenHere(call, language, until))
  }

  #recorderParts(): RecorderParts {
    const { db, keys, controlPlaneId, metrics, diskPatienceMs = WAITING_LIMIT_MS } = this.#parts
    return {
      db,
      keys,
      thread: this.#thread,
      spool: this.#spool,
      controlPlaneId,
      diskPatienceMs,
      alarm: code => metrics.recordingAlarms.inc({ code })
    }
  }

  #track(finishing: Promise<unknown>): void {
    const watched = finishing
      .then(
        () => undefined,
        err => this.#parts.log.error({ err }, 'the end of a recording failed')
      )
      .finally(() => this.#finishing.delete(watched))
    this.#finishing.add(watched)
  }
}
