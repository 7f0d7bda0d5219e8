import { Button } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { everyPage } from '../api/directory.ts'
import { useFormat } from '../i18n/format.ts'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import { Comparison } from './comparison.tsx'
import type { FlowProblem, FlowSummary, FlowVersion } from './flow-api.ts'
import classes from './flows.module.css'

/** What publishing a version, or going back to one, would do; then doing it. */
export function Publish({
  flow,
  version,
  problems,
  onDone
}: Readonly<{ flow: FlowSummary; version: number; problems: readonly FlowProblem[]; onDone(): void }>) {
  const { t } = useTranslation('flows')
  const client = useQueryClient()
  const numbers = useQuery({
    queryKey: ['flows', 'numbers'],
    queryFn: ({ signal }) =>
      everyPage<Readonly<{ id: string; number: string; flowId: string | null }>>('/numbers', signal)
  })
  const publish = useMutation({
    mutationFn: () => api(`/flows/${flow.id}/publish`, { method: 'POST', body: { version } }),
    onSuccess() {
      notify(t('publish.done', { version }))
      void client.invalidateQueries({ queryKey: ['flows'] })
      onDone()
    }
  })
  const touched = (numbers.data ?? []).filter(one => one.flowId === flow.id)
  const untranslated = problems.filter(problem => problem.code === 'MISSING_TEXT').length
  return (
    <section className={`card ${classes['form']}`} aria-labelledby="publish-title" data-testid="publish">
      <h2 id="publish-title">{t('publish.title', { version })}</h2>
      <ul className={classes['ways']}>
        <li>
          {t('publish.numbers', { count: touched.length })} <bdi>{touched.map(one => one.number).join(', ')}</bdi>
        </li>
        <li>{t('publish.untranslated', { count: untranslated })}</li>
        <li>{t('publish.running')}</li>
      </ul>
      {flow.publishedVersion !== null && flow.publishedVersion !== version && (
        <Comparison flowId={flow.id} from={flow.publishedVersion} to={version} />
      )}
      {publish.isError && <Problem error={publish.error} />}
      <div className={classes['row']}>
        <Button
          loading={publish.isPending}
          disabled={flow.publishedVersion === version}
          onClick={() => publish.mutate()}
        >
          {t('publish.now', { version })}
        </Button>
        <Button variant="default" onClick={onDone}>
          {t('publish.notNow')}
        </Button>
      </div>
    </section>
  )
}

/** All versions, newest first; any can be compared with the live one and published again. */
export function Versions({ flow, onPublish }: Readonly<{ flow: FlowSummary; onPublish(version: number): void }>) {
  const { t } = useTranslation('flows')
  const { dateTime } = useFormat()
  const versions = useQuery({
    queryKey: ['flows', flow.id, 'versions'],
    queryFn: ({ signal }) => api<Readonly<{ items: readonly FlowVersion[] }>>(`/flows/${flow.id}/versions`, { signal })
  })
  if (!versions.isSuccess) return null
  return (
    <details className="card">
      <summary>{t('versions.title')}</summary>
      <ul className={classes['ways']}>
        {versions.data.items.map(one => (
          <li key={one.version} className={classes['row']}>
            <span>
              {t('versions.one', { version: one.version, at: dateTime(one.createdAt) })} <bdi>{one.note}</bdi>
            </span>
            {one.version === flow.publishedVersion ? (
              <strong>{t('versions.live')}</strong>
            ) : (
              <Button size="compact-sm" variant="default" onClick={() => onPublish(one.version)}>
                {t('versions.back', { version: one.version })}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </details>
  )
}
