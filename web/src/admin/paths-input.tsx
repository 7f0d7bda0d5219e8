import { Button, TextInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import classes from './admin.module.css'
import type { JsonPath } from './fields.ts'

const MAX_PATHS = 30

/** What is shown of a JSON answer: rows of a label and a place. */
export function PathsInput({
  label,
  value,
  onChange
}: Readonly<{ label: string; value: readonly JsonPath[]; onChange(value: readonly JsonPath[]): void }>) {
  const { t } = useTranslation('admin')
  const set = (at: number, change: Partial<JsonPath>) =>
    onChange(value.map((one, index) => (index === at ? { ...one, ...change } : one)))
  return (
    <fieldset className={classes['group']}>
      <legend>{label}</legend>
      <p>{t('card.pathsSays')}</p>
      {value.map((one, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows have no other name, and are only added at the end
        <div key={at} className={classes['row']} style={{ alignItems: 'end' }}>
          <TextInput
            label={t('card.labelNth', { n: at + 1 })}
            required
            maxLength={60}
            value={one.label}
            onChange={event => set(at, { label: event.currentTarget.value })}
          />
          <TextInput
            label={t('card.pathNth', { n: at + 1 })}
            required
            dir="ltr"
            maxLength={200}
            placeholder="account.level"
            value={one.path}
            onChange={event => set(at, { path: event.currentTarget.value })}
          />
          <Button
            variant="default"
            aria-label={t('card.removeNth', { n: at + 1 })}
            onClick={() => onChange(value.filter((_, index) => index !== at))}
          >
            {t('list.removeNow')}
          </Button>
        </div>
      ))}
      <div>
        <Button
          variant="default"
          disabled={value.length >= MAX_PATHS}
          onClick={() => onChange([...value, { label: '', path: '' }])}
        >
          {t('card.addPath')}
        </Button>
      </div>
    </fieldset>
  )
}
