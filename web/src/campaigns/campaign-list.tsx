import { Alert, Button } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Link, useNavigate } from 'react-router'
import classes from '../admin/admin.module.css'
import { DataTable } from '../admin/data-table.tsx'
import { useMay } from '../admin/use-may.ts'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { type Campaign, campaignsQuery, freshSettings, itemsQuery } from './campaign-api.ts'

type Alarm = Readonly<{
  id: string
  campaignId: string | null
  kind: string
  at: string
  detail: Readonly<Record<string, unknown>>
}>

const ALARMS = ['alarm.spamBlocked', 'alarm.unwanted', 'alarm.trunkDown'] as const

/** All campaigns, newest first, and what a person has to look at. */
export function CampaignList() {
  const { t, i18n } = useTranslation('campaigns')
  const { dateTime } = useFormat()
  const navigate = useNavigate()
  const client = useQueryClient()
  const refusal = useMay('campaigns:write')
  const list = useQuery({ ...campaignsQuery, refetchInterval: 3_000 })
  const alarms = useQuery({ ...itemsQuery<Alarm>('/campaign-alarms'), refetchInterval: 5_000 })
  const create = useMutation({
    mutationFn: () =>
      api<Campaign>('/campaigns', {
        method: 'POST',
        body: {
          name: t('list.newName', { at: dateTime(new Date()) }),
          pacing: 'preview',
          settings: freshSettings(i18n.language)
        }
      }),
    onSuccess(made) {
      void client.invalidateQueries({ queryKey: ['campaigns'] })
      void navigate(`/campaigns/one/${made.id}/setup`)
    }
  })
  const seen = useMutation({
    mutationFn: (id: string) => api(`/campaign-alarms/${id}/seen`, { method: 'POST' }),
    onSuccess: () => void client.invalidateQueries({ queryKey: ['campaigns', '/campaign-alarms'] })
  })
  if (list.isPending) return <Waiting what={t('list.waiting')} lines={6} />
  if (list.isError) return <Problem error={list.error} onRetry={() => void list.refetch()} />
  return (
    <div className={classes['section']}>
      {(alarms.data ?? []).map(alarm => (
        <Alert key={alarm.id} color="red" icon={<Icon name="triangle" />} data-testid="alarm">
          <div className={classes['row']}>
            <span>
              {t(ALARMS.find(one => one === `alarm.${alarm.kind}`) ?? 'alarm.unwanted', {
                number: String(alarm.detail['callerNumber'] ?? ''),
                trunk: String(alarm.detail['trunk'] ?? ''),
                status: String(alarm.detail['status'] ?? ''),
                reason: String(alarm.detail['reason'] ?? ''),
                at: dateTime(alarm.at)
              })}
            </span>
            <Button size="compact-sm" variant="default" onClick={() => seen.mutate(alarm.id)}>
              {t('alarm.seen')}
            </Button>
          </div>
        </Alert>
      ))}
      {create.isError && <Problem error={create.error} />}
      <DataTable
        label={t('tab.all')}
        rows={list.data}
        keyOf={row => row.id}
        wordsOf={row => `${row.name} ${t(`state.${row.state}`)}`}
        columns={[
          {
            name: t('list.name'),
            cell: row => <Link to={`/campaigns/one/${row.id}/${partFor(row)}`}>{row.name}</Link>
          },
          { name: t('list.state'), cell: row => t(`state.${row.state}`) },
          { name: t('list.pacing'), cell: row => t(`pacing.${row.pacing}`) },
          { name: t('list.since'), cell: row => dateTime(row.stateSince) }
        ]}
      >
        <Button disabled={refusal !== null} loading={create.isPending} onClick={() => create.mutate()}>
          {t('list.add')}
        </Button>
        {refusal !== null && <span className={classes['count']}>{refusal}</span>}
      </DataTable>
    </div>
  )
}

/** Where one looks first: at the draft while it is one, at what happens when it runs. */
function partFor(row: Campaign): string {
  if (row.state === 'draft') return 'setup'
  return row.state === 'awaitingApproval' || row.state === 'approved' ? 'plan' : 'live'
}
