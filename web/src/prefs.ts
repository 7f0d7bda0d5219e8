import { createStore } from './store.ts'

export const LANGUAGES = ['en', 'de', 'es', 'zh', 'ar', 'ja'] as const
export type Language = (typeof LANGUAGES)[number]

/** Each language in its own words, as a person looks for it who can read no other. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = {
  en: 'English',
  de: 'Deutsch',
  es: 'Español',
  zh: '简体中文',
  ar: 'العربية',
  ja: '日本語'
}

export const RING_TONES = ['classic', 'soft', 'marimba', 'double', 'rising', 'own'] as const
export type RingTone = (typeof RING_TONES)[number]

/** What a person set for this browser. Device ids are the browser's; null is its default. Volumes are 0 to 1. */
export type Prefs = Readonly<{
  language: Language | null
  /** Which digits Arabic is written with. */
  digits: 'latn' | 'arab'
  microphoneId: string | null
  /** Whether the browser takes echo and noise out of the microphone; head-sets that do it themselves sound better without. */
  isMicrophoneCleaned: boolean
  headsetId: string | null
  headsetVolume: number
  ringDeviceId: string | null
  ringTone: RingTone
  ringVolume: number
  /** Shortcuts that differ from the defaults: command → keys such as `Shift+F8`. */
  shortcuts: Readonly<Record<string, string>>
  /** Codes of the outcomes chosen last, newest first. */
  recentOutcomes: readonly string[]
}>

const KEY = 'parley.prefs'

const DEFAULTS: Prefs = {
  language: null,
  digits: 'latn',
  microphoneId: null,
  isMicrophoneCleaned: true,
  headsetId: null,
  headsetVolume: 1,
  ringDeviceId: null,
  ringTone: 'classic',
  ringVolume: 0.6,
  shortcuts: {},
  recentOutcomes: []
}

export const prefs = createStore<Prefs>(read(localStorage.getItem(KEY)))

// Another tab of this browser may change them.
addEventListener('storage', event => {
  if (event.key === KEY) prefs.set(read(event.newValue))
})

export function setPrefs(changed: Partial<Prefs>): void {
  prefs.set({ ...prefs.get(), ...changed })
  localStorage.setItem(KEY, JSON.stringify(prefs.get()))
}

function read(text: string | null): Prefs {
  if (text === null) return DEFAULTS
  try {
    const stored: unknown = JSON.parse(text)
    return typeof stored === 'object' && stored !== null ? { ...DEFAULTS, ...stored } : DEFAULTS
  } catch {
    // Somebody edited the browser's storage; the defaults are always right.
    return DEFAULTS
  }
}
