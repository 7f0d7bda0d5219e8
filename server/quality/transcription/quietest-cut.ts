import { meanSquare } from '../../../media/audio/goertzel.ts'
import type { RecordedAudio } from '../../../media/speech/batch-recognizer.ts'

const SAMPLES_PER_MS = 8
const BLOCK_MS = 100
const STEP_MS = 20

/**
 * Where both sides together are quietest within the last `withinMs`, in whole milliseconds from the start: the middle of
 * that tenth of a second. Pure.
 */
export function quietestCut({ left, right }: RecordedAudio, withinMs: number): number {
  const lengthMs = Math.floor(left.length / SAMPLES_PER_MS)
  let cutMs = lengthMs
  let quietest = Number.POSITIVE_INFINITY
  for (let atMs = Math.max(0, lengthMs - withinMs); atMs + BLOCK_MS <= lengthMs; atMs += STEP_MS) {
    const block = (side: Int16Array) =>
      meanSquare(side.subarray(atMs * SAMPLES_PER_MS, (atMs + BLOCK_MS) * SAMPLES_PER_MS))
    const level = block(left) + (right === null ? 0 : block(right))
    if (level >= quietest) continue
    quietest = level
    cutMs = atMs + BLOCK_MS / 2
  }
  return cutMs
}
