import type { ReactNode } from 'react'
import { Icon } from './icons.tsx'
import { SHOWN_STATES, type ShownState } from './shown-states.ts'
import classes from './state-mark.module.css'

/** Icon, shape, colour and word of a state; the word is the child. */
export function StateMark({ state, children }: Readonly<{ state: ShownState; children: ReactNode }>) {
  const { kind, icon, shape } = SHOWN_STATES[state]
  return (
    <span className={classes['mark']} data-shape={shape} data-kind={kind}>
      <span className={classes['sign']}>
        <Icon name={icon} size={16} />
      </span>
      <span className={classes['word']}>{children}</span>
    </span>
  )
}
