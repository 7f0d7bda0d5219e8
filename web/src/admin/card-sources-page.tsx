import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { useFormat, listOf } from '../i18n/format.ts'
import { headersIn } from './card-headers.ts'
import type { Field, JsonPath, Values } from './fields.ts'
import { ResourcePage } from './resource-page.tsx'
import { TryCardSource } from './try-card-source.tsx'

/** A service that is asked about a customer before the ring, as `GET /card-sources` gives one. */
type Source = Values &
  Readonly<{
    id: string
    name: string
    url: string
    hasHeaders: boolean
    timeoutMs: number
    fields: readonly JsonPath[]
    namePath: string | null
    isEnabled: boolean
  }>

const FIELDS: readonly Field[] = [
  { name: 'name', kind: 'text', isRequired: true },
  { name: 'url', kind: 'text', isRequired: true, isAddress: true },
  { name: 'headers', kind: 'headers' },
  { name: 'forgetsHeaders', kind: 'switch', isOnlyForOld: true },
  { name: 'timeoutMs', kind: 'seconds', min: 100, max: 30_000 },
  { name: 'namePath', kind: 'text', isNullable: true, isAddress: true },
  { name: 'fields', kind: 'paths' },
  { name: 'isEnabled', kind: 'switch' }
]

const wordsOf = (source: Source) => `${source.name} ${source.url}`

/** The company's own services that know customers, such as CRM, ERP or a device's cloud. */
export function CardSourcesPage() {
  const { t } = useTranslation('admin')
  const { number } = useFormat()
  return (
    <ResourcePage<Source>
      title={t('tab.cards')}
      one={t('one.card')}
      path="/card-sources"
      permission="card-sources:write"
      keyOf={source => source.id}
      nameOf={source => source.name}
      wordsOf={wordsOf}
      columns={[
        { name: t('field.name'), cell: source => <bdi>{source.name}</bdi> },
        { name: t('field.url'), cell: source => <bdi dir="ltr">{source.url}</bdi> },
        { name: t('card.shows'), cell: source => <bdi>{listOf(source.fields.map(one => one.label)) || '-'}</bdi> },
        { name: t('card.limit'), cell: source => t('form.seconds', { n: number(source.timeoutMs / 1000) }) },
        { name: t('field.status'), cell: source => (source.isEnabled ? t('list.active') : t('list.disabled')) }
      ]}
      fields={FIELDS}
      toForm={source => ({ ...source, forgetsHeaders: false })}
      fresh={{ name: '', url: '', headers: '', timeoutMs: 2_000, namePath: null, fields: [], isEnabled: true }}
      create={values => api('/card-sources', { method: 'POST', body: toBody(values) })}
      change={(source, values) => api(`/card-sources/${source.id}`, { method: 'PATCH', body: toBody(values) })}
      canRemove
      usedBy={source => (source.hasHeaders ? t('card.usedByWithHeaders') : t('card.usedBy'))}
      more={source => <TryCardSource key={source.id} sourceId={source.id} />}
    />
  )
}

/** As the server takes it. New headers win over forgetting the old ones. */
function toBody({ headers, forgetsHeaders, ...values }: Values): Values {
  const written = headersIn(typeof headers === 'string' ? headers : '')
  const isForgetting = forgetsHeaders === true && Object.keys(written).length === 0
  return { ...values, ...((isForgetting || Object.keys(written).length > 0) && { headers: written }) }
}
