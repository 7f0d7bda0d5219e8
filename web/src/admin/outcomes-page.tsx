import { listOf } from '../i18n/format.ts'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { queuesQuery } from '../api/directory.ts'
import { type Field, labelOf, type Values } from './fields.ts'
import { ResourcePage } from './resource-page.tsx'

/** An outcome, as `GET /dispositions` gives one. */
type Outcome = Values &
  Readonly<{ code: string; labels: Readonly<Record<string, string>>; queueIds: readonly string[]; isActive: boolean }>

const FIELDS: readonly Field[] = [
  { name: 'code', kind: 'text', isRequired: true, isOnlyForNew: true },
  { name: 'labels', kind: 'labels', isRequired: true },
  { name: 'queueNames', kind: 'lines' },
  { name: 'isActive', kind: 'switch' }
]

const wordsOf = (one: Outcome) => `${one.code} ${Object.values(one.labels).join(' ')}`

/** What agents choose from after a call. */
export function OutcomesPage() {
  const { t, i18n } = useTranslation('admin')
  const queues = useQuery({ ...queuesQuery, refetchInterval: false }).data ?? []
  const idOf = (name: string) => queues.find(queue => queue.name === name)?.id ?? name
  const put = (code: string, { labels, queueNames, isActive }: Values) =>
    api(`/dispositions/${encodeURIComponent(code)}`, {
      method: 'PUT',
      body: { labels, queueIds: (queueNames as readonly string[]).filter(name => name !== '').map(idOf), isActive }
    })
  const namesOf = (one: Outcome) => one.queueIds.map(id => queues.find(queue => queue.id === id)?.name ?? id)
  return (
    <ResourcePage<Outcome>
      title={t('tab.outcomes')}
      one={t('one.outcome')}
      path="/dispositions"
      permission="queues:write"
      keyOf={one => one.code}
      nameOf={one => labelOf(one.labels, i18n.language, one.code)}
      wordsOf={wordsOf}
      columns={[
        { name: t('field.labels'), cell: one => <bdi>{labelOf(one.labels, i18n.language, one.code)}</bdi> },
        { name: t('field.code'), cell: one => <code>{one.code}</code> },
        {
          name: t('field.queueNames'),
          cell: one => (one.queueIds.length === 0 ? t('list.everywhere') : listOf(namesOf(one)))
        },
        { name: t('field.status'), cell: one => (one.isActive ? t('list.active') : t('list.disabled')) }
      ]}
      fields={FIELDS}
      toForm={one => ({ ...one, queueNames: namesOf(one) })}
      fresh={{ code: '', labels: {}, queueNames: [], isActive: true }}
      create={values => put(String(values['code']), { queueNames: [], ...values })}
      change={(one, values) => put(one.code, { ...one, queueNames: namesOf(one), ...values })}
      canRemove
      usedBy={one =>
        one.queueIds.length === 0 ? t('used.outcomeAll') : t('used.outcome', { queues: listOf(namesOf(one)) })
      }
    />
  )
}
