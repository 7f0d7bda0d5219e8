import { useTranslation } from 'react-i18next'
import { Icon } from '../parts/icons.tsx'
import { clockAheadMs, useMinute } from '../parts/clock.ts'
import { useFormat } from '../i18n/format.ts'
import { useSoftphoneView } from '../softphone/softphone-provider.tsx'
import classes from './clock-warning.module.css'

/** From this on, times that a person reads off this machine's clock mislead. */
const WARN_MS = 30_000

export function ClockWarning() {
  const { t } = useTranslation()
  const { spokenDuration } = useFormat()
  // Each state of the server brings its time.
  useSoftphoneView()
  useMinute()
  const ahead = clockAheadMs()
  if (Math.abs(ahead) < WARN_MS) return null
  const by = spokenDuration(Math.abs(ahead))
  return (
    <div className={classes['warning']} role="status">
      <Icon name="triangleOutline" />
      {ahead > 0 ? t('shell.clockSlow', { by }) : t('shell.clockFast', { by })}
    </div>
  )
}
