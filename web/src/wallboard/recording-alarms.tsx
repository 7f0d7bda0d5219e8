import { Alert } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import classes from './wallboard.module.css'

const EVERY_MS = 5_000

type Alarm = Readonly<{ callId: string; since: string; code: string }>

/** Calls that have to be recorded, are not, and go on; nothing while there is none. */
export function RecordingAlarms() {
  const { t } = useTranslation('supervision')
  const { time } = useFormat()
  const alarms = useQuery({
    queryKey: ['quality', 'recording-alarms'],
    queryFn: async ({ signal }) => (await api<{ items: readonly Alarm[] }>('/recording-alarms', { signal })).items,
    refetchInterval: EVERY_MS
  })
  if (alarms.data === undefined || alarms.data.length === 0) return null
  return (
    <Alert
      color="red"
      role="alert"
      icon={<Icon name="triangle" />}
      title={t('unrecorded.title')}
      data-testid="recording-alarms"
    >
      <ul className={classes['alarms']}>
        {alarms.data.map(one => (
          <li key={one.callId}>
            <Link to={`/quality/calls/${one.callId}`}>{t('unrecorded.open')}</Link>{' '}
            {t('unrecorded.since', { at: time(one.since) })} <code className="ltr">{one.code}</code>
          </li>
        ))}
      </ul>
    </Alert>
  )
}
