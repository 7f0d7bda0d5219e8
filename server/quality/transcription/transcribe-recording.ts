import type { BatchRecognizer, SpokenWords } from '../../../media/speech/batch-recognizer.ts'
import { SpeechError } from '../../../media/speech/recognizer.ts'
import { primaryOf } from '../../../media/speech/speech-provider.ts'
import type { Db } from '../../../sql/database.ts'
import { findCdr, listCallEvents } from '../../../sql/queries/calls.ts'
import { consentResult } from '../../../sql/queries/quality/recordings.ts'
import { isConsentStanding } from '../../../sql/queries/recordings.ts'
import { lockRecording, placesOfConsent } from '../../../sql/queries/quality/transcription-jobs.ts'
import { findTranscript } from '../../../sql/queries/quality/transcripts.ts'
import type { RecordingSummary } from '../../recordings/recording-library.ts'
import { QualityError } from '../errors.ts'
import type { Quality } from '../quality.ts'
import { importTranscript } from '../transcript-store.ts'
import { hearRecording } from './hear-recording.ts'
import { utterancesOf } from './spoken-utterances.ts'
import { VOICE_EVENTS, voicesOf } from './voices.ts'

export type TranscriptionParts = Readonly<{
  quality: Pick<Quality, 'db' | 'secretKey' | 'log' | 'recordings' | 'isRestricted'>
  /** In the order of preference; only those whose region is permitted. */
  recognizers: readonly BatchRecognizer[]
  /** Whether a host outside may process what is said in a call in these places. */
  mayProcess(places: readonly string[], host: string): boolean
}>

/** `existed`: the call has a transcript from somebody else. */
export type Transcribed = Readonly<{ kind: 'stored'; provider: string } | { kind: 'existed' }>

/**
 * Turns one recording into the call's transcript. Asks before anything is opened, and once more in the transaction that
 * stores the text, whether it may. Rejects with QualityError when it may not, with SpeechError when nobody can hear it.
 */
export async function transcribeRecording(
  parts: TranscriptionParts,
  job: Readonly<{ callId: string; recordingId: string; language: string | null }>,
  signal: AbortSignal,
  keepLease: () => Promise<void>
): Promise<Transcribed> {
  const { quality } = parts
  const { db, recordings } = quality
  if ((await findTranscript(db, job.callId)) !== undefined) return { kind: 'existed' }
  const recording = await mayTranscribe(parts, job)
  const language = job.language ?? ''
  const usable = await recognizersFor(parts, recording, language)
  const { words, heardBy } = await hearFirst(usable, recognizer =>
    hearRecording(
      (span, limit) => recordings.library.readPcm(recording.id, span, limit),
      recording.durationMs,
      recognizer,
      language,
      signal,
      keepLease
    )
  )
  const call = await findCdr(db, job.callId)
  const voices = voicesOf(await voiceEvents(db, job.callId), recording.answeredAt, recording.durationMs)
  await mayTranscribe(parts, job)
  try {
    await importTranscript(
      quality,
      job.callId,
      recording.consentId,
      'job',
      {
        language,
        provider: heardBy.name,
        region: heardBy.region,
        utterances: utterancesOf(words, language, voices, recording.gaps),
        known: { names: [], numbers: [call?.caller_number, call?.called_number].filter(one => typeof one === 'string') }
      },
      async trx => {
        // An erasure waits for this transaction and then finds the transcript, or has been before it.
        if (!(await lockRecording(trx, recording.id))) throw erased()
        refuseUnless(
          recording.kind === 'voicemail'
            ? await messageConsent(trx, recording)
            : ((await consentResult(trx, job.callId)) ?? 'unasked')
        )
      }
    )
  } catch (err) {
    // Another worker, or another program, was sooner.
    if (err instanceof QualityError && err.code === 'TRANSCRIPT_EXISTS') return { kind: 'existed' }
    throw err
  }
  return { kind: 'stored', provider: heardBy.name }
}

async function mayTranscribe(
  { quality }: TranscriptionParts,
  job: Readonly<{ callId: string; recordingId: string }>
): Promise<RecordingSummary> {
  const { db, recordings, isRestricted } = quality
  const recording = await recordings.library.find(job.recordingId)
  const isMessage = recording?.kind === 'voicemail'
  refuseUnless(isMessage ? await messageConsent(db, recording) : await recordings.consentOf(job.callId))
  if (recording === undefined || recording.state === 'erased') throw erased()
  const call = await findCdr(db, job.callId)
  const customer = call?.direction === 'outbound' ? call.called_number : call?.caller_number
  if (typeof customer === 'string' && (await isRestricted(customer)))
    throw new QualityError('TRANSCRIPT_NOT_ALLOWED', 'The customer has had the processing of their data restricted.')
  return recording
}

/** Who leaves a message agrees to that, whatever was said to the recording of the call. */
async function messageConsent(db: Db, { consentId }: RecordingSummary): Promise<string> {
  return (await isConsentStanding(db, consentId)) ? 'granted' : 'withdrawn'
}

function refuseUnless(consent: string): void {
  if (consent !== 'granted')
    throw new QualityError('TRANSCRIPT_NOT_ALLOWED', `The customer’s consent to be recorded is: ${consent}.`)
}

function erased(): QualityError {
  return new QualityError('TRANSCRIPT_ERASED', 'The recording was erased.')
}

/** Those who know the language and may hear a call in its places. Rejects with SpeechError SPEECH_MISSING without any. */
async function recognizersFor(
  { quality, recognizers, mayProcess }: TranscriptionParts,
  recording: RecordingSummary,
  language: string
): Promise<readonly BatchRecognizer[]> {
  const places = await placesOfConsent(quality.db, recording.consentId)
  const usable = recognizers.filter(
    one => one.languages.includes(primaryOf(language)) && (one.host === null || mayProcess(places, one.host))
  )
  if (usable.length === 0)
    throw new SpeechError('SPEECH_MISSING', 'No recogniser that knows the language may hear this call.')
  return usable
}

/** The first that can; when all fail, the failure of the last. */
async function hearFirst(
  recognizers: readonly BatchRecognizer[],
  hear: (recognizer: BatchRecognizer) => Promise<SpokenWords>
): Promise<Readonly<{ words: SpokenWords; heardBy: BatchRecognizer }>> {
  let failure: unknown
  for (const recognizer of recognizers) {
    try {
      return { words: await hear(recognizer), heardBy: recognizer }
    } catch (err) {
      if (!(err instanceof SpeechError)) throw err
      failure = err
    }
  }
  throw failure
}

async function voiceEvents(db: Db, callId: string): Promise<Parameters<typeof voicesOf>[0]> {
  const rows = await listCallEvents(db, callId)
  return rows
    .filter(row => (VOICE_EVENTS as readonly string[]).includes(row.kind))
    .map(row => ({ ...row.data, kind: row.kind, at: row.at }) as Parameters<typeof voicesOf>[0][number])
}
