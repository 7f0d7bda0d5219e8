import '@mantine/core/styles/Checkbox.layer.css'
import { Button, Checkbox } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { Problem } from '../parts/problem.tsx'
import classes from './admin.module.css'
import type { Values } from './fields.ts'
import { SecretOnce } from './secret-once.tsx'
import { useMay } from './use-may.ts'

/** The account of a desk phone, as `GET /sip-accounts` gives one. */
export type DeskPhone = Values &
  Readonly<{
    username: string
    userId: string | null
    extension: string | null
    registrations: readonly Readonly<{
      address: string
      protocol: string
      userAgent: string | null
      expiresAt: string
    }>[]
  }>

/** Below the form of a desk phone: where it is registered, whether its owner is rung there, and a new password. */
export function PhoneDetail({ phone, ownerName }: Readonly<{ phone: DeskPhone; ownerName: string }>) {
  const { t } = useTranslation('admin')
  return (
    <div className={classes['remove']}>
      <section aria-labelledby="registered-title" data-testid="registered">
        <h3 id="registered-title" style={{ margin: 0 }}>
          {t('phone.registered')}
        </h3>
        <Registrations phone={phone} />
      </section>
      {phone.userId !== null && <RingsHere userId={phone.userId} name={ownerName} />}
      <NewPassword username={phone.username} />
    </div>
  )
}

/** The phones that are registered now. */
export function Registrations({ phone }: Readonly<{ phone: DeskPhone }>) {
  const { t } = useTranslation('admin')
  const { time } = useFormat()
  if (phone.registrations.length === 0)
    return (
      <span className={classes['mark']} data-state="waiting">
        <Icon name="circle" size={16} />
        {t('phone.none')}
      </span>
    )
  return (
    <ul className={classes['plain']}>
      {phone.registrations.map(one => (
        <li key={`${one.address} ${one.protocol}`} className={classes['mark']} data-state="delivered">
          <Icon name="check" size={16} />
          <bdi>
            {t('phone.isAt', {
              agent: one.userAgent ?? t('phone.unnamed'),
              address: one.address,
              protocol: one.protocol.toUpperCase(),
              time: time(one.expiresAt)
            })}
          </bdi>
        </li>
      ))}
    </ul>
  )
}

function RingsHere({ userId, name }: Readonly<{ userId: string; name: string }>) {
  const { t } = useTranslation('admin')
  const client = useQueryClient()
  const refusal = useMay('agents:write')
  const queryKey = ['admin', 'agent', userId]
  const agent = useQuery({
    queryKey,
    queryFn: ({ signal }) => api<Readonly<{ hasDeskPhone: boolean }>>(`/agents/${userId}`, { signal })
  })
  const set = useMutation({
    mutationFn: (hasDeskPhone: boolean) => api(`/agents/${userId}`, { method: 'PATCH', body: { hasDeskPhone } }),
    onSettled: () => client.invalidateQueries({ queryKey })
  })
  return (
    <>
      {agent.isError && <Problem error={agent.error} onRetry={() => void agent.refetch()} />}
      {set.isError && <Problem error={set.error} />}
      {agent.isSuccess && (
        <Checkbox
          label={t('phone.ringsHere', { name })}
          description={refusal}
          disabled={refusal !== null || set.isPending}
          checked={agent.data.hasDeskPhone}
          onChange={event => set.mutate(event.currentTarget.checked)}
        />
      )}
    </>
  )
}

function NewPassword({ username }: Readonly<{ username: string }>) {
  const { t } = useTranslation('admin')
  const { t: common } = useTranslation()
  const [isSure, setSure] = useState(false)
  const refusal = useMay('trunks:write')
  const renew = useMutation({
    mutationFn: () =>
      api<Readonly<{ password: string }>>(`/sip-accounts/${encodeURIComponent(username)}/password`, {
        method: 'POST'
      }),
    onSuccess: () => setSure(false)
  })
  return (
    <>
      {renew.isError && <Problem error={renew.error} />}
      {renew.data !== undefined && (
        <SecretOnce
          says={t('phone.once', { name: username })}
          secret={renew.data.password}
          onStored={() => renew.reset()}
        />
      )}
      {isSure ? (
        <div className={classes['row']}>
          <span>{t('phone.renewSure')}</span>
          <Button color="red" loading={renew.isPending} onClick={() => renew.mutate()}>
            {t('phone.renewNow')}
          </Button>
          <Button variant="default" onClick={() => setSure(false)}>
            {common('action.cancel')}
          </Button>
        </div>
      ) : (
        <Button variant="default" disabled={refusal !== null} onClick={() => setSure(true)}>
          {t('phone.renew')}
        </Button>
      )}
    </>
  )
}
