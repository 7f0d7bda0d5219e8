import { parsePhoneNumberFromString } from 'libphonenumber-js/max'

/**
 * A dialled or shown number in E.164 form, or null when it is not a number that can exist.
 * Takes `+49…`, `0049…` (from a trunk that sends international prefixes), `49…` and visual separators.
 */
export function toE164(written: string): string | null {
  const cleaned = written.replace(/[\s().\-/]/g, '')
  const international = cleaned.startsWith('+')
    ? cleaned
    : cleaned.startsWith('00')
      ? `+${cleaned.slice(2)}`
      : `+${cleaned}`
  if (!/^\+[1-9]\d{6,14}$/.test(international)) return null
  return international
}

/** Whether a number in E.164 form can be dialled at all, by the numbering plan of its country. */
export function isDialable(e164: string): boolean {
  return parsePhoneNumberFromString(e164)?.isPossible() === true
}

/** ISO 3166-1 country of a number in E.164 form, where its numbering plan tells. */
export function countryOf(e164: string): string | null {
  return parsePhoneNumberFromString(e164)?.country ?? null
}
