import { useTranslation } from 'react-i18next'

/** The reason of a break in the reader's language where it is one that everybody knows, else as the server has it. */
export function useReasonWords(): (reason: string) => string {
  const { t, i18n } = useTranslation()
  return reason => {
    const key = `statusReason.${reason}`
    return i18n.exists(key) ? t(key as 'statusReason.lunch') : reason
  }
}
