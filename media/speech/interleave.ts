import { writeWav } from '../audio/wav.ts'
import type { RecordedAudio } from './batch-recognizer.ts'

/** The recording as a WAV file at 8 kHz; two channels, left and right, when it has two sides. */
export function wavOf({ left, right }: RecordedAudio): Buffer {
  if (right === null) return writeWav({ sampleRateHz: 8_000, channels: 1, samples: left })
  const samples = new Int16Array(Math.max(left.length, right.length) * 2)
  for (let index = 0; index * 2 < samples.length; index += 1) {
    samples[index * 2] = left[index] ?? 0
    samples[index * 2 + 1] = right[index] ?? 0
  }
  return writeWav({ sampleRateHz: 8_000, channels: 2, samples })
}
