import type { ConsentOptions, ConsentOutcome, Prompt } from '../../ivr-flows/host.ts'
import { MediaError } from '../../media/endpoint.ts'
import { PromptError } from '../../media/prompts/synthesizer.ts'
import type { Db } from '../../sql/database.ts'
import type { ConsentMethod } from '../../sql/recording-tables.ts'
import type { ComplianceService } from '../compliance/compliance-service.ts'
import { type RecordingPolicy, recordingPolicy } from '../compliance/recording-policy.ts'
import { DAY_MS } from '../compliance/time/calendar.ts'
import type { CollectRules } from '../calls/digit-collector.ts'
import type { CollectOutcome, VoiceInput } from '../calls/leg-audio.ts'
import { isDatabaseUnavailable } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { CallRecording } from './call-recording.ts'
import { type ConsentWording, consentTexts } from './consent-texts.ts'
import { afterQuestion } from './consent-voice.ts'
import { readConsent } from './consent-words.ts'
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
  /**
   * Gets ready to hear the answer by a recogniser on this machine: nothing goes outside before leave is given. Null when
   * nobody understands the language here; then keys alone must do.
   */
  listen(signal: AbortSignal): Promise<VoiceInput | null>
  /** Keys that were pressed before the question do not count. */
  ask(
    prompts: readonly Prompt[],
    rules: CollectRules,
    ear: VoiceInput | null,
    signal: AbortSignal
  ): Promise<CollectOutcome>
}>

export type GateFacts = Readonly<{
  customerNumber: string | null
  own: OwnNumber | null
  language: string
}>

/** After an announcement that one may object to, this long. */
const OBJECTION_MS = 2_500

type Answer = Readonly<{
  isGranted: boolean
  method: ConsentMethod
  /** Of an answer that was spoken. */
  confidence?: number
  wording: readonly Prompt[] | null
}>

/**
 * Asks for leave to record in the way that the law of the call's places wants, writes down what was said, and starts the
 * recorder with the grant. Whatever is uncertain means that the call is not recorded. Where the law wants it recorded and it
 * is not, the flow's own way is taken, or the call ends with a word. Rejects only with the signal's reason or with MediaError.
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
  const places = placesOf(facts.customerNumber, facts.own)
  const policy = recordingPolicy(places, parts.compliance.packs, Math.floor(Date.now() / DAY_MS))
  const isFlowAsked = options.hasMustRecordWay && policy.endsOnFailure
  /** It cannot be recorded, for no fault of the customer. */
  const without = (code: string, reason: string, otherwise: ConsentOutcome): ConsentOutcome => {
    if (isFlowAsked) return { kind: 'failed', code, reason, mustRecord: true }
    if (!recording.mayGoOnUnrecorded(policy, code, facts.language)) call.signal.throwIfAborted()
    return otherwise
  }
  if (!parts.isOn) return without('RECORDING_OFF', 'Recording is switched off.', never(recording, 'off'))
  if (policy.policy === 'never')
    return without('RECORDING_FORBIDDEN', 'A rule forbids recording.', never(recording, 'forbidden'))
  const store = parts.storage.storeFor(places)
  if (store === null)
    return without('NO_STORE', 'No store may keep calls of these places.', never(recording, 'noStore'))
  try {
    const ear = asksForAnswer(policy) ? await voice.listen(signal) : null
    const words = wordsOf(facts.language, options, ear !== null)
    const { isGranted, wording, ...how } = await hearAnswer(policy, voice, ear, facts.language, words, options, signal)
    const proof: ConsentFacts = {
      callId: call.id,
      party: 'customer',
      policy,
      places,
      language: facts.language,
      wording,
      ...how
    }
    const said = { policy: policy.policy, method: how.method }
    const told = { party: 'customer', policy: policy.policy, ...how }
    if (!isGranted) {
      await storeRefusal(parts.db, proof)
      recording.settle('refused', 'refused')
      call.record({ kind: 'recordingConsent', result: 'refused', ...told })
      if (!options.hasMustRecordWay && !recording.mayGoOnRefused(policy, facts.language)) call.signal.throwIfAborted()
      await voice.play(words.refusal, signal)
      return { kind: 'refused', ...said, mustRecord: policy.isCompulsory }
    }
    const grant = await RecordingGrant.obtain(parts.db, proof)
    signal.throwIfAborted()
    call.record({ kind: 'recordingConsent', result: 'granted', ...told })
    await recording.start(grant, {
      store,
      language: facts.language,
      stopKeys: options.stopKeys,
      isOnDemand: policy.isOnDemand && !policy.isCompulsory,
      isFlowAsked,
      customerNumber: facts.customerNumber
    })
    signal.throwIfAborted()
    if (recording.recordingId === null && isFlowAsked)
      return { kind: 'failed', code: 'RECORDER_FAILED', reason: 'The call has to be recorded.', mustRecord: true }
    return { kind: 'granted', ...said }
  } catch (err) {
    signal.throwIfAborted()
    const outcome = failedBy(parts, recording, err)
    if (outcome === null) throw err
    return without(outcome.code, outcome.reason, outcome)
  }
}

/**
 * Asks a simulated caller as {@link askForConsent} asks a customer, and takes the answer for nothing: no consent is written
 * down and no recorder is started; whoever calls this ends the call where that does. Rejects as that does.
 */
export async function rehearseConsent(
  parts: Pick<GateParts, 'compliance'>,
  voice: GateVoice,
  facts: GateFacts,
  options: ConsentOptions,
  signal: AbortSignal
): Promise<ConsentOutcome> {
  const policy = recordingPolicy(
    placesOf(facts.customerNumber, facts.own),
    parts.compliance.packs,
    Math.floor(Date.now() / DAY_MS)
  )
  if (policy.policy === 'never') return { kind: 'never', reason: 'forbidden' }
  try {
    const ear = asksForAnswer(policy) ? await voice.listen(signal) : null
    const words = wordsOf(facts.language, options, ear !== null)
    const { isGranted, method } = await hearAnswer(policy, voice, ear, facts.language, words, options, signal)
    if (isGranted) return { kind: 'granted', policy: policy.policy, method }
    const isLast = policy.isCompulsory && !options.hasMustRecordWay
    await voice.play(isLast ? words.compulsory : words.refusal, signal)
    return { kind: 'refused', policy: policy.policy, method, mustRecord: policy.isCompulsory }
  } catch (err) {
    signal.throwIfAborted()
    if (!(err instanceof PromptError)) throw err
    return { kind: 'failed', code: err.code, reason: err.message }
  }
}

/** Whether the policy waits for an answer, so that somebody must listen. */
export function asksForAnswer({ policy }: RecordingPolicy): boolean {
  return policy === 'opt_in' || policy === 'notice_object'
}

type Question = Pick<ConsentOptions, 'yesKey' | 'noKey' | 'timeoutMs' | 'attempts'>

/**
 * Says or asks what the policy wants. `ear`: who hears a spoken answer. What is not clearly understood is asked again; in the
 * end it is no leave, neither where a yes is needed nor where one may object.
 */
export async function hearAnswer(
  policy: RecordingPolicy,
  voice: GateVoice,
  ear: VoiceInput | null,
  language: string,
  words: Words,
  options: Question,
  signal: AbortSignal
): Promise<Answer> {
  const isObjection = (text: string, confidence: number) => readConsent(text, confidence, language) === 'no'
  const ask = async (wording: readonly Prompt[], timeoutMs: number, waitsForSpeaker: boolean) => {
    const rules = { minDigits: 1, maxDigits: 1, terminators: '', timeoutMs, interDigitMs: timeoutMs }
    const heedful = ear === null ? null : afterQuestion(ear, { isObjection, waitsForSpeaker })
    return judge(await voice.ask(wording, rules, heedful, signal), options, language)
  }
  switch (policy.policy) {
    case 'one_party':
      return { isGranted: true, method: 'notRequired', wording: null }
    case 'notice':
    case 'all_party':
      await voice.play(words.notice, signal)
      return { isGranted: true, method: 'notice', wording: words.notice }
    case 'notice_object': {
      const wording = words.objection
      for (let attempt = 1; attempt <= options.attempts; attempt += 1) {
        const said = await ask(wording, OBJECTION_MS, true)
        if (said.kind === 'no') return { isGranted: false, ...said.how, wording }
        if (said.kind !== 'unclear') return { isGranted: true, method: 'notice', wording }
      }
      // Somebody spoke, and it may have been an objection.
      return { isGranted: false, method: 'silence', wording }
    }
    case 'opt_in': {
      const wording = words.question
      for (let attempt = 1; attempt <= options.attempts; attempt += 1) {
        const said = await ask(wording, options.timeoutMs, false)
        if (said.kind === 'yes' || said.kind === 'no') return { isGranted: said.kind === 'yes', ...said.how, wording }
      }
      // Silence is not consent, and neither is doubt.
      return { isGranted: false, method: 'silence', wording }
    }
    case 'never':
      return { isGranted: false, method: 'notRequired', wording: null }
    default:
      return policy.policy satisfies never
  }
}

type How = Readonly<{ method: ConsentMethod; confidence?: number }>
type Judged = Readonly<{ kind: 'yes' | 'no'; how: How }> | Readonly<{ kind: 'silent' | 'unclear' }>

/** What an answer means. A key that stands for nothing is like silence. */
function judge(said: CollectOutcome, { yesKey, noKey }: Question, language: string): Judged {
  switch (said.kind) {
    case 'digits':
      if (said.digits === yesKey) return { kind: 'yes', how: { method: 'key' } }
      return said.digits === noKey ? { kind: 'no', how: { method: 'key' } } : { kind: 'silent' }
    case 'spoken': {
      const kind = readConsent(said.phrase, said.confidence, language)
      return kind === 'unclear' ? { kind } : { kind, how: { method: 'speech', confidence: said.confidence } }
    }
    case 'noInput':
      return { kind: 'silent' }
    case 'notUnderstood':
      return { kind: 'unclear' }
    default:
      return said satisfies never
  }
}

type Words = Readonly<Record<Exclude<keyof ConsentWording, 'joining' | 'message' | 'failed'>, readonly Prompt[]>>

/** The flow's own words where it has some, else ours; `isHeard`: the answer may be spoken. */
function wordsOf(language: string, { texts, yesKey, noKey, stopKeys }: ConsentOptions, isHeard: boolean): Words {
  const own = consentTexts(language, { yes: yesKey, no: noKey, stop: stopKeys }, isHeard)
  const speech = (text: string): readonly Prompt[] => [{ kind: 'speech', text, language: own.language }]
  return {
    notice: texts.notice ?? speech(own.texts.notice),
    objection: texts.objection ?? speech(own.texts.objection),
    question: texts.question ?? speech(own.texts.question),
    refusal: texts.refusal ?? speech(own.texts.refusal),
    compulsory: speech(own.texts.compulsory)
  }
}

function never(recording: CallRecording, reason: 'off' | 'noStore' | 'forbidden'): ConsentOutcome {
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

/** What could not be said or written down; null for whatever is no fault of the question. */
function failedBy(
  parts: GateParts,
  { call }: CallRecording,
  err: unknown
): Extract<ConsentOutcome, { kind: 'failed' }> | null {
  const isUnplayable = err instanceof MediaError && err.code === 'PROMPT_NOT_PLAYABLE'
  const isUnsaid = err instanceof PromptError || isUnplayable
  if (!isUnsaid && !isDatabaseUnavailable(err)) return null
  const code = isUnsaid ? err.code : 'CONSENT_NOT_STORED'
  const reason = isUnsaid ? err.message : 'The consent cannot be written down.'
  if (isUnsaid) call.record({ kind: 'promptFailed', code, reason })
  parts.log.error({ err, callId: call.id, code }, 'a caller could not be asked; the call is not recorded')
  return { kind: 'failed', code, reason }
}
