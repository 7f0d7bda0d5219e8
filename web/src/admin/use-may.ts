import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { meQuery } from '../api/session.ts'

/** Null when the signed-in person may do this; otherwise the sentence that says why not. */
export function useMay(permission: string): string | null {
  const { t } = useTranslation('admin')
  const me = useQuery(meQuery).data
  return me?.permissions.includes(permission) === true ? null : t('form.noRight')
}
