import { setTimeout as delay } from 'node:timers/promises'
import type { Prompt, VoicemailOptions } from '../../ivr-flows/host.ts'
import { MediaError } from '../../media/endpoint.ts'
import { PromptError } from '../../media/prompts/synthesizer.ts'
import type { TapFrame } from '../../media/tap/call-tap.ts'
import { aborted } from '../calls/aborted.ts'
import type { Call } from '../calls/call.ts'
import type { ComplianceService } from '../compliance/compliance-service.ts'
import { recordingPolicy } from '../compliance/recording-policy.ts'
import { DAY_MS } from '../compliance/time/calendar.ts'
import { CONSENT_KEYS, consentTexts } from './consent-texts.ts'
import { RecordingGrant } from './grant.ts'
import { MessageEar } from './message-ear.ts'
import { placesOf } from './places.ts'
import type { GateFacts } from './consent-gate.ts'
import { Recorder, type RecorderParts } from './recorder.ts'
import type { FinishedNote } from './spool.ts'
import type { Storage } from './storage.ts'

const BEEP: Prompt = { kind: 'tone', spec: '%(400,100,1000)' }
/** Frames may come so late; then a message is over whatever the audio says. */
const LATE_MS = 15_000
/** A disk that takes longer has not kept the message as far as the caller is told; it is kept all the same when it can be. */
const SAFE_WITHIN_MS = 5_000

export type VoicemailParts = Readonly<{
  compliance: Pick<ComplianceService, 'packs'>
  storage: Storage
  recorder: RecorderParts
  /** Something is being finished that a shutdown waits for. */
  track(finishing: Promise<unknown>): void
}>

/** How the caller is spoken to. */
export type MessageVoice = Readonly<{
  /** Rejects with PromptError when the words cannot be made, and with MediaError when the leg is lost. */
  play(prompts: readonly Prompt[], signal: AbortSignal): Promise<void>
  /** Hears each key until the returned function is called. */
  onKey(listener: (key: string) => void): () => void
  /** Aborted when the media server drops the leg. */
  lost: AbortSignal
}>

export type VoicemailResult =
  | Readonly<{ kind: 'recorded'; id: string; durationMs: number }>
  | Readonly<{ kind: 'empty' }>
  | Readonly<{ kind: 'failed'; code: string; reason: string }>

/**
 * Takes a message after the tone. The caller has been told so, by the flow's words or else by ours, and speaking after the
 * tone is the consent: what is heard waits in memory until something is said, then the grant is written, and only then the
 * recorder begins. A caller who says nothing leaves neither a byte nor a grant. One who hangs up leaves what was said until then.
 * Trouble with the words, the disk or the database is `failed`.
 * Rejects with the signal's reason, or with MediaError when the leg is lost, only before the message began.
 */
export async function takeMessage(
  parts: VoicemailParts,
  call: Call,
  voice: MessageVoice,
  facts: GateFacts,
  options: VoicemailOptions,
  signal: AbortSignal
): Promise<VoicemailResult> {
  const { tap } = call
  if (tap === null) throw new Error('a message can be left in a call that is answered')
  const places = placesOf(facts.customerNumber, facts.own)
  const store = parts.storage.storeFor(places)
  if (store === null) return notKept('The places of this call have no store.')
  const policy = recordingPolicy(places, parts.compliance.packs, Math.floor(Date.now() / DAY_MS))
  if (policy.policy === 'never') return notKept('A rule forbids recording.')
  try {
    const wording = await tell(voice, facts.language, options, signal)
    signal.throwIfAborted()
    const fromMs = tap.elapsedMs
    const message = await listen(call, voice, fromMs, options, signal, async () => {
      const grant = await RecordingGrant.obtain(parts.recorder.db, {
        callId: call.id,
        party: 'voicemail',
        policy,
        places,
        method: 'conduct',
        language: facts.language,
        wording
      })
      call.record({
        kind: 'recordingConsent',
        party: 'voicemail',
        result: 'granted',
        policy: policy.policy,
        method: 'conduct'
      })
      return await Recorder.start(grant, parts.recorder, call, {
        store,
        language: facts.language,
        fromMs,
        message: { mailbox: options.mailbox, fromMs },
        suppressor: () => null,
        onTrouble: code => {
          call.record({ kind: 'recordingTrouble', code })
          parts.recorder.alarm(code)
        }
      })
    })
    if (message === null) return { kind: 'empty' }
    const keeping = keep(parts, call, message.recorder, message.endMs)
    parts.track(keeping)
    if ((await Promise.race([keeping, delay(SAFE_WITHIN_MS, null, { ref: false })])) === null)
      return notKept('The message is not on the disk yet.')
    return { kind: 'recorded', id: message.recorder.id, durationMs: Math.round(message.endMs - fromMs) }
  } catch (err) {
    // A caller who left before the message could begin has left none.
    if (err instanceof MediaError) {
      signal.throwIfAborted()
      throw err
    }
    if (signal.aborted && err === signal.reason) throw err
    call.log.error({ err }, 'a voicemail could not be kept')
    return err instanceof PromptError
      ? { kind: 'failed', code: err.code, reason: err.message }
      : notKept('The message could not be kept.')
  }
}

function notKept(reason: string): VoicemailResult {
  return { kind: 'failed', code: 'VOICEMAIL_NOT_STORED', reason }
}

/** Says that a message is taken, unless the flow has, and gives the tone. Returns everything that the caller was told. */
async function tell(
  voice: MessageVoice,
  language: string,
  { told, beep }: VoicemailOptions,
  signal: AbortSignal
): Promise<readonly Prompt[]> {
  // Our own words speak of the tone, so that it always follows them.
  const own = told.length > 0 ? [] : [ownWords(language)]
  const rest = beep || own.length > 0 ? [...own, BEEP] : own
  if (rest.length > 0) await voice.play(rest, signal)
  return [...told, ...rest]
}

function ownWords(wanted: string): Prompt {
  const { language, texts } = consentTexts(wanted, CONSENT_KEYS, false)
  return { kind: 'speech', text: texts.message, language }
}

/**
 * Hears the caller until the message is over; `begin` is called once when something has been said, and what was heard since
 * the tone is then handed over. Null when nothing was said.
 */
async function listen(
  call: Call,
  voice: MessageVoice,
  fromMs: number,
  options: VoicemailOptions,
  signal: AbortSignal,
  begin: () => Promise<Recorder>
): Promise<Readonly<{ recorder: Recorder; endMs: number }> | null> {
  const ear = new MessageEar(options)
  const done = new AbortController()
  const held: TapFrame[] = []
  let recorder: Recorder | null = null
  let beginning: Promise<void> | undefined
  let endMs = fromMs

  const start = async () => {
    try {
      const begun = await begin()
      for (const frame of held) begun.take(frame)
      held.length = 0
      recorder = begun
    } catch (err) {
      done.abort()
      throw err
    }
  }
  const attachment = call.tap?.attach({
    name: 'voicemail',
    onFrame(frame) {
      if (done.signal.aborted || frame.atMs < fromMs) return
      const { leftAndRight, atMs } = frame
      ear.push(new Int16Array(leftAndRight.buffer, leftAndRight.byteOffset, leftAndRight.length >> 1))
      endMs = atMs + 20
      if (recorder === null) held.push(frame)
      else recorder.take(frame)
      if (ear.hasSpoken && beginning === undefined) {
        beginning = start()
        // Its failure is thrown to whoever waits for it below.
        beginning.catch(() => undefined)
      }
      if (ear.isOver) done.abort()
    },
    onEnd: () => done.abort()
  })
  using _silence = call.tap?.expectSilence()
  const forget = voice.onKey(key => {
    if (options.finishKeys.includes(key)) done.abort()
  })
  try {
    const limit = AbortSignal.timeout(options.maxMs + LATE_MS)
    await aborted(AbortSignal.any([done.signal, signal, voice.lost, limit]))
  } finally {
    forget()
    done.abort()
    attachment?.[Symbol.dispose]()
  }
  await beginning
  return recorder === null ? null : { recorder, endMs }
}

/** Resolves when the message is safe on this machine's disk and found in its mailbox; null when the first is not so. */
async function keep(
  { recorder: { spool } }: VoicemailParts,
  call: Call,
  recorder: Recorder,
  endMs: number
): Promise<FinishedNote | null> {
  const finished = await recorder.finish(endMs)
  if (finished === null) return null
  try {
    await spool.register(finished)
  } catch (err) {
    // The spool has it and tells the database when it can be reached.
    call.log.warn({ err, recordingId: finished.id }, 'a message will be found a little later')
  }
  return finished
}
