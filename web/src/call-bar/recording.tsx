import { Button, Menu } from '@mantine/core'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import type { DeskCall, DeskRecording } from '../../../server/softphone/protocol.ts'
import { serverNow } from '../parts/clock.ts'
import { Icon } from '../parts/icons.tsx'
import { notify } from '../parts/notices.tsx'
import { Countdown, Timer } from '../parts/timer.tsx'
import { useAct } from '../softphone/softphone-provider.tsx'
import classes from './call-bar.module.css'

const REASONS = [
  'unasked',
  'asking',
  'refused',
  'withdrawn',
  'never',
  'failed',
  'pause',
  'party',
  'card',
  'onDemand'
] as const satisfies readonly string[]
/** More dots than a card number has digits say nothing. */
const MAX_DOTS = 19

/** Always one of: recording, paused since and why, not recorded and why; with what the agent may do about it. */
export function Recording({ call }: Readonly<{ call: DeskCall }>) {
  const { recording } = call
  useCardOver(recording)
  if (recording.card !== null) return <CardEntry callId={call.callId} card={recording.card} />
  const isRunning = recording.state !== 'notRecorded'
  return call.mode !== 'ringing' && isRunning ? (
    <Controls callId={call.callId} recording={recording} />
  ) : (
    <span className={classes['recording']} data-testid="recording">
      <State recording={recording} />
      {call.mode !== 'ringing' && <CardOnly callId={call.callId} />}
    </span>
  )
}

function State({ recording: { state, reason, since } }: Readonly<{ recording: DeskRecording }>) {
  const { t } = useTranslation()
  const known = REASONS.find(one => one === reason)
  const why = known === undefined ? null : t(`recording.reason.${known}`)
  return (
    <>
      <Icon name={state === 'recording' ? 'record' : 'recordOff'} size={16} />
      {state === 'recording' && t('recording.on')}
      {state === 'paused' && (
        <span>
          {t('recording.paused')} <Timer since={since} />
          {why !== null && known !== 'pause' && <> ({why})</>}
        </span>
      )}
      {state === 'notRecorded' && (why === null ? t('recording.off') : t('recording.offBecause', { why }))}
    </>
  )
}

function Controls({ callId, recording }: Readonly<{ callId: string; recording: DeskRecording }>) {
  const { t } = useTranslation()
  const change = useChange(callId)
  const mayResume = recording.reason === 'pause' || recording.reason === 'onDemand'
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <Button
          h={24}
          mih={24}
          px={6}
          variant="subtle"
          color="gray"
          title={t('recording.controls')}
          data-testid="recording-controls"
          rightSection={<Icon name="more" size={16} />}
        >
          <span className={classes['recording']} data-testid="recording">
            <State recording={recording} />
          </span>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {recording.state === 'recording' && (
          <Menu.Item
            leftSection={<Icon name="pauseBars" size={16} />}
            onClick={() => change('pause')}
            data-testid="recording-pause"
          >
            {t('recording.pause')}
          </Menu.Item>
        )}
        {mayResume && (
          <Menu.Item
            leftSection={<Icon name="record" size={16} />}
            onClick={() => change('resume')}
            data-testid="recording-resume"
          >
            {recording.reason === 'onDemand' ? t('recording.begin') : t('recording.resume')}
          </Menu.Item>
        )}
        <Menu.Item
          leftSection={<Icon name="keypad" size={16} />}
          onClick={() => change('cardStart')}
          data-testid="card-start"
        >
          {t('recording.cardStart')}
        </Menu.Item>
        <Menu.Item
          leftSection={<Icon name="recordOff" size={16} />}
          onClick={() => change('withdraw')}
          data-testid="recording-withdraw"
        >
          {t('recording.withdraw')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

/** A card may be given in a call that is not recorded too: others who listen must not hear it. */
function CardOnly({ callId }: Readonly<{ callId: string }>) {
  const { t } = useTranslation()
  const change = useChange(callId)
  return (
    <Button
      h={24}
      mih={24}
      px={6}
      variant="subtle"
      color="gray"
      leftSection={<Icon name="keypad" size={16} />}
      onClick={() => change('cardStart')}
      data-testid="card-start"
    >
      {t('recording.cardStart')}
    </Button>
  )
}

/** Dots and their number, never the digits: those do not come to this page. */
function CardEntry({ callId, card }: Readonly<{ callId: string; card: NonNullable<DeskRecording['card']> }>) {
  const { t } = useTranslation()
  const change = useChange(callId)
  return (
    <span className={classes['recording']} data-testid="recording">
      <Icon name="recordOff" size={16} />
      <span role="status" data-testid="card-entry">
        {t('recording.card')} <span aria-hidden="true">{'•'.repeat(Math.min(card.keys, MAX_DOTS))}</span>{' '}
        {t('recording.keys', { count: card.keys })}
      </span>
      <span title={t('recording.cardSays')}>
        <Countdown until={card.endsAt} />
      </span>
      <Button h={24} mih={24} px={6} variant="default" onClick={() => change('cardEnd')} data-testid="card-end">
        {t('recording.cardEnd')}
      </Button>
    </span>
  )
}

function useChange(callId: string) {
  const act = useAct()
  return (action: 'pause' | 'resume' | 'withdraw' | 'cardStart' | 'cardEnd') =>
    act(softphone => softphone.request('recording', { callId, action }))
}

/** Says so when the entry of a card has ended by itself. */
function useCardOver({ card }: DeskRecording): void {
  const { t } = useTranslation()
  const before = useRef(card)
  useEffect(() => {
    const was = before.current
    before.current = card
    if (card !== null || was === null) return
    const leftMs = Date.parse(was.endsAt) - serverNow()
    if (leftMs <= NEARLY_OVER_MS) notify(t('recording.cardOver'))
  }, [card, t])
}

const NEARLY_OVER_MS = 1_500
