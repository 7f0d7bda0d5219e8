import { type AttemptRow, orphanedAttempts } from '../../sql/queries/campaigns/attempts.ts'
import { listCallEvents } from '../../sql/queries/calls.ts'
import type { MediaServer } from '../../media/endpoint.ts'
import type { LifeSigns } from '../life-signs.ts'
import { type AttemptParts, finishAttempt, releaseLead } from './attempt-log.ts'
import type { Campaign } from './campaign.ts'
import { type Outcome, outcomeForStatus } from './retry.ts'

/** So long the story of a lost call may take to arrive: it lies in the spool until its server starts again. */
const STORY_AFTER_MS = 20_000

/**
 * Ends attempts whose control plane has died. What had not been marked as dialled goes back: no INVITE can have left.
 * What may have rung is looked up in the call's story, which tells what the engines said; when that does not know either,
 * the attempt is unknown, and nobody dials again until a person has said so. A leg that the media server still holds is ended
 * first: nobody serves the person who may be on it.
 */
export async function reconcileAttempts(
  parts: AttemptParts & Readonly<{ media: Pick<MediaServer, 'isConnected' | 'endLeg'>; lifeSigns: LifeSigns }>,
  campaignOf: (no: number) => Promise<Campaign | undefined>
): Promise<number> {
  const deadSince = await parts.lifeSigns.deadSince()
  if (deadSince === null) return 0
  const orphans = await orphanedAttempts(parts.db, deadSince, new Date(parts.now().getTime() - 1_000))
  let settled = 0
  for (const attempt of orphans) {
    const campaign = await campaignOf(attempt.campaign_no)
    if (campaign === undefined) continue
    const lead = {
      id: attempt.id,
      contactId: attempt.contact_id,
      position: attempt.position,
      number: attempt.number
    }
    if (attempt.state === 'reserved' || attempt.state === 'permitted') {
      const detail = 'the server stopped before it was dialled'
      await releaseLead(parts, lead, { afterMs: 60_000, detail, isUndialled: true })
      settled += 1
      continue
    }
    const { endpoint_id: endpointId } = attempt
    if (endpointId !== null && parts.media.isConnected && (await parts.media.endLeg(endpointId))) {
      parts.log.warn({ callId: attempt.id }, 'a leg that nobody served any more was ended')
      continue
    }
    const told = await storyOf(parts, attempt)
    const waitedMs = parts.now().getTime() - (attempt.dialled_at ?? attempt.reserved_at).getTime()
    if (told === null && waitedMs < STORY_AFTER_MS) continue
    const outcome = told?.outcome ?? 'unknown'
    await finishAttempt(parts, campaign, lead, outcome, {
      detail: told?.detail ?? 'the server stopped while it was dialled',
      ...(hasMetNobody(campaign, attempt) && {
        isAbandoned: true,
        ...(attempt.answered_at !== null && { answeredAt: attempt.answered_at })
      }),
      ...(told?.sipStatus !== undefined && { sipStatus: told.sipStatus })
    })
    parts.log.warn({ callId: attempt.id, outcome }, 'an attempt of a control plane that died was closed')
    settled += 1
  }
  return settled
}

/** Whether a person has answered who was to meet an agent and has met none: to the law that is an abandoned call. */
function hasMetNobody({ pacing }: Campaign, { state, connected_at, amd_result }: AttemptRow): boolean {
  const isPerson = state === 'answered' && amd_result !== 'machine' && amd_result !== 'screening'
  return pacing === 'predictive' && isPerson && connected_at === null
}

/** What the call's own story says of how it came out; null when it says nothing. */
async function storyOf(
  parts: AttemptParts,
  attempt: AttemptRow
): Promise<Readonly<{ outcome: Outcome; detail: string; sipStatus?: number }> | null> {
  const events = await listCallEvents(parts.db, attempt.id)
  if (attempt.state === 'answered' || events.some(event => event.kind === 'legAnswered' || event.kind === 'answered'))
    return { outcome: 'unknown', detail: 'answered, then the server stopped' }
  const ended = events.findLast(event => event.kind === 'legEnded')
  if (ended === undefined) return null
  const { outcome, sipStatus } = ended.data as { outcome?: string; sipStatus?: number | null }
  if (outcome === 'busy') return { outcome: 'busy', detail: 'told by the call’s story' }
  if (outcome === 'noAnswer') return { outcome: 'noAnswer', detail: 'told by the call’s story' }
  if (outcome === 'refused' && typeof sipStatus === 'number')
    return { outcome: outcomeForStatus(sipStatus, false), detail: 'told by the call’s story', sipStatus }
  return null
}
