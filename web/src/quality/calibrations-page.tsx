import { Button } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { type Calibration, type CalibrationResult, NOT_APPLICABLE, scorecardsQuery, versionQuery } from './api.ts'
import classes from './quality.module.css'

/** Several reviewers, one call: blind until all have submitted, then where they differ most. */
export function CalibrationsPage() {
  const { t } = useTranslation('quality')
  const { dateTime } = useFormat()
  const [openId, setOpenId] = useState<string | null>(null)
  const list = useQuery({
    queryKey: ['quality', 'calibrations'],
    queryFn: async ({ signal }) => (await api<{ items: readonly Calibration[] }>('/calibrations', { signal })).items
  })
  if (list.isPending) return <Waiting what={t('calibration.waiting')} lines={4} />
  if (list.isError) return <Problem error={list.error} onRetry={() => void list.refetch()} />
  return (
    <section className={classes['page']} data-testid="quality-calibrations">
      <h1>{t('tab.calibrations')}</h1>
      {list.data.length === 0 && <p className={classes['dim']}>{t('calibration.empty')}</p>}
      <ul className={classes['results']}>
        {list.data.map(one => (
          <li key={one.id} className={classes['row']}>
            <button
              type="button"
              className={classes['jump']}
              aria-current={one.id === openId}
              onClick={() => setOpenId(one.id)}
            >
              <strong dir="auto">{one.name}</strong>
            </button>
            <span>{t('calibration.submitted', { done: one.submitted, of: one.reviewerIds.length })}</span>
            <span className={classes['dim']}>{dateTime(one.createdAt)}</span>
            <Link to={`/quality/calls/${one.callId}?calibration=${one.id}&scorecard=${one.scorecardId}`}>
              {t('calibration.judge')}
            </Link>
          </li>
        ))}
      </ul>
      {openId !== null && <Result id={openId} />}
      <NewCalibration />
    </section>
  )
}

function Result({ id }: Readonly<{ id: string }>) {
  const { t } = useTranslation('quality')
  const { percent, number } = useFormat()
  const result = useQuery({
    queryKey: ['quality', 'calibration', id],
    queryFn: ({ signal }) => api<CalibrationResult>(`/calibrations/${id}`, { signal })
  })
  const card = useQuery({
    ...versionQuery(result.data?.scorecardId ?? '', result.data?.version ?? 1),
    enabled: result.data !== undefined
  })
  if (result.isPending) return <Waiting what={t('calibration.waiting')} lines={4} />
  if (result.isError) return <Problem error={result.error} />
  const { data } = result
  const labelOf = (questionId: string, value: string | null) => {
    if (value === null) return '–'
    if (value === NOT_APPLICABLE) return t('review.notApplicable')
    const question = card.data?.body.sections.flatMap(one => one.questions).find(one => one.id === questionId)
    return question?.options.find(option => option.value === value)?.label ?? value
  }
  return (
    <div className="card" data-testid="calibration-result">
      <h2 dir="auto">{data.name}</h2>
      {!data.isRevealed && <p>{t('calibration.blind')}</p>}
      {data.agreement !== null && (
        <p>
          {data.agreement.kappa === null || data.agreement.word === null
            ? t('calibration.noKappa')
            : t('calibration.kappa', {
                kappa: number(Math.round(data.agreement.kappa * 100) / 100),
                word: t(`kappa.${data.agreement.word as 'fair'}`)
              })}
        </p>
      )}
      {data.isRevealed && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
        <section className={classes['scroll']} tabIndex={0} aria-label={data.name}>
          <table className={classes['table']}>
            <thead>
              <tr>
                <th scope="col">{t('card.question')}</th>
                <th scope="col">{t('calibration.agreed')}</th>
                {data.reviewers.map(one => (
                  <th key={one.id} scope="col">
                    <bdi>{one.name}</bdi>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {data.questions.map(question => (
                <tr key={question.id} data-differs={question.agreed !== 1}>
                  <th scope="row" dir="auto">
                    {question.text}
                  </th>
                  <td>{question.agreed === null ? '–' : percent(question.agreed)}</td>
                  {question.answers.map((value, at) => (
                    <td key={data.reviewers[at]?.id ?? at} dir="auto">
                      {labelOf(question.id, value)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </div>
  )
}

function NewCalibration() {
  const { t } = useTranslation('quality')
  const client = useQueryClient()
  const cards = useQuery(scorecardsQuery)
  const people = useQuery({
    queryKey: ['quality', 'reviewers'],
    queryFn: async ({ signal }) =>
      (await api<{ items: readonly Readonly<{ id: string; name: string }>[] }>('/quality/reviewers', { signal })).items
  })
  const create = useMutation({
    mutationFn: (form: FormData) =>
      api('/calibrations', {
        method: 'POST',
        body: {
          name: String(form.get('name')),
          callId: String(form.get('call')).trim().split('/').at(-1)?.split('?')[0],
          scorecardId: String(form.get('card')),
          reviewerIds: form.getAll('reviewer').map(String)
        }
      }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['quality', 'calibrations'] })
  })
  const published = (cards.data ?? []).filter(card => card.version !== null)
  if (published.length === 0) return null
  return (
    <details className="card">
      <summary>{t('calibration.new')}</summary>
      <form
        className={classes['form']}
        onSubmit={event => {
          event.preventDefault()
          create.mutate(new FormData(event.currentTarget))
        }}
      >
        <label>
          {t('rule.name')} <input className={classes['input']} name="name" required maxLength={100} />
        </label>
        <label>
          {t('calibration.call')} <input className={classes['input']} name="call" required />
        </label>
        <label>
          {t('review.scorecard')}{' '}
          <select className={classes['input']} name="card">
            {published.map(card => (
              <option key={card.id} value={card.id}>
                {card.name}
              </option>
            ))}
          </select>
        </label>
        <fieldset className={classes['question']}>
          <legend>{t('calibration.reviewers')}</legend>
          {(people.data ?? []).map(one => (
            <label key={one.id} className={classes['option']}>
              <input type="checkbox" name="reviewer" value={one.id} /> <bdi>{one.name}</bdi>
            </label>
          ))}
        </fieldset>
        <div>
          <Button type="submit" variant="default" loading={create.isPending}>
            {t('calibration.create')}
          </Button>
        </div>
        {create.isError && <Problem error={create.error} />}
      </form>
    </details>
  )
}
