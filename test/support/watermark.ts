import { goertzelPower } from '../../media/audio/goertzel.ts'
import { TONE_ONE_HZ, TONE_ZERO_HZ, WATERMARK_BIT_MS } from '../../server/quality/watermark.ts'

const SAMPLES = (WATERMARK_BIT_MS * 8_000) / 1_000

/** The signature that is heard at the beginning of a clip's sound, one side at 8 kHz. */
export function readWatermark(side: Int16Array): number {
  let heard = 0
  for (let bit = 0; bit < 32; bit += 1) {
    const part = side.subarray(bit * SAMPLES, (bit + 1) * SAMPLES)
    heard = ((heard << 1) | (goertzelPower(part, TONE_ONE_HZ) > goertzelPower(part, TONE_ZERO_HZ) ? 1 : 0)) >>> 0
  }
  return heard
}
