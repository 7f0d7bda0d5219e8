import '@mantine/core/styles/Drawer.layer.css'
import { Button, Drawer, TextInput } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { SecretOnce } from '../admin/secret-once.tsx'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import classes from './wallboard.module.css'

type TvLink = Readonly<{
  id: string
  name: string
  createdBy: string
  createdAt: string
  lastUsedAt: string | null
  revokedAt: string | null
}>

/** The links that show the board on a wall: make one, see whether it is used, withdraw it. */
export function TvLinks({ onClose }: Readonly<{ onClose(): void }>) {
  const { t } = useTranslation('supervision')
  const { t: common } = useTranslation()
  const links = useQuery({
    queryKey: ['wallboard', 'links'],
    queryFn: async ({ signal }) => (await api<{ items: readonly TvLink[] }>('/wallboard/links', { signal })).items
  })
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size="lg"
      title={t('tv.title')}
      closeButtonProps={{ 'aria-label': common('action.close') }}
    >
      <div className={classes['stack']} data-testid="tv-links">
        <p className={classes['goal']}>{t('tv.says')}</p>
        <NewLink onMade={() => void links.refetch()} />
        {links.isPending && <Waiting what={t('tv.waiting')} lines={3} />}
        {links.isError && <Problem error={links.error} onRetry={() => void links.refetch()} />}
        <ul className={classes['links']}>
          {links.data?.map(link => (
            <LinkRow key={link.id} link={link} onWithdrawn={() => void links.refetch()} />
          ))}
        </ul>
      </div>
    </Drawer>
  )
}

function NewLink({ onMade }: Readonly<{ onMade(): void }>) {
  const { t } = useTranslation('supervision')
  const [name, setName] = useState('')
  const make = useMutation({
    mutationFn: () => api<{ path: string }>('/wallboard/links', { method: 'POST', body: { name: name.trim() } }),
    onSuccess: () => {
      setName('')
      onMade()
    }
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (name.trim() !== '') make.mutate()
  }
  return (
    <>
      <form className={classes['head']} onSubmit={submit}>
        <TextInput
          label={t('tv.name')}
          placeholder={t('tv.example')}
          value={name}
          maxLength={100}
          onChange={event => setName(event.currentTarget.value)}
        />
        <Button type="submit" loading={make.isPending} disabled={name.trim() === ''} style={{ alignSelf: 'end' }}>
          {t('tv.make')}
        </Button>
      </form>
      {make.isError && <Problem error={make.error} />}
      {make.data !== undefined && (
        <SecretOnce says={t('tv.once')} secret={`${location.origin}${make.data.path}`} onStored={() => make.reset()} />
      )}
    </>
  )
}

function LinkRow({ link, onWithdrawn }: Readonly<{ link: TvLink; onWithdrawn(): void }>) {
  const { t } = useTranslation('supervision')
  const { dateTime } = useFormat()
  const withdraw = useMutation({
    mutationFn: () => api(`/wallboard/links/${link.id}`, { method: 'DELETE' }),
    onSuccess: onWithdrawn
  })
  return (
    <li className={classes['link']} data-testid="tv-link">
      <div>
        <strong>
          <bdi>{link.name}</bdi>
        </strong>
        <div className={classes['goal']}>
          {t('tv.made', { name: link.createdBy, time: dateTime(link.createdAt) })}{' '}
          {link.revokedAt !== null
            ? t('tv.withdrawnAt', { time: dateTime(link.revokedAt) })
            : link.lastUsedAt === null
              ? t('tv.unused')
              : t('tv.used', { time: dateTime(link.lastUsedAt) })}
        </div>
        {withdraw.isError && <Problem error={withdraw.error} />}
      </div>
      {link.revokedAt === null && (
        <Button
          variant="default"
          size="compact-md"
          mih={32}
          loading={withdraw.isPending}
          aria-label={t('tv.withdrawOf', { name: link.name })}
          onClick={() => withdraw.mutate()}
        >
          {t('tv.withdraw')}
        </Button>
      )}
    </li>
  )
}
