import { decodeG711, encodeG711 } from '../../media/audio/g711.ts'
import { generateNoise } from '../../media/audio/tone.ts'
import type { Line } from './labelled-answers.ts'

const FRAME_SAMPLES = 160

/** What comes out of a line at the far end: mixed with noise, through the codec, with packets missing. Repeatable by `seed`. */
export function throughLine(said: Int16Array, line: Line, voices: Int16Array, seed: number): Int16Array {
  const noise = noiseOf(line, said.length, voices, seed)
  const mixed = said.map((sample, index) => clamp(sample * line.gain + (noise[index] ?? 0)))
  const bytes = Buffer.alloc(mixed.length)
  encodeG711(line.law, mixed, bytes)
  const heard = new Int16Array(mixed.length)
  decodeG711(line.law, bytes, 0, bytes.length, heard)
  let state = seed >>> 0 || 1
  for (let from = 0; from < heard.length; from += FRAME_SAMPLES) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    if (state / 0x1_0000_0000 < line.lossShare) heard.fill(0, from, from + FRAME_SAMPLES)
  }
  return heard
}

function noiseOf(line: Line, samples: number, voices: Int16Array, seed: number): Int16Array {
  switch (line.noise) {
    case 'none':
      return new Int16Array(samples)
    case 'white':
      return generateNoise(samples, line.noisePeak, seed)
    case 'street': {
      // Traffic is low: a first-order low pass at about 400 Hz, brought back to the same peak.
      const white = generateNoise(samples, line.noisePeak * 3, seed)
      let level = 0
      return white.map(sample => {
        level += 0.27 * (sample - level)
        return clamp(level)
      })
    }
    case 'voices': {
      const peak = voices.reduce((most, sample) => Math.max(most, Math.abs(sample)), 1)
      const from = seed % Math.max(1, voices.length - samples)
      return Int16Array.from({ length: samples }, (_, at) =>
        Math.round(((voices[(from + at) % voices.length] ?? 0) / peak) * line.noisePeak)
      )
    }
    default:
      return line.noise satisfies never
  }
}

function clamp(sample: number): number {
  return Math.max(-32_768, Math.min(32_767, Math.round(sample)))
}
