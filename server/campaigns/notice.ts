import type { NoticeBy } from '../../sql/campaign-tables.ts'
import type { AttemptRow } from '../../sql/queries/campaigns/attempts.ts'
import type { KeptOfCalls } from '../../sql/queries/campaigns/notices.ts'

/**
 * Why what the law wants said cannot be heard again. `notSaid`: the call was over before. `notAsked`: nobody was asked for leave
 * to record. `beforeLeave`: it was said before the leave was given, and nothing may be kept of that. `paused`: the recording
 * declares a gap there. `missing`: there was leave and there is no recording. `notKnown`: the server
 * stopped in mid-call; what was recorded until then is there.
 */
export const NOTICE_PROBLEMS = [
  'underWay',
  'notSaid',
  'notAsked',
  'refused',
  'withdrawn',
  'beforeLeave',
  'paused',
  'erased',
  'missing',
  'notKnown'
] as const
export type NoticeProblem = (typeof NOTICE_PROBLEMS)[number]

/** For an audit: who said it, when, in milliseconds since the answer, and in which recording it is heard or why in none. */
export type NoticeProof = Readonly<{
  by: NoticeBy | null
  atMs: number | null
  recordingId: string | null
  problem: NoticeProblem | null
}>

/** What is left of the moment in which somebody was told what the law wants said; null when nobody answered. Pure. */
export function noticeOf(
  attempt: Pick<AttemptRow, 'id' | 'state' | 'answered_at' | 'notice_ms' | 'notice_by'>,
  kept: KeptOfCalls
): NoticeProof | null {
  const { id, notice_ms: atMs, notice_by: by } = attempt
  if (attempt.answered_at === null) return null
  const without = (problem: NoticeProblem): NoticeProof => ({ by, atMs, recordingId: null, problem })
  if (attempt.state === 'answered') return without('underWay')
  const recordings = kept.recordings.get(id) ?? []
  const whole = recordings.filter(one => one.state !== 'erased')
  if (attempt.state === 'unknown') return { ...without('notKnown'), recordingId: whole[0]?.id ?? null }
  if (atMs === null || by === null) return without('notSaid')
  const heard = whole.find(
    one => atMs < one.duration_ms && !one.gaps.some(gap => gap.fromMs <= atMs && atMs < gap.toMs)
  )
  if (heard !== undefined) return { by, atMs, recordingId: heard.id, problem: null }
  const gap = whole.flatMap(one => one.gaps).find(one => one.fromMs <= atMs && atMs < one.toMs)
  if (gap !== undefined)
    return without(gap.kind === 'beforeConsent' ? 'beforeLeave' : gap.kind === 'lost' ? 'missing' : 'paused')
  const consent = kept.consents.get(id)
  if (consent === 'refused' || consent === 'withdrawn') return without(consent)
  if (recordings.length > 0) return without('erased')
  return without(consent === undefined ? 'notAsked' : 'missing')
}
