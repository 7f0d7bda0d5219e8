import { Button, EmptyState, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { api } from '../api/client.ts'
import { everyPage } from '../api/directory.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import classes from './admin.module.css'
import { DataTable } from './data-table.tsx'
import type { QueueSettings } from './queue-settings.ts'
import { useMay } from './use-may.ts'

const wordsOf = (queue: QueueSettings) => `${queue.name} ${Object.values(queue.labels).join(' ')}`

/** All queues; one opens on a page of its own. */
export function QueuesPage() {
  const { t } = useTranslation('admin')
  const { duration, percent } = useFormat()
  const navigate = useNavigate()
  const client = useQueryClient()
  const refusal = useMay('queues:write')
  const [name, setName] = useState('')
  const list = useQuery({
    queryKey: ['admin', '/queues'],
    queryFn: ({ signal }) => everyPage<QueueSettings>('/queues', signal)
  })
  const create = useMutation({
    mutationFn: () => api<QueueSettings>('/queues', { method: 'POST', body: { name: name.trim() } }),
    async onSuccess(queue) {
      await client.invalidateQueries({ queryKey: ['admin', '/queues'] })
      await navigate(`/admin/queues/${queue.id}`)
    }
  })
  if (list.isPending) return <Waiting what={t('list.waiting')} lines={6} />
  if (list.isError) return <Problem error={list.error} onRetry={() => void list.refetch()} />
  return (
    <div className={classes['section']}>
      <h2 id="queues-title">{t('tab.queues')}</h2>
      <form
        className={classes['row']}
        onSubmit={event => {
          event.preventDefault()
          create.mutate()
        }}
      >
        <TextInput
          aria-label={t('queue.newName')}
          placeholder={t('queue.newName')}
          value={name}
          onChange={event => setName(event.currentTarget.value)}
        />
        <Button type="submit" disabled={refusal !== null || name.trim() === ''} loading={create.isPending}>
          {t('list.add')}
        </Button>
        {refusal !== null && <span className={classes['count']}>{refusal}</span>}
      </form>
      {create.isError && <Problem error={create.error} kept={t('form.kept')} />}
      {list.data.length === 0 ? (
        <EmptyState icon={<Icon name="list" size={32} />} title={t('queue.none')} description={t('queue.noneSays')} />
      ) : (
        <DataTable
          label={t('tab.queues')}
          rows={list.data}
          keyOf={queue => queue.id}
          wordsOf={wordsOf}
          onOpen={queue => void navigate(`/admin/queues/${queue.id}`)}
          columns={[
            { name: t('field.name'), cell: queue => <bdi>{queue.name}</bdi> },
            { name: t('field.strategy'), cell: queue => t(`strategy.${queue.strategy}`) },
            {
              name: t('queue.promise'),
              cell: queue =>
                queue.goalPercent === null
                  ? duration(queue.thresholdMs)
                  : t('queue.promiseIs', {
                      percent: percent(queue.goalPercent / 100),
                      time: duration(queue.thresholdMs)
                    })
            },
            { name: t('field.wrapUpMs'), cell: queue => duration(queue.wrapUpMs) }
          ]}
        />
      )}
    </div>
  )
}
