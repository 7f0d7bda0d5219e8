import '@mantine/core/styles/Checkbox.layer.css'
import '@mantine/core/styles/Drawer.layer.css'
import '@mantine/core/styles/Slider.layer.css'
import { Button, Checkbox, Drawer, FileButton, NativeSelect, Slider, Stack, Title } from '@mantine/core'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { LevelBars } from '../parts/level-bars.tsx'
import { Problem } from '../parts/problem.tsx'
import { prefs, RING_TONES, type RingTone, setPrefs } from '../prefs.ts'
import { useSoftphone } from '../softphone/softphone-provider.tsx'
import { useStore } from '../store.ts'
import { unlockAudio } from '../softphone/audio-context.ts'
import { keepOwnTone } from '../softphone/own-tone.ts'
import { useDevices } from './use-devices.ts'

const TEST_RING_MS = 3_000

/** Which microphone, which head-set, which ring; each can be tried at once, also during a call. */
export function SoundDrawer({ onClose }: Readonly<{ onClose(): void }>) {
  const { t } = useTranslation()
  const softphone = useSoftphone()
  const set = useStore(prefs)
  const { inputs, outputs } = useDevices()
  const [problem, setProblem] = useState<unknown>(null)
  const [isTesting, setTesting] = useState(false)
  useEffect(() => {
    if (!isTesting || softphone === null) return
    const stop = softphone.testRing(TEST_RING_MS)
    const end = setTimeout(() => setTesting(false), TEST_RING_MS)
    return () => {
      clearTimeout(end)
      stop()
    }
  }, [isTesting, softphone])
  const options = (devices: readonly MediaDeviceInfo[], fallback: string) => [
    { value: '', label: fallback },
    ...devices
      .filter(device => device.deviceId !== 'default' && device.deviceId !== 'communications')
      .map((device, index) => ({ value: device.deviceId, label: device.label || `${fallback} ${index + 1}` }))
  ]
  const changeMicrophone = (deviceId: string | null) => {
    setProblem(null)
    softphone?.changeMicrophone(deviceId).then(() => setPrefs({ microphoneId: deviceId }), setProblem)
  }

  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      title={t('sound.title')}
      closeButtonProps={{ 'aria-label': t('action.close') }}
    >
      <Stack data-testid="sound">
        {problem !== null && <Problem error={problem} />}
        <NativeSelect
          label={t('sound.microphone')}
          data={options(inputs, t('sound.systemDefault'))}
          value={set.microphoneId ?? ''}
          onChange={event => changeMicrophone(event.currentTarget.value || null)}
        />
        <div style={{ display: 'flex', gap: 12, alignItems: 'center' }}>
          <LevelBars level={() => softphone?.microphone.level ?? 0} />
          <span>{t('sound.speak')}</span>
        </div>
        <Checkbox
          label={t('sound.clean')}
          description={t('sound.cleanSays')}
          checked={set.isMicrophoneCleaned}
          onChange={event => {
            setPrefs({ isMicrophoneCleaned: event.currentTarget.checked })
            changeMicrophone(set.microphoneId)
          }}
        />
        <NativeSelect
          label={t('sound.headset')}
          description={outputs.length === 0 ? t('sound.noChoice') : undefined}
          disabled={outputs.length === 0}
          data={options(outputs, t('sound.systemDefault'))}
          value={set.headsetId ?? ''}
          onChange={event => setPrefs({ headsetId: event.currentTarget.value || null })}
        />
        <Volume
          label={t('sound.headsetVolume')}
          value={set.headsetVolume}
          onChange={headsetVolume => setPrefs({ headsetVolume })}
        />
        <Title order={3} size="h5">
          {t('sound.ring')}
        </Title>
        <NativeSelect
          label={t('sound.ringDevice')}
          disabled={outputs.length === 0}
          data={options(outputs, t('sound.systemDefault'))}
          value={set.ringDeviceId ?? ''}
          onChange={event => setPrefs({ ringDeviceId: event.currentTarget.value || null })}
        />
        <Volume
          label={t('sound.ringVolume')}
          value={set.ringVolume}
          onChange={ringVolume => setPrefs({ ringVolume })}
        />
        <NativeSelect
          label={t('sound.tone')}
          data={RING_TONES.map(tone => ({ value: tone, label: t(`sound.tones.${tone}`) }))}
          value={set.ringTone}
          onChange={event => setPrefs({ ringTone: event.currentTarget.value as RingTone })}
        />
        <div style={{ display: 'flex', flexWrap: 'wrap', gap: 12 }}>
          <FileButton
            accept="audio/*"
            onChange={file => {
              if (file === null) return
              setProblem(null)
              keepOwnTone(file).then(() => setPrefs({ ringTone: 'own' }), setProblem)
            }}
          >
            {props => (
              <Button variant="default" {...props}>
                {t('sound.upload')}
              </Button>
            )}
          </FileButton>
          <Button
            leftSection={<Icon name="bell" size={16} />}
            variant="default"
            aria-pressed={isTesting}
            onClick={() => void unlockAudio().then(() => setTesting(now => !now))}
          >
            {isTesting ? t('sound.stopTest') : t('sound.test')}
          </Button>
        </div>
      </Stack>
    </Drawer>
  )
}

function Volume({ label, value, onChange }: Readonly<{ label: string; value: number; onChange(value: number): void }>) {
  const { percent } = useFormat()
  return (
    <div>
      <span aria-hidden="true">{label}</span>
      <Slider thumbLabel={label} min={0} max={1} step={0.05} label={percent} value={value} onChange={onChange} />
    </div>
  )
}
