import { Button, Menu, Popover } from '@mantine/core'
import { lazy, Suspense, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { DeskCall } from '../../../server/softphone/protocol.ts'
import { Icon } from '../parts/icons.tsx'
import { StateMark } from '../parts/state-mark.tsx'
import { Timer } from '../parts/timer.tsx'
import { deskFocus } from '../desk/desk-focus.ts'
import { openSound } from '../sound/open-sound.ts'
import { useCommand } from '../shell/shortcuts.ts'
import { useAct } from '../softphone/softphone-provider.tsx'
import type { SoftphoneView } from '../softphone/view.ts'
import { CallerName } from './caller-name.tsx'
import classes from './call-bar.module.css'
import { Control } from './control.tsx'
import { Keypad } from './keypad.tsx'
import { Parties } from './parties.tsx'
import { Recording } from './recording.tsx'

const Directory = lazy(async () => ({ default: (await import('./directory.tsx')).Directory }))

/** How long the key must be held to end a call; a stray key ends none. */
const HOLD_TO_END_MS = 600

export function ActiveCall({ call, view }: Readonly<{ call: DeskCall; view: SoftphoneView }>) {
  const { t } = useTranslation()
  const act = useAct()
  const [isTransferOpen, setTransferOpen] = useState(false)
  const { callId, mode } = call
  const isOnHold = mode === 'onHold'
  const hasTiles = mode === 'consulting' || mode === 'conference'
  const isPlain = mode === 'talking' || mode === 'onHold'
  const mute = () => act(softphone => softphone.mute(!call.isMuted))
  const hold = () => act(softphone => softphone.request('hold', { callId, isOnHold: !isOnHold }))
  const openTransfer = () => isPlain && setTransferOpen(true)
  useCommand('mute', mute)
  useCommand('hold', () => isPlain && hold())
  useCommand('transfer', openTransfer)
  // While a second call is offered, the key answers that one.
  useCommand('next', () => view.desk?.offer == null && deskFocus.note())
  const isBusy = (kind: string) => view.pending.has(kind)

  return (
    <>
      <div className={classes['row']} data-testid="call">
        <div className={hasTiles ? classes['whoWithTiles'] : classes['who']}>
          <CallMark call={call} />
          <span className={classes['timer']}>
            <Timer since={call.connectedAt} testId="call-timer" />
          </span>
          {hasTiles ? <Parties call={call} /> : <CallerName customer={call.customer} />}
          <Recording call={call} />
          <CallWarnings call={call} view={view} />
        </div>
        <div className={classes['controls']}>
          <Control
            icon={call.isMuted ? 'microphoneOff' : 'microphone'}
            command="mute"
            isPressed={call.isMuted}
            isBusy={isBusy('mute')}
            onClick={mute}
            testId="mute"
            {...(call.isMuted && { variant: 'filled' as const })}
          >
            {call.isMuted ? t('call.unmute') : t('call.mute')}
          </Control>
          {isPlain && (
            <Control
              icon="pauseBars"
              command="hold"
              isPressed={isOnHold}
              isBusy={isBusy('hold')}
              onClick={hold}
              testId="hold"
              {...(isOnHold && { variant: 'filled' as const })}
            >
              {isOnHold ? t('call.resume') : t('call.hold')}
            </Control>
          )}
          {isPlain && (
            <Control icon="transfer" command="transfer" onClick={openTransfer} testId="transfer">
              {t('call.transfer')}
            </Control>
          )}
          {mode === 'consulting' && <ConsultControls callId={callId} />}
          {mode !== 'ringing' && <KeypadControl callId={callId} />}
          <MoreControl callId={callId} />
          <EndControl call={call} />
        </div>
      </div>
      {call.supervisor !== null && (
        <p className={classes['small']} role="status" data-testid="supervised">
          <Icon name="ear" size={16} /> {t(`supervised.${call.supervisor.mode}`, { name: call.supervisor.name })}
        </p>
      )}
      {isTransferOpen && (
        <Suspense>
          <Directory purpose="transfer" callId={callId} onClose={() => setTransferOpen(false)} />
        </Suspense>
      )}
    </>
  )
}

function CallMark({ call }: Readonly<{ call: DeskCall }>) {
  const { t } = useTranslation()
  if (call.audio === 'reconnecting') return <StateMark state="reconnecting">{t('call.reconnecting')}</StateMark>
  if (call.mode === 'ringing') return <StateMark state="ringing">{t('call.ringingOut')}</StateMark>
  return <StateMark state={call.mode}>{t(`call.mode.${call.mode}`)}</StateMark>
}

/** What the agent must know about the own voice before saying another word. */
function CallWarnings({ call, view }: Readonly<{ call: DeskCall; view: SoftphoneView }>) {
  const { t } = useTranslation()
  const warning =
    call.audio === 'reconnecting'
      ? t('call.hearsMusic')
      : view.isSoundBlocked
        ? t('call.soundBlocked')
        : view.microphone.isHardwareMuted
          ? t('call.headsetMuted')
          : view.isSpeakingWhileMuted
            ? t('call.youAreMuted')
            : null
  if (warning === null) return null
  return (
    <span className={classes['urgent']} role="status" data-testid="call-warning">
      <Icon name="triangle" size={16} /> {warning}
    </span>
  )
}

function ConsultControls({ callId }: Readonly<{ callId: string }>) {
  const { t } = useTranslation()
  const act = useAct()
  return (
    <>
      <Control icon="swap" onClick={() => act(one => one.request('consult.swap', { callId }))} testId="swap">
        {t('call.swap')}
      </Control>
      <Control
        icon="transfer"
        onClick={() => act(one => one.request('consult.handOver', { callId }))}
        testId="hand-over"
      >
        {t('call.handOver')}
      </Control>
      <Control icon="threeHeads" onClick={() => act(one => one.request('consult.join', { callId }))} testId="join">
        {t('call.join')}
      </Control>
      <Control icon="cross" onClick={() => act(one => one.request('consult.cancel', { callId }))} testId="back">
        {t('call.back')}
      </Control>
    </>
  )
}

function KeypadControl({ callId }: Readonly<{ callId: string }>) {
  const { t } = useTranslation()
  const [isOpen, setOpen] = useState(false)
  return (
    <Popover opened={isOpen} onChange={setOpen} position="bottom" trapFocus withinPortal>
      <Popover.Target>
        <Control icon="keypad" onClick={() => setOpen(now => !now)} testId="keypad">
          {t('call.keypad')}
        </Control>
      </Popover.Target>
      <Popover.Dropdown aria-label={t('call.keypad')}>
        <Keypad callId={callId} />
      </Popover.Dropdown>
    </Popover>
  )
}

function MoreControl({ callId }: Readonly<{ callId: string }>) {
  const { t } = useTranslation()
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button h={44} w={44} p={0} variant="default" aria-label={t('call.more')}>
          <Icon name="more" />
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<Icon name="speaker" size={16} />} onClick={openSound}>
          {t('sound.title')}
        </Menu.Item>
        <Menu.Item
          leftSection={<Icon name="copy" size={16} />}
          onClick={() => void navigator.clipboard?.writeText(callId)}
        >
          {t('call.copyId')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

function EndControl({ call }: Readonly<{ call: DeskCall }>) {
  const { t } = useTranslation()
  const act = useAct()
  const [isHolding, setHolding] = useState(false)
  const holding = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const { callId } = call
  const isConference = call.mode === 'conference'
  const end = () => act(softphone => softphone.request('hangUp', { callId }))
  const leave = () => act(softphone => softphone.request('conference.leave', { callId }))
  const letGo = () => {
    clearTimeout(holding.current)
    setHolding(false)
  }
  useCommand(
    'end',
    () => {
      setHolding(true)
      holding.current = setTimeout(() => {
        letGo()
        if (isConference) leave()
        else end()
      }, HOLD_TO_END_MS)
    },
    letGo
  )
  return (
    <span className={classes['end']}>
      {isConference && (
        <Control icon="forward" onClick={leave} testId="leave">
          {t('call.leave')}
        </Control>
      )}
      {isConference ? (
        <EndForAll onEnd={end} />
      ) : (
        <span className={classes['endButton']} data-holding={isHolding}>
          <Control icon="handsetDown" command="end" color="red" variant="filled" onClick={end} testId="end">
            {t('call.end')}
          </Control>
        </span>
      )}
    </span>
  )
}

function EndForAll({ onEnd }: Readonly<{ onEnd(): void }>) {
  const { t } = useTranslation()
  const [isAsking, setAsking] = useState(false)
  return (
    <Popover opened={isAsking} onChange={setAsking} trapFocus position="bottom-end">
      <Popover.Target>
        <Control icon="handsetDown" color="red" variant="filled" onClick={() => setAsking(true)} testId="end-for-all">
          {t('call.endForAll')}
        </Control>
      </Popover.Target>
      <Popover.Dropdown>
        <p>{t('call.endForAllSays')}</p>
        <Button color="red" onClick={onEnd}>
          {t('call.endForAll')}
        </Button>{' '}
        <Button variant="default" onClick={() => setAsking(false)}>
          {t('action.cancel')}
        </Button>
      </Popover.Dropdown>
    </Popover>
  )
}
