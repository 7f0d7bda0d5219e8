import { analyzeNumber } from '../compliance/numbers/analyze.ts'

/** A place that nobody knows: the strictest rule holds. */
export const UNKNOWN_PLACE = '?'

/** Our own end of a call: the number that was dialled or shown, and the country that it was set up for. */
export type OwnNumber = Readonly<{ number: string; region: string }>

/** The places whose law binds a call, at both ends, as far as numbers tell; `?` for an end that they do not. Pure. */
export function placesOf(customerNumber: string | null, own: OwnNumber | null): readonly string[] {
  return [...new Set([...placesOfNumber(customerNumber), ...placesOfOwn(own)])]
}

/** The places that a party's number points to. */
export function placesOfNumber(number: string | null): readonly string[] {
  if (number === null) return [UNKNOWN_PLACE]
  const analysis = analyzeNumber(number)
  if (analysis.kind !== 'number') return [UNKNOWN_PLACE]
  // A toll-free number of the North American plan rings anywhere in it: the all-party rule of an unknown state.
  if (analysis.isPlaceless) return number.startsWith('+1') ? ['US'] : [UNKNOWN_PLACE]
  return analysis.jurisdictions
}

function placesOfOwn(own: OwnNumber | null): readonly string[] {
  if (own === null) return []
  const analysis = analyzeNumber(own.number)
  // Where we answer is where the number was set up for; its digits say more than the country alone.
  if (analysis.kind === 'number' && !analysis.isPlaceless && analysis.country === own.region)
    return analysis.jurisdictions
  return [own.region]
}
