import { Button, EmptyState, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { api } from '../api/client.ts'
import { meQuery } from '../api/session.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import classes from './privacy.module.css'

type Hold = Readonly<{
  id: string
  callId: string | null
  isNumber: boolean
  matter: string
  reason: string
  until: string | null
  setBy: string
  setAt: string
  releasedAt: string | null
}>

const KEY = ['privacy', 'holds']

/** What must not be deleted, whatever rules and requests say, for which matter and by whom. */
export function HoldsPage() {
  const { t } = useTranslation('privacy')
  const { date } = useFormat()
  const client = useQueryClient()
  const may = useQuery(meQuery).data?.permissions.includes('retention:write') === true
  const [isWithReleased, setWithReleased] = useState(false)
  const holds = useQuery({
    queryKey: KEY,
    queryFn: async ({ signal }) => (await api<{ items: readonly Hold[] }>('/legal-holds', { signal })).items
  })
  const release = useMutation({
    mutationFn: (id: string) => api(`/legal-holds/${id}`, { method: 'DELETE' }),
    onSuccess() {
      notify(t('hold.released'))
      void client.invalidateQueries({ queryKey: KEY })
    }
  })
  const shown = (holds.data ?? []).filter(one => isWithReleased || one.releasedAt === null)
  return (
    <section className={classes['page']} data-testid="holds">
      <div className={classes['row']}>
        <h1>{t('tab.holds')}</h1>
        <Button variant="default" aria-pressed={isWithReleased} onClick={() => setWithReleased(now => !now)}>
          {isWithReleased ? t('hold.hideReleased') : t('hold.showReleased')}
        </Button>
      </div>
      {holds.isPending && <Waiting what={t('hold.waiting')} lines={4} />}
      {holds.isError && <Problem error={holds.error} onRetry={() => void holds.refetch()} />}
      {release.isError && <Problem error={release.error} />}
      {holds.isSuccess && shown.length === 0 && (
        <EmptyState icon={<Icon name="check" size={32} />} title={t('hold.empty')} description={t('hold.emptySays')} />
      )}
      {shown.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
        <section className={classes['scroll']} tabIndex={0} aria-label={t('tab.holds')}>
          <table className={classes['table']}>
            <thead>
              <tr>
                <th scope="col">{t('hold.matter')}</th>
                <th scope="col">{t('hold.keeps')}</th>
                <th scope="col">{t('hold.reason')}</th>
                <th scope="col">{t('hold.by')}</th>
                <th scope="col">{t('hold.until')}</th>
                {may && <th scope="col">{t('retention.change')}</th>}
              </tr>
            </thead>
            <tbody>
              {shown.map(one => (
                <tr key={one.id}>
                  <th scope="row">
                    <bdi>{one.matter}</bdi>
                  </th>
                  <td>
                    {one.callId === null ? (
                      t('hold.number')
                    ) : (
                      <Link to={`/quality/calls/${one.callId}`}>{t('hold.call')}</Link>
                    )}
                  </td>
                  <td>
                    <bdi>{one.reason}</bdi>
                  </td>
                  <td>
                    <bdi>{one.setBy}</bdi> · {date(one.setAt)}
                  </td>
                  <td>
                    {one.releasedAt !== null
                      ? t('hold.releasedAt', { at: date(one.releasedAt) })
                      : one.until === null
                        ? t('hold.endless')
                        : date(one.until)}
                  </td>
                  {may && (
                    <td>
                      {one.releasedAt === null && (
                        <Button
                          size="compact-sm"
                          variant="default"
                          onClick={() => release.mutate(one.id)}
                          loading={release.isPending && release.variables === one.id}
                        >
                          {t('hold.release')}
                        </Button>
                      )}
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {may && <NewHold />}
    </section>
  )
}

function NewHold() {
  const { t } = useTranslation('privacy')
  const client = useQueryClient()
  const [what, setWhat] = useState('')
  const [matter, setMatter] = useState('')
  const [reason, setReason] = useState('')
  const [until, setUntil] = useState('')
  const add = useMutation({
    mutationFn: () =>
      api('/legal-holds', {
        method: 'POST',
        body: {
          ...(what.trim().startsWith('+') ? { number: what.replace(/[\s()-]/g, '') } : { callId: callIn(what) }),
          matter,
          reason,
          ...(until !== '' && { until: new Date(`${until}T23:59:59`).toISOString() })
        }
      }),
    onSuccess() {
      for (const empty of [setWhat, setMatter, setReason, setUntil]) empty('')
      notify(t('hold.added'))
      void client.invalidateQueries({ queryKey: KEY })
    }
  })
  return (
    <details className="card">
      <summary>{t('hold.add')}</summary>
      <form
        className={classes['form']}
        onSubmit={event => {
          event.preventDefault()
          add.mutate()
        }}
      >
        <TextInput
          label={t('hold.what')}
          description={t('hold.whatSays')}
          required
          value={what}
          onChange={event => setWhat(event.currentTarget.value)}
        />
        <TextInput
          label={t('hold.matter')}
          required
          minLength={2}
          value={matter}
          onChange={event => setMatter(event.currentTarget.value)}
        />
        <TextInput
          label={t('hold.reason')}
          required
          minLength={3}
          value={reason}
          onChange={event => setReason(event.currentTarget.value)}
        />
        <TextInput
          type="date"
          label={t('hold.untilSays')}
          value={until}
          onChange={event => setUntil(event.currentTarget.value)}
        />
        {add.isError && <Problem error={add.error} />}
        <div>
          <Button type="submit" loading={add.isPending}>
            {t('hold.keep')}
          </Button>
        </div>
      </form>
    </details>
  )
}

/** A call's id, or the address of its page. */
function callIn(text: string): string {
  return (
    text
      .trim()
      .split(/[?#]/)[0]
      ?.split('/')
      .findLast(part => part !== '') ?? ''
  )
}
