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
  /** What may be open, by the first part of its name in `Decision.open`; `{name}` is the rest of it. */
  openFacts: Readonly<Record<'callerId' | 'campaign' | 'registries' | 'registrations', string>>
  mustDo: string
  proposed: string
}>

/** `registries.us-dnc`, as a decision names an open fact, in words; what has none stays as it is. */
export function openFactIn(fact: string, { openFacts }: Pick<Words, 'openFacts'>): string {
  const [kind = '', ...name] = fact.split('.')
  if (!Object.hasOwn(openFacts, kind)) return fact
  return openFacts[kind as keyof typeof openFacts].replace('{name}', name.join('.'))
}
