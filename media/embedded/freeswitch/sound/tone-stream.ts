const RATE_HZ = 8_000
const MAX_CYCLE_MS = 120_000
const MAX_LOOPS = 10_000
/** Tone generators count power from the level at which a sine wave just fits. */
const FULL_LEVEL_DB = 3.14 + 3.02
const FULL_PEAK = 32_767 * Math.SQRT2
const DTMF_HZ: Readonly<Record<string, readonly [number, number]>> = {
  1: [697, 1209],
  2: [697, 1336],
  3: [697, 1477],
  A: [697, 1633],
  4: [770, 1209],
  5: [770, 1336],
  6: [770, 1477],
  B: [770, 1633],
  7: [852, 1209],
  8: [852, 1336],
  9: [852, 1477],
  C: [852, 1633],
  '*': [941, 1209],
  0: [941, 1336],
  '#': [941, 1477],
  D: [941, 1633]
}

/** What a tone script gives: one run of samples and how often it is played. */
export type ToneProgram = Readonly<{ pcm: Int16Array; loops: number }>

/** The script is not one that can be played. */
export class ToneScriptError extends Error {
  override readonly name = 'ToneScriptError'
  readonly code = 'TONE_SCRIPT_INVALID'
}

/**
 * Reads a tone script as used after `tone_stream://`: `%(on,off,hz,…)`, `v=` (dB), `d=` and `w=` (ms), `l=`/`loops=`,
 * keys `0`–`9 * # A`–`D`; parts are separated by `;`. Throws {@link ToneScriptError}.
 */
export function parseToneScript(script: string): ToneProgram {
  let volumeDb = -7
  let keyMs = 250
  let waitMs = 50
  let loops = 1
  let lengthMs = 0
  const parts: Int16Array[] = []
  const add = (frequenciesHz: readonly number[], onMs: number, offMs: number) => {
    lengthMs += onMs + offMs
    if (lengthMs > MAX_CYCLE_MS) throw new ToneScriptError('the tone is longer than two minutes')
    parts.push(sine(frequenciesHz, onMs, volumeDb), new Int16Array((offMs * RATE_HZ) / 1000))
  }
  for (const part of script.split(';').map(text => text.trim())) {
    if (part === '') continue
    const setting = /^(loops|[a-zA-Z])=(-?\d+(?:\.\d+)?)$/.exec(part)
    const tone = /^%\(([\d.,\s]+)\)$/.exec(part)
    if (setting !== null) {
      const value = Number(setting[2])
      switch ((setting[1] as string).toLowerCase()) {
        case 'v':
          volumeDb = Math.max(-70, Math.min(0, value))
          break
        case 'd':
          keyMs = clampMs(value)
          break
        case 'w':
          waitMs = clampMs(value)
          break
        case 'l':
        case 'loops':
          loops = value < 0 ? Number.POSITIVE_INFINITY : Math.min(MAX_LOOPS, Math.max(1, Math.floor(value)))
          break
        case 'r':
        case 'c':
          break
        default:
          throw new ToneScriptError(`unknown setting ${setting[1]}`)
      }
    } else if (tone !== null) {
      const [on = 0, off = 0, ...frequenciesHz] = (tone[1] as string).split(',').map(Number)
      if (frequenciesHz.length === 0 || frequenciesHz.some(hz => !(hz >= 0 && hz < RATE_HZ / 2))) {
        throw new ToneScriptError('a tone needs frequencies below 4000 Hz')
      }
      add(frequenciesHz, clampMs(on), clampMs(off))
    } else if (/^[0-9A-D*#,]+$/i.test(part)) {
      for (const key of part.toUpperCase().replaceAll(',', '')) add(DTMF_HZ[key] ?? [], keyMs, waitMs)
    } else throw new ToneScriptError(`cannot read ${part}`)
  }
  if (lengthMs === 0) throw new ToneScriptError('the script plays nothing')
  return { pcm: concatenate(parts), loops }
}

function clampMs(value: number): number {
  return Math.max(0, Math.min(MAX_CYCLE_MS, value))
}

function sine(frequenciesHz: readonly number[], durationMs: number, volumeDb: number): Int16Array {
  const peak = 10 ** ((volumeDb - FULL_LEVEL_DB) / 20) * FULL_PEAK
  const pcm = new Int16Array((durationMs * RATE_HZ) / 1000)
  for (let index = 0; index < pcm.length; index++) {
    let sum = 0
    for (const hz of frequenciesHz) sum += Math.sin((2 * Math.PI * hz * index) / RATE_HZ)
    pcm[index] = Math.max(-32_768, Math.min(32_767, Math.round(sum * peak)))
  }
  return pcm
}

function concatenate(parts: readonly Int16Array[]): Int16Array {
  const joined = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0))
  let position = 0
  for (const part of parts) {
    joined.set(part, position)
    position += part.length
  }
  return joined
}

/** The samples of one key as its two tones (ITU-T Q.23). */
export function dtmfTone(key: string, durationMs: number, volumeDb = -7): Int16Array {
  return sine(DTMF_HZ[key.toUpperCase()] ?? [], durationMs, volumeDb)
}
