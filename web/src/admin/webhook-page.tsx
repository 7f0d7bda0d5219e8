import { Button } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useParams } from 'react-router'
import { api } from '../api/client.ts'
import { everyPage } from '../api/directory.ts'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import classes from './admin.module.css'
import { Deliveries } from './deliveries.tsx'
import { SecretOnce } from './secret-once.tsx'
import type { Webhook } from './webhooks.ts'

/** One webhook: what became of its deliveries, and a new secret for it. */
export function WebhookPage() {
  const { t } = useTranslation('admin')
  const { id = '' } = useParams()
  const list = useQuery({
    queryKey: ['admin', '/webhooks'],
    queryFn: ({ signal }) => everyPage<Webhook>('/webhooks', signal)
  })
  if (list.isPending) return <Waiting what={t('list.waiting')} lines={6} />
  if (list.isError) return <Problem error={list.error} onRetry={() => void list.refetch()} />
  const webhook = list.data.find(one => one.id === id)
  return (
    <section className={classes['section']} aria-labelledby="webhook-title" data-testid="webhook">
      <p style={{ margin: 0 }}>
        <Link to="/admin/webhooks">{t('tab.webhooks')}</Link>
      </p>
      {webhook === undefined ? (
        <h2 id="webhook-title">{t('webhook.gone')}</h2>
      ) : (
        <>
          <h2 id="webhook-title">
            <bdi>{webhook.name}</bdi>
          </h2>
          <p style={{ margin: 0 }}>
            <bdi dir="ltr">{webhook.url}</bdi> · {webhook.isEnabled ? t('list.active') : t('list.disabled')}
          </p>
          <NewSecret webhookId={id} />
          <Deliveries webhookId={id} />
        </>
      )}
    </section>
  )
}

function NewSecret({ webhookId }: Readonly<{ webhookId: string }>) {
  const { t } = useTranslation('admin')
  const { t: common } = useTranslation()
  const [isSure, setSure] = useState(false)
  const renew = useMutation({
    mutationFn: () => api<Readonly<{ secret: string }>>(`/webhooks/${webhookId}/secret`, { method: 'POST' }),
    onSuccess: () => setSure(false)
  })
  return (
    <>
      {renew.isError && <Problem error={renew.error} />}
      {renew.data !== undefined && (
        <SecretOnce says={t('webhook.once')} secret={renew.data.secret} onStored={() => renew.reset()} />
      )}
      {isSure ? (
        <div className={classes['row']}>
          <span>{t('webhook.renewSure')}</span>
          <Button color="red" loading={renew.isPending} onClick={() => renew.mutate()}>
            {t('webhook.renewNow')}
          </Button>
          <Button variant="default" onClick={() => setSure(false)}>
            {common('action.cancel')}
          </Button>
        </div>
      ) : (
        <div>
          <Button variant="default" onClick={() => setSure(true)}>
            {t('webhook.renew')}
          </Button>
        </div>
      )}
    </>
  )
}
