import type { ObligationCode, Outcome, Reason } from '../codes.ts'

export const EXPLAIN_LANGUAGES = ['en', 'es', 'de', 'zh', 'ar', 'ja'] as const
export type ExplainLanguage = (typeof EXPLAIN_LANGUAGES)[number]

/** Every sentence of an explanation in one language. `{name}` is filled in. */
export type Words = Readonly<{
  outcomes: Readonly<Record<Outcome, string>>
  reasons: Readonly<Record<Reason, string>>
  obligations: Readonly<Record<ObligationCode, string>>
  nextAt: string
  local: string
  rule: string
  unverified: string
  open: string
  mustDo: string
  proposed: string
}>
