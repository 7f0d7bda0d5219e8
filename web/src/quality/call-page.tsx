import { Alert, Button, NativeSelect, Textarea, TextInput } from '@mantine/core'
import { useMutation, useQueries, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useParams, useSearchParams } from 'react-router'
import { api, ApiError, type Page } from '../api/client.ts'
import { meQuery } from '../api/session.ts'
import { useFormat } from '../i18n/format.ts'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { useStore } from '../store.ts'
import {
  type Clip,
  type Comment,
  callQuery,
  type FoundPage,
  type QualityCall,
  type Review,
  type Scorecard,
  type Span,
  scorecardsQuery,
  type Transcript,
  transcriptQuery,
  type Utterance
} from './api.ts'
import { PlayerBox, type Peaks, peaksQuery } from './player.tsx'
import { createPlayer, type Player } from './player-state.ts'
import classes from './quality.module.css'
import { ReviewForm } from './review-form.tsx'
import { silencesOf } from './silences.ts'
import { indexAt, TranscriptList } from './transcript.tsx'

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
    recording?.durationMs ?? call.durationMs,
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
        <span className={classes['chip']} data-consent={call.consent}>
          {recording === undefined ? t(`consent.${call.consent}`) : t('consent.recorded')}
        </span>
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
          {may('clips:write') && <Clips callId={call.callId} spanNow={spanNow} />}
        </div>
        <Reviews
          call={call}
          player={player}
          spanNow={spanNow}
          evidenceFor={evidenceFor}
          mayWrite={may('reviews:write')}
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

function Comments({
  callId,
  comments,
  player,
  box,
  me
}: Readonly<{
  callId: string
  comments: readonly Comment[]
  player: Player
  box: React.RefObject<HTMLTextAreaElement | null>
  me: string
}>) {
  const { t } = useTranslation('quality')
  const { duration } = useFormat()
  const client = useQueryClient()
  const [text, setText] = useState('')
  const second = useStore(player.state, state => Math.floor(state.ms / 1000))
  const done = () => client.invalidateQueries({ queryKey: ['quality', 'comments', callId] })
  const add = useMutation({
    mutationFn: () =>
      api(`/calls/${callId}/comments`, { method: 'POST', body: { atMs: Math.round(player.state.get().ms), text } }),
    onSuccess() {
      setText('')
      void done()
    }
  })
  const remove = useMutation({
    mutationFn: (id: string) => api(`/comments/${id}`, { method: 'DELETE' }),
    onSuccess: done
  })
  return (
    <section className="card" aria-labelledby="comments-title">
      <h2 id="comments-title">{t('comment.title')}</h2>
      <ul className={classes['comments']}>
        {comments.map(one => (
          <li key={one.id}>
            <button type="button" className={classes['jump']} onClick={() => player.seek(one.atMs)}>
              <span className="ltr">{duration(one.atMs)}</span>
            </button>{' '}
            <b>
              <bdi>{one.authorName}</bdi>
            </b>{' '}
            <span dir="auto">{one.text}</span>{' '}
            {one.authorId === me && (
              <button type="button" className={classes['jump']} onClick={() => remove.mutate(one.id)}>
                {t('comment.remove')}
              </button>
            )}
          </li>
        ))}
      </ul>
      <form
        className={classes['form']}
        onSubmit={event => {
          event.preventDefault()
          if (text.trim() !== '') add.mutate()
        }}
      >
        <Textarea
          ref={box}
          label={t('comment.at', { time: duration(second * 1000) })}
          value={text}
          autosize
          minRows={1}
          onChange={event => setText(event.currentTarget.value)}
        />
        <div>
          <Button type="submit" variant="default" loading={add.isPending} disabled={text.trim() === ''}>
            {t('comment.add')}
          </Button>
        </div>
        {add.isError && <Problem error={add.error} />}
      </form>
    </section>
  )
}

function Clips({ callId, spanNow }: Readonly<{ callId: string; spanNow(): Span }>) {
  const { t } = useTranslation('quality')
  const { duration, dateTime } = useFormat()
  const client = useQueryClient()
  const [span, setSpan] = useState<Span | null>(null)
  const [title, setTitle] = useState('')
  const [forWhom, setForWhom] = useState('')
  const [hours, setHours] = useState('24')
  const [link, setLink] = useState<string | null>(null)
  const clips = useQuery({
    queryKey: ['quality', 'clips', callId],
    queryFn: async ({ signal }) => (await api<{ items: readonly Clip[] }>(`/calls/${callId}/clips`, { signal })).items
  })
  const done = () => client.invalidateQueries({ queryKey: ['quality', 'clips', callId] })
  const make = useMutation({
    mutationFn: () =>
      api<{ url: string }>(`/calls/${callId}/clips`, {
        method: 'POST',
        body: { ...span, title, forWhom, expiresInHours: Number(hours) }
      }),
    onSuccess(made) {
      setLink(location.origin + made.url)
      setSpan(null)
      void done()
    }
  })
  const revoke = useMutation({
    mutationFn: (id: string) => api(`/clips/${id}`, { method: 'DELETE' }),
    onSuccess() {
      notify(t('clip.revoked'))
      void done()
    }
  })
  return (
    <section className="card" aria-labelledby="clips-title">
      <h2 id="clips-title">{t('clip.title')}</h2>
      <ul className={classes['comments']}>
        {(clips.data ?? []).map(one => (
          <li key={one.id}>
            <span className="ltr">
              {duration(one.fromMs)}–{duration(one.toMs)}
            </span>{' '}
            <span dir="auto">{one.title}</span> · {t('clip.opened', { count: one.opens })} ·{' '}
            {one.revokedAt === null ? t('clip.until', { at: dateTime(one.expiresAt) }) : t('clip.ended')}{' '}
            {one.revokedAt === null && (
              <button type="button" className={classes['jump']} onClick={() => revoke.mutate(one.id)}>
                {t('clip.revoke')}
              </button>
            )}
          </li>
        ))}
      </ul>
      {link !== null && (
        <p data-testid="clip-link">
          {t('clip.once')} <code className="ltr">{link}</code>
        </p>
      )}
      {span === null ? (
        <Button variant="default" onClick={() => setSpan(widen(spanNow()))}>
          {t('clip.make')}
        </Button>
      ) : (
        <form
          className={classes['form']}
          onSubmit={event => {
            event.preventDefault()
            make.mutate()
          }}
        >
          <p className="ltr">
            {duration(span.fromMs)}–{duration(span.toMs)}
          </p>
          <TextInput
            label={t('clip.name')}
            required
            value={title}
            onChange={event => setTitle(event.currentTarget.value)}
          />
          <TextInput
            label={t('clip.forWhom')}
            description={t('clip.forWhomSays')}
            required
            minLength={2}
            value={forWhom}
            onChange={event => setForWhom(event.currentTarget.value)}
          />
          <NativeSelect
            label={t('clip.ends')}
            value={hours}
            data={[
              { value: '24', label: t('clip.day') },
              { value: '168', label: t('clip.week') },
              { value: '720', label: t('clip.month') }
            ]}
            onChange={event => setHours(event.currentTarget.value)}
          />
          {make.isError && <Problem error={make.error} />}
          <div className={classes['row']}>
            <Button type="submit" loading={make.isPending}>
              {t('clip.create')}
            </Button>
            <Button variant="default" onClick={() => setSpan(null)}>
              {t('cancel')}
            </Button>
          </div>
        </form>
      )}
    </section>
  )
}

function widen(span: Span): Span {
  return { fromMs: Math.max(0, span.fromMs - 1_000), toMs: span.toMs + 1_000 }
}

function Reviews({
  call,
  player,
  spanNow,
  evidenceFor,
  mayWrite,
  me,
  onBegun
}: Readonly<{
  call: QualityCall
  player: Player
  spanNow(): Span
  evidenceFor: { current: ((span: Span) => void) | null }
  mayWrite: boolean
  me: string
  onBegun(): void
}>) {
  const { t } = useTranslation('quality')
  const { number } = useFormat()
  const [search] = useSearchParams()
  const task = search.get('task')
  const calibration = search.get('calibration')
  const reviews = useQuery({
    queryKey: ['quality', 'reviews', call.callId],
    queryFn: async ({ signal }) =>
      (await api<Page<Review>>('/reviews', { query: { callId: call.callId }, signal })).items
  })
  const cards = useQuery(scorecardsQuery)
  const [openId, setOpenId] = useState<string | null>(null)
  const published = (cards.data ?? []).filter(card => card.version !== null && card.archivedAt === null)
  const asked = search.get('scorecard')
  const [chosen, setChosen] = useState<string | null>(asked)
  const begin = useMutation({
    mutationFn: (scorecardId: string) =>
      api<Review>('/reviews', {
        method: 'POST',
        body: {
          callId: call.callId,
          scorecardId,
          ...(task !== null && { taskId: task }),
          ...(calibration !== null && { calibrationId: calibration })
        }
      }),
    onSuccess(review) {
      setOpenId(review.id)
      onBegun()
    }
  })
  const own = (reviews.data ?? []).find(one => one.reviewerId === me && one.status === 'draft')
  const shownId = openId ?? own?.id ?? null
  const [shown] = useQueries({
    queries: [
      {
        queryKey: ['quality', 'review', shownId],
        enabled: shownId !== null,
        queryFn: ({ signal }: { signal: AbortSignal }) => api<Review>(`/reviews/${shownId}`, { signal })
      }
    ]
  })
  const scorecardId = chosen ?? published[0]?.id ?? null
  const mine = shown.data?.reviewerId === me
  // A machine's opinion comes after the reviewer's own, never before.
  const listed = (reviews.data ?? []).filter(
    one =>
      one.kind !== 'machine' || !mayWrite || (reviews.data ?? []).some(r => r.reviewerId === me && r.status !== 'draft')
  )
  return (
    <section className={`card ${classes['reviews']}`} aria-labelledby="reviews-title">
      <h2 id="reviews-title">{t('review.title')}</h2>
      {reviews.isError && <Problem error={reviews.error} />}
      <ul className={classes['comments']}>
        {listed.map(one => (
          <li key={one.id}>
            <button
              type="button"
              className={classes['jump']}
              onClick={() => setOpenId(one.id)}
              aria-current={one.id === shownId}
            >
              <bdi>{one.reviewerName}</bdi> · {nameOf(cards.data, one)} · {t(`review.status.${one.status}`)}
              {one.percent !== null && one.status !== 'draft' && ` · ${number(one.percent)} %`}
              {one.kind === 'machine' && ` · ${t('review.machine')}`}
              {one.kind === 'calibration' && ` · ${t('review.calibration')}`}
            </button>
          </li>
        ))}
      </ul>
      {mayWrite && own === undefined && published.length > 0 && (
        <div className={classes['row']}>
          <NativeSelect
            aria-label={t('review.scorecard')}
            value={scorecardId ?? ''}
            data={published.map(card => ({ value: card.id, label: `${card.name} v${card.version}` }))}
            onChange={event => setChosen(event.currentTarget.value)}
          />
          <Button loading={begin.isPending} onClick={() => scorecardId !== null && begin.mutate(scorecardId)}>
            {t('review.begin')}
          </Button>
        </div>
      )}
      {mayWrite && published.length === 0 && cards.isSuccess && (
        <p>
          {t('review.noScorecard')} <Link to="/quality/scorecards">{t('tab.scorecards')}</Link>
        </p>
      )}
      {begin.isError && <Problem error={begin.error} />}
      {shown.data !== undefined && (
        <>
          <ReviewForm
            key={shown.data.id}
            review={shown.data}
            player={player}
            spanNow={spanNow}
            evidenceFor={evidenceFor}
          />
          {shown.data.disputes.length > 0 && (
            <Disputes review={shown.data} mayAnswer={mayWrite && (mine || shown.data.status === 'disputed')} />
          )}
        </>
      )}
    </section>
  )
}

function nameOf(cards: readonly Scorecard[] | undefined, review: Review): string {
  return `${cards?.find(card => card.id === review.scorecardId)?.name ?? ''} v${review.version}`
}

function Disputes({ review, mayAnswer }: Readonly<{ review: Review; mayAnswer: boolean }>) {
  const { t } = useTranslation('quality')
  const client = useQueryClient()
  const [answer, setAnswer] = useState('')
  const settle = useMutation({
    mutationFn: (id: string) =>
      api(`/reviews/${review.id}/disputes/${id}/answer`, { method: 'POST', body: { answer } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['quality'] })
  })
  return (
    <div className={classes['form']}>
      <h3>{t('dispute.title')}</h3>
      {review.disputes.map(one => (
        <div key={one.id} className={classes['form']}>
          <blockquote dir="auto">{one.reason}</blockquote>
          {one.outcome !== null && (
            <p>
              <b>{t(`dispute.${one.outcome}`)}</b> <span dir="auto">{one.answer}</span>
            </p>
          )}
          {one.outcome === null && mayAnswer && (
            <form
              className={classes['form']}
              onSubmit={event => {
                event.preventDefault()
                settle.mutate(one.id)
              }}
            >
              <Textarea
                label={t('dispute.answer')}
                required
                minLength={5}
                value={answer}
                onChange={event => setAnswer(event.currentTarget.value)}
              />
              <div>
                <Button type="submit" variant="default" loading={settle.isPending}>
                  {t('dispute.uphold')}
                </Button>
              </div>
              {settle.isError && <Problem error={settle.error} />}
            </form>
          )}
        </div>
      ))}
    </div>
  )
}
