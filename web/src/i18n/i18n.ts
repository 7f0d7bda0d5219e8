import i18next, { type BackendModule } from 'i18next'
import { initReactI18next } from 'react-i18next'
import { LANGUAGES, type Language, prefs, setPrefs } from '../prefs.ts'

const FILES = import.meta.glob<{ default: Record<string, unknown> }>('./locales/*/*.json')

/** One file for each language and namespace, fetched when it is first needed. */
const files: BackendModule = {
  type: 'backend',
  init() {},
  read(language, namespace, done) {
    const load = FILES[`./locales/${language}/${namespace}.json`]
    if (load === undefined) {
      done(new Error(`no texts: ${language}/${namespace}`), null)
      return
    }
    load().then(
      file => done(null, file.default),
      err => done(err, null)
    )
  }
}

export const RTL_LANGUAGES: ReadonlySet<string> = new Set(['ar'])

export async function startI18n(namespaces: readonly string[]): Promise<void> {
  i18next.on('languageChanged', showLanguage)
  await i18next
    .use(files)
    .use(initReactI18next)
    .init({
      lng: prefs.get().language ?? browserLanguage(),
      supportedLngs: [...LANGUAGES],
      // A missing key is a fault that a test finds; falling back would fetch a second language for everybody.
      fallbackLng: false,
      ns: [...namespaces],
      defaultNS: 'common',
      interpolation: { escapeValue: false },
      react: { useSuspense: true }
    })
}

export async function changeLanguage(language: Language): Promise<void> {
  setPrefs({ language })
  await i18next.changeLanguage(language)
}

/** What the person chose before, else the account's language once it is known, else the browser's. */
export async function adoptAccountLanguage(language: string): Promise<void> {
  const known = LANGUAGES.find(one => one === language)
  if (prefs.get().language === null && known !== undefined && i18next.language !== known)
    await i18next.changeLanguage(known)
}

export function directionOf(language: string): 'ltr' | 'rtl' {
  return RTL_LANGUAGES.has(language) ? 'rtl' : 'ltr'
}

function browserLanguage(): Language {
  for (const wanted of navigator.languages) {
    const known = LANGUAGES.find(one => one === wanted.toLowerCase().split('-')[0])
    if (known !== undefined) return known
  }
  return 'en'
}

function showLanguage(language: string): void {
  document.documentElement.lang = language
  document.documentElement.dir = directionOf(language)
}
