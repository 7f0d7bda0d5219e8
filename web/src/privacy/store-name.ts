import { useTranslation } from 'react-i18next'
import type { Store } from './api.ts'

/** Names what holds personal data; one that this page has no text for, as the server calls it. */
export function useStoreName(): (store: string) => string {
  const { t } = useTranslation('privacy')
  return store => t(`store.${store as Store}`, { defaultValue: store })
}
