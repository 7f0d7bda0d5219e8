import '@mantine/core/styles/NumberInput.layer.css'
import { Button, NumberInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import classes from '../admin/admin.module.css'
import { useMay } from '../admin/use-may.ts'
import { api } from '../api/client.ts'
import { everyPage } from '../api/directory.ts'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { itemsQuery } from './campaign-api.ts'
import own from './campaigns.module.css'

type Limit = Readonly<{ carrier: string; maxCallsPerSecond: number }>
type Trunk = Readonly<{ name: string; carrier: string; maxCallsPerSecond: number }>

/** How many calls may begin in a second with each carrier, over all its trunks and all control planes. */
export function CarrierLimits() {
  const { t } = useTranslation('campaigns')
  const limits = useQuery(itemsQuery<Limit>('/carrier-limits'))
  const trunks = useQuery({
    queryKey: ['campaigns', '/trunks'],
    queryFn: ({ signal }) => everyPage<Trunk>('/trunks', signal)
  })
  if (limits.isPending || trunks.isPending) return <Waiting what={t('list.waiting')} lines={4} />
  if (limits.isError) return <Problem error={limits.error} onRetry={() => void limits.refetch()} />
  if (trunks.isError) return <Problem error={trunks.error} onRetry={() => void trunks.refetch()} />
  const names = [...trunks.data.map(one => one.carrier), ...limits.data.map(one => one.carrier)]
  const carriers = [...new Set(names.filter(one => one !== ''))].toSorted()
  return (
    <div className={classes['section']} data-testid="carriers">
      <p className={own['says']}>{t('carriers.says')}</p>
      <div className={classes['scroll']}>
        <table className={classes['table']}>
          <thead>
            <tr>
              <th scope="col">{t('carriers.carrier')}</th>
              <th scope="col">{t('carriers.trunks')}</th>
              <th scope="col">{t('carriers.limit')}</th>
            </tr>
          </thead>
          <tbody>
            {carriers.map(carrier => (
              <tr key={carrier}>
                <th scope="row">
                  <bdi dir="auto">{carrier}</bdi>
                </th>
                <td>
                  {trunks.data
                    .filter(one => one.carrier === carrier)
                    .map(one => one.name)
                    .join(', ')}
                </td>
                <td>
                  <LimitOf
                    carrier={carrier}
                    limit={limits.data.find(one => one.carrier === carrier)?.maxCallsPerSecond ?? null}
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {carriers.length === 0 && <p className={classes['empty']}>{t('carriers.empty')}</p>}
      </div>
    </div>
  )
}

function LimitOf({ carrier, limit }: Readonly<{ carrier: string; limit: number | null }>) {
  const { t } = useTranslation('campaigns')
  const client = useQueryClient()
  const refusal = useMay('trunks:write')
  const [value, setValue] = useState<number | ''>(limit ?? '')
  const save = useMutation({
    mutationFn: () =>
      api(`/carrier-limits/${encodeURIComponent(carrier)}`, {
        method: 'PUT',
        body: { maxCallsPerSecond: value === '' ? null : value }
      }),
    onSuccess: () => void client.invalidateQueries({ queryKey: ['campaigns', '/carrier-limits'] })
  })
  return (
    <form
      className={own['limit']}
      onSubmit={event => {
        event.preventDefault()
        save.mutate()
      }}
    >
      <NumberInput
        className={own['limitField'] ?? ''}
        aria-label={t('carriers.limitOf', { carrier })}
        placeholder={t('carriers.none')}
        min={1}
        max={10_000}
        allowDecimal={false}
        value={value}
        onChange={next => setValue(next === '' ? '' : Number(next))}
      />
      <Button
        type="submit"
        variant="default"
        disabled={refusal !== null || value === (limit ?? '')}
        loading={save.isPending}
        aria-label={t('carriers.saveOf', { carrier })}
      >
        {t('setup.save')}
      </Button>
      {save.isError && <Problem error={save.error} />}
    </form>
  )
}
