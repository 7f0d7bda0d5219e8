import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { type Field, labelOf, type Values } from './fields.ts'
import { ResourcePage } from './resource-page.tsx'

/** A reason for breaks, as `GET /status-reasons` gives one. */
type Reason = Values & Readonly<{ code: string; labels: Readonly<Record<string, string>>; isActive: boolean }>

const FIELDS: readonly Field[] = [
  { name: 'code', kind: 'text', isRequired: true, isOnlyForNew: true },
  { name: 'labels', kind: 'labels', isRequired: true },
  { name: 'isActive', kind: 'switch' }
]

const wordsOf = (one: Reason) => `${one.code} ${Object.values(one.labels).join(' ')}`

function put(code: string, { labels, isActive }: Values): Promise<unknown> {
  return api(`/status-reasons/${encodeURIComponent(code)}`, { method: 'PUT', body: { labels, isActive } })
}

/** Why agents may be on a break. */
export function ReasonsPage() {
  const { t, i18n } = useTranslation('admin')
  return (
    <ResourcePage<Reason>
      title={t('tab.reasons')}
      one={t('one.reason')}
      path="/status-reasons"
      permission="queues:write"
      keyOf={one => one.code}
      nameOf={one => labelOf(one.labels, i18n.language, one.code)}
      wordsOf={wordsOf}
      columns={[
        { name: t('field.labels'), cell: one => <bdi>{labelOf(one.labels, i18n.language, one.code)}</bdi> },
        { name: t('field.code'), cell: one => <code>{one.code}</code> },
        { name: t('field.status'), cell: one => (one.isActive ? t('list.active') : t('list.disabled')) }
      ]}
      fields={FIELDS}
      fresh={{ code: '', labels: {}, isActive: true }}
      create={values => put(String(values['code']), values)}
      change={(one, values) => put(one.code, { ...one, ...values })}
      canRemove
      usedBy={() => t('used.reason')}
    />
  )
}
