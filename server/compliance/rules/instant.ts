import type { Grade, Reason } from '../codes.ts'
import { isAtLeast } from '../codes.ts'
import { analyzeNumber } from '../numbers/analyze.ts'
import type { PackException, VersionOf } from '../packs/schema.ts'
import { addMonths, DAY_MS } from '../time/calendar.ts'
import { type Context, type Finding, instant, optionalInstant, PASS } from './context.ts'
import { isRelationshipExpired } from './exceptions.ts'

const fail = (...reasons: readonly Reason[]): Finding => ({ reasons })

/** A clock that runs ahead of ours by more than this makes a fact from the future, which is worth nothing. */
const CLOCK_SKEW_MS = 5 * 60_000

/** A registry of people who do not want such calls. Runs only when no exception holds. */
export function checkRegistry(
  context: Context,
  version: VersionOf<'registry'>,
  exceptions: readonly PackException[]
): Finding {
  const entry = context.facts.registries?.[version.registry]
  const expired: readonly Reason[] = isRelationshipExpired(context, exceptions) ? ['EBR_EXPIRED'] : []
  if (entry === undefined) {
    if (version.lookup === 'at_dial' && !context.isDialling)
      return { reasons: [], open: `registries.${version.registry}` }
    return fail('DNC_SCRUB_MISSING')
  }
  const obtainedMs = instant(entry.obtainedAt)
  if (obtainedMs > context.atMs + CLOCK_SKEW_MS) return fail('DNC_SCRUB_MISSING')
  if (entry.listed && !isCuredByConsent(context, version, optionalInstant(entry.listedAt)))
    return fail('DNC_REGISTRY_LISTED', ...expired)
  if (version.maxAgeDays !== undefined && context.atMs - obtainedMs > version.maxAgeDays * DAY_MS)
    return fail('DNC_SCRUB_STALE')
  return PASS
}

/** Where an entry revokes earlier consents (Italy), a consent that was given after it is good again. */
function isCuredByConsent(context: Context, version: VersionOf<'registry'>, listedMs: number | null): boolean {
  if (version.revokesEarlierConsent !== true || listedMs === null) return false
  const { consent } = context
  return (
    consent.kind === 'valid' &&
    isAtLeast(consent.grade, 'oral_express') &&
    consent.givenMs !== null &&
    consent.givenMs > listedMs
  )
}

const SALES = new Set(['marketing', 'existing_customer_marketing', 'charity', 'research', 'political'])

/** Our own list: whoever told us to stop. A callback that was asked for afterwards is the one way back. */
export function checkInternalList(context: Context): Finding {
  const entry = context.facts.internalList
  if (entry === null || entry === undefined) return PASS
  const sinceMs = instant(entry.since)
  if (sinceMs > context.atMs) return PASS
  if (entry.scope === 'marketing' && !SALES.has(context.purpose)) return PASS
  const askedMs = optionalInstant(context.facts.callbackRequestedAt)
  if (context.purpose === 'callback_requested' && askedMs !== null && askedMs > sinceMs) return PASS
  return fail('DNC_INTERNAL')
}

/** A withdrawn consent stops such calls at once, whether or not they would have needed one. */
export function checkRevocation(context: Context): Finding {
  return context.consent.kind === 'revoked' ? fail('CONSENT_REVOKED') : PASS
}

export function checkConsent(context: Context, version: VersionOf<'consent'>): Finding {
  const { consent } = context
  switch (consent.kind) {
    case 'none':
    case 'expired':
      return fail('CONSENT_MISSING')
    case 'revoked':
      return fail('CONSENT_REVOKED')
    case 'outOfScope':
      return fail('CONSENT_SCOPE')
    case 'unproven':
      return fail('CONSENT_UNPROVEN')
    case 'valid':
      break
    default:
      return consent.kind satisfies never
  }
  if (!isAtLeast(consent.grade, version.grade)) return fail(tooWeak(consent.grade, version.grade))
  if (
    version.lapsesAfterMonths !== undefined &&
    !consent.hasTerm &&
    (consent.givenMs === null || context.atMs > addMonths(consent.givenMs, version.lapsesAfterMonths))
  )
    return fail('CONSENT_MISSING')
  return PASS
}

/** An implied consent is no express one at all; an express one may be in the wrong form. */
function tooWeak(grade: Grade, wanted: Grade): Reason {
  return isAtLeast(grade, 'oral_express') || !isAtLeast(wanted, 'oral_express')
    ? 'CONSENT_INSUFFICIENT_FORM'
    : 'CONSENT_MISSING'
}

export function checkProhibition(context: Context, version: VersionOf<'prohibition'>): Finding {
  switch (version.because) {
    case 'scope':
      return fail('CONSENT_SCOPE')
    case 'form':
      return fail(context.consent.kind === 'valid' ? 'CONSENT_INSUFFICIENT_FORM' : 'CONSENT_MISSING')
    default:
      return version.because satisfies never
  }
}

/** Whether the number has a new owner since the consent. An answer that is too old is none. */
export function checkReassigned(context: Context, version: VersionOf<'reassigned'>): Finding {
  const entry = context.facts.reassigned
  if (entry === undefined) return PASS
  if (entry.answer === 'yes') return fail('REASSIGNED_YES')
  if (entry.answer === 'no_data') return fail('REASSIGNED_NODATA')
  const queriedMs = optionalInstant(entry.queriedAt)
  const isStale = queriedMs !== null && context.atMs - queriedMs > version.maxAgeDays * DAY_MS
  return isStale ? fail('REASSIGNED_NODATA') : PASS
}

/** The number that we show. */
export function checkCallerId(context: Context, version: VersionOf<'cli'>): Finding {
  const caller = context.facts.callerId
  if (caller === undefined) return context.isDialling ? fail('CLI_INVALID') : { reasons: [], open: 'callerId' }
  // Withheld.
  if (caller === null || !caller.isOwned) return fail('CLI_INVALID')
  // Some plans reserve series for telemarketing that no list of valid numbers knows, such as India's 140.
  if (version.startsWith !== undefined) {
    if (!/^\+[1-9]\d{4,14}$/.test(caller.number)) return fail('CLI_INVALID')
    return version.startsWith.some(prefix => caller.number.startsWith(prefix)) ? PASS : fail('CLI_TYPE_PROHIBITED')
  }
  if (version.country === undefined && version.forbidMobileOf === undefined)
    return /^\+[1-9]\d{6,14}$/.test(caller.number) ? PASS : fail('CLI_INVALID')
  const shown = analyzeNumber(caller.number)
  if (shown.kind !== 'number') return fail('CLI_INVALID')
  if (version.country !== undefined && shown.country !== version.country) return fail('CLI_TYPE_PROHIBITED')
  if (version.forbidMobileOf?.includes(shown.country) === true && shown.line === 'mobile')
    return fail('CLI_TYPE_PROHIBITED')
  return PASS
}

/** Whether one more abandoned call would still be within the cap; that is when over-dialling is lawful. */
export function mayOverdial(campaign: Readonly<{ live: number; abandoned: number }>, capPercent: number): boolean {
  return (campaign.abandoned + 1) * 100 <= capPercent * (campaign.live + 1)
}

/** The cap on calls that were answered by a person and met nobody. One agent for each call cannot breach it. */
export function checkAbandonment(context: Context, version: VersionOf<'abandon'>): Finding {
  const { campaign } = context.facts
  if (campaign === undefined)
    return context.isDialling ? fail('CAMPAIGN_ABANDON_CAP') : { reasons: [], open: 'campaign' }
  if (campaign.pacing === 'preview' || campaign.pacing === 'progressive') return PASS
  return mayOverdial(campaign, version.capPercent) ? PASS : fail('CAMPAIGN_ABANDON_CAP')
}

export function checkRegistration(context: Context, version: VersionOf<'registration'>): Finding {
  const { registrations } = context.facts
  if (registrations === undefined && !context.isDialling)
    return { reasons: [], open: `registrations.${version.registration}` }
  return registrations?.includes(version.registration) === true ? PASS : fail('CAMPAIGN_REGISTRATION_MISSING')
}
