import { Alert, Button, NativeSelect, NumberInput, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { meQuery } from '../api/session.ts'
import { useFormat } from '../i18n/format.ts'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import classes from './privacy.module.css'

const KINDS = ['recordings', 'transcripts', 'voicemails', 'notes', 'calls'] as const
type Kind = (typeof KINDS)[number]
type Rule = Readonly<{
  id: string
  name: string
  stores: readonly Kind[]
  region: string | null
  queueId: string | null
  purpose: string | null
  keepDays: number | null
  reason: string
}>
type Rules = Readonly<{ overlap: 'longest' | 'shortest'; isSweeping: boolean; items: readonly Rule[] }>
type Report = Readonly<{
  checked: number
  due: number
  deleted: number
  held: number
  unmatched: number
  byRule: readonly Readonly<{ store: Kind; ruleId: string; name: string; due: number }>[]
}>

/** How long what is kept, what that would delete today, and what no rule speaks of. */
export function RetentionPage() {
  const { t } = useTranslation('privacy')
  const { number } = useFormat()
  const client = useQueryClient()
  const may = useQuery(meQuery).data?.permissions.includes('retention:write') === true
  const rules = useQuery({
    queryKey: ['privacy', 'retention'],
    queryFn: ({ signal }) => api<Rules>('/retention/rules', { signal })
  })
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
  const { items, overlap, isSweeping } = rules.data
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
                  <td>
                    {rule.stores.length === 0
                      ? t('retention.all')
                      : rule.stores.map(one => t(`store.${one}`)).join(', ')}
                  </td>
                  <td>
                    {[rule.region, rule.purpose].filter(one => one !== null).join(', ') || t('retention.everywhere')}
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
                {number(line.due)} {t(`store.${line.store}`)}: <bdi>{line.name}</bdi>
              </li>
            ))}
          </ul>
        </div>
      )}
      {may && <NewRule onAdded={refresh} />}
    </section>
  )
}

function NewRule({ onAdded }: Readonly<{ onAdded(): Promise<void> }>) {
  const { t } = useTranslation('privacy')
  const [name, setName] = useState('')
  const [what, setWhat] = useState('')
  const [region, setRegion] = useState('')
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
            ...KINDS.map(value => ({ value, label: t(`store.${value}`) }))
          ]}
          onChange={event => setWhat(event.currentTarget.value)}
        />
        <TextInput
          label={t('retention.region')}
          maxLength={2}
          value={region}
          onChange={event => setRegion(event.currentTarget.value)}
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
