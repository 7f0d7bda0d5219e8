import { meanSquare } from '../audio/goertzel.ts'

const BLOCK_SAMPLES = 160

/**
 * Cuts a recording into stretches of at most `maxSamples`, each time at the quietest 20 ms of the last quarter of a
 * stretch, so that hardly a word is cut. Together they are the recording; they share its memory.
 */
export function cutAtQuiet(
  samples: Int16Array,
  maxSamples: number
): readonly Readonly<{ at: number; samples: Int16Array }>[] {
  const stretches: { at: number; samples: Int16Array }[] = []
  let at = 0
  while (samples.length - at > maxSamples) {
    let cut = at + maxSamples
    let quietest = Number.POSITIVE_INFINITY
    for (
      let block = at + Math.floor(maxSamples * 0.75);
      block + BLOCK_SAMPLES <= at + maxSamples;
      block += BLOCK_SAMPLES
    ) {
      const level = meanSquare(samples.subarray(block, block + BLOCK_SAMPLES))
      if (level >= quietest) continue
      quietest = level
      cut = block + BLOCK_SAMPLES / 2
    }
    stretches.push({ at, samples: samples.subarray(at, cut) })
    at = cut
  }
  if (samples.length > at) stretches.push({ at, samples: samples.subarray(at) })
  return stretches
}
