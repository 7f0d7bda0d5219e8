import type admin from './locales/en/admin.json'
import type bots from './locales/en/bots.json'
import type campaigns from './locales/en/campaigns.json'
import type common from './locales/en/common.json'
import type compliance from './locales/en/compliance.json'
import type desk from './locales/en/desk.json'
import type flows from './locales/en/flows.json'
import type privacy from './locales/en/privacy.json'
import type quality from './locales/en/quality.json'
import type reports from './locales/en/reports.json'
import type simulator from './locales/en/simulator.json'
import type start from './locales/en/start.json'
import type supervision from './locales/en/supervision.json'

// A key that does not exist in English is a compile error; a test compares the other languages with English.
declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'common'
    resources: {
      admin: typeof admin
      bots: typeof bots
      campaigns: typeof campaigns
      common: typeof common
      compliance: typeof compliance
      desk: typeof desk
      flows: typeof flows
      privacy: typeof privacy
      quality: typeof quality
      reports: typeof reports
      simulator: typeof simulator
      start: typeof start
      supervision: typeof supervision
    }
  }
}
