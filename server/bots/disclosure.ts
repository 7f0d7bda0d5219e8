import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { parseWav, toMono } from '../../media/audio/wav.ts'
import type { TapFrame } from '../../media/tap/call-tap.ts'
import { FRAME_MS } from '../../media/tap/timeline.ts'
import type { Call } from '../calls/call.ts'
import type { LegAudio } from '../calls/leg-audio.ts'
import { atMost } from './at-most.ts'
import { isLoud } from './turn-heard.ts'

const FRAME_SAMPLES = 160
/** So long audio that was sent may be on its way to us. */
const ARRIVAL_LIMIT_MS = 1_500

/** How much sound a prompt has and how much of it was sent to the caller, in milliseconds without the quiet parts. */
export type Disclosed = Readonly<{ heardMs: number; lengthMs: number }>

/** Where prompts lie, and where the media server sees them. */
export type PromptFolders = Readonly<{ cacheDir: string; mediaDir: string }>

/**
 * Plays prompts that must be heard: no key and no voice stops them, and what was really sent to the caller is measured on
 * the right side of the call's tap. Without a tap nothing was measured, and nothing counts as heard.
 */
export async function playDisclosure(
  call: Call,
  audio: LegAudio,
  folders: PromptFolders,
  sources: readonly string[],
  signal: AbortSignal
): Promise<Disclosed> {
  const lengths = await Promise.all(sources.map(source => soundOf(folders, source)))
  const lengthMs = lengths.reduce((sum, one) => sum + one, 0)
  const { tap } = call
  if (tap === null) {
    await audio.play(sources, false, signal)
    return { heardMs: 0, lengthMs }
  }
  const meter = new HeardMeter()
  using attachment = tap.attach({ name: 'disclosure', onFrame: frame => meter.push(frame) })
  await atMost(ARRIVAL_LIMIT_MS, attachment.flowing)
  meter.begin(tap.elapsedMs)
  await audio.play(sources, false, signal)
  // Frames of the last words are still on their way when the media server says that it has played them.
  await atMost(ARRIVAL_LIMIT_MS, meter.reached(tap.elapsedMs))
  // Keys that were pressed into it are no answer to anything.
  audio.forgetKeys()
  return { heardMs: meter.heardMs, lengthMs }
}

/** Counts the sound that was sent to a customer. */
class HeardMeter {
  #fromMs = Number.POSITIVE_INFINITY
  #lastMs = 0
  #waiting: { atMs: number; done: () => void } | null = null
  heardMs = 0

  begin(atMs: number): void {
    this.#fromMs = atMs
  }

  push({ leftAndRight, atMs, isFilled, isHidden }: TapFrame): void {
    this.#lastMs = atMs + FRAME_MS
    if (this.#waiting !== null && this.#lastMs >= this.#waiting.atMs) this.#waiting.done()
    if (atMs + FRAME_MS <= this.#fromMs || isFilled || isHidden) return
    if (isLoud(rightOf(leftAndRight))) this.heardMs += FRAME_MS
  }

  async reached(atMs: number): Promise<void> {
    if (this.#lastMs >= atMs) return
    await new Promise<void>(done => {
      this.#waiting = { atMs, done }
    })
  }
}

/** The sound in a prompt, by the same measure. */
async function soundOf({ cacheDir, mediaDir }: PromptFolders, source: string): Promise<number> {
  const samples = toMono(parseWav(await readFile(join(cacheDir, relative(mediaDir, source)))))
  let ms = 0
  for (let at = 0; at + FRAME_SAMPLES <= samples.length; at += FRAME_SAMPLES)
    if (isLoud(samples.subarray(at, at + FRAME_SAMPLES))) ms += FRAME_MS
  return ms
}

/** What the customer hears: the right of each pair of samples. */
function rightOf(leftAndRight: Buffer): Int16Array {
  const right = new Int16Array(leftAndRight.length >> 2)
  for (let index = 0; index < right.length; index += 1) right[index] = leftAndRight.readInt16LE(index * 4 + 2)
  return right
}
