import { useTranslation } from 'react-i18next'
import type { DeskCall } from '../../../server/softphone/protocol.ts'
import { Icon } from '../parts/icons.tsx'
import { Timer } from '../parts/timer.tsx'
import classes from './call-bar.module.css'

const KNOWN_REASONS: ReadonlySet<string> = new Set(['refused', 'policy', 'cardEntry', 'notInstalled'])

/** Always one of: recording, paused since, not recorded and why. */
export function Recording({ recording }: Readonly<{ recording: DeskCall['recording'] }>) {
  const { t } = useTranslation()
  const { state, reason, since } = recording
  const why = reason === null ? null : KNOWN_REASONS.has(reason) ? t(`recording.reason.${reason as 'refused'}`) : reason
  return (
    <span className={classes['recording']} data-testid="recording">
      <Icon name={state === 'recording' ? 'record' : 'recordOff'} size={16} />
      {state === 'recording' && t('recording.on')}
      {state === 'paused' && (
        <>
          {t('recording.paused')} <Timer since={since} />
        </>
      )}
      {state === 'notRecorded' && (why === null ? t('recording.off') : t('recording.offBecause', { why }))}
    </span>
  )
}
