import { Alert, Button, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useParams, useSearchParams } from 'react-router'
import { api, ApiError } from '../api/client.ts'
import { meQuery } from '../api/session.ts'
import { useFormat } from '../i18n/format.ts'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import {
  type Comment,
  callQuery,
  type FoundPage,
  type QualityCall,
  type Span,
  type Transcript,
  transcriptQuery,
  type Utterance
} from './api.ts'
import { Clips, Comments } from './call-notes.tsx'
import { CallPapers } from './call-papers.tsx'
import { Reviews } from './call-reviews.tsx'
import { PlayerBox, type Peaks, peaksQuery } from './player.tsx'
import { createPlayer, type Player } from './player-state.ts'
import classes from './quality.module.css'
import { silencesOf } from './silences.ts'
import { indexAt, TranscriptList } from './transcript.tsx'
import { MakeScenario } from '../simulator/make-scenario.tsx'

const PLACE = 'parley.quality.place'

/** What happened in a call, second by second, and how it is judged. */
export function CallPage() {
  const { t } = useTranslation('quality')
  const { id = '' } = useParams()
  const call = useQuery(callQuery(id))
  if (call.isPending) return <Waiting what={t('call.waiting')} lines={8} />
  if (call.isError) return <Problem error={call.error} onRetry={() => void call.refetch()} />
  return <Desk key={id} call={call.data} />
}

function Desk({ call }: Readonly<{ call: QualityCall }>) {
  const { t } = useTranslation('quality')
  const { dateTime, duration } = useFormat()
  const client = useQueryClient()
  const me = useQuery(meQuery).data
  const [search] = useSearchParams()
  const [reason, setReason] = useState<string | null>(null)
  const transcript = useQuery({ ...transcriptQuery(call.callId, reason), enabled: call.transcript !== null })
  const comments = useQuery({
    queryKey: ['quality', 'comments', call.callId],
    queryFn: async ({ signal }) =>
      (await api<{ items: readonly Comment[] }>(`/calls/${call.callId}/comments`, { signal })).items
  })
  const q = search.get('q') ?? ''
  const hits = useQuery({
    queryKey: ['quality', 'hits', call.callId, q],
    enabled: q !== '',
    queryFn: async ({ signal }) => {
      const found = await api<FoundPage>('/search/calls', { query: { q, limit: 50 }, signal })
      return found.items.find(one => one.callId === call.callId)?.hits ?? []
    }
  })
  const recording = call.recordings.find(one => !one.isErased)
  const player = usePlayer(
    call.callId,
    recording?.durationMs ?? (call.isRunning ? 0 : call.durationMs),
    recording?.id ?? null,
    Number(search.get('t') ?? Number.NaN)
  )
  const utterances = transcript.data?.utterances ?? NO_UTTERANCES
  const evidenceFor = useRef<((span: Span) => void) | null>(null)
  const spanNow = () => spanAt(utterances, player.state.get().ms, player.durationMs)
  const commentBox = useRef<HTMLTextAreaElement>(null)
  const may = (permission: string) => me?.permissions.includes(permission) === true
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.code !== 'F8' || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return
      event.preventDefault()
      player.toggle()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [player])
  return (
    <div className={classes['page']} data-testid="quality-call">
      <p>
        <Link to={`/quality/calls${q === '' ? '' : `?q=${encodeURIComponent(q)}`}`}>{t('call.back')}</Link>
      </p>
      <div className={classes['row']}>
        <h1>{dateTime(call.startedAt)}</h1>
        <span>
          {[
            ...call.agents.map(one => one.name),
            ...call.queues.map(one => one.name),
            ...call.dispositions,
            ...call.tags
          ].join(' · ')}
        </span>
        {call.customerNumber !== null && <bdi dir="ltr">{call.customerNumber}</bdi>}
        <span className="ltr">{duration(call.durationMs)}</span>
        {call.isSimulated && (
          <span className={classes['chip']} data-testid="call-simulated">
            {t('call.simulated')}
          </span>
        )}
        {/* While it goes on nobody can say yet whether there will be a recording. */}
        {!(call.isRunning && call.consent === 'granted') && (
          <span className={classes['chip']} data-consent={call.consent}>
            {recording === undefined ? t(`consent.${call.consent}`) : t('consent.recorded')}
          </span>
        )}
        {call.isRunning && (
          <span className={classes['chip']} role="status" data-testid="call-running">
            {t('call.running')}
          </span>
        )}
      </div>
      <div className={classes['desk']}>
        <div className={classes['left']}>
          <PlayerBox
            player={player}
            recordingId={recording?.id ?? null}
            gaps={recording?.gaps ?? []}
            marks={hits.data ?? []}
            comments={comments.data ?? []}
            utterances={utterances}
            onComment={() => commentBox.current?.focus()}
            onEvidence={() => evidenceFor.current?.(spanNow())}
          />
          {call.transcript === null && <Alert color="gray">{t('transcript.none')}</Alert>}
          {transcript.isLoading && <Waiting what={t('transcript.waiting')} lines={6} />}
          {transcript.isError && <TranscriptProblem error={transcript.error} onBack={() => setReason(null)} />}
          {transcript.data !== undefined && (
            <>
              <Redaction transcript={transcript.data} onReason={setReason} />
              <TranscriptList transcript={transcript.data} player={player} hits={hits.data ?? []} />
            </>
          )}
          <Comments
            callId={call.callId}
            comments={comments.data ?? []}
            player={player}
            box={commentBox}
            me={me?.id ?? ''}
          />
          <MakeScenario callId={call.callId} mayKeep={may('flows:write')} />
          {may('clips:write') && <Clips callId={call.callId} spanNow={spanNow} />}
          <CallPapers callId={call.callId} may={may} />
        </div>
        <Reviews
          call={call}
          player={player}
          spanNow={spanNow}
          evidenceFor={evidenceFor}
          mayWrite={may('reviews:write') && !call.isRunning && !call.isSimulated}
          me={me?.id ?? ''}
          onBegun={() => void client.invalidateQueries({ queryKey: ['quality', 'reviews'] })}
        />
      </div>
    </div>
  )
}

const NO_UTTERANCES: readonly Utterance[] = []

/** The player of this page; the place is kept for the next visit. */
function usePlayer(callId: string, durationMs: number, recordingId: string | null, askedMs: number): Player {
  const client = useQueryClient()
  const player = useMemo(() => {
    const kept = Number(sessionStorage.getItem(`${PLACE}.${callId}`) ?? 0)
    const startMs = Number.isFinite(askedMs) ? askedMs : kept
    const silences = () => {
      const peaks = recordingId === null ? undefined : client.getQueryData<Peaks>(peaksQuery(recordingId).queryKey)
      return peaks === undefined ? [] : silencesOf(peaks)
    }
    return createPlayer(
      recordingId === null ? null : { url: `/api/v1/recordings/${recordingId}/audio`, silences },
      durationMs,
      startMs
    )
  }, [callId, durationMs, recordingId, askedMs, client])
  useEffect(() => {
    const keep = () => sessionStorage.setItem(`${PLACE}.${callId}`, String(player.state.get().ms))
    const stop = player.state.subscribe(keep)
    return () => {
      stop()
      player.audio?.pause()
    }
  }, [player, callId])
  return player
}

/** The utterance that is being said, or a few seconds around the moment. */
function spanAt(utterances: readonly Utterance[], ms: number, durationMs: number): Span {
  const one = utterances[indexAt(utterances, ms)]
  if (one !== undefined && one.endMs + 1_000 >= ms) return { fromMs: one.startMs, toMs: one.endMs }
  return { fromMs: Math.max(0, Math.round(ms - 2_000)), toMs: Math.min(durationMs, Math.round(ms + 3_000)) }
}

function TranscriptProblem({ error, onBack }: Readonly<{ error: unknown; onBack(): void }>) {
  const { t } = useTranslation('quality')
  if (error instanceof ApiError && error.code === 'TRANSCRIPT_ERASED')
    return <Alert color="gray">{t('transcript.erased')}</Alert>
  return <Problem error={error} onRetry={onBack} />
}

/** Says what is hidden, and asks for the reason before it is shown for a minute. */
function Redaction({
  transcript,
  onReason
}: Readonly<{ transcript: Transcript; onReason(reason: string | null): void }>) {
  const { t } = useTranslation('quality')
  const [isAsking, setAsking] = useState(false)
  const [text, setText] = useState('')
  const isWhole = transcript.view === 'unredacted'
  useEffect(() => {
    if (!isWhole) return
    const timer = setTimeout(() => onReason(null), 60_000)
    return () => clearTimeout(timer)
  }, [isWhole, onReason])
  if (isWhole)
    return (
      <div className={classes['row']}>
        <strong>{t('transcript.whole')}</strong>
        <Button size="compact-sm" variant="default" onClick={() => onReason(null)}>
          {t('transcript.hide')}
        </Button>
      </div>
    )
  return (
    <div className={classes['row']}>
      <span className={classes['dim']}>{t('transcript.redacted')}</span>
      {transcript.mayUnredact && !isAsking && (
        <Button size="compact-sm" variant="default" onClick={() => setAsking(true)}>
          {t('transcript.reveal')}
        </Button>
      )}
      {isAsking && (
        <form
          className={classes['row']}
          onSubmit={event => {
            event.preventDefault()
            setAsking(false)
            onReason(text)
          }}
        >
          <TextInput
            aria-label={t('transcript.reason')}
            placeholder={t('transcript.reason')}
            value={text}
            minLength={5}
            required
            onChange={event => setText(event.currentTarget.value)}
          />
          <Button type="submit">{t('transcript.show')}</Button>
        </form>
      )}
    </div>
  )
}
