import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Link, useParams } from 'react-router'
import classes from '../admin/admin.module.css'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { campaignQuery } from './campaign-api.ts'
import { History } from './history.tsx'
import { LiveView } from './live-view.tsx'
import { Plan } from './plan.tsx'
import { Promises } from './promises.tsx'
import { SettingsForm } from './settings-form.tsx'
import { Times } from './times.tsx'

const PARTS = ['setup', 'plan', 'live', 'promises', 'history', 'times'] as const

/** One campaign: what it is to do, what would happen, what happens, what has happened. */
export function CampaignPage() {
  const { t } = useTranslation('campaigns')
  const { id = '', part = 'setup' } = useParams()
  const campaign = useQuery({ ...campaignQuery(id), refetchInterval: 3_000 })
  if (campaign.isPending) return <Waiting what={t('list.waiting')} lines={6} />
  if (campaign.isError) return <Problem error={campaign.error} onRetry={() => void campaign.refetch()} />
  const row = campaign.data
  return (
    <div className={classes['section']}>
      <h2>
        <bdi>{row.name}</bdi> · {t(`state.${row.state}`)}
      </h2>
      <nav className={classes['tabs']} aria-label={row.name}>
        {PARTS.map(one => (
          <Link key={one} to={`/campaigns/one/${id}/${one}`} aria-current={one === part ? 'page' : undefined}>
            {t(`part.${one}`)}
          </Link>
        ))}
      </nav>
      {part === 'setup' && <SettingsForm key={row.id} campaign={row} />}
      {part === 'plan' && <Plan campaign={row} />}
      {part === 'live' && <LiveView campaign={row} />}
      {part === 'promises' && <Promises campaign={row} />}
      {part === 'history' && <History campaign={row} />}
      {part === 'times' && <Times campaign={row} />}
    </div>
  )
}
