import { callTimes } from '../compliance/decide.ts'
import type { Facts } from '../compliance/facts.ts'
import type { PackSet } from '../compliance/packs/compile.ts'
import type { NumberAnalysis } from '../compliance/numbers/analyze.ts'

/** The laws and zones that one number of a contact is under, and the key by which contacts of one place go together. */
export type Place = Readonly<{ key: string; jurisdictions: readonly string[]; zones: readonly string[] }>

export type ContactPlace = Readonly<{ country: string | null; region: string | null; zone: string | null }>

export const NOWHERE: Place = { key: '?', jurisdictions: [], zones: [] }

/** What is known of where a contact is, besides the number, as the decision takes it. */
export function locationsOf(contact: ContactPlace, numberCountry: string): Facts['locations'] {
  const { country, region, zone } = contact
  if (country === null && zone === null) return undefined
  return [
    {
      kind: 'address',
      country: country ?? numberCountry,
      ...(region !== null && { region }),
      ...(zone !== null && { zone })
    }
  ]
}

/** Finds places as the decision does; contacts that share everything that matters are looked at once. */
export class PlaceFinder {
  readonly #packs: PackSet
  readonly #known = new Map<string, Place>()

  constructor(packs: PackSet) {
    this.#packs = packs
  }

  find(analysis: Extract<NumberAnalysis, { kind: 'number' }>, contact: ContactPlace): Place {
    const cacheKey = `${analysis.evidence}|${analysis.isPlaceless}|${analysis.jurisdictions.join()}|${analysis.zones.join()}|${contact.country}|${contact.region}|${contact.zone}`
    let place = this.#known.get(cacheKey)
    if (place === undefined) {
      place = this.#compute(analysis, contact)
      if (this.#known.size > 50_000) this.#known.clear()
      this.#known.set(cacheKey, place)
    }
    return place
  }

  #compute(analysis: Extract<NumberAnalysis, { kind: 'number' }>, contact: ContactPlace): Place {
    const locations = locationsOf(contact, analysis.country)
    const times = callTimes(
      {
        at: '2026-01-01T12:00:00Z',
        number: analysis.e164,
        mode: 'human_manual',
        purpose: 'marketing',
        ...(locations !== undefined && { locations })
      },
      this.#packs
    )
    if (times === null || times.zones.length === 0) return NOWHERE
    const jurisdictions = times.jurisdictions.toSorted()
    const zones = times.zones.toSorted()
    return { key: `${jurisdictions.join('+')}@${zones.join('+')}`, jurisdictions, zones }
  }
}
