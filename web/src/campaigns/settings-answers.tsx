import '@mantine/core/styles/Checkbox.layer.css'
import '@mantine/core/styles/NumberInput.layer.css'
import { Checkbox, NativeSelect, NumberInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Settings } from './campaign-api.ts'

type Amd = Settings['amd']
type Detector = NonNullable<Amd['settings']>

const ON_MACHINE = ['hangUp', 'message', 'agent'] as const
const ON_SCREENING = ['hangUp', 'identify'] as const
/** In seconds, as the API takes them in milliseconds. */
const TIMES = [
  { name: 'machineGreetingMs', least: 1, most: 6 },
  { name: 'afterGreetingMs', least: 0.3, most: 2 },
  { name: 'initialSilenceMs', least: 1, most: 8 }
] as const

/** Whether people are told from machines, how, and what is done with a machine. */
export function SettingsAnswers({ amd, set }: Readonly<{ amd: Amd; set(amd: Amd): void }>) {
  const { t } = useTranslation('campaigns')
  const setTime = (name: keyof Detector, value: string | number) => {
    const { [name]: _before, ...others } = amd.settings ?? {}
    const settings: Detector = value === '' ? others : { ...others, [name]: Math.round(Number(value) * 1_000) }
    const { settings: _settings, ...rest } = amd
    set(Object.keys(settings).length === 0 ? rest : { ...rest, settings })
  }
  return (
    <>
      <Checkbox
        label={t('setup.amd')}
        checked={amd.isOn}
        onChange={event => set({ ...amd, isOn: event.currentTarget.checked })}
      />
      {amd.isOn && (
        <NativeSelect
          label={t('setup.onMachine')}
          value={amd.onMachine}
          data={ON_MACHINE.map(value => ({ value, label: t(`onMachine.${value}`) }))}
          onChange={event => {
            const onMachine = ON_MACHINE.find(one => one === event.currentTarget.value)
            set({ ...amd, onMachine: onMachine ?? 'hangUp' })
          }}
        />
      )}
      {amd.isOn && amd.onMachine !== 'agent' && (
        <NativeSelect
          label={t('setup.onScreening')}
          value={amd.onScreening ?? 'hangUp'}
          data={ON_SCREENING.map(value => ({ value, label: t(`onScreening.${value}`) }))}
          onChange={event => {
            const onScreening = event.currentTarget.value === 'identify' ? 'identify' : 'hangUp'
            set({ ...amd, onScreening })
          }}
        />
      )}
      {amd.isOn &&
        TIMES.map(({ name, least, most }) => (
          <NumberInput
            key={name}
            label={t(`setup.${name}`)}
            description={t('setup.asKnown')}
            min={least}
            max={most}
            step={0.1}
            decimalScale={1}
            value={amd.settings?.[name] === undefined ? '' : amd.settings[name] / 1_000}
            onChange={value => setTime(name, value)}
          />
        ))}
    </>
  )
}
