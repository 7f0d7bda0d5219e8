/*
 * A faint signature in the sound of a clip, so that a copy that turns up elsewhere tells which clip it was: 32 bits as
 * two tones near the upper end of the telephone band, once every six seconds, far below speech.
 */

const RATE_HZ = 8_000
const BIT_SAMPLES = 320
const BITS = 32
const EVERY_SAMPLES = 6 * RATE_HZ
const AMPLITUDE = 0.012 * 32_767
export const TONE_ONE_HZ = 3_300
export const TONE_ZERO_HZ = 3_050
export const WATERMARK_BIT_MS = (BIT_SAMPLES * 1000) / RATE_HZ

/** Adds the signature to stereo L16 at 8 kHz, in place; `firstSample` is the place of this piece in the clip. */
export function addWatermark(pcm: Buffer, firstSample: number, signature: number): void {
  for (let at = 0; at * 4 + 3 < pcm.length; at++) {
    const inPeriod = (firstSample + at) % EVERY_SAMPLES
    const bit = Math.floor(inPeriod / BIT_SAMPLES)
    if (bit >= BITS) continue
    const frequency = ((signature >>> (BITS - 1 - bit)) & 1) === 1 ? TONE_ONE_HZ : TONE_ZERO_HZ
    const value = AMPLITUDE * Math.sin((2 * Math.PI * frequency * (inPeriod % BIT_SAMPLES)) / RATE_HZ)
    for (const side of [0, 2]) {
      const mixed = pcm.readInt16LE(at * 4 + side) + value
      pcm.writeInt16LE(Math.max(-32_768, Math.min(32_767, Math.round(mixed))), at * 4 + side)
    }
  }
}
