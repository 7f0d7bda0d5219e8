/** Where data may be kept and who may process it, for the people of one set of countries. */
export type ResidencyZone = Readonly<{
  id: string
  /** ISO 3166-1 countries whose people this zone serves. */
  countries: readonly string[]
  storageRegion: string
  /** Hosts of speech and language processors that may receive their data, exact or as `*.suffix`. */
  processors: readonly string[]
  reason: string
}>

export type ResidencyPolicy = Readonly<{ zones: readonly ResidencyZone[] }>

/** A host or a region that the policy does not permit for these people. Nothing was sent. */
export class ResidencyError extends Error {
  override readonly name = 'ResidencyError'
  readonly code = 'RESIDENCY_REFUSED'
}

/** The countries of the European Economic Area, to which Chapter V of the GDPR applies. */
export const EEA = 'AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SK SI ES SE'.split(
  ' '
)

/** What holds for a call: one storage region and the processors that every zone of the call permits. */
export type Residency = Readonly<{
  storageRegion: string
  processors: readonly string[]
  reasons: readonly Readonly<{ country: string; zone: string; reason: string }>[]
}>

/**
 * The residency of a call or a person by every country that is concerned (number, address, queue).
 * Throws ResidencyError when a country has no zone, or when the zones want different storage regions: then data must
 * not be stored before a person has decided.
 */
export function residencyOf(jurisdictions: readonly string[], policy: ResidencyPolicy): Residency {
  const countries = [...new Set(jurisdictions.map(one => one.slice(0, 2)))]
  if (countries.length === 0) throw new ResidencyError('the country is unknown, so nothing may be stored or processed')
  const found = countries.map(country => {
    const zone = policy.zones.find(one => one.countries.includes(country))
    if (zone === undefined) throw new ResidencyError(`no residency zone names ${country}`)
    return { country, zone }
  })
  const regions = new Set(found.map(one => one.zone.storageRegion))
  const [storageRegion] = regions
  if (storageRegion === undefined || regions.size > 1)
    throw new ResidencyError(`${countries.join(', ')} want different storage regions: ${[...regions].join(', ')}`)
  const [first, ...others] = found
  const processors = (first?.zone.processors ?? []).filter(host =>
    others.every(other => other.zone.processors.some(one => one === host))
  )
  return {
    storageRegion,
    processors,
    reasons: found.map(({ country, zone }) => ({ country, zone: zone.id, reason: zone.reason }))
  }
}

export function isPermittedHost(host: string, residency: Residency): boolean {
  const name = host.toLowerCase().replace(/\.$/, '')
  return residency.processors.some(one =>
    one.startsWith('*.') ? name.endsWith(one.slice(1)) && name.length > one.length - 1 : name === one
  )
}

/** A check to stand before every connection that carries a person's data. Throws ResidencyError. */
export function egressGuard(residency: Residency): (url: string | URL) => void {
  return url => {
    const { hostname } = new URL(url)
    if (!isPermittedHost(hostname, residency))
      throw new ResidencyError(`${hostname} may not process data of ${residency.storageRegion}`)
  }
}
