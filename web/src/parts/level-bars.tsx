import { useEffect, useRef } from 'react'
import classes from './level-bars.module.css'

/** Loudness at which each bar lights up; speech into a head-set lights three or four. */
const STEPS = [0.004, 0.015, 0.04, 0.1, 0.25] as const
const EVERY_MS = 80

/** A level meter of five bars. Only its own attributes change, so that a talking agent redraws nothing else. */
export function LevelBars({ level }: Readonly<{ level: () => number }>) {
  const bars = useRef<HTMLSpanElement>(null)
  const newest = useRef(level)
  newest.current = level
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState !== 'visible') return
      const now = newest.current()
      for (const [index, bar] of [...(bars.current?.children ?? [])].entries()) {
        const isOn = String(now >= (STEPS[index] ?? 1))
        if (bar.getAttribute('data-on') !== isOn) bar.setAttribute('data-on', isOn)
      }
    }, EVERY_MS)
    return () => clearInterval(timer)
  }, [])
  return (
    <span ref={bars} className={classes['bars']} aria-hidden="true">
      {STEPS.map(step => (
        <i key={step} data-on="false" />
      ))}
    </span>
  )
}
