import { analyzeNumber } from '../compliance/numbers/analyze.ts'
import { recordingPolicy } from '../compliance/recording-policy.ts'
import { DAY_MS } from '../compliance/time/calendar.ts'
import type { CallRecording } from './call-recording.ts'
import { askForConsent, type GateParts, type GateVoice } from './consent-gate.ts'
import { CONSENT_KEYS } from './consent-texts.ts'
import { type OwnNumber, placesOf, UNKNOWN_PLACE } from './places.ts'

/** A customer outside whom we have called for an agent, who has answered and talks to nobody yet. */
export type CalledCustomer = Readonly<{
  number: string
  own: OwnNumber
  language: string
  /** An agent must be there at once: there is no time for words, so what needs words is not recorded. */
  isInHaste: boolean
}>

const OPTIONS = {
  texts: {},
  yesKey: CONSENT_KEYS.yes,
  noKey: CONSENT_KEYS.no,
  stopKeys: CONSENT_KEYS.stop,
  timeoutMs: 5_000,
  attempts: 2,
  hasMustRecordWay: false
}

/**
 * Tells or asks a customer whom we called, as the law of both ends wants it, and begins to record with leave only. Where the
 * law wants the call recorded and it is not, it ends with a word. Rejects with the signal's reason or with MediaError.
 */
export async function askCalled(
  parts: GateParts,
  recording: CallRecording,
  voice: GateVoice,
  { number, own, language, isInHaste }: CalledCustomer,
  signal: AbortSignal
): Promise<void> {
  const { packs } = parts.compliance
  const law = recordingPolicy(placesOf(number, own), packs, Math.floor(Date.now() / DAY_MS))
  if (isInHaste && law.policy !== 'one_party') {
    recording.settle('never', 'noTime')
    recording.call.record({
      kind: 'recordingConsent',
      party: 'customer',
      result: 'never',
      policy: 'noTime',
      method: 'none'
    })
    if (!recording.mayGoOnRefused(law, language)) recording.call.signal.throwIfAborted()
  } else await askForConsent(parts, recording, voice, { customerNumber: number, own, language }, OPTIONS, signal)
}

/** Our end of a call that we placed; an end that nobody knows counts as the strictest place. */
export function ownEnd(shown: string | null, known: OwnNumber | undefined): OwnNumber {
  if (known !== undefined) return { number: known.number, region: known.region }
  const analysis = shown === null ? null : analyzeNumber(shown)
  const region = analysis?.kind === 'number' && !analysis.isPlaceless ? analysis.country : UNKNOWN_PLACE
  return { number: shown ?? '', region }
}
