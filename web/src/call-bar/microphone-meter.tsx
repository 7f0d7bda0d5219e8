import { UnstyledButton } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { Icon } from '../parts/icons.tsx'
import { useSoftphone, useSoftphoneView } from '../softphone/softphone-provider.tsx'
import { openSound } from '../sound/open-sound.ts'
import classes from './call-bar.module.css'
import { LevelBars } from '../parts/level-bars.tsx'

/** The microphone as it is: open, muted, missing; with what it hears. Opens the sound settings. */
export function MicrophoneMeter() {
  const { t } = useTranslation()
  const softphone = useSoftphone()
  const view = useSoftphoneView()
  const { state, isHardwareMuted } = view.microphone
  const isMuted = view.desk?.call?.isMuted === true || isHardwareMuted
  const word = state === 'live' ? (isMuted ? t('microphone.muted') : t('microphone.live')) : t(`microphone.${state}`)
  return (
    <UnstyledButton
      className={classes['meter']}
      onClick={openSound}
      aria-label={`${t('sound.title')}: ${word}`}
      data-testid="microphone"
      data-state={state}
    >
      <Icon name={state === 'live' && !isMuted ? 'microphone' : 'microphoneOff'} />
      <LevelBars level={() => (state === 'live' ? (softphone?.microphone.level ?? 0) : 0)} />
    </UnstyledButton>
  )
}
