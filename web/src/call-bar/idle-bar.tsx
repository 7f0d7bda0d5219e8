import { Button, Loader } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { DeskState, NotRoutableReason } from '../../../server/softphone/protocol.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon, type IconName } from '../parts/icons.tsx'
import { useProblemWords } from '../parts/problem.tsx'
import { useAct, useSoftphone, useStartShift } from '../softphone/softphone-provider.tsx'
import { SoftphoneError } from '../softphone/softphone-error.ts'
import type { SoftphoneView } from '../softphone/view.ts'
import { openSound } from '../sound/open-sound.ts'
import type { BarState } from './bar-state.ts'
import classes from './call-bar.module.css'
import { useReasonWords } from './use-reason-words.ts'

const MISS_ICONS = {
  missed: 'bellOff',
  rejected: 'hand',
  device: 'plug',
  network: 'network',
  callerGone: 'handsetDown'
} as const satisfies Record<string, IconName>

/** No call: ready, or the reason why none can come and the one button that mends it. */
export function IdleBar({ state, view, desk }: Readonly<{ state: BarState; view: SoftphoneView; desk: DeskState }>) {
  const { t } = useTranslation()
  const { clock } = useFormat()
  const act = useAct()
  const startShift = useStartShift()
  const reasonWords = useReasonWords()
  switch (state) {
    case 'otherTab':
      return (
        <div className={classes['row']}>
          <span>
            <Icon name="bell" size={16} /> {t('idle.otherTab')}
          </span>
          <Button onClick={() => act(softphone => softphone.claim())} data-testid="claim">
            {t('idle.useThisTab')}
          </Button>
        </div>
      )
    case 'missed':
      return desk.missed === null ? null : (
        <div className={classes['row']} data-testid="missed" data-reason={desk.missed.reason}>
          <span className={classes['urgent']}>
            <Icon name={MISS_ICONS[desk.missed.reason]} /> {t(`missed.${desk.missed.reason}`)}
          </span>
          <span>
            {clock(desk.missed.at)} {desk.missed.queue}
          </span>
          <span className={classes['small']}>{t(`missed.says.${desk.missed.reason}`)}</span>
          <Button onClick={() => act(softphone => softphone.request('back', {}))} data-testid="back-again">
            {t('missed.back')}
          </Button>
        </div>
      )
    case 'beforeShift':
      return <BeforeShiftLine view={view} desk={desk} />
    case 'notRoutable':
      return <NotRoutable view={view} desk={desk} />
    case 'onBreak':
      return (
        <div className={classes['row']}>
          <span>
            {desk.statusReason === null
              ? t('idle.onBreak')
              : t('idle.onBreakFor', { reason: reasonWords(desk.statusReason) })}
          </span>
          <Button onClick={startShift} data-testid="available">
            {t('idle.available')}
          </Button>
        </div>
      )
    case 'offline':
      return (
        <div className={classes['row']}>
          <span>{t('idle.offline')}</span>
          <Button onClick={startShift}>{t('idle.available')}</Button>
        </div>
      )
    default:
      return (
        <div className={classes['row']}>
          <span className={classes['name']}>{t('idle.ready')}</span>
          <span className={classes['small']}>{desk.queues.map(queue => queue.name).join(' · ')}</span>
        </div>
      )
  }
}

function BeforeShiftLine({ view, desk }: Readonly<{ view: SoftphoneView; desk: DeskState }>) {
  const { t } = useTranslation()
  const startShift = useStartShift()
  const wordsOf = useProblemWords()
  const { shiftProblem } = view
  return (
    <div className={classes['row']}>
      {shiftProblem !== null && (
        <span className={classes['urgent']} role="alert" data-testid="shift-problem">
          <Icon name="triangle" size={16} /> {wordsOf(new SoftphoneError(shiftProblem))} <code>{shiftProblem}</code>
        </span>
      )}
      {shiftProblem === null && <span>{desk.status === 'offline' ? t('idle.beforeShift') : t('idle.soundGone')}</span>}
      <Button size="md" disabled={view.shift === 'starting'} onClick={startShift} data-testid="start-shift">
        {view.shift === 'starting' && <Loader size="xs" me={8} />}
        {shiftProblem === null ? t('idle.startShift') : t('action.tryAgain')}
      </Button>
    </div>
  )
}

function NotRoutable({ view, desk }: Readonly<{ view: SoftphoneView; desk: DeskState }>) {
  const { t } = useTranslation()
  const reasons = desk.routable.reasons
  return (
    <div className={classes['row']} data-testid="not-routable">
      <span className={classes['urgent']} role="status">
        <Icon name="triangle" size={16} /> {t('idle.notRoutable')}{' '}
        {reasons.map(reason => t(`notRoutable.${reason}`)).join(' ')}
      </span>
      {view.isSoundBlocked && <span>{t('call.soundBlocked')}</span>}
      {reasons[0] !== undefined && <Fix reason={reasons[0]} />}
    </div>
  )
}

/** The one thing to do about a reason. */
function Fix({ reason }: Readonly<{ reason: NotRoutableReason }>) {
  const { t } = useTranslation()
  const act = useAct()
  const softphone = useSoftphone()
  if (softphone === null) return null
  switch (reason) {
    case 'microphoneMissing':
      return <Button onClick={openSound}>{t('fix.chooseMicrophone')}</Button>
    case 'notTheActiveTab':
      return <Button onClick={() => act(one => one.claim())}>{t('idle.useThisTab')}</Button>
    case 'missedCall':
      return <Button onClick={() => act(one => one.request('back', {}))}>{t('missed.back')}</Button>
    case 'microphoneDenied':
    case 'microphoneEnded':
    case 'noProof':
    case 'connectionLost':
    case 'connectionSlow':
    case 'connectionLossy':
      return (
        <Button
          onClick={() =>
            act(async one => {
              one.endShift()
              await one.startShift()
            })
          }
        >
          {t('action.tryAgain')}
        </Button>
      )
    default:
      return reason satisfies never
  }
}
