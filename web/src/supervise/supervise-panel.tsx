import { Button, TextInput } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Icon, type IconName } from '../parts/icons.tsx'
import { say } from '../parts/say.ts'
import { Timer } from '../parts/timer.tsx'
import { useAct, useSoftphoneView } from '../softphone/softphone-provider.tsx'
import classes from './supervise-panel.module.css'

const MODES = ['listen', 'whisper', 'barge', 'takeOver'] as const
type Mode = (typeof MODES)[number]
const ICONS: Readonly<Record<Mode, IconName>> = {
  listen: 'ear',
  whisper: 'microphone',
  barge: 'threeHeads',
  takeOver: 'handset'
}

/**
 * Listening to an agent's call, whispering, joining and taking over. Says at all times who hears whom: the words come
 * from the server, which made the audio so, never from the button that was pressed.
 */
export function SupervisePanel({ agentName, callId }: Readonly<{ agentName: string; callId: string | null }>) {
  const { t } = useTranslation('supervision')
  const act = useAct()
  const { desk, pending, shift, connection } = useSoftphoneView()
  const [reason, setReason] = useState('')
  const supervising = desk?.supervising?.callId === callId ? desk?.supervising : null
  const mode = supervising?.mode ?? null
  useSaidMode(mode, agentName)

  const ask = (next: Mode) => {
    if (callId === null) return
    act(async softphone => {
      // Listening asks for no microphone and sends nothing.
      if (shift !== 'on') await (next === 'listen' ? softphone.openToListen() : softphone.startShift())
      await softphone.request('supervise', { callId, mode: next, reason: reason.trim() })
    })
  }
  const blocked =
    callId === null
      ? t('supervise.noCall', { name: agentName })
      : desk?.call != null
        ? t('supervise.ownCall')
        : connection !== 'open'
          ? t('supervise.noConnection')
          : reason.trim() === ''
            ? t('supervise.reasonFirst')
            : null

  return (
    <section className={classes['panel']} aria-labelledby="supervise-title" data-testid="supervise" data-mode={mode}>
      <h3 id="supervise-title" className={classes['title']}>
        {t('supervise.title')}
      </h3>
      <p className={classes['who']} data-testid="who-hears">
        {mode === null ? t('supervise.says.none') : t(`supervise.says.${mode}`, { name: agentName })}{' '}
        {supervising != null && <Timer since={supervising.since} />}
      </p>
      {supervising != null && (
        <ul className={classes['hears']} aria-label={t('supervise.hears')}>
          {supervising.hears.map(({ from, to, isHeard }) => (
            <li key={`${from} ${to}`} data-heard={isHeard}>
              <Icon name={isHeard ? 'check' : 'cross'} size={16} />
              {isHeard
                ? t('supervise.isHeard', { from: party(from), to: party(to) })
                : t('supervise.isNotHeard', { from: party(from), to: party(to) })}
            </li>
          ))}
        </ul>
      )}
      <TextInput
        label={t('supervise.reason')}
        description={t('supervise.reasonSays')}
        maxLength={200}
        value={reason}
        onChange={event => setReason(event.currentTarget.value)}
      />
      <div className={classes['modes']}>
        {MODES.map(one => (
          <Button
            key={one}
            mih={44}
            variant={mode === one ? 'filled' : 'default'}
            leftSection={<Icon name={ICONS[one]} size={18} />}
            aria-pressed={one === 'takeOver' ? undefined : mode === one}
            disabled={blocked !== null || pending.has('supervise')}
            onClick={() => ask(one)}
          >
            {t(`supervise.${one}`, { name: agentName })}
          </Button>
        ))}
        {supervising != null && (
          <Button
            mih={44}
            variant="default"
            leftSection={<Icon name="door" size={18} />}
            className={classes['leave'] ?? ''}
            onClick={() => act(softphone => softphone.request('supervise.stop', {}))}
          >
            {t('supervise.leave')}
          </Button>
        )}
      </div>
      {blocked !== null && <p className={classes['why']}>{blocked}</p>}
    </section>
  )

  function party(id: string): string {
    if (id === 'supervisor') return t('supervise.party.supervisor')
    if (id === 'customer') return t('supervise.party.customer')
    return agentName
  }
}

/** Each change is spoken at once: whoever speaks must know who hears it. */
function useSaidMode(mode: 'listen' | 'whisper' | 'barge' | null, name: string): void {
  const { t } = useTranslation('supervision')
  const before = useRef(mode)
  useEffect(() => {
    if (before.current === mode) return
    before.current = mode
    say(mode === null ? t('supervise.says.none') : t(`supervise.says.${mode}`, { name }), 'now')
  }, [mode, name, t])
}
