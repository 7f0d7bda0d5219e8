import { generateNoise } from '../audio/tone.ts'
import { levelDbov } from '../audio/speech-energy.ts'

/** How loud a simulated caller speaks: what a telephone gives on the mean. */
export const VOICE_DBOV = -20
const RATE_HZ = 8_000
const FRAME_SAMPLES = 160
/** Below this a frame is a pause, not voice. */
const QUIET_DBOV = -45
const NOISE_LOOP_MS = 4_000
const TALKERS = 5

/** What may go on behind a caller; `snrDb`: how far the voice is above it. */
export type LineNoise = Readonly<{ kind: 'white' | 'street' | 'voices'; snrDb: number }>

const MS_PER_CHARACTER = 65
/** A character of these scripts is a syllable. */
const MS_PER_SYLLABLE = 200
const MIN_MS = 400
const MAX_MS = 12_000
const SYLLABLE_MS = 180
const VOICED_MS = 140

/**
 * Sound that stands for speech: as long as the text takes to say, with the rhythm of syllables, without words. Voice activity,
 * the end of a turn and interruptions are found in it as in speech. 16-bit samples at 8 kHz.
 */
export function speechLike(text: string, pitchHz = 140): Int16Array {
  const syllabic = text.match(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/gu)?.length ?? 0
  const wantedMs = syllabic * MS_PER_SYLLABLE + (text.length - syllabic) * MS_PER_CHARACTER
  const ms = Math.min(MAX_MS, Math.max(MIN_MS, wantedMs))
  const samples = new Int16Array(Math.ceil(ms / SYLLABLE_MS) * ((SYLLABLE_MS * RATE_HZ) / 1_000))
  const perSyllable = (SYLLABLE_MS * RATE_HZ) / 1_000
  const voiced = (VOICED_MS * RATE_HZ) / 1_000
  for (let at = 0; at < samples.length; at += 1) {
    const within = at % perSyllable
    if (within >= voiced) continue
    const envelope = Math.sin((Math.PI * within) / voiced)
    let sum = 0
    // The first harmonics, strongest where vowels are.
    for (let harmonic = 1; harmonic <= 12; harmonic += 1) {
      const hz = pitchHz * harmonic
      const weight = Math.exp(-(((hz - 550) / 700) ** 2))
      sum += weight * Math.sin((2 * Math.PI * hz * at) / RATE_HZ)
    }
    samples[at] = Math.round(3_000 * envelope * sum)
  }
  return atLevel(samples, VOICE_DBOV)
}

/** A voice at the level of {@link VOICE_DBOV}, measured where it speaks. */
export function atVoiceLevel(samples: Int16Array): Int16Array {
  return atLevel(samples, VOICE_DBOV)
}

/** Noise to be played over and over, so loud that a voice at {@link VOICE_DBOV} is `snrDb` above it. Repeatable by `seed`. */
export function noiseLoop({ kind, snrDb }: LineNoise, seed = 1): Int16Array {
  const samples = (NOISE_LOOP_MS * RATE_HZ) / 1_000
  return atLevel(rawNoise(kind, samples, seed), VOICE_DBOV - snrDb)
}

function rawNoise(kind: LineNoise['kind'], samples: number, seed: number): Int16Array {
  switch (kind) {
    case 'white':
      return generateNoise(samples, 8_000, seed)
    case 'street': {
      // Traffic is low: a first-order low pass at about 400 Hz.
      let level = 0
      return generateNoise(samples, 20_000, seed).map(sample => {
        level += 0.27 * (sample - level)
        return Math.round(level)
      })
    }
    case 'voices': {
      const talkers = Array.from({ length: TALKERS }, (_, index) =>
        speechLike('x'.repeat(70 + 9 * index), 95 + 31 * index)
      )
      return Int16Array.from({ length: samples }, (_, at) =>
        Math.round(
          talkers.reduce((sum, one, index) => sum + (one[(at + index * 1_913) % one.length] ?? 0), 0) / TALKERS
        )
      )
    }
    default:
      return kind satisfies never
  }
}

/** Brings sound to a level in dBov; pauses in it do not count. Silence stays what it is. */
function atLevel(samples: Int16Array, dbov: number): Int16Array {
  let power = 0
  let frames = 0
  for (let at = 0; at + FRAME_SAMPLES <= samples.length; at += FRAME_SAMPLES) {
    const level = levelDbov(samples.subarray(at, at + FRAME_SAMPLES))
    if (level < QUIET_DBOV) continue
    power += 10 ** (level / 10)
    frames += 1
  }
  if (frames === 0) return samples
  const gain = 10 ** ((dbov - 10 * Math.log10(power / frames)) / 20)
  return samples.map(sample => Math.max(-32_768, Math.min(32_767, Math.round(sample * gain))))
}

/** Without the silence before and after what is said. */
export function withoutEdges(samples: Int16Array): Int16Array {
  const isSound = (at: number) => levelDbov(samples.subarray(at, at + FRAME_SAMPLES)) >= QUIET_DBOV
  let from = 0
  while (from + FRAME_SAMPLES <= samples.length && !isSound(from)) from += FRAME_SAMPLES
  let to = samples.length - (samples.length % FRAME_SAMPLES)
  while (to - FRAME_SAMPLES > from && !isSound(to - FRAME_SAMPLES)) to -= FRAME_SAMPLES
  return samples.slice(from, to)
}
