import { MediaError } from '../../media/endpoint.ts'
import { PromptError } from '../../media/prompts/synthesizer.ts'
import { aborted } from '../calls/aborted.ts'
import type { Call } from '../calls/call.ts'
import { CONSENT_KEYS, type ConsentWording, consentTexts } from './consent-texts.ts'
import type { Prepare } from './joining-party.ts'

/** Which words of ours end a call that has to be recorded: the recorder has failed, or the customer does not agree. */
export type LastWords = Extract<keyof ConsentWording, 'failed' | 'compulsory'>

/** For making the words, and again for playing them: they take some eight seconds. A leg that plays nothing is not waited for. */
const LIMIT_MS = 15_000

/**
 * Tells the customer of a call that has ended already why it ends, while their leg is still up. Resolves when it is said, when
 * the leg has gone, or after twice {@link LIMIT_MS}; never rejects for what keeps it from being said.
 */
export async function sayLast(prepare: Prepare, call: Call, language: string, words: LastWords): Promise<void> {
  const endpoint = call.customer
  if (endpoint === null || endpoint.lost.aborted) return
  const within = () => AbortSignal.any([AbortSignal.timeout(LIMIT_MS), endpoint.lost])
  let limit = within()
  const { language: spoken, texts } = consentTexts(language, CONSENT_KEYS, false)
  try {
    const sources = await prepare([{ kind: 'speech', text: texts[words], language: spoken }], limit)
    await endpoint.hush()
    limit = within()
    await Promise.race([endpoint.play(sources).finished, aborted(limit)])
    call.record({ kind: 'endExplained', words, language: spoken, isHeard: !limit.aborted })
  } catch (err) {
    if (!limit.aborted && !(err instanceof MediaError) && !(err instanceof PromptError)) throw err
    call.record({ kind: 'endExplained', words, language: spoken, isHeard: false })
    call.log.warn({ err }, 'a customer could not be told why the call ends')
  }
}
