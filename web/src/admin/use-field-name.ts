import { useTranslation } from 'react-i18next'

/** The name of a field in the reader's language; a field that has none is shown as the server calls it. */
export function useFieldName(): (name: string) => string {
  const { t, i18n } = useTranslation('admin')
  return name => {
    const key = `field.${name}`
    return i18n.exists(key, { ns: 'admin' }) ? t(key as 'field.name') : name
  }
}
