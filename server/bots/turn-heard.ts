import { readFile } from 'node:fs/promises'
import type { Call } from '../calls/call.ts'
import type { GrowingPrompt } from '../calls/growing-prompts.ts'
import type { CollectOutcome } from '../calls/leg-audio.ts'
import { parseWav, WavError } from '../../media/audio/wav.ts'
import type { CallTap, TapFrame } from '../../media/tap/call-tap.ts'
import { FRAME_MS } from '../../media/tap/timeline.ts'

/** About -60 dBov: below it a telephone is silent. */
const QUIET_MEAN_SQUARE = 32 ** 2

/** Whether what was sent to the customer in these 20 ms can be heard. */
export function isAudible({ leftAndRight }: Pick<TapFrame, 'leftAndRight'>): boolean {
  const samples = new Int16Array(leftAndRight.buffer, leftAndRight.byteOffset, leftAndRight.length >> 1)
  let sum = 0
  for (let index = 1; index < samples.length; index += 2) sum += (samples[index] as number) ** 2
  return sum * 2 >= QUIET_MEAN_SQUARE * samples.length
}

/** The same of samples of one side. */
export function isLoud(samples: Int16Array): boolean {
  let sum = 0
  for (const sample of samples) sum += sample ** 2
  return sum >= QUIET_MEAN_SQUARE * samples.length
}

/**
 * Measures how much of a prompt a customer has heard, from its first sound on, by the audio that was really sent. What is
 * on its way, some 20 to 60 ms, is not counted yet.
 */
export class HeardMeter implements Disposable {
  readonly #attachment: Disposable
  #firstAtMs: number | null = null
  #lastAtMs = 0

  constructor(tap: Pick<CallTap, 'attach'>) {
    this.#attachment = tap.attach({ name: 'heard meter', onFrame: frame => this.#take(frame) })
  }

  /** Milliseconds from the first sound to the last one, pauses within the prompt included; 0 when nothing was heard. */
  get heardMs(): number {
    return this.#firstAtMs === null ? 0 : this.#lastAtMs + FRAME_MS - this.#firstAtMs
  }

  #take(frame: TapFrame): void {
    if (!isAudible(frame)) return
    this.#firstAtMs ??= frame.atMs
    this.#lastAtMs = frame.atMs
  }

  [Symbol.dispose](): void {
    this.#attachment[Symbol.dispose]()
  }
}

/**
 * Which of several prompts was interrupted, and how much of it was heard.
 * @param lengthsMs of the prompts one after the other; null where it is not known, which then counts as the last one heard.
 */
export function placeHeard(
  lengthsMs: readonly (number | null)[],
  heardMs: number
): Readonly<{ prompt: number; ms: number }> {
  let rest = heardMs
  for (const [prompt, lengthMs] of lengthsMs.entries()) {
    if (lengthMs === null || rest < lengthMs || prompt === lengthsMs.length - 1) return { prompt, ms: rest }
    rest -= lengthMs
  }
  return { prompt: 0, ms: rest }
}

/** How long each source plays, in milliseconds; null where that is not known before, or not yet. */
export async function lengthsOf(sources: readonly (string | GrowingPrompt)[]): Promise<readonly (number | null)[]> {
  return await Promise.all(
    sources.map(async (source, at) => {
      if (typeof source !== 'string') {
        const next = sources[at + 1]
        const nextAtMs = typeof next === 'object' ? next.startedAtMs : null
        return source.startedAtMs === null || nextAtMs === null ? null : nextAtMs - source.startedAtMs
      }
      const silence = /^silence_stream:\/\/(\d+)/.exec(source)?.[1]
      if (silence !== undefined) return Number(silence)
      if (!source.startsWith('/') || !source.endsWith('.wav')) return null
      try {
        const { samples, channels, sampleRateHz } = parseWav(await readFile(source))
        return (samples.length / channels / sampleRateHz) * 1000
      } catch (err) {
        // The media server may see the folder of prompts at another path than this program.
        if ((err as NodeJS.ErrnoException).code === 'ENOENT' || err instanceof WavError) return null
        throw err
      }
    })
  )
}

/** Writes into the call's story which prompt was interrupted, and after how much of it. */
export async function noteBargeIn(
  call: Pick<Call, 'record'>,
  sources: readonly (string | GrowingPrompt)[],
  { kind, heardMs }: CollectOutcome
): Promise<void> {
  if (heardMs === undefined) return
  const { prompt, ms } = placeHeard(await lengthsOf(sources), heardMs)
  const by = kind === 'digits' ? 'key' : 'voice'
  call.record({ kind: 'bargedIn', by, heardMs, prompt, promptHeardMs: Math.round(ms) })
}
