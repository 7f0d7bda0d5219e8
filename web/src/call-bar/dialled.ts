import type { DeskDestination } from '../../../server/softphone/protocol.ts'

/**
 * What a person typed as a destination: an E.164 number, also with `00`, spaces, dots, brackets and full-width digits,
 * or the extension of a desk phone. Null when it is neither.
 */
export function toDialled(text: string): Extract<DeskDestination, { kind: 'number' | 'extension' }> | null {
  const plain = text
    .normalize('NFKC')
    .replace(/[\u0660-\u0669]/g, digit => String(digit.charCodeAt(0) - 0x660))
    .replace(/[\s().\-/\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')
  if (/^\d{2,8}$/.test(plain) && !plain.startsWith('00')) return { kind: 'extension', extension: plain }
  const number = plain.replace(/^00/, '+')
  return /^\+[1-9]\d{6,14}$/.test(number) ? { kind: 'number', number } : null
}
