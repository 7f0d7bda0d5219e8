import { TextInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import classes from './bots.module.css'

export type PlaceFields = Readonly<{ language: string; region: string; product: string }>

/** Whom an article serves. */
export function PlaceForm({ value, onChange }: Readonly<{ value: PlaceFields; onChange(value: PlaceFields): void }>) {
  const { t } = useTranslation('bots')
  return (
    <div className={classes['row']}>
      {(['language', 'region', 'product'] as const).map(name => (
        <TextInput
          key={name}
          label={t(`field.${name}`)}
          value={value[name]}
          dir={name === 'product' ? 'auto' : 'ltr'}
          required={name === 'language'}
          onChange={event => onChange({ ...value, [name]: event.currentTarget.value })}
        />
      ))}
    </div>
  )
}
