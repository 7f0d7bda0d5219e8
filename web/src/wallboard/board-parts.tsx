import { Alert, Button } from '@mantine/core'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { say } from '../parts/say.ts'
import { type Board, type BoardQueue, queueStep } from './board.ts'
import type { LiveBoard } from './use-board.ts'
import classes from './wallboard.module.css'

/** Crossings are spoken at most once in this time. */
const SAY_EVERY_MS = 15_000

/** A queue that needs somebody now. */
export function Act({ queue, onHelp }: Readonly<{ queue: BoardQueue; onHelp: ((queueId: string) => void) | null }>) {
  const { t } = useTranslation('supervision')
  const words = useActWords()
  return (
    <Alert color="red" icon={<Icon name="triangle" />} data-testid="act">
      <div className={classes['head']}>
        <span>
          <strong>{t('step.act')}</strong> {words(queue)}
        </span>
        {onHelp !== null && (
          <Button
            size="compact-md"
            mih={32}
            aria-label={t('help.openFor', { queue: queue.name })}
            onClick={() => onHelp(queue.id)}
          >
            {t('help.open')}
          </Button>
        )}
      </div>
    </Alert>
  )
}

function useActWords(): (queue: BoardQueue) => string {
  const { t } = useTranslation('supervision')
  const { duration, percent, number } = useFormat()
  return queue => {
    const { name, waiting, longestWaitMs, thresholdMs, free, serviceLevel, goalPercent } = queue
    if (waiting > 0)
      return t('act.wait', {
        queue: name,
        longest: duration(longestWaitMs),
        goal: duration(thresholdMs),
        free: number(free)
      })
    return t('act.level', { queue: name, level: percent(serviceLevel ?? 0), goal: percent((goalPercent ?? 0) / 100) })
  }
}

/** Says through the polite region that a queue began to need somebody; figures that merely change are not read out. */
export function useSpokenCrossings(board: Board | null): void {
  const words = useActWords()
  const acting = useRef<ReadonlySet<string>>(new Set())
  const saidAt = useRef(Number.NEGATIVE_INFINITY)
  useEffect(() => {
    if (board === null) return
    const now = board.queues.filter(queue => queueStep(queue) === 'act')
    const crossed = now.filter(queue => !acting.current.has(queue.id))
    if (crossed.length > 0 && performance.now() - saidAt.current < SAY_EVERY_MS) return
    acting.current = new Set(now.map(queue => queue.id))
    if (crossed.length === 0) return
    saidAt.current = performance.now()
    say(crossed.map(words).join(' '), 'soon')
  }, [board, words])
}

/** How old the figures are. */
export function Age({ live }: Readonly<{ live: LiveBoard }>) {
  const { t } = useTranslation('supervision')
  const { clock } = useFormat()
  const at = clock(new Date(live.receivedAt))
  return (
    <span className={classes['age']} data-testid="age" data-old={live.isOld}>
      <Icon name={live.isOld ? 'triangle' : 'dot'} size={16} />
      {live.isOld ? t('old', { time: at }) : t('live', { time: at })}
    </span>
  )
}
