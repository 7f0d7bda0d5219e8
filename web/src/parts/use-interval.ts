import { useEffect, useRef } from 'react'

/** Calls the newest `task` every `everyMs` while the component is there. */
export function useInterval(task: () => void, everyMs: number): void {
  const newest = useRef(task)
  newest.current = task
  useEffect(() => {
    const timer = setInterval(() => newest.current(), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
}
