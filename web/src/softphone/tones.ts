import type { RingTone } from '../prefs.ts'

/** One note: begins `atMs` into the cycle; `gain` 0 to 1. */
export type Note = Readonly<{ atMs: number; forMs: number; hz: number; gain: number; wave: OscillatorType }>

/** Notes that are repeated every `everyMs`; null plays them once. */
export type Tone = Readonly<{ notes: readonly Note[]; everyMs: number | null }>

const note = (atMs: number, forMs: number, hz: number, gain = 0.5, wave: OscillatorType = 'sine'): Note => ({
  atMs,
  forMs,
  hz,
  gain,
  wave
})

/** A bell as in telephones: two close pitches, struck in turn. */
const strokes = (fromMs: number, count: number): Note[] =>
  Array.from({ length: count }, (_, index) =>
    note(fromMs + index * 50, 46, index % 2 === 0 ? 880 : 1_108, 0.35, 'triangle')
  )

export const TONES: Readonly<Record<Exclude<RingTone, 'own'>, Tone>> = {
  classic: { notes: strokes(0, 20), everyMs: 3_000 },
  soft: { notes: [note(0, 700, 523, 0.4), note(350, 800, 659, 0.4)], everyMs: 2_600 },
  marimba: {
    notes: [note(0, 180, 784, 0.5), note(160, 180, 988, 0.5), note(320, 180, 1_175, 0.5), note(640, 300, 988, 0.45)],
    everyMs: 2_400
  },
  double: { notes: [...strokes(0, 8), ...strokes(600, 8)], everyMs: 3_000 },
  rising: { notes: [note(0, 220, 440), note(240, 220, 554), note(480, 420, 659)], everyMs: 2_400 }
}

/** One soft beep for a call that comes while another is running. */
export const CALL_WAITING: Tone = { notes: [note(0, 160, 440, 0.15)], everyMs: null }
/** Three rising notes before audio opens by itself. */
export const AUTO_ANSWER: Tone = {
  notes: [note(0, 180, 523, 0.35), note(220, 180, 659, 0.35), note(440, 260, 784, 0.35)],
  everyMs: null
}
/** A caller has been on hold for long. */
export const HOLD_REMINDER: Tone = { notes: [note(0, 120, 587, 0.15), note(180, 120, 587, 0.15)], everyMs: null }
/** Supervision begins or ends. */
export const SUPERVISION: Tone = { notes: [note(0, 120, 392, 0.12), note(160, 160, 494, 0.12)], everyMs: null }
