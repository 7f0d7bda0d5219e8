import { Button } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { api } from '../api/client.ts'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import classes from './admin.module.css'
import type { QueueSettings } from './queue-settings.ts'

/** Removes a queue that nothing uses; the server says what does. */
export function RemoveQueue({ queue, refusal }: Readonly<{ queue: QueueSettings; refusal: string | null }>) {
  const { t } = useTranslation('admin')
  const { t: common } = useTranslation()
  const navigate = useNavigate()
  const client = useQueryClient()
  const [isSure, setSure] = useState(false)
  const remove = useMutation({
    mutationFn: () => api(`/queues/${queue.id}`, { method: 'DELETE' }),
    async onSuccess() {
      notify(t('list.removed', { name: queue.name }))
      await client.invalidateQueries({ queryKey: ['admin', '/queues'] })
      await navigate('/admin/queues')
    }
  })
  return (
    <div className={classes['remove']}>
      {remove.isError && <Problem error={remove.error} />}
      {isSure ? (
        <div className={classes['row']}>
          <span>{t('list.removeSure', { name: queue.name })}</span>
          <Button color="red" loading={remove.isPending} onClick={() => remove.mutate()}>
            {t('list.removeNow')}
          </Button>
          <Button variant="default" onClick={() => setSure(false)}>
            {common('action.cancel')}
          </Button>
        </div>
      ) : (
        <div>
          <Button variant="default" disabled={refusal !== null} onClick={() => setSure(true)}>
            {t('list.remove')}
          </Button>
        </div>
      )}
    </div>
  )
}
