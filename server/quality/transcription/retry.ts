import { SpeechError, type SpeechErrorCode } from '../../../media/speech/recognizer.ts'
import { AppError } from '../../errors.ts'
import { QualityError } from '../errors.ts'

const MAX_ATTEMPTS = 6
const FIRST_PAUSE_MS = 60_000
const PAUSE_FACTOR = 4

/** These stay so however often it is tried. */
const FINAL_CODES: ReadonlySet<SpeechErrorCode> = new Set(['SPEECH_MISSING', 'SPEECH_LANGUAGE_UNKNOWN'])

/** What becomes of a job after an attempt that came to nothing; `againAt` null: it is given up. */
export type Verdict = Readonly<{ code: string; againAt: Date | null }>

/**
 * Refusals are final. Everything else is tried six times, after 1, 4, 16, 64 and 256 minutes: an outage of a working
 * afternoon passes, and a provider that never answers is not paid for ever. Pure.
 */
export function verdictOn(err: unknown, attempts: number, now: Date): Verdict {
  const isFinal =
    err instanceof QualityError || (err instanceof SpeechError && FINAL_CODES.has(err.code)) || attempts >= MAX_ATTEMPTS
  return {
    code: codeOf(err),
    againAt: isFinal ? null : new Date(now.getTime() + FIRST_PAUSE_MS * PAUSE_FACTOR ** (attempts - 1))
  }
}

/** Whether a job was begun so often that whoever did it last must have died of it each time. `attempts` counts the present one. Pure. */
export function hasKilledItsWorkers(attempts: number): boolean {
  return attempts > MAX_ATTEMPTS
}

function codeOf(err: unknown): string {
  if (err instanceof QualityError || err instanceof SpeechError || err instanceof AppError) return err.code
  return 'TRANSCRIPTION_FAILED'
}
