import { useTranslation } from 'react-i18next'
import { useFormat } from '../i18n/format.ts'
import classes from './admin.module.css'
import { type Field, isSecret, type JsonPath, type Values } from './fields.ts'
import { useFieldName } from './use-field-name.ts'

/** What changes, before and after, in words. */
export function Changes({
  fields,
  before,
  changed
}: Readonly<{ fields: readonly Field[]; before: Values; changed: Values }>) {
  const { t } = useTranslation('admin')
  const { number } = useFormat()
  const nameOf = useFieldName()
  const names = Object.keys(changed)
  if (names.length === 0) return null
  const shown = (name: string, value: unknown): string => {
    const field = fields.find(one => one.name === name)
    if (field !== undefined && isSecret(field)) return '••••'
    if (value === null || value === undefined || value === '') return t('form.none')
    if (typeof value === 'boolean') return value ? t('form.yes') : t('form.no')
    if (typeof value === 'number')
      return field?.kind === 'seconds' ? t('form.seconds', { n: number(value / 1000) }) : number(value)
    if (field?.kind === 'paths')
      return (value as readonly JsonPath[]).map(({ label, path }) => `${label}: ${path}`).join(', ') || t('form.none')
    const option = field?.options?.find(one => one.value === value)
    if (option !== undefined) return option.label
    return typeof value === 'string'
      ? value
      : Object.values(value as object)
          .map(one => (typeof one === 'object' ? JSON.stringify(one) : String(one)))
          .join(', ')
  }
  return (
    <table className={classes['changes']} data-testid="changes">
      <caption>{t('form.changes')}</caption>
      <thead>
        <tr>
          <th scope="col">{t('form.what')}</th>
          <th scope="col">{t('form.before')}</th>
          <th scope="col">{t('form.after')}</th>
        </tr>
      </thead>
      <tbody>
        {names.map(name => (
          <tr key={name}>
            <th scope="row">{nameOf(name)}</th>
            <td>
              <bdi>{shown(name, before[name])}</bdi>
            </td>
            <td>
              <bdi>{shown(name, changed[name])}</bdi>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
