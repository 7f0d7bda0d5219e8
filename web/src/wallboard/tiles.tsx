import { Tooltip } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../i18n/format.ts'
import { useSecondsSince } from '../parts/clock.ts'
import { type Board, levelStep, type Step, waitStep, worse } from './board.ts'
import { StepMark } from './step-mark.tsx'
import classes from './wallboard.module.css'

/** The figures of all queues; each says on focus how it is computed. */
export function Tiles({ board, isOld }: Readonly<{ board: Board; isOld: boolean }>) {
  const { t } = useTranslation('supervision')
  const { number, percent, duration } = useFormat()
  const { total, queues } = board
  const seconds = useSecondsSince(isOld ? null : total.longestSince)
  const longestMs = isOld ? total.longestWaitMs : seconds * 1000
  const goals = queues.flatMap(queue => (queue.goalPercent === null ? [] : [queue.goalPercent]))
  const goalPercent = goals.length === 0 ? null : Math.min(...goals)
  const worstWait = queues.reduce<Step>((step, queue) => worse(step, waitStep(queue, queue.longestWaitMs)), 'plain')
  const minutes = number(board.windowMs / 60_000)
  const share = (value: number | null) => (value === null ? '–' : percent(value))
  return (
    <ul className={classes['tiles']} aria-label={t('tiles')}>
      <Tile name={t('figure.waiting')} formula={t('formula.waiting')} value={number(total.waiting)} id="waiting" />
      <Tile name={t('figure.longest')} formula={t('formula.longest')} value={duration(longestMs)} id="longest">
        <StepMark step={worstWait} />
      </Tile>
      <Tile
        name={t('figure.level')}
        formula={t('formula.level', { minutes })}
        value={share(total.serviceLevel)}
        id="level"
      >
        <span className={classes['goal']}>
          {goalPercent === null ? t('noGoal') : t('goal', { percent: percent(goalPercent / 100) })}
        </span>
        <StepMark step={levelStep({ serviceLevel: total.serviceLevel, goalPercent })} />
      </Tile>
      <Tile
        name={t('figure.abandonment')}
        formula={t('formula.abandonment', { minutes })}
        value={share(total.abandonment)}
        id="abandonment"
      />
      <Tile name={t('figure.free')} formula={t('formula.free')} value={number(total.free)} id="free" />
      <Tile name={t('figure.talking')} formula={t('formula.talking')} value={number(total.talking)} id="talking" />
    </ul>
  )
}

function Tile({
  name,
  formula,
  value,
  id,
  children
}: Readonly<{ name: string; formula: string; value: string; id: string; children?: ReactNode }>) {
  return (
    <li className={classes['tileItem']}>
      <Tooltip label={formula} multiline w={260}>
        {/* Focusable because the formula is shown on focus, not only under a pointer. */}
        <button type="button" className={classes['tile']} data-testid={`tile-${id}`}>
          <span className={classes['tileName']}>{name}</span>
          <span className={classes['tileValue']}>{value}</span>
          <span className={classes['tileNote']}>{children}</span>
        </button>
      </Tooltip>
    </li>
  )
}
