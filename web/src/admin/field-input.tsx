import '@mantine/core/styles/Checkbox.layer.css'
import '@mantine/core/styles/NumberInput.layer.css'
import { Checkbox, NativeSelect, NumberInput, PasswordInput, Textarea, TextInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { LANGUAGE_NAMES } from '../prefs.ts'
import { CodesInput } from './codes-input.tsx'
import { type Field, type JsonPath, LABEL_LANGUAGES, type Values } from './fields.ts'
import classes from './admin.module.css'
import { PathsInput } from './paths-input.tsx'
import { useFieldName } from './use-field-name.ts'

const DESTINATIONS = ['queue', 'number', 'extension', 'agent', 'voicemail', 'flow'] as const
const SECOND_MS = 1000

/** The input of one field, whatever its kind. */
export function FieldInput({
  field,
  values,
  isNew,
  isMissing,
  onChange
}: Readonly<{ field: Field; values: Values; isNew: boolean; isMissing: boolean; onChange(value: unknown): void }>) {
  const { t } = useTranslation('admin')
  const nameOf = useFieldName()
  const value = values[field.name]
  const empty = field.isNullable === true ? null : ''
  const shared = {
    label: nameOf(field.name),
    withAsterisk: field.isRequired === true && isNew,
    error: isMissing ? t('form.required') : null,
    disabled: field.isOnlyForNew === true && !isNew
  }
  switch (field.kind) {
    case 'text':
      return (
        <TextInput
          {...shared}
          {...(field.isPhoneNumber === true && { dir: 'ltr', inputMode: 'tel' as const })}
          {...(field.isAddress === true && { dir: 'ltr', inputMode: 'url' as const })}
          autoComplete="off"
          value={String(value ?? '')}
          onChange={event => onChange(event.currentTarget.value === '' ? empty : event.currentTarget.value)}
        />
      )
    case 'longText':
      return (
        <Textarea
          {...shared}
          autosize
          minRows={3}
          maxRows={12}
          value={String(value ?? '')}
          onChange={event => onChange(event.currentTarget.value)}
        />
      )
    case 'secret':
      return (
        <PasswordInput
          {...shared}
          description={isNew ? undefined : t('form.secretKept')}
          autoComplete="new-password"
          value={String(value ?? '')}
          onChange={event => onChange(event.currentTarget.value)}
        />
      )
    case 'number':
    case 'seconds': {
      const unit = field.kind === 'seconds' ? SECOND_MS : 1
      return (
        <NumberInput
          {...shared}
          description={field.isNullable === true ? t('form.emptyNone') : undefined}
          {...(field.min !== undefined && { min: field.min / unit })}
          {...(field.max !== undefined && { max: field.max / unit })}
          value={typeof value === 'number' ? value / unit : ''}
          onChange={next => onChange(next === '' ? null : Math.round(Number(next) * unit))}
        />
      )
    }
    case 'switch':
      return (
        <Checkbox
          label={shared.label}
          checked={value === true}
          onChange={event => onChange(event.currentTarget.checked)}
        />
      )
    case 'choice':
      return (
        <NativeSelect
          {...shared}
          value={String(value ?? '')}
          data={[
            ...(field.isNullable === true ? [{ value: '', label: t('form.none') }] : []),
            ...(field.options ?? [])
          ]}
          onChange={event => onChange(event.currentTarget.value === '' ? empty : event.currentTarget.value)}
        />
      )
    case 'lines':
      return (
        <Textarea
          {...shared}
          description={t('form.onePerLine')}
          dir="ltr"
          autosize
          minRows={2}
          value={Array.isArray(value) ? value.join('\n') : ''}
          onChange={event =>
            onChange(
              event.currentTarget.value === '' ? [] : event.currentTarget.value.split('\n').map(line => line.trim())
            )
          }
        />
      )
    case 'codes':
      return (
        <CodesInput
          label={shared.label}
          error={shared.error}
          options={field.options ?? []}
          value={Array.isArray(value) ? (value as string[]) : []}
          onChange={onChange}
        />
      )
    case 'headers':
      return (
        <Textarea
          {...shared}
          description={isNew ? t('card.headersSays') : t('form.secretKept')}
          dir="ltr"
          autoComplete="off"
          spellCheck={false}
          autosize
          minRows={1}
          value={String(value ?? '')}
          onChange={event => onChange(event.currentTarget.value)}
        />
      )
    case 'paths':
      return (
        <PathsInput
          label={shared.label}
          value={Array.isArray(value) ? (value as JsonPath[]) : []}
          onChange={onChange}
        />
      )
    case 'labels':
      return <Labels field={field} value={(value ?? {}) as Record<string, string>} onChange={onChange} />
    case 'destination': {
      const destination = value as Readonly<{ kind: string; value: string }> | null | undefined
      return (
        <fieldset className={classes['group']}>
          <legend>{shared.label}</legend>
          <NativeSelect
            label={t('form.kind')}
            value={destination?.kind ?? ''}
            data={[
              { value: '', label: t('form.none') },
              ...DESTINATIONS.map(kind => ({ value: kind, label: t(`destination.${kind}`) }))
            ]}
            onChange={event =>
              onChange(
                event.currentTarget.value === ''
                  ? null
                  : { kind: event.currentTarget.value, value: destination?.value ?? '' }
              )
            }
          />
          {destination != null && (
            <TextInput
              label={t('form.where')}
              value={destination.value}
              onChange={event => onChange({ kind: destination.kind, value: event.currentTarget.value })}
            />
          )}
        </fieldset>
      )
    }
    default:
      return field.kind satisfies never
  }
}

function Labels({
  field,
  value,
  onChange
}: Readonly<{ field: Field; value: Readonly<Record<string, string>>; onChange(value: unknown): void }>) {
  const nameOf = useFieldName()
  return (
    <fieldset className={classes['group']}>
      <legend>{nameOf(field.name)}</legend>
      {LABEL_LANGUAGES.map(language => (
        <TextInput
          key={language}
          label={<span lang={language}>{LANGUAGE_NAMES[language]}</span>}
          lang={language}
          dir="auto"
          value={value[language] ?? ''}
          onChange={event => {
            const { [language]: _, ...others } = value
            const text = event.currentTarget.value
            onChange(text === '' ? others : { ...others, [language]: text })
          }}
        />
      ))}
    </fieldset>
  )
}
