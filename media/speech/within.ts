import { SpeechError } from './recognizer.ts'

/** Waits for an answer no longer than this; then SPEECH_TIMEOUT. */
export async function within<T>(answer: Promise<T>, limitMs: number, who: string): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const limit = setTimeout(
    () => reject(new SpeechError('SPEECH_TIMEOUT', `${who} did not answer within ${limitMs} ms`)),
    limitMs
  )
  try {
    return await Promise.race([answer, promise])
  } finally {
    clearTimeout(limit)
  }
}
