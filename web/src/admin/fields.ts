import { LANGUAGES } from '../prefs.ts'

/** What a form holds of one thing: the server's own names and units. */
export type Values = Readonly<Record<string, unknown>>

export type Option = Readonly<{ value: string; label: string }>

/** A label, and the place in a JSON document that it stands for, such as `account.level`. */
export type JsonPath = Readonly<{ label: string; path: string }>

/**
 * One field of a form. `seconds` shows milliseconds as seconds; `lines` a list as lines; `labels` a text for each
 * language; `destination` where callers are sent on to; `codes` a list of which some are offered, `*` for all;
 * `headers` secret lines such as `Authorization: …`; `paths` labels with places in a JSON document.
 * `isNullable`: empty means null.
 */
export type Field = Readonly<{
  name: string
  kind:
    | 'text'
    | 'longText'
    | 'number'
    | 'seconds'
    | 'switch'
    | 'choice'
    | 'lines'
    | 'labels'
    | 'secret'
    | 'destination'
    | 'codes'
    | 'headers'
    | 'paths'
  isNullable?: boolean
  isRequired?: boolean
  /** Cannot be changed later. */
  isOnlyForNew?: boolean
  /** Has no meaning before the thing is there. */
  isOnlyForOld?: boolean
  isPhoneNumber?: boolean
  /** A URL, which runs from left to right in every language. */
  isAddress?: boolean
  min?: number
  max?: number
  options?: readonly Option[]
}>

/** Whether the server never gives it again, and emptiness means that it stays. */
export function isSecret(field: Field): boolean {
  return field.kind === 'secret' || field.kind === 'headers'
}

/** Secrets are never kept in the browser. */
export function withoutSecrets(fields: readonly Field[], values: Values): Values {
  const secret = new Set(fields.filter(isSecret).map(field => field.name))
  return Object.fromEntries(Object.entries(values).filter(([name]) => !secret.has(name)))
}

/** The fields that differ, as they are now; empty secrets mean no change. */
export function changedFields(fields: readonly Field[], before: Values, after: Values): Values {
  return Object.fromEntries(
    fields.flatMap(field => {
      const { name } = field
      const value = after[name]
      if (isSecret(field)) return value === undefined || value === '' ? [] : [[name, value]]
      return isSame(before[name], value) ? [] : [[name, value]]
    })
  )
}

/** Required fields without a value, by name. */
export function missingFields(fields: readonly Field[], values: Values): readonly string[] {
  return fields.filter(field => field.isRequired === true && isEmpty(values[field.name])).map(field => field.name)
}

export function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one ?? null) === JSON.stringify(other ?? null)
}

/** A label in the reader's language, else in English, else any, else the code. */
export function labelOf(labels: Readonly<Record<string, string>>, language: string, code: string): string {
  return labels[language] ?? labels['en'] ?? Object.values(labels)[0] ?? code
}

export const LABEL_LANGUAGES = LANGUAGES

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true
  return typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length === 0
}
