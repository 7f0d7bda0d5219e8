import type { ConsentOptions, ConsentOutcome, Prompt } from '../../ivr-flows/host.ts'
import { PromptError } from '../../media/prompts/synthesizer.ts'
import type { Db } from '../../sql/database.ts'
import type { ConsentMethod } from '../../sql/recording-tables.ts'
import type { ComplianceService } from '../compliance/compliance-service.ts'
import { type RecordingPolicy, recordingPolicy } from '../compliance/recording-policy.ts'
import { DAY_MS } from '../compliance/time/calendar.ts'
import type { CollectRules } from '../calls/digit-collector.ts'
import type { CollectOutcome } from '../calls/leg-audio.ts'
import { isDatabaseUnavailable } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { CallRecording } from './call-recording.ts'
import { type ConsentTexts, consentTexts } from './consent-texts.ts'
import { type ConsentFacts, RecordingGrant, storeRefusal } from './grant.ts'
import { type OwnNumber, placesOf } from './places.ts'
import type { Storage } from './storage.ts'

export type GateParts = Readonly<{
  db: Db
  compliance: Pick<ComplianceService, 'packs'>
  storage: Storage
  /** Off: nobody is asked and nothing recorded. */
  isOn: boolean
  log: Logger
}>

/** How the customer is spoken to; both reject with PromptError when words cannot be made. */
export type GateVoice = Readonly<{
  play(prompts: readonly Prompt[], signal: AbortSignal): Promise<void>
  /** Keys that were pressed before the question do not count. */
  ask(prompts: readonly Prompt[], rules: CollectRules, signal: AbortSignal): Promise<CollectOutcome>
}>

export type GateFacts = Readonly<{
  customerNumber: string | null
  own: OwnNumber | null
  language: string
}>

/** After an announcement that one may object to, this long. */
const OBJECTION_MS = 2_500

type Answer = Readonly<{ isGranted: boolean; method: ConsentMethod; wording: readonly Prompt[] | null }>

/**
 * Asks for leave to record in the way that the law of the call's places wants, writes down what was said, and starts the
 * recorder with the grant. Whatever is uncertain means that the call is not recorded. Rejects only with the signal's reason
 * or with MediaError.
 */
export async function askForConsent(
  parts: GateParts,
  recording: CallRecording,
  voice: GateVoice,
  facts: GateFacts,
  options: ConsentOptions,
  signal: AbortSignal
): Promise<ConsentOutcome> {
  const { call } = recording
  const earlier = recording.grant
  if (earlier !== null && recording.consent === 'granted')
    return { kind: 'granted', policy: earlier.policy, method: earlier.facts.method }
  if (!parts.isOn) return never(recording, 'off')
  const places = placesOf(facts.customerNumber, facts.own)
  const store = parts.storage.storeFor(places)
  if (store === null) return never(recording, 'noStore')
  const policy = recordingPolicy(places, parts.compliance.packs, Math.floor(Date.now() / DAY_MS))
  const words = wordsOf(facts.language, options)
  try {
    const answer = await hearAnswer(policy, voice, words, options, signal)
    const proof: ConsentFacts = {
      callId: call.id,
      party: 'customer',
      policy,
      places,
      method: answer.method,
      language: facts.language,
      wording: answer.wording
    }
    const said = { policy: policy.policy, method: answer.method }
    if (!answer.isGranted) {
      await storeRefusal(parts.db, proof)
      recording.settle('refused', 'refused')
      call.record({ kind: 'recordingConsent', party: 'customer', result: 'refused', ...said })
      await voice.play(words.refusal, signal)
      return { kind: 'refused', ...said, mustRecord: policy.isCompulsory }
    }
    const grant = await RecordingGrant.obtain(parts.db, proof)
    signal.throwIfAborted()
    call.record({ kind: 'recordingConsent', party: 'customer', result: 'granted', ...said })
    await recording.start(grant, {
      store,
      language: facts.language,
      stopKeys: options.stopKeys,
      isOnDemand: policy.isOnDemand && !policy.isCompulsory
    })
    return { kind: 'granted', ...said }
  } catch (err) {
    signal.throwIfAborted()
    if (err instanceof PromptError) return failed(parts, recording, err.code, err.message, err)
    if (isDatabaseUnavailable(err))
      return failed(parts, recording, 'CONSENT_NOT_STORED', 'The consent cannot be written down.', err)
    throw err
  }
}

/** Says or asks what the policy wants. */
export async function hearAnswer(
  policy: RecordingPolicy,
  voice: GateVoice,
  words: Words,
  options: Pick<ConsentOptions, 'yesKey' | 'noKey' | 'timeoutMs' | 'attempts'>,
  signal: AbortSignal
): Promise<Answer> {
  const rules: CollectRules = {
    minDigits: 1,
    maxDigits: 1,
    terminators: '',
    timeoutMs: options.timeoutMs,
    interDigitMs: options.timeoutMs
  }
  switch (policy.policy) {
    case 'one_party':
      return { isGranted: true, method: 'notRequired', wording: null }
    case 'notice':
    case 'all_party':
      await voice.play(words.notice, signal)
      return { isGranted: true, method: 'notice', wording: words.notice }
    case 'notice_object': {
      const said = await voice.ask(words.objection, { ...rules, timeoutMs: OBJECTION_MS }, signal)
      const objects = said.kind === 'digits' && said.digits === options.noKey
      return { isGranted: !objects, method: objects ? 'key' : 'notice', wording: words.objection }
    }
    case 'opt_in':
      for (let attempt = 1; attempt <= options.attempts; attempt += 1) {
        const said = await voice.ask(words.question, rules, signal)
        if (said.kind !== 'digits') continue
        if (said.digits === options.yesKey) return { isGranted: true, method: 'key', wording: words.question }
        if (said.digits === options.noKey) return { isGranted: false, method: 'key', wording: words.question }
      }
      // Silence is not consent.
      return { isGranted: false, method: 'silence', wording: words.question }
    default:
      return policy.policy satisfies never
  }
}

type Words = Readonly<Record<Exclude<keyof ConsentTexts, 'joining'>, readonly Prompt[]>>

/** The flow's own words where it has some, else ours. */
function wordsOf(language: string, { texts, yesKey, noKey, stopKeys }: ConsentOptions): Words {
  const own = consentTexts(language, { yes: yesKey, no: noKey, stop: stopKeys })
  const speech = (text: string): readonly Prompt[] => [{ kind: 'speech', text, language: own.language }]
  return {
    notice: texts.notice ?? speech(own.texts.notice),
    objection: texts.objection ?? speech(own.texts.objection),
    question: texts.question ?? speech(own.texts.question),
    refusal: texts.refusal ?? speech(own.texts.refusal)
  }
}

function never(recording: CallRecording, reason: 'off' | 'noStore'): ConsentOutcome {
  recording.settle('never', reason)
  recording.call.record({
    kind: 'recordingConsent',
    party: 'customer',
    result: 'never',
    policy: reason,
    method: 'none'
  })
  return { kind: 'never', reason }
}

function failed(
  parts: GateParts,
  recording: CallRecording,
  code: string,
  reason: string,
  err: unknown
): ConsentOutcome {
  parts.log.error({ err, callId: recording.call.id, code }, 'a caller could not be asked; the call is not recorded')
  return { kind: 'failed', code, reason }
}
