import { SpeechError } from '../recognizer.ts'

/** What a status of HTTP says about a request for speech (RFC 9110 §15, RFC 6585 §4). */
export function verdictOf(status: number): 'REFUSED' | 'QUOTA' | 'TIMEOUT' | 'FAILED' {
  switch (status) {
    case 401:
    case 403:
      return 'REFUSED'
    case 402:
    case 429:
      return 'QUOTA'
    case 408:
    case 504:
      return 'TIMEOUT'
    default:
      return 'FAILED'
  }
}

/** Posts a form and reads JSON. Rejects with SpeechError, or the signal's reason when that is aborted. */
export async function postForm(
  url: string,
  headers: Readonly<Record<string, string>>,
  form: FormData,
  signal: AbortSignal,
  who: string
): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(url, { method: 'POST', headers, body: form, signal })
  } catch (err) {
    signal.throwIfAborted()
    throw new SpeechError('SPEECH_FAILED', `${who} cannot be reached`, { cause: err })
  }
  if (!response.ok) {
    await response.body?.cancel()
    throw new SpeechError(`SPEECH_${verdictOf(response.status)}`, `${who} answered with status ${response.status}`)
  }
  try {
    return await response.json()
  } catch (err) {
    signal.throwIfAborted()
    throw new SpeechError('SPEECH_FAILED', `the answer of ${who} cannot be read`, { cause: err })
  }
}
