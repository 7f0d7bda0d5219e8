import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { notify } from '../parts/notices.tsx'

const KEY = 'parley.reloadedAt'
/** A file that is still missing after a reload is no new version. */
const AGAIN_AFTER_MS = 60_000

/** When a part of the page is gone because the server has a newer one: loads that, but never during a call. */
export function useNewVersion(isInCall: boolean): void {
  const { t } = useTranslation()
  const [isOld, setOld] = useState(false)
  useEffect(() => {
    const missing = () => {
      if (Date.now() - Number(sessionStorage.getItem(KEY)) > AGAIN_AFTER_MS) setOld(true)
    }
    // Vite's event for a lazy part that could not be fetched.
    addEventListener('vite:preloadError', missing)
    return () => removeEventListener('vite:preloadError', missing)
  }, [])
  useEffect(() => {
    if (!isOld) return
    if (isInCall) {
      notify(t('shell.newVersion'))
      return
    }
    sessionStorage.setItem(KEY, String(Date.now()))
    location.reload()
  }, [isOld, isInCall, t])
}
