import { type AmdEvent, type AmdResult, amdSettings, AnsweringMachineDetector } from '../../media/audio/amd.ts'
import type { CallTap } from '../../media/tap/call-tap.ts'

export type Answer = Readonly<{ result: AmdResult; atMs: number; reason: string }>

/** Listens on a call's tap for who has answered. */
export interface AnswerListener extends Disposable {
  /** Who it is; `unknown` when that cannot be told. Rejects with the signal's reason. */
  answer(signal: AbortSignal): Promise<Answer>
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
export function listenForAnswer(tap: CallTap, country: string | null): AnswerListener {
  const detector = new AnsweringMachineDetector(amdSettings(country))
  const answered = Promise.withResolvers<Answer>()
  const records = Promise.withResolvers<void>()
  const take = (event: AmdEvent) => {
    switch (event.kind) {
      case 'verdict':
        answered.resolve({ result: event.result, atMs: event.atMs, reason: event.reason })
        if (event.reason === 'beep') records.resolve()
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
      answered.resolve({ result: 'unknown', atMs: 0, reason: 'callEnded' })
      records.resolve()
    }
  })
  return {
    answer: signal => orAborted(answered.promise, signal),
    async recording(limitMs, signal) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)])
      try {
        await orAborted(records.promise, limit)
      } catch (err) {
        signal.throwIfAborted()
        if (!limit.aborted) throw err
      }
    },
    [Symbol.dispose]: () => attachment[Symbol.dispose]()
  }
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
