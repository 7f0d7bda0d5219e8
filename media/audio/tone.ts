/** What to generate. `amplitude` is the peak of each frequency, 0–32767 (default 8000). */
export type ToneSpec = Readonly<{
  frequenciesHz: readonly number[]
  durationMs: number
  sampleRateHz?: number
  amplitude?: number
}>

/** Generates the sum of sine waves as 16-bit samples; sums that do not fit are clipped. No frequency means silence. */
export function generateTone(spec: ToneSpec): Int16Array {
  const rate = spec.sampleRateHz ?? 8_000
  const samples = new Int16Array(Math.round((spec.durationMs * rate) / 1000))
  for (const [index] of samples.entries()) samples[index] = toneSample(spec, index, rate)
  return samples
}

function toneSample(spec: ToneSpec, index: number, rate: number): number {
  let sum = 0
  for (const hz of spec.frequenciesHz) sum += Math.sin((2 * Math.PI * hz * index) / rate)
  return Math.max(-32_768, Math.min(32_767, Math.round(sum * (spec.amplitude ?? 8_000))))
}

/** Generates `samples` samples of white noise with the given peak, from a repeatable seed. */
export function generateNoise(samples: number, peak: number, seed = 1): Int16Array {
  let state = seed >>> 0 || 1
  return Int16Array.from({ length: samples }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.round((state / 0xffff_ffff - 0.5) * 2 * peak)
  })
}
