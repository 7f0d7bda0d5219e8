import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { everyPage } from '../api/directory.ts'
import { useFormat } from '../i18n/format.ts'
import { PhoneNumber } from '../parts/people.tsx'
import type { Field, Values } from './fields.ts'
import { ResourcePage } from './resource-page.tsx'
import { useMay } from './use-may.ts'

/** A number of ours, as `GET /numbers` gives one. */
type OwnNumber = Values &
  Readonly<{
    id: string
    number: string
    label: string
    language: string
    region: string
    flowId: string | null
    trunkId: string | null
    isEnabled: boolean
  }>

type Named = Readonly<{ id: string; name: string }>

const wordsOf = (one: OwnNumber) => `${one.number} ${one.label} ${one.language} ${one.region} ${one.flowId ?? ''}`

/** The numbers that callers dial, and the flow that each begins. */
export function NumbersPage() {
  const { t } = useTranslation('admin')
  const { languageName, regionName } = useFormat()
  const maySeeTrunks = useMay('trunks:read') === null
  const flows = useQuery({ queryKey: ['admin', 'flows'], queryFn: ({ signal }) => everyPage<Named>('/flows', signal) })
  const trunks = useQuery({
    queryKey: ['admin', '/trunks'],
    queryFn: ({ signal }) => everyPage<Named>('/trunks', signal),
    enabled: maySeeTrunks
  })
  const toOptions = (list: readonly Named[] | undefined) =>
    (list ?? []).map(({ id, name }) => ({ value: id, label: name }))
  const flowName = (id: string | null) => flows.data?.find(flow => flow.id === id)?.name ?? id ?? '–'
  const fields: readonly Field[] = [
    { name: 'number', kind: 'text', isRequired: true, isOnlyForNew: true, isPhoneNumber: true },
    { name: 'label', kind: 'text' },
    { name: 'language', kind: 'text', isRequired: true },
    { name: 'flowId', kind: 'choice', isNullable: true, options: toOptions(flows.data) },
    ...(maySeeTrunks
      ? [{ name: 'trunkId', kind: 'choice' as const, isNullable: true, options: toOptions(trunks.data) }]
      : []),
    { name: 'isEnabled', kind: 'switch' }
  ]
  return (
    <ResourcePage<OwnNumber>
      title={t('tab.numbers')}
      one={t('one.number')}
      path="/numbers"
      permission="numbers:write"
      keyOf={one => one.id}
      nameOf={one => one.number}
      wordsOf={wordsOf}
      columns={[
        { name: t('field.number'), cell: one => <PhoneNumber number={one.number} /> },
        { name: t('field.label'), cell: one => <bdi>{one.label}</bdi> },
        { name: t('field.language'), cell: one => languageName(one.language) },
        { name: t('field.region'), cell: one => (one.region === 'ZZ' ? '–' : regionName(one.region)) },
        { name: t('field.flowId'), cell: one => <bdi>{flowName(one.flowId)}</bdi> },
        { name: t('field.status'), cell: one => (one.isEnabled ? t('list.active') : t('list.disabled')) }
      ]}
      fields={fields}
      fresh={{ number: '', label: '', language: 'en', flowId: null, trunkId: null, isEnabled: true }}
      canRemove
      usedBy={one => (one.flowId === null ? t('used.numberFree') : t('used.number', { flow: flowName(one.flowId) }))}
    />
  )
}
