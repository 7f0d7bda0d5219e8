import type { Prompt } from '../../ivr-flows/host.ts'
import type { Endpoint } from '../../media/endpoint.ts'
import { PromptError } from '../../media/prompts/synthesizer.ts'
import { LegAudio } from '../calls/leg-audio.ts'
import { recordingPolicy } from '../compliance/recording-policy.ts'
import { DAY_MS } from '../compliance/time/calendar.ts'
import { isDatabaseUnavailable } from '../errors.ts'
import type { CallRecording } from './call-recording.ts'
import { type GateParts, type GateVoice, hearAnswer } from './consent-gate.ts'
import { consentTexts } from './consent-texts.ts'
import { RecordingGrant, storeRefusal } from './grant.ts'
import { placesOfNumber } from './places.ts'

/** Somebody outside who answered and is about to be connected with a customer. */
export type JoiningParty = Readonly<{ id: string; number: string | null; language: string }>

export type Prepare = (prompts: readonly Prompt[], signal: AbortSignal) => Promise<readonly string[]>

/** How a leg that nobody else talks to is spoken to. */
export function voiceOn(endpoint: Endpoint, prepare: Prepare): GateVoice & Disposable {
  const audio = new LegAudio(endpoint)
  return {
    async play(prompts, signal) {
      await audio.play(await prepare(prompts, signal), false, signal)
    },
    async ask(prompts, rules, signal) {
      const sources = await prepare(prompts, signal)
      audio.forgetKeys()
      return await audio.collect(sources, rules, true, signal)
    },
    [Symbol.dispose]: () => audio[Symbol.dispose]()
  }
}

const KEYS = { yes: '1', no: '2', stop: '*0' }

/**
 * Tells somebody who joins a recorded call so, or asks, as the law of all places of the call wants it. True when the party
 * may be recorded; false pauses the recording for as long as the customer hears them. Rejects with the signal's reason or
 * with MediaError.
 */
export async function tellJoiningParty(
  parts: GateParts,
  recording: CallRecording,
  voice: GateVoice,
  party: JoiningParty,
  signal: AbortSignal
): Promise<boolean> {
  const { call, grant } = recording
  if (grant === null || recording.consent !== 'granted') return false
  const places = [...new Set([...grant.facts.places, ...placesOfNumber(party.number)])]
  const policy = recordingPolicy(places, parts.compliance.packs, Math.floor(Date.now() / DAY_MS))
  const { language, texts } = consentTexts(party.language, KEYS)
  const speech = (text: string): readonly Prompt[] => [{ kind: 'speech', text, language }]
  const words = {
    notice: speech(texts.joining),
    objection: speech(`${texts.joining} ${texts.objection}`),
    question: speech(texts.question),
    refusal: []
  }
  const options = { yesKey: KEYS.yes, noKey: KEYS.no, timeoutMs: 5_000, attempts: 1 }
  try {
    const answer = await hearAnswer(policy, voice, words, options, signal)
    const proof = {
      callId: call.id,
      party: party.id,
      policy,
      places,
      method: answer.method,
      language: party.language,
      wording: answer.wording
    }
    if (answer.isGranted) await RecordingGrant.obtain(parts.db, proof)
    else await storeRefusal(parts.db, proof)
    const result = answer.isGranted ? 'granted' : 'refused'
    call.record({ kind: 'recordingConsent', party: party.id, result, policy: policy.policy, method: answer.method })
    return answer.isGranted
  } catch (err) {
    signal.throwIfAborted()
    if (!(err instanceof PromptError) && !isDatabaseUnavailable(err)) throw err
    call.log.error({ err }, 'a joining party could not be told of the recording; it is paused meanwhile')
    return false
  }
}

/** Connects a customer with somebody outside for as long as `talking` runs, with the recording paused unless they were told. */
export async function withParty<T>(recording: CallRecording, isTold: boolean, talking: () => Promise<T>): Promise<T> {
  if (!isTold) recording.unaskedParty(true)
  try {
    return await talking()
  } finally {
    if (!isTold) recording.unaskedParty(false)
  }
}
