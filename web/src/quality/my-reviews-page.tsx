import { Button, EmptyState, Textarea } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, type Page } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { NOT_APPLICABLE, type Review, versionQuery } from './api.ts'
import classes from './quality.module.css'

/** What reviewers say about an agent's own calls; the agent reads, answers, disputes. */
export function MyReviewsPage() {
  const { t } = useTranslation('quality')
  const reviews = useQuery({
    queryKey: ['quality', 'mine'],
    queryFn: async ({ signal }) => (await api<Page<Review>>('/reviews/mine', { signal })).items
  })
  if (reviews.isPending) return <Waiting what={t('mine.waiting')} lines={5} />
  if (reviews.isError) return <Problem error={reviews.error} onRetry={() => void reviews.refetch()} />
  return (
    <section className={classes['page']} data-testid="my-reviews">
      <h1>{t('mine.title')}</h1>
      {reviews.data.length === 0 && (
        <EmptyState icon={<Icon name="check" size={32} />} title={t('mine.empty')} description={t('mine.emptySays')} />
      )}
      {reviews.data.map(review => (
        <OwnReview key={review.id} review={review} />
      ))}
    </section>
  )
}

function OwnReview({ review }: Readonly<{ review: Review }>) {
  const { t } = useTranslation('quality')
  const { dateTime, number, duration } = useFormat()
  const client = useQueryClient()
  const card = useQuery(versionQuery(review.scorecardId, review.version))
  const [reason, setReason] = useState('')
  const refresh = () => client.invalidateQueries({ queryKey: ['quality', 'mine'] })
  const seen = useMutation({
    mutationFn: () => api(`/reviews/${review.id}/seen`, { method: 'POST' }),
    onSuccess: refresh
  })
  const dispute = useMutation({
    mutationFn: () => api(`/reviews/${review.id}/disputes`, { method: 'POST', body: { reason } }),
    onSuccess() {
      setReason('')
      void refresh()
    }
  })
  const questions = card.data?.body.sections.flatMap(section => section.questions) ?? []
  return (
    <article className="card">
      <h2>
        {review.submittedAt !== null && dateTime(review.submittedAt)} ·{' '}
        {review.percent === null ? '–' : `${number(review.percent)} %`}
      </h2>
      <p>
        <bdi>{review.reviewerName}</bdi> · {t(`review.status.${review.status}`)}
        {review.critical.length > 0 && <strong> · {t('review.critical', { count: review.critical.length })}</strong>}
      </p>
      <ul className={classes['comments']}>
        {questions.map(question => {
          const answer = review.answers[question.id]
          const label =
            answer?.value === NOT_APPLICABLE
              ? t('review.notApplicable')
              : question.options.find(option => option.value === answer?.value)?.label
          return (
            <li key={question.id} dir="auto">
              {question.text} <b>{label ?? '–'}</b>{' '}
              {(answer?.evidence ?? []).map(span => (
                <span key={span.fromMs} className={`ltr ${classes['clock']}`}>
                  {duration(span.fromMs)}
                </span>
              ))}
              {answer?.isNotEvidenced === true && <span className={classes['dim']}>{t('review.notEvidenced')}</span>}
            </li>
          )
        })}
      </ul>
      {review.coaching !== '' && (
        <p>
          <b>{t('review.coaching')}</b> <span dir="auto">{review.coaching}</span>
        </p>
      )}
      {review.disputes.map(one => (
        <blockquote key={one.id} dir="auto">
          {one.reason}
          {one.outcome !== null && (
            <footer>
              <b>{t(`dispute.${one.outcome}`)}</b> {one.answer}
            </footer>
          )}
        </blockquote>
      ))}
      <div className={classes['row']}>
        {review.seenByAgentAt === null && (
          <Button loading={seen.isPending} onClick={() => seen.mutate()}>
            {t('mine.seen')}
          </Button>
        )}
      </div>
      {review.status !== 'disputed' && (
        <details>
          <summary>{t('mine.dispute')}</summary>
          <form
            className={classes['form']}
            onSubmit={event => {
              event.preventDefault()
              dispute.mutate()
            }}
          >
            <Textarea
              label={t('mine.reason')}
              required
              minLength={5}
              value={reason}
              onChange={event => setReason(event.currentTarget.value)}
            />
            <div>
              <Button type="submit" variant="default" loading={dispute.isPending}>
                {t('mine.send')}
              </Button>
            </div>
            {dispute.isError && <Problem error={dispute.error} />}
          </form>
        </details>
      )}
    </article>
  )
}
