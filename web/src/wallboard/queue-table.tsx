import { Button } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../i18n/format.ts'
import { useSecondsSince } from '../parts/clock.ts'
import { type BoardQueue, levelStep, queueStep, waitStep } from './board.ts'
import { ShowChanges } from './show-changes.tsx'
import { StepMark } from './step-mark.tsx'
import { useCalmOrder } from './use-calm-order.ts'
import classes from './wallboard.module.css'

const COUNTS = ['free', 'ringing', 'talking', 'wrapUp', 'onBreak', 'unreachable'] as const

type Count = (typeof COUNTS)[number]

/** All queues, worst first; `counts` of agents are shown where there is room. */
export function QueueTable({
  queues,
  isOld,
  onHelp,
  counts = COUNTS
}: Readonly<{
  queues: readonly BoardQueue[]
  isOld: boolean
  onHelp: ((queue: BoardQueue) => void) | null
  counts?: readonly Count[]
}>) {
  const { t } = useTranslation('supervision')
  const { rows, moved, settle, props } = useCalmOrder(queues, queue => queue.id)
  return (
    <div className="card" {...props}>
      <div className={classes['head']}>
        <h2 id="queues-title" className={classes['subtitle']}>
          {t('queues.title')}
        </h2>
        <ShowChanges count={moved} onShow={settle} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <section className={classes['scroll']} tabIndex={0} aria-label={t('queues.title')}>
        <table className={classes['table']}>
          <thead>
            <tr>
              <th scope="col">{t('queues.queue')}</th>
              <th scope="col">{t('figure.waiting')}</th>
              <th scope="col">{t('figure.longest')}</th>
              <th scope="col">{t('figure.level')}</th>
              {counts.map(count => (
                <th key={count} scope="col">
                  {t(`count.${count}`)}
                </th>
              ))}
              {onHelp !== null && <th scope="col">{t('help.column')}</th>}
            </tr>
          </thead>
          <tbody>
            {rows.map(queue => (
              <Row key={queue.id} queue={queue} isOld={isOld} counts={counts} onHelp={onHelp} />
            ))}
          </tbody>
        </table>
      </section>
    </div>
  )
}

function Row({
  queue,
  isOld,
  counts,
  onHelp
}: Readonly<{
  queue: BoardQueue
  isOld: boolean
  counts: readonly Count[]
  onHelp: ((queue: BoardQueue) => void) | null
}>) {
  const { t } = useTranslation('supervision')
  const { number, percent, duration } = useFormat()
  const seconds = useSecondsSince(isOld ? null : queue.longestSince)
  const longestMs = isOld ? queue.longestWaitMs : seconds * 1000
  return (
    <tr data-testid="queue-row" data-queue={queue.name} data-step={queueStep(queue)}>
      <th scope="row">
        <bdi>{queue.name}</bdi> {!queue.isOpen && <span className={classes['goal']}>{t('queues.closed')}</span>}
      </th>
      <td>{number(queue.waiting)}</td>
      <td>
        <span className="nowrap">
          {duration(longestMs)} <StepMark step={waitStep(queue, longestMs)} />
        </span>
      </td>
      <td>
        <span className="nowrap">
          {queue.serviceLevel === null ? '–' : percent(queue.serviceLevel)}{' '}
          <span className={classes['goal']}>
            {queue.goalPercent === null ? t('noGoal') : t('goal', { percent: percent(queue.goalPercent / 100) })}
          </span>{' '}
          <StepMark step={levelStep(queue)} />
        </span>
      </td>
      {counts.map(count => (
        <td key={count}>{number(queue[count])}</td>
      ))}
      {onHelp !== null && (
        <td>
          <Button
            size="compact-sm"
            mih={28}
            variant={queueStep(queue) === 'plain' ? 'default' : 'filled'}
            aria-label={t('help.openFor', { queue: queue.name })}
            onClick={() => onHelp(queue)}
          >
            {t('help.open')}
          </Button>
        </td>
      )}
    </tr>
  )
}
