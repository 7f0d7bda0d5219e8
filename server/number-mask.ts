import type { ApiKeyRole } from '../sql/tables.ts'

/** Roles that receive a customer's number whole. All others get it masked by the server. */
const SEES_WHOLE_NUMBERS: ReadonlySet<ApiKeyRole> = new Set(['privacy-officer', 'integration'])

/** The customer's number as a role may see it: whole, or the country code and the last two digits. */
export function numberFor(role: ApiKeyRole, number: string | null): string | null {
  if (number === null || SEES_WHOLE_NUMBERS.has(role)) return number
  return maskNumber(number)
}

/** `+493023125020` → `+49 .. .. 20`. What is too short to hide anything in shows only dots. */
export function maskNumber(number: string): string {
  const digits = number.replace(/\D/g, '')
  if (digits.length < 7) return '..'
  return `${number.startsWith('+') ? '+' : ''}${digits.slice(0, 2)} .. .. ${digits.slice(-2)}`
}
