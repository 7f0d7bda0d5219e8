import { SpeechDetector } from '../audio/speech-energy.ts'
import { cutAtQuiet } from './cut-at-quiet.ts'

const FRAME_SAMPLES = 160
const SAMPLES_PER_MS = 8
/** So much before the sound and after it belongs to the speech: words begin and end softly. */
const AROUND_MS = 200
/** So much sound there must be before it counts. */
const VOICE_MS = 60
/** A shorter pause is within a sentence. */
const PAUSE_MS = 600
/** Quieter than a caller is spoken to; a recording may be of somebody far from the telephone. */
const LEAST_DBOV = -55

/** A part of a recording in which somebody speaks; `at` in samples from its start. It shares the recording's memory. */
export type SpokenStretch = Readonly<{ at: number; samples: Int16Array }>

/**
 * Where there is sound in a recording of one side (8 kHz), for recognisers that would write words into silence: stretches
 * between pauses, at most `maxMs` each, longer ones cut where they are quietest. Pure.
 */
export function spokenStretches(samples: Int16Array, maxMs: number): readonly SpokenStretch[] {
  const detector = new SpeechDetector({ voiceMs: VOICE_MS, silenceMs: PAUSE_MS, minLevelDbov: LEAST_DBOV })
  const stretches: SpokenStretch[] = []
  let beginAt: number | null = null
  let doneAt = 0
  const finish = (endAt: number) => {
    if (beginAt === null) return
    const from = Math.max(doneAt, beginAt - AROUND_MS * SAMPLES_PER_MS)
    const to = Math.min(samples.length, endAt + AROUND_MS * SAMPLES_PER_MS)
    for (const { at, samples: part } of cutAtQuiet(samples.subarray(from, to), maxMs * SAMPLES_PER_MS))
      stretches.push({ at: from + at, samples: part })
    doneAt = to
    beginAt = null
  }
  for (let at = 0; at < samples.length; at += FRAME_SAMPLES) {
    const change = detector.push(samples.subarray(at, at + FRAME_SAMPLES))
    const sinceAt = (lastedMs: number) => at + FRAME_SAMPLES - lastedMs * SAMPLES_PER_MS
    if (change === 'started') beginAt = sinceAt(VOICE_MS)
    if (change === 'stopped') finish(sinceAt(PAUSE_MS))
  }
  finish(samples.length)
  return stretches
}
