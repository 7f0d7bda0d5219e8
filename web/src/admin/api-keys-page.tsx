import { Button, NativeSelect, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { everyPage } from '../api/directory.ts'
import { useFormat } from '../i18n/format.ts'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import classes from './admin.module.css'
import { DataTable } from './data-table.tsx'
import { SecretOnce } from './secret-once.tsx'

/** The key of a program, as `GET /api-keys` gives one; the key itself is never given again. */
type ApiKey = Readonly<{
  id: string
  name: string
  prefix: string
  role: string
  createdAt: string
  expiresAt: string | null
  lastUsedAt: string | null
  revokedAt: string | null
}>

const ROLES = [
  'integration',
  'agent',
  'supervisor',
  'campaign-manager',
  'qa-reviewer',
  'privacy-officer',
  'admin'
] as const
const wordsOf = (key: ApiKey) => `${key.name} ${key.prefix} ${key.role}`

/** Keys of programs. A new one is shown once. */
export function ApiKeysPage() {
  const { t } = useTranslation('admin')
  const { t: common } = useTranslation()
  const { date, dateTime } = useFormat()
  const client = useQueryClient()
  const [sure, setSure] = useState<string | null>(null)
  const list = useQuery({
    queryKey: ['admin', '/api-keys'],
    queryFn: ({ signal }) => everyPage<ApiKey>('/api-keys', signal)
  })
  const revoke = useMutation({
    mutationFn: (key: ApiKey) => api(`/api-keys/${key.id}`, { method: 'DELETE' }),
    onSuccess(_, key) {
      setSure(null)
      notify(t('keys.revoked', { name: key.name }))
      void client.invalidateQueries({ queryKey: ['admin', '/api-keys'] })
    }
  })
  if (list.isPending) return <Waiting what={t('list.waiting')} lines={6} />
  if (list.isError) return <Problem error={list.error} onRetry={() => void list.refetch()} />
  return (
    <div className={classes['section']}>
      <h2 id="keys-title">{t('tab.keys')}</h2>
      <NewKey onCreated={() => void client.invalidateQueries({ queryKey: ['admin', '/api-keys'] })} />
      {revoke.isError && <Problem error={revoke.error} />}
      <DataTable
        label={t('tab.keys')}
        rows={list.data}
        keyOf={key => key.id}
        wordsOf={wordsOf}
        columns={[
          { name: t('field.name'), cell: key => <bdi>{key.name}</bdi> },
          { name: t('keys.begins'), cell: key => <code>{key.prefix}…</code> },
          { name: t('field.role'), cell: key => common(`role.${key.role as 'agent'}`) },
          { name: t('field.createdAt'), cell: key => date(key.createdAt) },
          { name: t('keys.used'), cell: key => (key.lastUsedAt === null ? t('keys.never') : dateTime(key.lastUsedAt)) },
          {
            name: t('field.status'),
            cell: key =>
              key.revokedAt !== null ? (
                t('keys.isRevoked', { date: date(key.revokedAt) })
              ) : sure === key.id ? (
                <span className={classes['row']}>
                  {t('keys.sure')}
                  <Button size="compact-sm" color="red" mih={28} onClick={() => revoke.mutate(key)}>
                    {t('keys.revoke')}
                  </Button>
                  <Button size="compact-sm" variant="default" mih={28} onClick={() => setSure(null)}>
                    {common('action.cancel')}
                  </Button>
                </span>
              ) : (
                <Button
                  size="compact-sm"
                  variant="default"
                  mih={28}
                  aria-label={t('keys.revokeOf', { name: key.name })}
                  onClick={() => setSure(key.id)}
                >
                  {t('keys.revoke')}
                </Button>
              )
          }
        ]}
      />
    </div>
  )
}

function NewKey({ onCreated }: Readonly<{ onCreated(): void }>) {
  const { t } = useTranslation('admin')
  const { t: common } = useTranslation()
  const [name, setName] = useState('')
  const [role, setRole] = useState<string>('integration')
  const create = useMutation({
    mutationFn: () =>
      api<Readonly<{ key: string }>>('/api-keys', { method: 'POST', body: { name: name.trim(), role } }),
    onSuccess() {
      setName('')
      onCreated()
    }
  })
  return (
    <form
      className="card"
      onSubmit={event => {
        event.preventDefault()
        create.mutate()
      }}
    >
      <div className={classes['form']}>
        <div className={classes['row']} style={{ alignItems: 'end' }}>
          <TextInput
            label={t('keys.name')}
            maxLength={200}
            value={name}
            onChange={event => setName(event.currentTarget.value)}
          />
          <NativeSelect
            label={t('field.role')}
            value={role}
            data={ROLES.map(value => ({ value, label: common(`role.${value}`) }))}
            onChange={event => setRole(event.currentTarget.value)}
          />
          <Button type="submit" disabled={name.trim() === ''} loading={create.isPending}>
            {t('keys.create')}
          </Button>
        </div>
        {create.isError && <Problem error={create.error} />}
        {create.data !== undefined && (
          <SecretOnce says={t('keys.once')} secret={create.data.key} onStored={() => create.reset()} />
        )}
      </div>
    </form>
  )
}
