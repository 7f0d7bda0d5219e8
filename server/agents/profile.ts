import type { ProfileRow } from '../../sql/queries/agents.ts'

/** Levels of the Common European Framework of Reference for Languages, lowest first. */
export const LANGUAGE_LEVELS = ['A1', 'A2', 'B1', 'B2', 'C1', 'C2'] as const
export type LanguageLevel = (typeof LANGUAGE_LEVELS)[number]

/** What an agent can do: skills with levels 1 to 5, languages with CEFR levels as 1 (A1) to 6 (C2). */
export type Profile = Readonly<{
  displayName: string
  username: string
  skills: ReadonlyMap<string, number>
  /** By primary language subtag (RFC 5646 §2.2.1), in small letters. */
  languages: ReadonlyMap<string, number>
}>

export const NO_PROFILE: Profile = { displayName: '', username: '', skills: new Map(), languages: new Map() }

export function fromProfileRow(row: ProfileRow): Profile {
  const languages = new Map<string, number>()
  for (const [tag, level] of Object.entries(row.languages)) {
    const key = spokenLanguage(tag)
    languages.set(key, Math.max(languages.get(key) ?? 0, languageRank(level)))
  }
  return {
    displayName: row.displayName,
    username: row.username,
    skills: new Map(Object.entries(row.skills)),
    languages
  }
}

/** 1 for A1 to 6 for C2; 0 for what is no level. */
export function languageRank(level: string): number {
  return LANGUAGE_LEVELS.indexOf(level as LanguageLevel) + 1
}

/**
 * The language that is spoken: regions and scripts (`pt-BR`, `zh-Hant`) do not keep people from talking. Languages that
 * do have tags of their own, such as `yue` for Cantonese.
 */
export function spokenLanguage(tag: string): string {
  return (tag.split('-')[0] ?? tag).toLowerCase()
}
