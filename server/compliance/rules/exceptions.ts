import { isAtLeast } from '../codes.ts'
import type { PackException } from '../packs/schema.ts'
import { addMonths, DAY_MS } from '../time/calendar.ts'
import { type Context, optionalInstant } from './context.ts'

/** The first exception that holds, or null. */
export function exemption(context: Context, exceptions: readonly PackException[]): PackException['when'] | null {
  for (const exception of exceptions) if (holds(context, exception)) return exception.when
  return null
}

/** Whether a business relationship was named as an exception and exists, but is too old. */
export function isRelationshipExpired(context: Context, exceptions: readonly PackException[]): boolean {
  return exceptions.some(
    one =>
      one.when === 'relationship' &&
      !holds(context, one) &&
      (context.facts.relationship?.lastPurchaseAt !== undefined || context.lastInquiryMs !== null)
  )
}

function holds(context: Context, exception: PackException): boolean {
  const { facts, atMs } = context
  const { relationship } = facts
  switch (exception.when) {
    case 'solicited':
      return context.isSolicited
    case 'relationship':
      return (
        isWithin(optionalInstant(relationship?.lastPurchaseAt), exception.purchaseMonths, atMs) ||
        isWithin(context.lastInquiryMs, exception.inquiryMonths, atMs)
      )
    case 'customer':
      return (
        relationship?.isCustomer === true ||
        relationship?.hasRunningContract === true ||
        facts.purpose === 'existing_customer_marketing'
      )
    case 'contract': {
      if (relationship?.hasRunningContract === true) return true
      const endedMs = optionalInstant(relationship?.contractEndedAt)
      return (
        exception.endedDays !== undefined &&
        endedMs !== null &&
        (endedMs > atMs || atMs - endedMs <= exception.endedDays * DAY_MS)
      )
    }
    case 'consent':
      return context.consent.kind === 'valid' && isAtLeast(context.consent.grade, exception.grade)
    case 'consentHours':
      return context.consent.kind === 'valid' && context.consent.coversHours
    case 'landline':
      return facts.line === 'landline'
    default:
      return exception satisfies never
  }
}

function isWithin(sinceMs: number | null, months: number | undefined, atMs: number): boolean {
  return sinceMs !== null && months !== undefined && sinceMs <= atMs && atMs <= addMonths(sinceMs, months)
}
