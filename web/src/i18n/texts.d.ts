import type common from './locales/en/common.json'
import type desk from './locales/en/desk.json'
import type start from './locales/en/start.json'

// A key that does not exist in English is a compile error; a test compares the other languages with English.
declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'common'
    resources: { common: typeof common; desk: typeof desk; start: typeof start }
  }
}
