import {
  type AmdEvent,
  type AmdResult,
  type AmdSettings,
  amdSettings,
  AnsweringMachineDetector
} from '../../media/audio/amd.ts'
import type { CallTap } from '../../media/tap/call-tap.ts'
import type { Call } from '../calls/call.ts'
import type { LawfulAttempt } from '../calls/outbound-law.ts'
import type { Campaign } from './campaign.ts'

/** `greetingEndedAtMs`: when the last word was over that is known of, by `performance.now()`. */
export type Answer = Readonly<{ result: AmdResult; atMs: number; reason: string; greetingEndedAtMs: number }>

/** Listens on a call's tap for who has answered. */
export interface AnswerListener extends Disposable {
  /** Who it is; `unknown` when that cannot be told. Rejects with the signal's reason. */
  answer(signal: AbortSignal): Promise<Answer>
  /**
   * Whether a machine waits for an answer without a beep, and since when by `performance.now()`; null when it records, the call
   * ends or the limit passes. Rejects with the signal's reason.
   */
  waits(limitMs: number, signal: AbortSignal): Promise<Readonly<{ sinceMs: number }> | null>
  /** Resolves when a machine records, or after the limit. Rejects with the signal's reason. */
  recording(limitMs: number, signal: AbortSignal): Promise<void>
}

/** The left half of a stereo frame: what the called party says. */
function leftOf(leftAndRight: Buffer): Int16Array {
  const samples = new Int16Array(leftAndRight.length >> 2)
  for (let index = 0; index < samples.length; index += 1) samples[index] = leftAndRight.readInt16LE(index * 4)
  return samples
}

/** Begins to listen; the detector keeps figures, never audio. */
export function listenForAnswer(
  tap: CallTap,
  country: string | null,
  change: Partial<AmdSettings> = {}
): AnswerListener {
  const detector = new AnsweringMachineDetector({ ...amdSettings(country), ...change })
  const waiting = Promise.withResolvers<Readonly<{ sinceMs: number }> | null>()
  const answered = Promise.withResolvers<Answer>()
  const records = Promise.withResolvers<void>()
  const take = (event: AmdEvent) => {
    switch (event.kind) {
      case 'verdict':
        answered.resolve({
          result: event.result,
          atMs: event.atMs,
          reason: event.reason,
          greetingEndedAtMs: performance.now() - event.quietMs
        })
        if (event.reason === 'beep') records.resolve()
        break
      case 'screening':
        waiting.resolve({ sinceMs: performance.now() - event.quietMs })
        break
      case 'beep':
      case 'greetingOver':
        records.resolve()
        break
      default:
        event satisfies never
    }
  }
  const attachment = tap.attach({
    name: 'answer detection',
    onFrame({ leftAndRight }) {
      for (const event of detector.push(leftOf(leftAndRight))) take(event)
    },
    onEnd() {
      answered.resolve({ result: 'unknown', atMs: 0, reason: 'callEnded', greetingEndedAtMs: performance.now() })
      records.resolve()
    }
  })
  void records.promise.then(() => waiting.resolve(null))
  const orNull = async <T>(promise: Promise<T>, limitMs: number, signal: AbortSignal): Promise<T | null> => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)])
    try {
      return await orAborted(promise, limit)
    } catch (err) {
      signal.throwIfAborted()
      if (!limit.aborted) throw err
      return null
    }
  }
  return {
    answer: signal => orAborted(answered.promise, signal),
    waits: (limitMs, signal) => orNull(waiting.promise, limitMs, signal),
    async recording(limitMs, signal) {
      await orNull(records.promise, limitMs, signal)
    },
    [Symbol.dispose]: () => attachment[Symbol.dispose]()
  }
}

/** The listener of a campaign that wants one; null without. */
export function listenFor(
  call: Call,
  campaign: Campaign,
  lawful: LawfulAttempt,
  change: Partial<AmdSettings> = {}
): AnswerListener | null {
  const { isOn, settings } = campaign.settings.amd
  if (!isOn || call.tap === null) return null
  return listenForAnswer(call.tap, lawful.decision.number.country, { ...settings, ...change })
}

async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
