import { useEffect, useRef, useState } from 'react'
import { useInterval } from '../parts/use-interval.ts'

const SAVE_EVERY_MS = 1_000

/**
 * A value that survives reloads of this tab: saved each second while it differs from `first`. `isRestored` tells that
 * an earlier draft was found. `toStored` takes out what must not be kept.
 */
export function useDraft<T>(
  key: string,
  first: T,
  toStored: (value: T) => unknown = value => value
): Readonly<{ value: T; isRestored: boolean; set(value: T): void; forget(): void }> {
  const place = `parley.draft.${key}`
  const [initial] = useState(() => read<T>(place))
  const [value, setValue] = useState<T>(initial === null ? first : { ...first, ...initial })
  const [isRestored, setRestored] = useState(initial !== null)
  const unsaved = useRef<T | null>(null)
  const save = () => {
    if (unsaved.current === null) return
    sessionStorage.setItem(place, JSON.stringify(toStored(unsaved.current)))
    unsaved.current = null
  }
  useInterval(save, SAVE_EVERY_MS)
  const newest = useRef(save)
  newest.current = save
  useEffect(() => {
    const saveNow = () => newest.current()
    // A reload takes the page away without unmounting it.
    addEventListener('pagehide', saveNow)
    return () => {
      removeEventListener('pagehide', saveNow)
      saveNow()
    }
  }, [])
  return {
    value,
    isRestored,
    set(next) {
      unsaved.current = next
      setValue(next)
    },
    forget() {
      unsaved.current = null
      sessionStorage.removeItem(place)
      setRestored(false)
    }
  }
}

function read<T>(place: string): T | null {
  const text = sessionStorage.getItem(place)
  if (text === null) return null
  try {
    return JSON.parse(text) as T
  } catch {
    // Somebody edited the browser's storage; without a draft the form begins with the server's values.
    return null
  }
}
