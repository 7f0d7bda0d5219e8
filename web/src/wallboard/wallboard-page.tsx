import '@mantine/core/styles/Drawer.layer.css'
import { Alert, Button, EmptyState } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useSearchParams } from 'react-router'
import { meQuery } from '../api/session.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { Problem } from '../parts/problem.tsx'
import { say } from '../parts/say.ts'
import { Waiting } from '../parts/waiting.tsx'
import { AgentDrawer } from './agent-drawer.tsx'
import { AgentTable } from './agent-table.tsx'
import { type Board, type BoardQueue, faultsFirst, queueStep, worstQueuesFirst } from './board.ts'
import { HelpDrawer } from './help-drawer.tsx'
import { QueueTable } from './queue-table.tsx'
import { Tiles } from './tiles.tsx'
import { type LiveBoard, useBoard } from './use-board.ts'
import classes from './wallboard.module.css'

/** Crossings are spoken at most once in this time. */
const SAY_EVERY_MS = 15_000

/** Where a person is needed now. With `?tv` for a screen on the wall: twice as large and without names. */
export function WallboardPage() {
  const { t } = useTranslation('supervision')
  const live = useBoard()
  const me = useQuery(meQuery).data
  const [search, setSearch] = useSearchParams()
  const [helpFor, setHelpFor] = useState<string | null>(null)
  const [agentId, setAgentId] = useState<string | null>(null)
  const isTv = search.has('tv')
  const { board, isOld } = live
  useSpokenCrossings(board)
  if (board === null)
    return live.error === null ? (
      <Waiting what={t('waiting')} lines={6} />
    ) : (
      <Problem error={live.error} onRetry={live.refresh} />
    )
  const queues = worstQueuesFirst(board.queues)
  const acting = queues.filter(queue => queueStep(queue) === 'act')
  const helped = queues.find(queue => queue.id === helpFor)
  const agent = board.agents.find(one => one.id === agentId)
  const mayHelp = !isTv && me?.permissions.includes('agents:control') === true
  return (
    <div className={classes['page']} data-old={isOld} data-tv={isTv} data-testid="wallboard">
      <div className={classes['head']}>
        <h1 className={classes['title']}>{t('title')}</h1>
        <Age live={live} />
        <Button
          variant="default"
          leftSection={<Icon name="desk" size={16} />}
          aria-pressed={isTv}
          onClick={() => setSearch(isTv ? {} : { tv: '' })}
        >
          {isTv ? t('tv.leave') : t('tv.enter')}
        </Button>
      </div>
      {!isOld && acting.map(queue => <Act key={queue.id} queue={queue} onHelp={mayHelp ? setHelpFor : null} />)}
      <Tiles board={board} isOld={isOld} />
      {queues.length === 0 ? (
        <EmptyState icon={<Icon name="list" size={32} />} title={t('empty.title')} description={t('empty.says')} />
      ) : (
        <QueueTable queues={queues} isOld={isOld} onHelp={mayHelp ? queue => setHelpFor(queue.id) : null} />
      )}
      {!isTv && (
        <AgentTable agents={faultsFirst(board.agents)} queues={board.queues} onOpen={one => setAgentId(one.id)} />
      )}
      {helped !== undefined && <HelpDrawer queue={helped} board={board} onClose={() => setHelpFor(null)} />}
      {agentId !== null && (
        <AgentDrawer
          agentId={agentId}
          agent={agent ?? null}
          onClose={() => setAgentId(null)}
          onChanged={live.refresh}
        />
      )}
    </div>
  )
}

function Act({ queue, onHelp }: Readonly<{ queue: BoardQueue; onHelp: ((queueId: string) => void) | null }>) {
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
function useSpokenCrossings(board: Board | null): void {
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

function Age({ live }: Readonly<{ live: LiveBoard }>) {
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
