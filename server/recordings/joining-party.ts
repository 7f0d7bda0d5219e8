import type { Prompt } from '../../ivr-flows/host.ts'
import type { Endpoint } from '../../media/endpoint.ts'
import { PromptError } from '../../media/prompts/synthesizer.ts'
import { LegAudio } from '../calls/leg-audio.ts'
import { recordingPolicy } from '../compliance/recording-policy.ts'
import { DAY_MS } from '../compliance/time/calendar.ts'
import { isDatabaseUnavailable } from '../errors.ts'
import type { CallRecording } from './call-recording.ts'
import { asksForAnswer, type GateParts, type GateVoice, hearAnswer } from './consent-gate.ts'
import { CONSENT_KEYS, consentTexts } from './consent-texts.ts'
import { RecordingGrant, storeRefusal } from './grant.ts'
import { placesOfNumber } from './places.ts'

/**
 * What became of telling somebody who joins. `told`: they may be recorded. `notTold`: the recording pauses for as long as the
 * customer hears them. `mayNotJoin`: the law wants the call recorded, so they cannot be connected.
 */
export type Joining = 'told' | 'notTold' | 'mayNotJoin'

/** Why somebody is not connected, for whoever reads the story of the call. */
export const MAY_NOT_JOIN = 'The law wants the call recorded, and whoever answered could not be told or did not agree.'

/** Somebody outside who answered and is about to be connected with a customer. */
export type JoiningParty = Readonly<{ id: string; number: string | null; language: string }>

export type Prepare = (prompts: readonly Prompt[], signal: AbortSignal) => Promise<readonly string[]>

/** How a leg that nobody else talks to is spoken to. `listen`: see {@link GateVoice}. */
export function voiceOn(endpoint: Endpoint, prepare: Prepare, listen: GateVoice['listen']): GateVoice & Disposable {
  const audio = new LegAudio(endpoint)
  return {
    async play(prompts, signal) {
      await audio.play(await prepare(prompts, signal), false, signal)
    },
    listen,
    async ask(prompts, rules, ear, signal) {
      const sources = await prepare(prompts, signal)
      audio.forgetKeys()
      return await audio.collect(sources, rules, true, signal, ear)
    },
    [Symbol.dispose]: () => audio[Symbol.dispose]()
  }
}

/**
 * Tells somebody who joins a recorded call so, or asks, as the law of all places of the call wants it. Rejects with the
 * signal's reason or with MediaError.
 */
export async function tellJoiningParty(
  parts: GateParts,
  recording: CallRecording,
  voice: GateVoice,
  party: JoiningParty,
  signal: AbortSignal
): Promise<Joining> {
  const { call, grant } = recording
  if (grant === null || recording.consent !== 'granted') return 'notTold'
  const otherwise = grant.facts.policy.isCompulsory ? 'mayNotJoin' : 'notTold'
  const places = [...new Set([...grant.facts.places, ...placesOfNumber(party.number)])]
  const policy = recordingPolicy(places, parts.compliance.packs, Math.floor(Date.now() / DAY_MS))
  try {
    const ear = asksForAnswer(policy) ? await voice.listen(signal) : null
    const { language, texts } = consentTexts(party.language, CONSENT_KEYS, ear !== null)
    const speech = (text: string): readonly Prompt[] => [{ kind: 'speech', text, language }]
    const words = {
      notice: speech(texts.joining),
      objection: speech(`${texts.joining} ${texts.objection}`),
      question: speech(texts.question),
      refusal: [],
      compulsory: []
    }
    // Keys are not misheard; words may be.
    const options = {
      yesKey: CONSENT_KEYS.yes,
      noKey: CONSENT_KEYS.no,
      timeoutMs: 5_000,
      attempts: ear === null ? 1 : 2
    }
    const { isGranted, wording, ...how } = await hearAnswer(policy, voice, ear, party.language, words, options, signal)
    const proof = {
      callId: call.id,
      party: party.id,
      policy,
      places,
      language: party.language,
      wording,
      ...how
    }
    if (isGranted) await RecordingGrant.obtain(parts.db, proof)
    else await storeRefusal(parts.db, proof)
    const result = isGranted ? 'granted' : 'refused'
    call.record({ kind: 'recordingConsent', party: party.id, result, policy: policy.policy, ...how })
    return isGranted ? 'told' : otherwise
  } catch (err) {
    signal.throwIfAborted()
    if (!(err instanceof PromptError) && !isDatabaseUnavailable(err)) throw err
    call.log.error({ err }, 'a joining party could not be told of the recording')
    return otherwise
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
