import { Button, NativeSelect, TextInput } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useMay } from '../admin/use-may.ts'
import { api } from '../api/client.ts'
import { queryClient } from '../api/query-client.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { Override, Suspension } from './answers.ts'
import classes from './compliance.module.css'

const DAY_MS = 86_400_000
const DEFAULT_DAYS = 7

function change(path: string, body?: unknown): Promise<unknown> {
  return api<unknown>(path, { method: 'POST', ...(body !== undefined && { body }) })
}

function refresh(): void {
  void queryClient.invalidateQueries({ queryKey: ['compliance'] })
}

/** Overrides, which two people sign and which end by themselves, and places where nobody is called for now. */
export function ExceptionsPage() {
  const { t } = useTranslation('compliance')
  const overrides = useQuery({
    queryKey: ['compliance', 'overrides'],
    queryFn: async ({ signal }) =>
      (await api<{ items: readonly Override[] }>('/compliance/overrides', { signal })).items
  })
  const suspensions = useQuery({
    queryKey: ['compliance', 'suspensions'],
    queryFn: async ({ signal }) =>
      (
        await api<{ items: readonly (Suspension & { liftedAt: string | null })[] }>('/compliance/suspensions', {
          signal
        })
      ).items
  })
  if (overrides.isPending || suspensions.isPending) return <Waiting what={t('exceptions.waiting')} lines={6} />
  if (overrides.isError) return <Problem error={overrides.error} onRetry={() => void overrides.refetch()} />
  if (suspensions.isError) return <Problem error={suspensions.error} onRetry={() => void suspensions.refetch()} />
  return (
    <div className={classes['section']} data-testid="exceptions">
      <section className={classes['section']} aria-labelledby="overrides-title">
        <h2 id="overrides-title">{t('exceptions.overrides')}</h2>
        <p className={classes['hint']}>{t('exceptions.overridesSay')}</p>
        <ul className={classes['rules']}>
          {overrides.data.map(one => (
            <OverrideRow key={one.id} override={one} />
          ))}
        </ul>
        {overrides.data.length === 0 && <p className={classes['hint']}>{t('exceptions.noOverride')}</p>}
        <SignOverride />
      </section>
      <section className={classes['section']} aria-labelledby="suspensions-title">
        <h2 id="suspensions-title">{t('exceptions.suspensions')}</h2>
        <p className={classes['hint']}>{t('exceptions.suspensionsSay')}</p>
        <ul className={classes['rules']}>
          {suspensions.data.map(one => (
            <SuspensionRow key={one.id} suspension={one} />
          ))}
        </ul>
        {suspensions.data.length === 0 && <p className={classes['hint']}>{t('exceptions.noSuspension')}</p>}
        <Suspend />
      </section>
    </div>
  )
}

function OverrideRow({ override }: Readonly<{ override: Override }>) {
  const { t } = useTranslation('compliance')
  const { dateTime } = useFormat()
  const refusal = useMay('compliance:sign')
  const step = useMutation({
    mutationFn: (what: 'countersign' | 'revoke') => change(`/compliance/overrides/${override.id}/${what}`),
    onSuccess: refresh
  })
  const isOpen = override.countersignedBy === null
  return (
    <li data-in-force={override.isInForce}>
      <Icon name={override.isInForce ? 'triangleOutline' : 'circle'} size={16} />{' '}
      <strong>
        {override.isInForce ? t('exceptions.inForce') : isOpen ? t('exceptions.oneSignature') : t('exceptions.over')}
      </strong>{' '}
      <code className="ltr">{override.rules.join(', ')}</code>{' '}
      {t('exceptions.until', { at: dateTime(override.expiresAt) })}
      <p dir="auto">{override.reason}</p>
      <div className={classes['row']}>
        {isOpen && (
          <Button
            size="compact-sm"
            loading={step.isPending}
            disabled={refusal !== null}
            title={refusal ?? undefined}
            onClick={() => step.mutate('countersign')}
          >
            {t('exceptions.countersign')}
          </Button>
        )}
        {(isOpen || override.isInForce) && (
          <Button
            size="compact-sm"
            variant="default"
            disabled={refusal !== null}
            title={refusal ?? undefined}
            onClick={() => step.mutate('revoke')}
          >
            {t('exceptions.revoke')}
          </Button>
        )}
      </div>
      {step.isError && <Problem error={step.error} />}
    </li>
  )
}

function SignOverride() {
  const { t } = useTranslation('compliance')
  const refusal = useMay('compliance:sign')
  const [form, setForm] = useState({ rules: '', reason: '', number: '', days: String(DEFAULT_DAYS) })
  const sign = useMutation({
    mutationFn: () =>
      change('/compliance/overrides', {
        rules: form.rules.split(/[\s,]+/).filter(Boolean),
        reason: form.reason,
        ...(form.number.trim() !== '' && { number: form.number.trim() }),
        expiresAt: new Date(Date.now() + Number(form.days) * DAY_MS).toISOString()
      }),
    onSuccess() {
      setForm({ rules: '', reason: '', number: '', days: String(DEFAULT_DAYS) })
      refresh()
    }
  })
  return (
    <details>
      <summary>{t('exceptions.sign')}</summary>
      <form
        className={classes['row']}
        onSubmit={event => {
          event.preventDefault()
          sign.mutate()
        }}
      >
        <TextInput
          label={t('exceptions.rules')}
          placeholder="house.quiet-hours"
          required
          value={form.rules}
          onChange={event => setForm({ ...form, rules: event.currentTarget.value })}
        />
        <TextInput
          label={t('exceptions.reason')}
          required
          minLength={10}
          value={form.reason}
          onChange={event => setForm({ ...form, reason: event.currentTarget.value })}
        />
        <TextInput
          label={t('exceptions.number')}
          value={form.number}
          onChange={event => setForm({ ...form, number: event.currentTarget.value })}
        />
        <NativeSelect
          label={t('exceptions.days')}
          value={form.days}
          data={['1', '7', '14', '30']}
          onChange={event => setForm({ ...form, days: event.currentTarget.value })}
        />
        <Button type="submit" loading={sign.isPending} disabled={refusal !== null} title={refusal ?? undefined}>
          {t('exceptions.sign')}
        </Button>
      </form>
      {sign.isError && <Problem error={sign.error} />}
    </details>
  )
}

function SuspensionRow({ suspension }: Readonly<{ suspension: Suspension & Readonly<{ liftedAt: string | null }> }>) {
  const { t } = useTranslation('compliance')
  const { dateTime } = useFormat()
  const refusal = useMay('compliance:write')
  const lift = useMutation({
    mutationFn: () => change(`/compliance/suspensions/${suspension.id}/lift`),
    onSuccess: refresh
  })
  return (
    <li>
      <strong className="ltr">{suspension.jurisdiction}</strong>{' '}
      {t(`exceptions.${suspension.kind}` as 'exceptions.emergency')} {dateTime(suspension.fromAt)} –{' '}
      {suspension.toAt === null ? t('exceptions.untilLifted') : dateTime(suspension.toAt)}{' '}
      <span dir="auto">{suspension.note}</span>{' '}
      {suspension.liftedAt === null ? (
        <Button
          size="compact-sm"
          variant="default"
          loading={lift.isPending}
          disabled={refusal !== null}
          title={refusal ?? undefined}
          onClick={() => lift.mutate()}
        >
          {t('exceptions.lift')}
        </Button>
      ) : (
        <span>{t('exceptions.lifted', { at: dateTime(suspension.liftedAt) })}</span>
      )}
      {lift.isError && <Problem error={lift.error} />}
    </li>
  )
}

function Suspend() {
  const { t } = useTranslation('compliance')
  const refusal = useMay('compliance:write')
  const [form, setForm] = useState({ jurisdiction: '', kind: 'emergency', note: '' })
  const suspend = useMutation({
    mutationFn: () => change('/compliance/suspensions', { ...form, fromAt: new Date().toISOString() }),
    onSuccess() {
      setForm({ jurisdiction: '', kind: 'emergency', note: '' })
      refresh()
    }
  })
  return (
    <details>
      <summary>{t('exceptions.suspend')}</summary>
      <form
        className={classes['row']}
        onSubmit={event => {
          event.preventDefault()
          suspend.mutate()
        }}
      >
        <TextInput
          label={t('exceptions.jurisdiction')}
          placeholder="US-FL"
          required
          value={form.jurisdiction}
          onChange={event => setForm({ ...form, jurisdiction: event.currentTarget.value })}
        />
        <NativeSelect
          label={t('exceptions.kind')}
          value={form.kind}
          data={[
            { value: 'emergency', label: t('exceptions.emergency') },
            { value: 'holiday', label: t('exceptions.holiday') }
          ]}
          onChange={event => setForm({ ...form, kind: event.currentTarget.value })}
        />
        <TextInput
          label={t('exceptions.note')}
          value={form.note}
          onChange={event => setForm({ ...form, note: event.currentTarget.value })}
        />
        <Button type="submit" loading={suspend.isPending} disabled={refusal !== null} title={refusal ?? undefined}>
          {t('exceptions.suspend')}
        </Button>
      </form>
      {suspend.isError && <Problem error={suspend.error} />}
    </details>
  )
}
