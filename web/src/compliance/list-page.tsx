import { Button, TextInput } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useParams } from 'react-router'
import { useMay } from '../admin/use-may.ts'
import { api } from '../api/client.ts'
import { queryClient } from '../api/query-client.ts'
import { useFormat } from '../i18n/format.ts'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { DncVersion } from './answers.ts'
import classes from './compliance.module.css'
import { ImportList } from './import-list.tsx'
import { listsQuery } from './lists.ts'

/** One do-not-call list: importing a file, and its versions, of which any can come into force again. */
export function ListPage() {
  const { id = '' } = useParams()
  const { t } = useTranslation('compliance')
  const { dateTime, number } = useFormat()
  const list = useQuery({ ...listsQuery, select: all => all.items.find(one => one.id === id) ?? null })
  const versions = useQuery({
    queryKey: ['compliance', 'list-versions', id],
    queryFn: async ({ signal }) =>
      (await api<{ items: readonly DncVersion[] }>(`/dnc-lists/${encodeURIComponent(id)}/versions`, { signal })).items
  })
  if (list.isPending || versions.isPending) return <Waiting what={t('lists.waiting')} lines={6} />
  if (list.isError) return <Problem error={list.error} onRetry={() => void list.refetch()} />
  if (versions.isError) return <Problem error={versions.error} onRetry={() => void versions.refetch()} />
  if (list.data === null) return <p>{t('lists.gone')}</p>
  const inForce = list.data.version
  return (
    <article className={classes['section']} data-testid="list">
      <p>
        <Link to="/compliance/lists">{t('lists.back')}</Link>
      </p>
      <h2 dir="auto">{list.data.name}</h2>
      <p>
        <bdi className="ltr">
          {list.data.registry} · {list.data.format}
        </bdi>{' '}
        {inForce === null
          ? t('lists.never')
          : t('lists.inForce', {
              version: inForce,
              numbers: number(list.data.numbers ?? 0),
              days: Math.floor(list.data.ageDays ?? 0)
            })}
      </p>
      <ImportList list={list.data} />
      <section className={classes['section']} aria-labelledby="versions-title">
        <h2 id="versions-title">{t('lists.versions')}</h2>
        <ul className={classes['rules']}>
          {versions.data.map(one => (
            <li key={one.version}>
              <strong>{t('lists.versionOf', { version: one.version })}</strong>{' '}
              {one.version === inForce && <em>{t('lists.rules')}</em>} {dateTime(one.createdAt)} ·{' '}
              <bdi dir="auto">{one.sourceName}</bdi> ·{' '}
              {t('lists.count', { count: one.numbers, shown: number(one.numbers) })}
              <p className={classes['hint']}>
                {t('lists.obtained', { at: dateTime(one.obtainedAt) })}{' '}
                <code className="ltr">sha256 {one.sourceSha256.slice(0, 16)}…</code>
              </p>
              {one.version !== inForce && <RollBack listId={id} version={one.version} />}
            </li>
          ))}
        </ul>
        {versions.data.length === 0 && <p className={classes['hint']}>{t('lists.noVersion')}</p>}
      </section>
    </article>
  )
}

function RollBack({ listId, version }: Readonly<{ listId: string; version: number }>) {
  const { t } = useTranslation('compliance')
  const refusal = useMay('dnc-lists:write')
  const [reason, setReason] = useState('')
  const back = useMutation({
    mutationFn: () =>
      api<void>(`/dnc-lists/${encodeURIComponent(listId)}/rollback`, { method: 'POST', body: { version, reason } }),
    onSuccess() {
      notify(t('lists.rolledBack', { version }))
      void queryClient.invalidateQueries({ queryKey: ['compliance'] })
    }
  })
  return (
    <details>
      <summary>{t('lists.rollBack')}</summary>
      <form
        className={classes['row']}
        onSubmit={event => {
          event.preventDefault()
          back.mutate()
        }}
      >
        <TextInput
          label={t('lists.reason')}
          required
          value={reason}
          onChange={event => setReason(event.currentTarget.value)}
        />
        <Button
          type="submit"
          variant="default"
          loading={back.isPending}
          disabled={refusal !== null}
          title={refusal ?? undefined}
        >
          {t('lists.rollBackTo', { version })}
        </Button>
      </form>
      {back.isError && <Problem error={back.error} />}
    </details>
  )
}
