import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import classes from '../admin/admin.module.css'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { AnswerTime, Campaign } from './campaign-api.ts'
import own from './campaigns.module.css'

/** 2024-01-01 was a Monday. */
const MONDAY = Date.UTC(2024, 0, 1)

/** When people answer, by weekday and hour where they are; the share stands in every cell, colour only helps. */
export function Times({ campaign }: Readonly<{ campaign: Campaign }>) {
  const { t } = useTranslation('campaigns')
  const { locale, percent, number } = useFormat()
  const times = useQuery({
    queryKey: ['campaigns', campaign.id, 'times'],
    queryFn: async ({ signal }) =>
      (await api<{ items: readonly AnswerTime[] }>(`/campaigns/${campaign.id}/times`, { signal })).items
  })
  if (times.isPending) return <Waiting what={t('list.waiting')} lines={6} />
  if (times.isError) return <Problem error={times.error} onRetry={() => void times.refetch()} />
  if (times.data.length === 0) return <p className={classes['empty']}>{t('times.empty')}</p>
  const hours = [...new Set(times.data.map(one => one.hour))].sort((one, other) => one - other)
  const best = Math.max(0.01, ...times.data.map(one => one.answered / one.dialled))
  const weekday = new Intl.DateTimeFormat(locale, { weekday: 'short', timeZone: 'UTC' })
  return (
    <div className={classes['scroll']} data-testid="times">
      <table className={classes['table']}>
        <caption className={own['caption']}>{t('times.title')}</caption>
        <thead>
          <tr>
            <td />
            {hours.map(hour => (
              <th key={hour} scope="col">
                {number(hour)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[1, 2, 3, 4, 5, 6, 7].map(day => (
            <tr key={day}>
              <th scope="row">{weekday.format(new Date(MONDAY + (day - 1) * 86_400_000))}</th>
              {hours.map(hour => {
                const cell = times.data.find(one => one.weekday === day && one.hour === hour)
                const share = cell === undefined ? null : cell.answered / cell.dialled
                return (
                  <td
                    key={hour}
                    className={own['heat']}
                    style={share === null ? undefined : { ['--heat' as string]: `${Math.round((share / best) * 45)}%` }}
                    title={
                      cell === undefined ? '' : t('times.cell', { answered: cell.answered, dialled: cell.dialled })
                    }
                  >
                    {share === null ? '-' : percent(share)}
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
