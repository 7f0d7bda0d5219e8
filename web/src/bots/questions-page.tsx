import { Button, EmptyState } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { notify } from '../parts/notices.tsx'
import { CustomerText } from '../parts/people.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { QuestionGroup } from './api.ts'
import classes from './bots.module.css'
import { useMayWrite } from './use-may-write.ts'

/** What callers asked and no article answers, most asked first: the next articles to write. */
export function QuestionsPage() {
  const { t } = useTranslation('bots')
  const { date, number, languageName } = useFormat()
  const client = useQueryClient()
  const mayWrite = useMayWrite()
  const list = useQuery({
    queryKey: ['bots', 'questions'],
    queryFn: async ({ signal }) =>
      (await api<{ groups: readonly QuestionGroup[] }>('/bot-questions', { signal })).groups
  })
  const settle = useMutation({
    mutationFn: (ids: readonly string[]) => api('/bot-questions/settle', { method: 'POST', body: { ids } }),
    onSuccess() {
      notify(t('questions.settled'))
      void client.invalidateQueries({ queryKey: ['bots', 'questions'] })
    }
  })
  return (
    <section className={classes['page']} data-testid="questions">
      <h1>{t('tab.questions')}</h1>
      {list.isPending && <Waiting what={t('questions.waiting')} lines={5} />}
      {list.isError && <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {settle.isError && <Problem error={settle.error} />}
      {list.isSuccess && list.data.length === 0 && (
        <EmptyState
          icon={<Icon name="check" size={32} />}
          title={t('questions.empty')}
          description={t('questions.emptySays')}
        />
      )}
      {list.isSuccess && list.data.length > 0 && <p className={classes['dim']}>{t('questions.emptySays')}</p>}
      <ul className={classes['passages']}>
        {(list.data ?? []).map(one => (
          <li key={one.ids[0]} className="card">
            <p className={classes['text']}>
              <CustomerText lang={one.language}>{one.example}</CustomerText>
            </p>
            <p className={classes['dim']}>
              {languageName(one.language)}
              {' · '}
              {t('questions.times', { times: number(one.ids.length), at: date(one.lastAskedAt) })}
            </p>
            {mayWrite && (
              <div className={classes['row']}>
                <Button
                  component={Link}
                  size="compact-sm"
                  to={`/bots/articles/new?${new URLSearchParams({ language: one.language, title: one.example })}`}
                >
                  {t('questions.write')}
                </Button>
                <Button
                  variant="default"
                  size="compact-sm"
                  loading={settle.isPending && settle.variables === one.ids}
                  onClick={() => settle.mutate(one.ids)}
                >
                  {t('questions.settle')}
                </Button>
              </div>
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}
