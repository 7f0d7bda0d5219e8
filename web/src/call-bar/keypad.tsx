import { Button } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useAct, useSoftphoneView } from '../softphone/softphone-provider.tsx'
import classes from './keypad.module.css'

const KEYS = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '0', '#'] as const

/** Keys for the far end's menus. Typed digits count only while the keypad has the focus. */
export function Keypad({ callId }: Readonly<{ callId: string }>) {
  const { t } = useTranslation()
  const act = useAct()
  const { lastDigit } = useSoftphoneView()
  const [sent, setSent] = useState('')
  const press = (digits: string) => {
    setSent(before => (before + digits).slice(-24))
    act(softphone => softphone.request('digits', { callId, digits }))
  }
  return (
    <fieldset
      className={classes['keypad']}
      aria-label={t('call.keypad')}
      data-testid="keypad-keys"
      onKeyDown={event => {
        if (event.ctrlKey || event.altKey || event.metaKey || event.nativeEvent.isComposing) return
        if (/^[0-9*#]$/.test(event.key)) press(event.key)
      }}
    >
      <output className={`${classes['sent']} ltr`} aria-live="off">
        {sent === '' ? '·' : sent}
      </output>
      {KEYS.map(key => (
        <Button key={key} variant="default" h={48} fz={20} className="ltr" onClick={() => press(key)}>
          {key}
        </Button>
      ))}
      {lastDigit.count > 0 && (
        <p className={classes['heard']} role="status">
          {t('call.farEndPressed', { digit: lastDigit.digit })}
        </p>
      )}
    </fieldset>
  )
}
