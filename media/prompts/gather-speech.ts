import { joinSamples } from '../audio/pcm.ts'
import { PromptError } from './synthesizer.ts'

/** Below this nobody hears anything (of 32,767). */
const AUDIBLE = 64
const LINE_RATE_HZ = 8_000

/** Whether there is anything to hear. */
export function isAudible(samples: Int16Array): boolean {
  return samples.some(sample => sample > AUDIBLE || sample < -AUDIBLE)
}

/** Longer than this no text of so many characters is spoken: somebody does not stop. */
export function longestSpeechMs(characters: number): number {
  return 10_000 + characters * 400
}

/**
 * Everything that is spoken, as one piece. Rejects with SYNTHESIS_EMPTY when it is silent, and with SYNTHESIS_FAILED when
 * it is longer than `limitMs`.
 */
export async function gatherSpeech(pieces: AsyncIterable<Int16Array>, limitMs = 600_000): Promise<Int16Array> {
  const gathered: Int16Array[] = []
  let samples = 0
  for await (const piece of pieces) {
    gathered.push(piece)
    samples += piece.length
    if ((samples / LINE_RATE_HZ) * 1000 > limitMs)
      throw new PromptError('SYNTHESIS_FAILED', `the synthesiser did not stop after ${limitMs} ms of audio`)
  }
  if (!gathered.some(isAudible)) throw new PromptError('SYNTHESIS_EMPTY', 'the synthesiser returned silence')
  return joinSamples(gathered)
}
