import { PromptError, type PromptErrorCode } from '../../prompts/synthesizer.ts'
import { SpeechError, type SpeechErrorCode } from '../recognizer.ts'

/** gRPC status codes that say more than “failed” (grpc.github.io/grpc/core/md_doc_statuscodes.html). */
const VERDICTS: Readonly<Record<number, 'TIMEOUT' | 'REFUSED' | 'QUOTA'>> = {
  4: 'TIMEOUT',
  7: 'REFUSED',
  8: 'QUOTA',
  16: 'REFUSED'
}

/** What a failure of Google's recogniser means. */
export function asSpeechError(err: unknown): SpeechError {
  if (err instanceof SpeechError) return err
  const code: SpeechErrorCode = `SPEECH_${VERDICTS[statusOf(err)] ?? 'FAILED'}`
  return new SpeechError(code, `Google does not recognise speech (status ${statusOf(err)})`, { cause: err })
}

/** What a failure of Google's voices means. */
export function asPromptError(err: unknown): PromptError {
  if (err instanceof PromptError) return err
  const code: PromptErrorCode = `SYNTHESIS_${VERDICTS[statusOf(err)] ?? 'FAILED'}`
  return new PromptError(code, `Google does not speak (status ${statusOf(err)})`, { cause: err })
}

function statusOf(err: unknown): number {
  const code = typeof err === 'object' && err !== null && 'code' in err ? err.code : undefined
  return typeof code === 'number' ? code : 2
}
