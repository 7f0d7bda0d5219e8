import { queryOptions } from '@tanstack/react-query'
import { api, type Page } from '../api/client.ts'

export type Named = Readonly<{ id: string; name: string }>
export type Speaker = 'agent' | 'customer' | 'bot'

export type Hit = Readonly<{
  speaker: Speaker
  atMs: number
  utterance: number
  text: string
  marks: readonly (readonly [number, number])[]
}>

export type Found = Readonly<{
  callId: string
  startedAt: string
  durationMs: number
  direction: 'inbound' | 'outbound'
  customerNumber: string | null
  language: string | null
  queues: readonly Named[]
  agents: readonly Named[]
  dispositions: readonly string[]
  tags: readonly string[]
  hasTranscript: boolean
  hasRecording: boolean
  reviews: number
  hits: readonly Hit[]
  hitCount: number
}>

export type FoundPage = Page<Found> & Readonly<{ ignored: readonly string[] }>

export type Gap = Readonly<{ kind: string; fromMs: number; toMs: number }>

export type QualityCall = Readonly<{
  callId: string
  startedAt: string
  /** It still goes on; what is said may appear while it does. */
  isRunning: boolean
  /** A scripted caller's. */
  isSimulated: boolean
  durationMs: number
  direction: string
  customerNumber: string | null
  language: string | null
  queues: readonly Named[]
  agents: readonly Named[]
  dispositions: readonly string[]
  tags: readonly string[]
  consent: 'unasked' | 'granted' | 'refused' | 'withdrawn' | 'never'
  recordings: readonly Readonly<{ id: string; durationMs: number; isErased: boolean; gaps: readonly Gap[] }>[]
  transcript: 'writing' | 'complete' | 'erased' | null
}>

export type Utterance = Readonly<{
  index: number
  speaker: Speaker
  startMs: number
  endMs: number
  text: string
  words: readonly (readonly [from: number, to: number, startMs: number, endMs: number])[]
  personal: readonly Readonly<{ kind: string; from: number; to: number }>[]
}>

export type Transcript = Readonly<{
  status: 'writing' | 'complete' | 'erased'
  language: string
  view: 'redacted' | 'unredacted'
  mayUnredact: boolean
  utterances: readonly Utterance[]
}>

export type Question = Readonly<{
  id: string
  text: string
  help?: string
  weight: number
  isCritical?: boolean
  isOrdinal?: boolean
  allowsNotApplicable?: boolean
  options: readonly Readonly<{ value: string; label: string; points: number }>[]
}>
export type ScorecardBody = Readonly<{
  passPercent?: number
  sections: readonly Readonly<{ title: string; questions: readonly Question[] }>[]
}>
export type Scorecard = Readonly<{
  id: string
  name: string
  version: number | null
  draft: ScorecardBody
  archivedAt: string | null
}>
export type ScorecardVersion = Readonly<{
  version: number
  body: ScorecardBody
  publishedAt: string
  publishedBy: string
}>

export type Span = Readonly<{ fromMs: number; toMs: number }>
export type Answer = Readonly<{ value: string; evidence?: readonly Span[]; isNotEvidenced?: boolean; note?: string }>
export type Answers = Readonly<Record<string, Answer>>

export type Dispute = Readonly<{
  id: string
  questionIds: readonly string[]
  reason: string
  raisedAt: string
  outcome: 'upheld' | 'changed' | null
  answer: string | null
  answeredBy: string | null
}>
export type Review = Readonly<{
  id: string
  callId: string
  scorecardId: string
  version: number
  kind: 'review' | 'calibration' | 'machine'
  calibrationId: string | null
  reviewerId: string
  reviewerName: string
  agentId: string | null
  answers: Answers
  note: string
  coaching: string
  status: 'draft' | 'submitted' | 'disputed' | 'settled'
  percent: number | null
  critical: readonly string[]
  isPassed: boolean | null
  submittedAt: string | null
  seenByAgentAt: string | null
  disputes: readonly Dispute[]
}>

export type Comment = Readonly<{
  id: string
  atMs: number
  text: string
  authorId: string
  authorName: string
  createdAt: string
}>
export type Clip = Readonly<{
  id: string
  fromMs: number
  toMs: number
  title: string
  createdBy: string
  expiresAt: string
  opens: number
  maxOpens: number | null
  revokedAt: string | null
}>
export type Task = Readonly<{
  ruleId: string
  id: string
  callId: string
  agentId: string | null
  scorecardId: string
  reason: string
  createdAt: string
}>
export type Calibration = Readonly<{
  id: string
  name: string
  callId: string
  scorecardId: string
  version: number
  reviewerIds: readonly string[]
  submitted: number
  isRevealed: boolean
  createdAt: string
}>
export type CalibrationResult = Calibration &
  Readonly<{
    reviewers: readonly Readonly<{ id: string; name: string; hasSubmitted: boolean; percent: number | null }>[]
    agreement: Readonly<{ kappa: number | null; word: string | null; agreed: number | null; items: number }> | null
    questions: readonly Readonly<{
      id: string
      text: string
      agreed: number | null
      answers: readonly (string | null)[]
    }>[]
  }>

export const scorecardsQuery = queryOptions({
  queryKey: ['quality', 'scorecards'],
  queryFn: async ({ signal }) => (await api<{ items: readonly Scorecard[] }>('/scorecards', { signal })).items
})

export function versionQuery(id: string, version: number) {
  return queryOptions({
    queryKey: ['quality', 'scorecard', id, version],
    queryFn: ({ signal }) => api<ScorecardVersion>(`/scorecards/${id}/versions/${version}`, { signal }),
    staleTime: Number.POSITIVE_INFINITY
  })
}

/** A running call is looked at again after so long. */
const RUNNING_MS = 5_000
const FOLLOWED_MS = 1_500

export function callQuery(callId: string) {
  return queryOptions({
    queryKey: ['quality', 'call', callId],
    queryFn: ({ signal }) => api<QualityCall>(`/quality/calls/${encodeURIComponent(callId)}`, { signal }),
    staleTime: 60_000,
    refetchInterval: query => (query.state.data?.isRunning === true ? RUNNING_MS : false)
  })
}

export function transcriptQuery(callId: string, reason: string | null) {
  return queryOptions({
    queryKey: ['quality', 'transcript', callId, reason],
    queryFn: ({ signal }) =>
      api<Transcript>(`/calls/${encodeURIComponent(callId)}/transcript`, {
        query: reason === null ? { isFollowing: true } : { view: 'unredacted', reason },
        signal
      }),
    staleTime: 300_000,
    // What is said in a running call appears as it is understood.
    refetchInterval: query => (query.state.data?.status === 'writing' ? FOLLOWED_MS : false),
    retry: false
  })
}

export const NOT_APPLICABLE = 'notApplicable'
