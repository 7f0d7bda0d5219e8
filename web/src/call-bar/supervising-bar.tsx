import { useTranslation } from 'react-i18next'
import type { DeskState } from '../../../server/softphone/protocol.ts'
import { StateMark } from '../parts/state-mark.tsx'
import { Timer } from '../parts/timer.tsx'
import { useAct } from '../softphone/softphone-provider.tsx'
import classes from './call-bar.module.css'
import { Control } from './control.tsx'

/** A reminder, on every screen, that this person is in somebody else's call, and who hears whom. */
export function SupervisingBar({ supervising }: Readonly<{ supervising: NonNullable<DeskState['supervising']> }>) {
  const { t } = useTranslation()
  const act = useAct()
  return (
    <div className={classes['row']} data-testid="supervising">
      <div className={classes['who']}>
        <StateMark state={supervising.mode === 'barge' ? 'conference' : 'consulting'}>
          {t(`supervising.${supervising.mode}`, { name: supervising.agent })}
        </StateMark>
        <span className={classes['timer']}>
          <Timer since={supervising.since} />
        </span>
        <ul className={classes['tiles']} aria-label={t('supervising.hears')}>
          {supervising.hears.map(({ from, to, isHeard }) => (
            <li key={`${from} ${to}`} className={classes['tile']}>
              {isHeard ? t('supervising.isHeard', { from, to }) : t('supervising.isNotHeard', { from, to })}
            </li>
          ))}
        </ul>
      </div>
      <Control icon="door" onClick={() => act(softphone => softphone.request('supervise.stop', {}))}>
        {t('supervising.leave')}
      </Control>
    </div>
  )
}
