import { Button, EmptyState } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { api, type Page } from '../api/client.ts'
import { meQuery } from '../api/session.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { scorecardsQuery, type Task } from './api.ts'
import classes from './quality.module.css'

type Rule = Readonly<{ id: string; name: string; kind: string; isEnabled: boolean; sampledUntil: string }>

/** Calls that rules have drawn and that wait for a review, mine first. */
export function TasksPage() {
  const { t } = useTranslation('quality')
  const { dateTime } = useFormat()
  const client = useQueryClient()
  const may = useQuery(meQuery).data?.permissions.includes('reviews:write') === true
  const tasks = useQuery({
    queryKey: ['quality', 'tasks'],
    queryFn: async ({ signal }) =>
      (await api<Page<Task>>('/review-tasks', { query: { mine: may, limit: 200 }, signal })).items
  })
  const rules = useQuery({
    queryKey: ['quality', 'rules'],
    queryFn: async ({ signal }) => (await api<{ items: readonly Rule[] }>('/sampling-rules', { signal })).items
  })
  const cards = useQuery(scorecardsQuery)
  const run = useMutation({
    mutationFn: (id: string) => api<{ drawn: number }>(`/sampling-rules/${id}/run`, { method: 'POST' }),
    onSuccess({ drawn }) {
      notify(t('task.drawn', { count: drawn }))
      void client.invalidateQueries({ queryKey: ['quality', 'tasks'] })
    }
  })
  if (tasks.isPending) return <Waiting what={t('task.waiting')} lines={5} />
  if (tasks.isError) return <Problem error={tasks.error} onRetry={() => void tasks.refetch()} />
  const ruleName = (id: string) => rules.data?.find(rule => rule.id === id)?.name ?? ''
  return (
    <section className={classes['page']} data-testid="quality-tasks">
      <h1>{t('tab.tasks')}</h1>
      {tasks.data.length === 0 && (
        <EmptyState icon={<Icon name="check" size={32} />} title={t('task.empty')} description={t('task.emptySays')} />
      )}
      <ul className={classes['results']}>
        {tasks.data.map(task => (
          <li key={task.id}>
            <Link to={`/quality/calls/${task.callId}?task=${task.id}&scorecard=${task.scorecardId}`}>
              <strong>{ruleName(task.ruleId)}</strong>
            </Link>{' '}
            <span dir="auto">{task.reason}</span> · {cards.data?.find(card => card.id === task.scorecardId)?.name ?? ''}{' '}
            · {dateTime(task.createdAt)}
          </li>
        ))}
      </ul>
      <section className="card" aria-labelledby="rules-title">
        <h2 id="rules-title">{t('task.rules')}</h2>
        <ul className={classes['comments']}>
          {(rules.data ?? []).map(rule => (
            <li key={rule.id} className={classes['row']}>
              <b>{rule.name}</b> <span>{t(`rule.${rule.kind as 'perAgent'}`)}</span>
              <span className={classes['dim']}>{t('task.until', { at: dateTime(rule.sampledUntil) })}</span>
              {may && (
                <Button size="compact-sm" variant="default" onClick={() => run.mutate(rule.id)}>
                  {t('task.run')}
                </Button>
              )}
            </li>
          ))}
        </ul>
        {rules.data?.length === 0 && <p className={classes['dim']}>{t('task.noRules')}</p>}
        {run.isError && <Problem error={run.error} />}
        {may && <NewRule cards={(cards.data ?? []).filter(card => card.version !== null)} />}
      </section>
    </section>
  )
}

function NewRule({ cards }: Readonly<{ cards: readonly Readonly<{ id: string; name: string }>[] }>) {
  const { t } = useTranslation('quality')
  const client = useQueryClient()
  const create = useMutation({
    mutationFn: (form: FormData) => {
      const kind = String(form.get('kind'))
      const value = String(form.get('value')).trim()
      const settings: Readonly<Record<string, unknown>> =
        kind === 'perAgent'
          ? { percent: Number(value) }
          : kind === 'riskWords'
            ? { words: value }
            : kind === 'shortCalls'
              ? { maxTalkMs: Number(value) * 1000 }
              : { tags: value.split(',').map(one => one.trim()) }
      return api('/sampling-rules', {
        method: 'POST',
        body: { name: String(form.get('name')), scorecardId: String(form.get('card')), kind, settings }
      })
    },
    onSuccess: () => client.invalidateQueries({ queryKey: ['quality', 'rules'] })
  })
  if (cards.length === 0) return null
  return (
    <details>
      <summary>{t('rule.new')}</summary>
      <form
        className={classes['filters']}
        onSubmit={event => {
          event.preventDefault()
          create.mutate(new FormData(event.currentTarget))
        }}
      >
        <label>
          {t('rule.name')} <input className={classes['input']} name="name" required maxLength={100} />
        </label>
        <label>
          {t('rule.kind')}{' '}
          <select className={classes['input']} name="kind">
            {(['perAgent', 'riskWords', 'shortCalls', 'complaints'] as const).map(kind => (
              <option key={kind} value={kind}>
                {t(`rule.${kind}`)}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t('rule.value')} <input className={classes['input']} name="value" required maxLength={500} />
        </label>
        <label>
          {t('review.scorecard')}{' '}
          <select className={classes['input']} name="card">
            {cards.map(card => (
              <option key={card.id} value={card.id}>
                {card.name}
              </option>
            ))}
          </select>
        </label>
        <div className={classes['submit']}>
          <Button type="submit" variant="default" loading={create.isPending}>
            {t('rule.create')}
          </Button>
        </div>
      </form>
      {create.isError && <Problem error={create.error} />}
    </details>
  )
}
