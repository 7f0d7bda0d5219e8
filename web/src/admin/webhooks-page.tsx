import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import type { CallEventKind } from '../../../server/calls/call-events.ts'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import type { Field } from './fields.ts'
import { ResourcePage } from './resource-page.tsx'
import { SecretOnce } from './secret-once.tsx'
import type { Webhook } from './webhooks.ts'

/** What most programs want to hear of; any other kind is typed by its name. */
const OFFERED = [
  'started',
  'answered',
  'queueEntered',
  'agentJoined',
  'agentMissed',
  'callbackBooked',
  'voicemailLeft',
  'recordingStarted',
  'ended'
] as const satisfies readonly CallEventKind[]

const REFRESH_MS = 10_000
const wordsOf = (webhook: Webhook) => `${webhook.name} ${webhook.url} ${webhook.kinds.join(' ')}`

/** Programs of others that hear of calls. The secret of a new one is shown once. */
export function WebhooksPage() {
  const { t } = useTranslation('admin')
  const { dateTime } = useFormat()
  const [secret, setSecret] = useState<string | null>(null)
  const isOffered = (kind: string): kind is (typeof OFFERED)[number] => (OFFERED as readonly string[]).includes(kind)
  const kindName = (kind: string) => (kind === '*' ? t('codes.all') : isOffered(kind) ? t(`callEvent.${kind}`) : kind)
  const lastOf = ({ lastDelivery: last }: Webhook) =>
    last === null
      ? t('webhook.noneYet')
      : t('webhook.lastIs', { state: t(`delivery.${last.state}`), at: dateTime(last.at) })
  const fields: readonly Field[] = [
    { name: 'name', kind: 'text', isRequired: true },
    { name: 'url', kind: 'text', isRequired: true, isAddress: true },
    {
      name: 'kinds',
      kind: 'codes',
      isRequired: true,
      options: OFFERED.map(value => ({ value, label: t(`callEvent.${value}`) }))
    },
    { name: 'isEnabled', kind: 'switch', isOnlyForOld: true }
  ]
  return (
    <ResourcePage<Webhook>
      title={t('tab.webhooks')}
      one={t('one.webhook')}
      path="/webhooks"
      permission="webhooks:write"
      keyOf={webhook => webhook.id}
      nameOf={webhook => webhook.name}
      wordsOf={wordsOf}
      columns={[
        { name: t('field.name'), cell: webhook => <bdi>{webhook.name}</bdi> },
        { name: t('field.url'), cell: webhook => <bdi dir="ltr">{webhook.url}</bdi> },
        { name: t('field.kinds'), cell: webhook => webhook.kinds.map(kindName).join(' · ') },
        { name: t('field.status'), cell: webhook => (webhook.isEnabled ? t('list.active') : t('list.disabled')) },
        {
          name: t('webhook.last'),
          cell: webhook => {
            const last = lastOf(webhook)
            return (
              <Link
                to={`/admin/webhooks/${webhook.id}`}
                aria-label={t('webhook.deliveriesOf', { last, name: webhook.name })}
              >
                {last}
              </Link>
            )
          }
        }
      ]}
      fields={fields}
      fresh={{ name: '', url: '', kinds: ['ended'] }}
      create={async values => {
        setSecret((await api<Readonly<{ secret: string }>>('/webhooks', { method: 'POST', body: values })).secret)
      }}
      canRemove
      usedBy={() => t('webhook.usedBy')}
      notice={
        secret !== null && <SecretOnce says={t('webhook.once')} secret={secret} onStored={() => setSecret(null)} />
      }
      refreshMs={REFRESH_MS}
    />
  )
}
