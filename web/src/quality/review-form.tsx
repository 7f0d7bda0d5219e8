import { Button, Textarea } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ApiError, api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import {
  type Answer,
  type Answers,
  NOT_APPLICABLE,
  type Question,
  type Review,
  type Span,
  versionQuery
} from './api.ts'
import type { Player } from './player-state.ts'
import classes from './quality.module.css'

const SAVE_MS = 700

/** One draft of a scorecard; what is typed is on the server a moment later. Digits choose, E cites the moment. */
export function ReviewForm({
  review,
  player,
  spanNow,
  evidenceFor
}: Readonly<{
  review: Review
  player: Player
  /** The span that "cite" takes: what is being said at this moment. */
  spanNow(): Span
  /** Told which question wants evidence, so that E in the player serves it. */
  evidenceFor: { current: ((span: Span) => void) | null }
}>) {
  const { t } = useTranslation('quality')
  const { number } = useFormat()
  const client = useQueryClient()
  const card = useQuery(versionQuery(review.scorecardId, review.version))
  const [answers, setAnswers] = useState<Answers>(review.answers)
  const [coaching, setCoaching] = useState(review.coaching)
  const [note, setNote] = useState(review.note)
  const [problems, setProblems] = useState<ReadonlySet<string>>(new Set())
  const isOpen = review.status === 'draft'
  const last = useRef(JSON.stringify([review.answers, review.note, review.coaching]))
  const keep = useMutation({
    mutationFn: (body: unknown) => api<Review>(`/reviews/${review.id}`, { method: 'PATCH', body }),
    onSuccess: saved => client.setQueryData(['quality', 'review', review.id], saved)
  })
  const { mutateAsync } = keep
  const save = async () => {
    const now = JSON.stringify([answers, note, coaching])
    if (now === last.current) return
    last.current = now
    await mutateAsync({ answers, note, coaching })
  }
  useEffect(() => {
    if (!isOpen) return
    const now = JSON.stringify([answers, note, coaching])
    if (now === last.current) return
    const timer = setTimeout(() => {
      last.current = now
      mutateAsync({ answers, note, coaching }).catch(() => undefined)
    }, SAVE_MS)
    return () => clearTimeout(timer)
  }, [answers, note, coaching, isOpen, mutateAsync])
  const submit = useMutation({
    async mutationFn() {
      await save()
      return await api<Review>(`/reviews/${review.id}/submit`, { method: 'POST' })
    },
    onSuccess(done) {
      notify(t('review.submitted'))
      client.setQueryData(['quality', 'review', review.id], done)
      void client.invalidateQueries({ queryKey: ['quality', 'reviews'] })
      void client.invalidateQueries({ queryKey: ['quality', 'tasks'] })
    },
    onError(err) {
      if (err instanceof ApiError) setProblems(new Set(err.problems.map(one => one.at.replace('/answers/', ''))))
    }
  })
  if (card.isPending) return <Waiting what={t('review.waiting')} lines={6} />
  if (card.isError) return <Problem error={card.error} />
  const change = (id: string, answer: Answer) => {
    setAnswers(now => ({ ...now, [id]: answer }))
    setProblems(now => new Set([...now].filter(one => one !== id)))
  }
  const percent = keep.data?.percent ?? review.percent
  const critical = keep.data?.critical ?? review.critical
  return (
    <form className={classes['form']} data-testid="review-form" onSubmit={event => event.preventDefault()}>
      {card.data.body.sections.map(section => (
        <section key={section.title} className={classes['form']}>
          <h3>{section.title}</h3>
          {section.questions.map(question => (
            <QuestionField
              key={question.id}
              question={question}
              answer={answers[question.id]}
              isOpen={isOpen}
              isMissing={problems.has(question.id)}
              onChange={answer => change(question.id, answer)}
              onSeek={ms => player.seek(ms)}
              spanNow={spanNow}
              evidenceFor={evidenceFor}
            />
          ))}
        </section>
      ))}
      <Textarea
        label={t('review.note')}
        value={note}
        readOnly={!isOpen}
        autosize
        minRows={2}
        onChange={event => setNote(event.currentTarget.value)}
      />
      <Textarea
        label={t('review.coaching')}
        description={t('review.coachingSays')}
        value={coaching}
        readOnly={!isOpen}
        autosize
        minRows={2}
        onChange={event => setCoaching(event.currentTarget.value)}
      />
      <p className={classes['total']} data-testid="total">
        {percent === null ? t('review.noTotal') : t('review.total', { percent: number(percent) })}
        {critical.length > 0 && <strong> {t('review.critical', { count: critical.length })}</strong>}
      </p>
      {keep.isError && <Problem error={keep.error} onRetry={() => void save()} />}
      {submit.isError && <Problem error={submit.error} kept={t('review.kept')} />}
      {isOpen ? (
        <div className={classes['row']}>
          <Button loading={submit.isPending} onClick={() => submit.mutate()}>
            {t('review.submit')}
          </Button>
          <span className={classes['dim']} role="status">
            {keep.isPending ? t('review.saving') : t('review.saved')}
          </span>
        </div>
      ) : (
        <p className={classes['dim']}>{t(`review.status.${review.status}`)}</p>
      )}
    </form>
  )
}

function QuestionField({
  question,
  answer,
  isOpen,
  isMissing,
  onChange,
  onSeek,
  spanNow,
  evidenceFor
}: Readonly<{
  question: Question
  answer: Answer | undefined
  isOpen: boolean
  isMissing: boolean
  onChange(answer: Answer): void
  onSeek(ms: number): void
  spanNow(): Span
  evidenceFor: { current: ((span: Span) => void) | null }
}>) {
  const { t } = useTranslation('quality')
  const { duration } = useFormat()
  const options = [
    ...question.options,
    ...(question.allowsNotApplicable === true ? [{ value: NOT_APPLICABLE, label: t('review.notApplicable') }] : [])
  ]
  const { isNotEvidenced: _none, ...without } = answer ?? { value: '' }
  const cite = (span: Span) => onChange({ ...without, evidence: [...(answer?.evidence ?? []), span] })
  const choose = (value: string) => {
    if (value === NOT_APPLICABLE) onChange({ value })
    else onChange({ ...(answer ?? {}), value })
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1]
    const option = digit === undefined ? undefined : options[Number(digit) - 1]
    if (event.nativeEvent.isComposing || event.ctrlKey || event.metaKey || event.altKey || !isOpen) return
    if (event.code === 'KeyE') {
      event.preventDefault()
      cite(spanNow())
    } else if (option !== undefined) {
      event.preventDefault()
      choose(option.value)
    }
  }
  return (
    <fieldset
      className={classes['question']}
      data-missing={isMissing}
      disabled={!isOpen}
      onKeyDown={onKeyDown}
      onFocus={() => {
        evidenceFor.current = cite
      }}
    >
      <legend>
        {question.text} {question.isCritical === true && <em>{t('review.isCritical')}</em>}
      </legend>
      {question.help !== undefined && <p className={classes['dim']}>{question.help}</p>}
      <div className={classes['row']}>
        {options.map((option, at) => (
          <label key={option.value} className={classes['option']}>
            <input
              type="radio"
              name={question.id}
              checked={answer?.value === option.value}
              onChange={() => choose(option.value)}
              aria-keyshortcuts={String(at + 1)}
            />
            {option.label}
          </label>
        ))}
      </div>
      {answer !== undefined && answer.value !== NOT_APPLICABLE && (
        <div className={classes['row']}>
          {(answer.evidence ?? []).map(span => (
            <span key={`${span.fromMs} ${span.toMs}`} className={classes['evidence']}>
              <button type="button" onClick={() => onSeek(span.fromMs)}>
                <span className="ltr">
                  {duration(span.fromMs)}–{duration(span.toMs)}
                </span>
              </button>
              {isOpen && (
                <button
                  type="button"
                  aria-label={t('review.uncite', { time: duration(span.fromMs) })}
                  onClick={() => onChange({ ...answer, evidence: (answer.evidence ?? []).filter(one => one !== span) })}
                >
                  ×
                </button>
              )}
            </span>
          ))}
          {isOpen && (
            <Button size="compact-sm" variant="default" onClick={() => cite(spanNow())} aria-keyshortcuts="E">
              {t('review.cite')}
            </Button>
          )}
          {(answer.evidence ?? []).length === 0 && (
            <label className={classes['option']}>
              <input
                type="checkbox"
                checked={answer.isNotEvidenced === true}
                onChange={event =>
                  onChange(event.currentTarget.checked ? { ...without, isNotEvidenced: true } : without)
                }
              />
              {t('review.notEvidenced')}
            </label>
          )}
        </div>
      )}
      {isMissing && <p className={classes['missing']}>{t('review.missing')}</p>}
    </fieldset>
  )
}
