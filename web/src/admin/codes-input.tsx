import '@mantine/core/styles/Checkbox.layer.css'
import { Checkbox, Textarea } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import classes from './admin.module.css'
import type { Option } from './fields.ts'

const ALL = '*'

/** A list of codes: those that most people want as boxes, any other by its name, or all of them. */
export function CodesInput({
  label,
  error,
  options,
  value,
  onChange
}: Readonly<{
  label: string
  error: string | null
  options: readonly Option[]
  value: readonly string[]
  onChange(value: readonly string[]): void
}>) {
  const { t } = useTranslation('admin')
  const offered = new Set(options.map(option => option.value))
  const isAll = value.includes(ALL)
  const others = value.filter(code => code !== ALL && !offered.has(code))
  // The lines as they are typed, with empty ones, as long as they say what the form holds.
  const [typed, setTyped] = useState('')
  const lines = codesIn(typed).join('\n') === others.join('\n') ? typed : others.join('\n')
  return (
    <fieldset className={classes['group']}>
      <legend>{label}</legend>
      {error !== null && <span className={classes['wrong']}>{error}</span>}
      <Checkbox
        label={t('codes.all')}
        checked={isAll}
        onChange={event => onChange(event.currentTarget.checked ? [ALL] : [])}
      />
      {!isAll && (
        <>
          {options.map(option => (
            <Checkbox
              key={option.value}
              label={option.label}
              checked={value.includes(option.value)}
              onChange={event =>
                onChange(
                  event.currentTarget.checked ? [...value, option.value] : value.filter(code => code !== option.value)
                )
              }
            />
          ))}
          <Textarea
            label={t('codes.others')}
            description={t('codes.othersSays')}
            dir="ltr"
            autosize
            minRows={1}
            value={lines}
            onChange={event => {
              const text = event.currentTarget.value
              setTyped(text)
              onChange([...new Set([...value.filter(code => offered.has(code)), ...codesIn(text)])])
            }}
          />
        </>
      )}
    </fieldset>
  )
}

function codesIn(text: string): readonly string[] {
  return text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
}
