const RATE_HZ = 8_000
const NOTE_MS = 750
const PEAK = 2_600
/** A quiet round of broken chords: C, A minor, F, G. */
const NOTES_HZ = [
  261.63, 329.63, 392, 329.63, 220, 261.63, 329.63, 261.63, 174.61, 220, 261.63, 220, 196, 246.94, 293.66, 246.94
]

/** Music for holding, 12 s of 8 kHz PCM that repeat without a break; nobody has rights in it. */
export function composeHoldMusic(): Int16Array {
  const noteSamples = (NOTE_MS * RATE_HZ) / 1000
  const pcm = new Float64Array(noteSamples * NOTES_HZ.length)
  for (const [note, hz] of NOTES_HZ.entries()) {
    // Each note rings on into the two that follow it.
    for (let index = 0; index < noteSamples * 3; index++) {
      const seconds = index / RATE_HZ
      const attack = Math.min(1, seconds / 0.04)
      const ringing = attack * Math.exp(-1.6 * seconds)
      const wave = Math.sin(2 * Math.PI * hz * seconds) + 0.25 * Math.sin(4 * Math.PI * hz * seconds)
      const position = (note * noteSamples + index) % pcm.length
      pcm[position] = (pcm[position] as number) + wave * ringing * PEAK
    }
  }
  return Int16Array.from(pcm, value => Math.max(-32_768, Math.min(32_767, Math.round(value))))
}
