import { Button, Textarea, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import classes from '../admin/admin.module.css'
import { useMay } from '../admin/use-may.ts'
import { api } from '../api/client.ts'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { type CallerId, itemsQuery } from './campaign-api.ts'
import own from './campaigns.module.css'

/** Numbers that may be shown, each with what proves that it is ours. */
export function CallerIds() {
  const { t } = useTranslation('campaigns')
  const client = useQueryClient()
  const refusal = useMay('campaigns:write')
  const [number, setNumber] = useState('')
  const [evidence, setEvidence] = useState('')
  const list = useQuery(itemsQuery<CallerId>('/caller-ids'))
  const changed = () => void client.invalidateQueries({ queryKey: ['campaigns', '/caller-ids'] })
  const add = useMutation({
    mutationFn: () => api('/caller-ids', { method: 'POST', body: { number: number.replace(/\s/g, ''), evidence } }),
    onSuccess() {
      setNumber('')
      setEvidence('')
      changed()
    }
  })
  const unblock = useMutation({
    mutationFn: (id: string) => api(`/caller-ids/${id}`, { method: 'PATCH', body: { isBlocked: false } }),
    onSuccess: changed
  })
  if (list.isPending) return <Waiting what={t('list.waiting')} lines={6} />
  if (list.isError) return <Problem error={list.error} onRetry={() => void list.refetch()} />
  return (
    <div className={classes['section']} data-testid="caller-ids">
      <div className={classes['scroll']}>
        <table className={classes['table']}>
          <thead>
            <tr>
              <th scope="col">{t('numbers.number')}</th>
              <th scope="col">{t('numbers.evidence')}</th>
              <th scope="col">{t('list.state')}</th>
            </tr>
          </thead>
          <tbody>
            {list.data.map(one => (
              <tr key={one.id}>
                <th scope="row">
                  <bdi dir="ltr">{one.number}</bdi>
                </th>
                <td>
                  <bdi dir="auto">{one.evidence}</bdi>
                </td>
                <td>
                  {one.whyUnusable === null ? t('numbers.usable') : t(`unusable.${one.whyUnusable}`)}{' '}
                  {one.whyUnusable === 'blocked' && (
                    <Button size="compact-sm" variant="default" onClick={() => unblock.mutate(one.id)}>
                      {t('numbers.unblock')}
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {list.data.length === 0 && <p className={classes['empty']}>{t('numbers.empty')}</p>}
      </div>
      <form
        className={own['fields']}
        onSubmit={event => {
          event.preventDefault()
          add.mutate()
        }}
      >
        <TextInput
          label={t('numbers.number')}
          className="ltr"
          inputMode="tel"
          value={number}
          onChange={event => setNumber(event.currentTarget.value)}
        />
        <Textarea
          label={t('numbers.evidence')}
          description={t('numbers.evidenceSays')}
          value={evidence}
          onChange={event => setEvidence(event.currentTarget.value)}
        />
        {add.isError && <Problem error={add.error} />}
        <Button type="submit" disabled={refusal !== null || number === ''} loading={add.isPending}>
          {t('numbers.add')}
        </Button>
      </form>
    </div>
  )
}
