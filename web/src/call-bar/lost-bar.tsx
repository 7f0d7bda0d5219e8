import { useTranslation } from 'react-i18next'
import { StateMark } from '../parts/state-mark.tsx'
import { Timer } from '../parts/timer.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { SoftphoneView } from '../softphone/view.ts'
import { useCallerWords } from './caller-name.tsx'
import classes from './call-bar.module.css'

/** No way to the server: what that means for a caller, and since when. Nothing can be pressed, and it says why. */
export function LostBar({ view }: Readonly<{ view: SoftphoneView }>) {
  const { t } = useTranslation()
  const wordsOf = useCallerWords()
  const { connection, desk, lostSince } = view
  if (connection === 'ended')
    return (
      <div className={classes['row']}>
        <StateMark state="fault">{t('lost.ended')}</StateMark>
        {desk?.call != null && <span>{t('lost.callGoesOn')}</span>}
      </div>
    )
  if (connection === 'connecting') return <Waiting what={t('waiting.server')} lines={1} />
  return (
    <div className={classes['row']} role="alert">
      <StateMark state="reconnecting">{t('lost.title')}</StateMark>
      <span>{desk?.call == null ? t('lost.noCall') : t('lost.hearsMusic', { name: wordsOf(desk.call.customer) })}</span>
      <span className={classes['timer']}>
        <Timer since={lostSince} testId="lost-timer" />
      </span>
    </div>
  )
}
