import { Button } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { DeskWrapUp } from '../../../server/softphone/protocol.ts'
import { PromiseCall } from '../campaigns/promise-call.tsx'
import { deskFocus } from '../desk/desk-focus.ts'
import { forgetNote, noteOf } from '../desk/notes.ts'
import { useFormat } from '../i18n/format.ts'
import { serverNow } from '../parts/clock.ts'
import { StateMark } from '../parts/state-mark.tsx'
import { Countdown } from '../parts/timer.tsx'
import { keysAsWords, useCommand, useKeysOf } from '../shell/shortcuts.ts'
import { useAct, useSoftphoneView } from '../softphone/softphone-provider.tsx'
import { useCallerWords } from './caller-name.tsx'
import classes from './call-bar.module.css'
import { Outcome } from './outcome.tsx'

/** After the call: the server's clock, the outcome, and the way back to being available. */
export function WrapUpBar({ wrapUp }: Readonly<{ wrapUp: DeskWrapUp }>) {
  const { t } = useTranslation()
  const { clock, duration } = useFormat()
  const act = useAct()
  const view = useSoftphoneView()
  const wordsOf = useCallerWords()
  const saveKeys = useKeysOf('save')
  const [disposition, setDisposition] = useState<string | null>(null)
  const [isMissing, setMissing] = useState(false)
  const dispositions = (view.hello?.dispositions ?? []).filter(
    one => one.queueIds.length === 0 || (wrapUp.queue !== null && one.queueIds.includes(wrapUp.queue.id))
  )
  const { callId } = wrapUp
  const canExtend = Date.parse(wrapUp.endsAt) < Date.parse(wrapUp.limitAt) && serverNow() < Date.parse(wrapUp.limitAt)
  const save = () => {
    if (disposition === null && dispositions.length > 0) {
      setMissing(true)
      deskFocus.outcome()
      return
    }
    act(async softphone => {
      await softphone.request('wrapUp.finish', { callId, disposition, note: noteOf(callId, wrapUp.note) })
      forgetNote(callId)
    })
  }
  useCommand('next', () => deskFocus.outcome())
  useCommand('save', save)
  const limit = Date.parse(wrapUp.limitAt) - Date.parse(wrapUp.startedAt)
  return (
    <div className={classes['row']} data-testid="wrap-up">
      <div className={classes['who']}>
        <StateMark state="wrapUp">{t('state.wrapUp')}</StateMark>
        <span className={classes['timer']}>
          <Countdown until={wrapUp.endsAt} testId="wrap-up-timer" />
        </span>
        <span className={classes['small']}>{t('wrapUp.atMost', { time: duration(limit) })}</span>
        <span>{t(endedByKey(wrapUp.endedBy), { name: wordsOf(wrapUp.customer), time: clock(wrapUp.startedAt) })}</span>
      </div>
      <div className={classes['controls']}>
        <Button
          h={44}
          variant="default"
          disabled={!canExtend}
          onClick={() => act(softphone => softphone.request('wrapUp.extend', {}))}
          data-testid="extend"
        >
          {t('wrapUp.extend')}
        </Button>
        <Outcome
          dispositions={dispositions}
          value={disposition}
          onChange={code => {
            setDisposition(code)
            setMissing(false)
          }}
          error={isMissing ? t('wrapUp.outcomeMissing') : null}
        />
        <Button h={44} onClick={save} loading={view.pending.has('wrapUp.finish')} data-testid="finish">
          {t('wrapUp.save')} <kbd className="keys ltr">{keysAsWords(saveKeys)}</kbd>
        </Button>
        <PromiseCall callId={callId} />
      </div>
    </div>
  )
}

function endedByKey(endedBy: string) {
  if (endedBy === 'caller' || endedBy === 'customer') return 'wrapUp.endedBy.caller' as const
  if (endedBy === 'callee') return 'wrapUp.endedBy.callee' as const
  if (endedBy === 'agent') return 'wrapUp.endedBy.agent' as const
  if (endedBy === 'network') return 'wrapUp.endedBy.network' as const
  if (endedBy === 'system') return 'wrapUp.endedBy.system' as const
  return 'wrapUp.endedBy.other' as const
}
