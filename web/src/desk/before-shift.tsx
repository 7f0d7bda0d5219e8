import { Button, Title } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Icon } from '../parts/icons.tsx'
import { LevelBars } from '../parts/level-bars.tsx'
import { unlockAudio } from '../softphone/audio-context.ts'
import { useAct, useSoftphone, useSoftphoneView } from '../softphone/softphone-provider.tsx'
import { openSound } from '../sound/open-sound.ts'
import classes from './before-shift.module.css'

type Verdict = 'unknown' | 'ok' | 'bad'

const TEST_RING_MS = 3_000

/** Four things that must be right before a caller can be served; each shows a tick or the way to mend it. */
export function BeforeShift() {
  const { t } = useTranslation('desk')
  const view = useSoftphoneView()
  const softphone = useSoftphone()
  const act = useAct()
  const [hasRung, setRung] = useState(false)
  const [permission, setPermission] = useState(() =>
    'Notification' in globalThis ? Notification.permission : ('denied' as const)
  )
  const { state } = view.microphone
  const microphone: Verdict = state === 'live' ? 'ok' : state === 'off' || state === 'asking' ? 'unknown' : 'bad'
  return (
    <div className="card" data-testid="before-shift">
      <Title order={2} size="h4">
        {t('checks.title')}
      </Title>
      <p>{t('checks.says')}</p>
      <ul className={classes['list']}>
        <Check verdict={microphone} name={t('checks.microphone')} says={t(`checks.microphoneIs.${state}`)}>
          {state === 'live' ? (
            <LevelBars level={() => softphone?.microphone.level ?? 0} />
          ) : (
            <Button
              variant="default"
              onClick={() =>
                act(async one => {
                  await unlockAudio()
                  await one.changeMicrophone(null)
                })
              }
            >
              {t('checks.allowMicrophone')}
            </Button>
          )}
        </Check>
        <Check
          verdict={hasRung ? 'ok' : 'unknown'}
          name={t('checks.ring')}
          says={hasRung ? t('checks.ringHeard') : t('checks.ringSays')}
        >
          <Button
            variant="default"
            onClick={() => {
              setRung(true)
              void unlockAudio().then(() => softphone?.testRing(TEST_RING_MS))
            }}
          >
            {t('checks.playRing')}
          </Button>
          {hasRung && (
            <Button variant="subtle" onClick={openSound}>
              {t('checks.otherSpeaker')}
            </Button>
          )}
        </Check>
        <Check
          verdict={view.connection === 'open' ? 'ok' : 'bad'}
          name={t('checks.connection')}
          says={view.connection === 'open' ? t('checks.connected') : t('checks.notConnected')}
        />
        <Check
          verdict={permission === 'granted' ? 'ok' : permission === 'denied' ? 'bad' : 'unknown'}
          name={t('checks.notifications')}
          says={t(`checks.notificationsAre.${permission}`)}
        >
          {permission === 'default' && (
            <Button variant="default" onClick={() => void Notification.requestPermission().then(setPermission)}>
              {t('checks.allowNotifications')}
            </Button>
          )}
        </Check>
      </ul>
    </div>
  )
}

function Check({
  verdict,
  name,
  says,
  children
}: Readonly<{ verdict: Verdict; name: string; says: string; children?: ReactNode }>) {
  const { t } = useTranslation('desk')
  return (
    <li className={classes['check']} data-verdict={verdict}>
      <span className={classes['sign']}>
        <Icon name={verdict === 'ok' ? 'check' : verdict === 'bad' ? 'triangle' : 'circle'} />
        <span className={classes['verdict']}>{t(`checks.verdict.${verdict}`)}</span>
      </span>
      <span className={classes['words']}>
        <strong>{name}</strong>
        <span>{says}</span>
      </span>
      <span className={classes['fix']}>{children}</span>
    </li>
  )
}
