import type { Recognizer } from '../../../media/speech/recognizer.ts'
import { primaryOf } from '../../../media/speech/speech-provider.ts'
import type { Call } from '../../calls/call.ts'
import type { CallEvent } from '../../calls/call-events.ts'
import type { Logger } from '../../log.ts'
import type { CallRecording } from '../../recordings/call-recording.ts'
import { DELETES_ON_WITHDRAWAL, type RecordingGrant } from '../../recordings/grant.ts'
import { QualityError } from '../errors.ts'
import { type TranscriptParts, TranscriptWriter } from '../transcript-store.ts'
import { voiceAt } from '../transcription/spoken-utterances.ts'
import { VOICE_EVENTS, voicesOf } from '../transcription/voices.ts'
import type { NewUtterance } from '../utterance.ts'
import { HeldTap } from './held-tap.ts'
import { LiveSide, type Said } from './live-side.ts'

export type LiveTranscriptionParts = TranscriptParts &
  Readonly<{
    /** In the order of preference; only those whose region is permitted. */
    recognizers: readonly Recognizer[]
    /** Which hosts outside may hear this call. */
    mayHear(call: Call, places: readonly string[]): (host: string) => boolean
    /** Whether the customer has had the processing of their data restricted. */
    isRestricted(number: string): Promise<boolean>
    log: Logger
  }>

const PREPARE_LIMIT_MS = 5_000

/**
 * Writes down calls while they run, from the moment at which leave to record is given: both sides from the tap, by a
 * recogniser of open speech that may hear this call. Calls that nobody can hear so are left to the later job.
 */
export class LiveTranscription implements AsyncDisposable {
  readonly #parts: LiveTranscriptionParts
  readonly #running = new Set<Promise<void>>()

  constructor(parts: LiveTranscriptionParts) {
    this.#parts = parts
  }

  /** The customer has agreed; the call goes on while this is under way. Never throws. */
  begin(recording: CallRecording, grant: RecordingGrant, customerNumber: string | null): void {
    const { call } = recording
    const running = this.#follow(recording, grant, customerNumber)
      .catch(err => {
        if (!call.signal.aborted) call.log.error({ err }, 'a call cannot be written down while it runs')
      })
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  async #follow(recording: CallRecording, grant: RecordingGrant, customerNumber: string | null): Promise<void> {
    const { call } = recording
    const { tap } = call
    if (tap === null) return
    // The first words are often said before anybody is ready to hear them.
    using held = new HeldTap(tap, () => recording.isKeeping)
    const answeredAt = new Date(Date.now() - tap.elapsedMs)
    const events: Parameters<typeof voicesOf>[0][number][] = []
    using cleanup = new DisposableStack()
    cleanup.defer(
      call.onEvent(event => {
        if (isVoiceEvent(event)) events.push(event)
      })
    )
    // Whose number is not known cannot have asked for a restriction by it.
    if (customerNumber !== null && (await this.#parts.isRestricted(customerNumber))) return
    const { language, places } = grant.facts
    const mayHear = this.#parts.mayHear(call, places)
    const request = { language, phrases: null, mayHear }
    const recognizer = await this.#firstReady(call, request)
    if (recognizer === null) return
    const transcript = new LiveTranscript(this.#parts, recording, grant, recognizer)
    const side = (which: 'left' | 'right') =>
      new LiveSide({
        tap: held,
        side: which,
        recognizer,
        request,
        isOpen: () => recording.isKeeping && isPermitted(recognizer, mayHear),
        onSaid: said => {
          const utterance = utteranceOf(said, which, voicesOf(events, answeredAt, tap.elapsedMs))
          if (utterance !== null) transcript.add(utterance)
        },
        onFailure: err => {
          call.log.warn({ err }, 'a part of a call could not be written down')
          if (!call.signal.aborted) call.record({ kind: 'speechFailed', code: err.code })
        }
      })
    const sides = [side('left'), side('right')]
    held[Symbol.dispose]()
    const over = Promise.withResolvers<void>()
    const forgetConsent = recording.onChange(() => {
      if (recording.consent !== 'granted') over.resolve()
    })
    call.defer(() => over.resolve())
    await over.promise
    forgetConsent()
    if (recording.consent === 'granted') await Promise.all(sides.map(one => one.finish()))
    else for (const one of sides) one[Symbol.dispose]()
    await transcript.end()
  }

  async #firstReady(call: Call, request: Parameters<Recognizer['prepare']>[0]): Promise<Recognizer | null> {
    const primary = primaryOf(request.language)
    for (const recognizer of this.#parts.recognizers) {
      const { isOpen, languages } = recognizer
      if (!isOpen || !languages.includes(primary) || !isPermitted(recognizer, request.mayHear)) continue
      try {
        await recognizer.prepare(request, AbortSignal.any([call.signal, AbortSignal.timeout(PREPARE_LIMIT_MS)]))
        return recognizer
      } catch (err) {
        call.signal.throwIfAborted()
        this.#parts.log.warn({ err, recognizer: recognizer.name }, 'a recogniser is not ready to follow a call')
      }
    }
    return null
  }
}

/** The transcript of one running call; it is there from the first thing that is said. */
class LiveTranscript {
  readonly #parts: LiveTranscriptionParts
  readonly #recording: CallRecording
  readonly #grant: RecordingGrant
  readonly #recognizer: Recognizer
  #writer: TranscriptWriter | null = null
  #isLost = false
  #writing: Promise<void> = Promise.resolve()

  constructor(parts: LiveTranscriptionParts, recording: CallRecording, grant: RecordingGrant, recognizer: Recognizer) {
    this.#parts = parts
    this.#recording = recording
    this.#grant = grant
    this.#recognizer = recognizer
  }

  add(utterance: NewUtterance): void {
    this.#writing = this.#writing.then(() => this.#write(utterance))
  }

  /** Packs what there is; where a withdrawn consent takes the recording with it, the text goes too. */
  async end(): Promise<void> {
    await this.#writing
    if (this.#writer === null) return
    if (this.#recording.consent !== 'granted' && DELETES_ON_WITHDRAWAL[this.#grant.policy]) await this.#writer.discard()
    else await this.#writer.finish()
  }

  async #write(utterance: NewUtterance): Promise<void> {
    if (this.#isLost) return
    const { call } = this.#recording
    try {
      this.#writer ??= await TranscriptWriter.open(
        this.#parts,
        { id: this.#grant.id, callId: call.id, isGranted: () => this.#recording.consent === 'granted' },
        {
          language: this.#grant.facts.language,
          provider: this.#recognizer.name,
          region: this.#recognizer.region
        }
      )
      await this.#writer.append(utterance)
    } catch (err) {
      // Taken back a moment ago: that is no fault.
      if (err instanceof QualityError && err.code === 'TRANSCRIPT_NOT_ALLOWED') return
      this.#isLost = true
      call.log.error({ err }, 'what was said in a running call could not be stored')
    }
  }
}

/** A chain of recognisers asks for each of its hosts by itself. */
function isPermitted({ host, asksForEachHost }: Recognizer, mayHear: ((host: string) => boolean) | undefined): boolean {
  return host === null || asksForEachHost === true || mayHear?.(host) === true
}

function isVoiceEvent(event: CallEvent): event is Extract<CallEvent, Parameters<typeof voicesOf>[0][number]> {
  return (VOICE_EVENTS as readonly string[]).includes(event.kind)
}

/** Null for the music of a hold. */
function utteranceOf(said: Said, side: 'left' | 'right', voices: ReturnType<typeof voicesOf>): NewUtterance | null {
  const at = {
    startMs: said.startMs,
    endMs: said.endMs,
    text: said.text,
    confidence: said.confidence,
    words: said.words
  }
  if (side === 'left') return { speaker: 'customer', speakerId: null, ...at }
  const middle = (said.startMs + said.endMs) / 2
  if (voices.held.some(span => span.fromMs <= middle && middle < span.toMs)) return null
  return { ...voiceAt(voices, middle), ...at }
}
