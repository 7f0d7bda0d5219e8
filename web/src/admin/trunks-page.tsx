import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { everyPage } from '../api/directory.ts'
import { useFormat } from '../i18n/format.ts'
import type { Field, Values } from './fields.ts'
import { ResourcePage } from './resource-page.tsx'

/** An agreement with a carrier, as `GET /trunks` gives one. */
type Trunk = Values &
  Readonly<{
    id: string
    name: string
    carrier: string
    authentication: 'ip' | 'digest'
    transport: string
    maxCalls: number
    priority: number
    isEnabled: boolean
  }>

const TRANSPORTS = ['udp', 'tcp', 'tls'] as const
const wordsOf = (trunk: Trunk) => `${trunk.name} ${trunk.carrier}`

/** Agreements with carriers. */
export function TrunksPage() {
  const { t } = useTranslation('admin')
  const { number } = useFormat()
  const numbers = useQuery({
    queryKey: ['admin', '/numbers'],
    queryFn: ({ signal }) => everyPage<Readonly<{ id: string; trunkId: string | null }>>('/numbers', signal)
  })
  const fields: readonly Field[] = [
    { name: 'name', kind: 'text', isRequired: true },
    { name: 'carrier', kind: 'text' },
    {
      name: 'authentication',
      kind: 'choice',
      isRequired: true,
      options: [
        { value: 'ip', label: t('trunk.ip') },
        { value: 'digest', label: t('trunk.digest') }
      ]
    },
    { name: 'addresses', kind: 'lines' },
    { name: 'username', kind: 'text', isNullable: true },
    { name: 'password', kind: 'secret' },
    { name: 'outboundAddress', kind: 'text', isNullable: true, isPhoneNumber: true },
    {
      name: 'transport',
      kind: 'choice',
      options: TRANSPORTS.map(value => ({ value, label: value.toUpperCase() }))
    },
    { name: 'defaultCallerNumber', kind: 'text', isNullable: true, isPhoneNumber: true },
    { name: 'allowsForeignCallerNumber', kind: 'switch' },
    { name: 'allowedPrefixes', kind: 'lines' },
    { name: 'maxCalls', kind: 'number', min: 0, max: 100_000 },
    { name: 'maxCallsPerSecond', kind: 'number', min: 1, max: 1000 },
    { name: 'priority', kind: 'number', min: 0, max: 10_000 },
    { name: 'isEnabled', kind: 'switch' }
  ]
  return (
    <ResourcePage<Trunk>
      title={t('tab.trunks')}
      one={t('one.trunk')}
      path="/trunks"
      permission="trunks:write"
      keyOf={trunk => trunk.id}
      nameOf={trunk => trunk.name}
      wordsOf={wordsOf}
      columns={[
        { name: t('field.name'), cell: trunk => <bdi>{trunk.name}</bdi> },
        { name: t('field.carrier'), cell: trunk => <bdi>{trunk.carrier}</bdi> },
        { name: t('field.authentication'), cell: trunk => t(`trunk.${trunk.authentication}`) },
        { name: t('field.maxCalls'), cell: trunk => number(trunk.maxCalls) },
        { name: t('field.status'), cell: trunk => (trunk.isEnabled ? t('list.active') : t('list.disabled')) }
      ]}
      fields={fields}
      fresh={{ name: '', authentication: 'ip', addresses: [], transport: 'udp', isEnabled: true }}
      canRemove
      usedBy={trunk => t('used.trunk', { count: numbers.data?.filter(one => one.trunkId === trunk.id).length ?? 0 })}
    />
  )
}
