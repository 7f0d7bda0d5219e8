import '@mantine/core/styles/NumberInput.layer.css'
import { Alert, Button, NativeSelect, NumberInput, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { type DirectoryQueue, queuesQuery } from '../api/directory.ts'
import { meQuery } from '../api/session.ts'
import { useFormat, listOf } from '../i18n/format.ts'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { Purpose } from '../../../server/compliance/codes.ts'
import type { Store } from './api.ts'
import classes from './privacy.module.css'
import { useStoreName } from './store-name.ts'

const WHY_NOT = ['follows', 'ownLimit', 'proof'] as const
type Rule = Readonly<{
  id: string
  name: string
  stores: readonly string[]
  region: string | null
  queueId: string | null
  purpose: Purpose | null
  keepDays: number | null
  reason: string
}>
type WhyNot = (typeof WHY_NOT)[number]
type Rules = Readonly<{
  overlap: 'longest' | 'shortest'
  isSweeping: boolean
  items: readonly Rule[]
  stores: readonly string[]
  purposes: readonly Purpose[]
  notRetained: Readonly<Partial<Record<Store, WhyNot>>>
}>
type Report = Readonly<{
  checked: number
  due: number
  deleted: number
  held: number
  unmatched: number
  byRule: readonly Readonly<{ store: string; ruleId: string; name: string; due: number }>[]
}>

/** Their names; who waits in them is of no concern here. */
const queuesNow = { ...queuesQuery, refetchInterval: false } as const

/** How long what is kept, what that would delete today, and what no rule speaks of. */
export function RetentionPage() {
  const { t } = useTranslation('privacy')
  const purposeName = usePurposeName()
  const storeName = useStoreName()
  const { number } = useFormat()
  const client = useQueryClient()
  const may = useQuery(meQuery).data?.permissions.includes('retention:write') === true
  const rules = useQuery({
    queryKey: ['privacy', 'retention'],
    queryFn: ({ signal }) => api<Rules>('/retention/rules', { signal })
  })
  const queues = useQuery(queuesNow)
  const refresh = () => client.invalidateQueries({ queryKey: ['privacy', 'retention'] })
  const dry = useMutation({ mutationFn: () => api<Report>('/retention/dry-run', { method: 'POST', body: {} }) })
  const settings = useMutation({
    mutationFn: (body: Readonly<{ overlap: string; isSweeping: boolean }>) =>
      api('/retention/settings', { method: 'PUT', body }),
    onSuccess: refresh
  })
  const remove = useMutation({
    mutationFn: (id: string) => api(`/retention/rules/${id}`, { method: 'DELETE' }),
    onSuccess: refresh
  })
  if (rules.isPending) return <Waiting what={t('retention.waiting')} lines={5} />
  if (rules.isError) return <Problem error={rules.error} onRetry={() => void rules.refetch()} />
  const { items, overlap, isSweeping, notRetained } = rules.data
  const queueName = (id: string) => queues.data?.find(one => one.id === id)?.name ?? id
  return (
    <section className={classes['page']} data-testid="retention">
      <h1>{t('tab.retention')}</h1>
      {items.length === 0 && <p>{t('retention.none')}</p>}
      {items.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
        <section className={classes['scroll']} tabIndex={0} aria-label={t('tab.retention')}>
          <table className={classes['table']}>
            <thead>
              <tr>
                <th scope="col">{t('retention.name')}</th>
                <th scope="col">{t('retention.what')}</th>
                <th scope="col">{t('retention.where')}</th>
                <th scope="col">{t('retention.days')}</th>
                <th scope="col">{t('retention.reason')}</th>
                {may && <th scope="col">{t('retention.change')}</th>}
              </tr>
            </thead>
            <tbody>
              {items.map(rule => (
                <tr key={rule.id}>
                  <th scope="row" dir="auto">
                    {rule.name}
                  </th>
                  <td>{rule.stores.length === 0 ? t('retention.all') : listOf(rule.stores.map(storeName))}</td>
                  <td dir="auto">
                    {listOf(
                      [
                        rule.region,
                        rule.queueId === null ? null : queueName(rule.queueId),
                        rule.purpose === null ? null : purposeName(rule.purpose)
                      ].filter(one => one !== null)
                    ) || t('retention.everywhere')}
                  </td>
                  <td>{rule.keepDays === null ? t('retention.endless') : number(rule.keepDays)}</td>
                  <td dir="auto">{rule.reason}</td>
                  {may && (
                    <td>
                      <Button size="compact-sm" variant="default" onClick={() => remove.mutate(rule.id)}>
                        {t('retention.remove')}
                      </Button>
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      <dl data-testid="not-retained">
        {WHY_NOT.map(why => (
          <div key={why}>
            <dt>
              {listOf(
                Object.entries(notRetained)
                  .filter(([, reason]) => reason === why)
                  .map(([store]) => storeName(store))
              )}
            </dt>
            <dd>{t(`retention.notRetained.${why}`)}</dd>
          </div>
        ))}
      </dl>
      {may && (
        <div className={`card ${classes['form']}`}>
          <NativeSelect
            label={t('retention.overlap')}
            value={overlap}
            data={[
              { value: 'longest', label: t('retention.longest') },
              { value: 'shortest', label: t('retention.shortest') }
            ]}
            onChange={event => settings.mutate({ overlap: event.currentTarget.value, isSweeping })}
          />
          <label className={classes['option']}>
            <input
              type="checkbox"
              checked={isSweeping}
              onChange={event => settings.mutate({ overlap, isSweeping: event.currentTarget.checked })}
            />
            {t('retention.sweeping')}
          </label>
          {settings.isError && <Problem error={settings.error} />}
        </div>
      )}
      <div>
        <Button variant="default" loading={dry.isPending} onClick={() => dry.mutate()}>
          {t('retention.dryRun')}
        </Button>
      </div>
      {dry.isError && <Problem error={dry.error} />}
      {dry.data !== undefined && (
        <div className="card" data-testid="dry-run">
          <p>
            {t('retention.would', {
              due: number(dry.data.due),
              checked: number(dry.data.checked),
              held: number(dry.data.held)
            })}
          </p>
          {dry.data.unmatched > 0 && (
            <Alert color="red">{t('retention.unmatched', { shown: number(dry.data.unmatched) })}</Alert>
          )}
          <ul>
            {dry.data.byRule.map(line => (
              <li key={`${line.store} ${line.ruleId}`}>
                {number(line.due)} {storeName(line.store)}: <bdi>{line.name}</bdi>
              </li>
            ))}
          </ul>
        </div>
      )}
      {may && <NewRule rules={rules.data} queues={queues.data ?? []} onAdded={refresh} />}
    </section>
  )
}

/** Purposes are named as on the screens of the law. */
function usePurposeName(): (purpose: Purpose) => string {
  const { t } = useTranslation('compliance')
  return purpose => t(`purpose.${purpose}`)
}

function NewRule({
  rules,
  queues,
  onAdded
}: Readonly<{ rules: Rules; queues: readonly DirectoryQueue[]; onAdded(): Promise<void> }>) {
  const { t } = useTranslation('privacy')
  const purposeName = usePurposeName()
  const storeName = useStoreName()
  const [name, setName] = useState('')
  const [what, setWhat] = useState('')
  const [region, setRegion] = useState('')
  const [queueId, setQueueId] = useState('')
  const [purpose, setPurpose] = useState('')
  const [days, setDays] = useState<number | string>(365)
  const [reason, setReason] = useState('')
  const add = useMutation({
    mutationFn: () =>
      api('/retention/rules', {
        method: 'POST',
        body: {
          name,
          stores: what === '' ? [] : [what],
          region: region === '' ? null : region.toUpperCase(),
          queueId: queueId === '' ? null : queueId,
          purpose: purpose === '' ? null : purpose,
          keepDays: days === '' ? null : Number(days),
          reason
        }
      }),
    async onSuccess() {
      notify(t('retention.added'))
      setName('')
      await onAdded()
    }
  })
  return (
    <details className="card">
      <summary>{t('retention.add')}</summary>
      <form
        className={classes['form']}
        onSubmit={event => {
          event.preventDefault()
          add.mutate()
        }}
      >
        <TextInput
          label={t('retention.name')}
          required
          value={name}
          onChange={event => setName(event.currentTarget.value)}
        />
        <NativeSelect
          label={t('retention.what')}
          value={what}
          data={[
            { value: '', label: t('retention.all') },
            ...rules.stores.map(value => ({ value, label: storeName(value) }))
          ]}
          onChange={event => setWhat(event.currentTarget.value)}
        />
        <TextInput
          label={t('retention.region')}
          maxLength={2}
          value={region}
          onChange={event => setRegion(event.currentTarget.value)}
        />
        <NativeSelect
          label={t('retention.queue')}
          value={queueId}
          data={[
            { value: '', label: t('retention.allQueues') },
            ...queues.map(({ id, name }) => ({ value: id, label: name }))
          ]}
          onChange={event => setQueueId(event.currentTarget.value)}
        />
        <NativeSelect
          label={t('retention.purpose')}
          value={purpose}
          data={[
            { value: '', label: t('retention.allPurposes') },
            ...rules.purposes.map(value => ({ value, label: purposeName(value) }))
          ]}
          onChange={event => setPurpose(event.currentTarget.value)}
        />
        <NumberInput label={t('retention.daysSay')} min={0} max={36_500} value={days} onChange={setDays} />
        <TextInput
          label={t('retention.reason')}
          required
          minLength={3}
          value={reason}
          onChange={event => setReason(event.currentTarget.value)}
        />
        {add.isError && <Problem error={add.error} />}
        <div>
          <Button type="submit" variant="default" loading={add.isPending}>
            {t('retention.add')}
          </Button>
        </div>
      </form>
    </details>
  )
}
