import { Button, NativeSelect, Textarea } from '@mantine/core'
import { useMutation, useQueries, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useSearchParams } from 'react-router'
import { api, type Page } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Problem } from '../parts/problem.tsx'
import { type QualityCall, type Review, type Scorecard, type Span, scorecardsQuery } from './api.ts'
import type { Player } from './player-state.ts'
import classes from './quality.module.css'
import { ReviewForm } from './review-form.tsx'

/** How a call is judged, by people and beside them by machines. */
export function Reviews({
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
