import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { connectivity } from '../api/connectivity.ts'
import { queryClient } from '../api/query-client.ts'
import { useFormat } from '../i18n/format.ts'
import { useStore } from '../store.ts'
import { Icon } from './icons.tsx'
import classes from './offline-banner.module.css'
import { say } from './say.ts'

/** Says since when the server cannot be reached; what is shown is from before. Fetches everything anew when it is back. */
export function OfflineBanner({ isInCall = false }: Readonly<{ isInCall?: boolean }>) {
  const { t } = useTranslation()
  const { clock } = useFormat()
  const { lostSince } = useStore(connectivity.store)
  const isLost = lostSince !== null
  useEffect(() => {
    if (!isLost) return
    return () => {
      say(t('offline.back'), 'soon')
      void queryClient.invalidateQueries()
    }
  }, [isLost, t])
  if (lostSince === null) return null
  return (
    <div className={classes['banner']} role="alert" data-testid="offline">
      <Icon name="network" />
      <span>
        {t('offline.since', { time: clock(lostSince) })} {isInCall ? t('offline.inCall') : t('offline.kept')}
      </span>
    </div>
  )
}
