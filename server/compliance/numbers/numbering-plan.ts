import plan from './numbering-plan.json' with { type: 'json' }

/** Where a number of a plan may be, and whose law that brings in. */
export type Place = Readonly<{ jurisdictions: readonly string[]; zones: readonly string[]; evidence: string }>

type AreaCode = Readonly<{ regions: readonly string[]; zones: readonly string[] }>

const areaCodes: Readonly<Record<string, AreaCode>> = plan.areaCodes
const countries: Readonly<Record<string, readonly string[]>> = plan.countries
const regions: Readonly<Record<string, readonly string[]>> = plan.regions
const lawOf: Readonly<Record<string, string>> = plan.lawOf
const prefixes = new Map(
  [...new Set(plan.prefixes.map(one => one.country))].map(country => [
    country,
    plan.prefixes.filter(one => one.country === country).sort((a, b) => b.prefix.length - a.prefix.length)
  ])
)

/** Version of the table, kept with every decision. */
export const NUMBERING_PLAN_VERSION: string = plan.version

/** States that take an area code of theirs as proof that the person is there, whatever an address says. */
export const PRESUMED_BY_AREA_CODE: ReadonlySet<string> = new Set(plan.presumedByAreaCode)

const places = new Map<string, Place>()

/** Place of a national number, or null where the table cannot tell, which is never guessed. */
export function placeOf(country: string, callingCode: string, national: string, isMobile: boolean): Place | null {
  if (callingCode === '1') return areaCodePlace(country, national.slice(0, 3))
  const key = isMobile && country !== 'BR' ? country : `${country}:${national.slice(0, 3)}`
  let place = places.get(key)
  if (place === undefined) {
    const found = countryPlace(country, national, isMobile)
    if (found === null) return null
    place = found
    places.set(key, place)
  }
  return place
}

function areaCodePlace(country: string, areaCode: string): Place | null {
  let place = places.get(areaCode)
  if (place === undefined) {
    const row = areaCodes[areaCode]
    const found =
      row === undefined || (country !== 'US' && country !== 'CA')
        ? countryPlace(country, areaCode, false)
        : { jurisdictions: withCountries(row.regions), zones: row.zones, evidence: `npa:${areaCode}` }
    if (found === null) return null
    place = found
    places.set(areaCode, place)
  }
  return place
}

function countryPlace(country: string, national: string, isMobile: boolean): Place | null {
  // Every US and Canadian number has an area code; one that the table lacks has no place yet.
  if (country === 'US' || country === 'CA') return null
  // Brazilian mobile numbers carry the area code, unlike those of other countries.
  const rows = isMobile && country !== 'BR' ? [] : (prefixes.get(country) ?? [])
  const row = rows.find(one => national.startsWith(one.prefix))
  const zones = row?.zones ?? zonesOfCountry(country)
  if (zones.length === 0) return null
  return {
    jurisdictions: jurisdictionsOf(country, null),
    zones,
    evidence: row === undefined ? `country:${country}` : `prefix:${country}:${row.prefix}`
  }
}

export function zonesOfCountry(country: string): readonly string[] {
  return countries[country] ?? []
}

/** Every zone of a country's part (`US-TX`), else of the country; empty when neither is known. */
export function zonesOfPlace(country: string, region: string | null): readonly string[] {
  const own = region === null ? undefined : regions[`${country}-${region}`]
  if (own !== undefined) return own
  const all = countries[country]
  if (all !== undefined) return all
  const prefix = `${country}-`
  return [...new Set(Object.entries(regions).flatMap(([key, zones]) => (key.startsWith(prefix) ? zones : [])))]
}

/** Whose law a place brings in: `US`, `CT` → `US-CT`, `US`; Martinique → France. */
export function jurisdictionsOf(country: string, region: string | null): readonly string[] {
  const law = lawOf[country]
  if (law !== undefined) return withCountries([law])
  return withCountries([region === null ? country : `${country}-${region}`])
}

function withCountries(codes: readonly string[]): readonly string[] {
  return [...new Set(codes.flatMap(code => (code.includes('-') ? [code, code.slice(0, 2)] : [code])))]
}
