import { EmptyState } from '@mantine/core'
import { queryOptions } from '@tanstack/react-query'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { ApiError } from '../api/client.ts'
import { Icon } from '../parts/icons.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { type Board, queueStep, worstQueuesFirst } from './board.ts'
import { Act, Age } from './board-parts.tsx'
import { QueueTable } from './queue-table.tsx'
import { Tiles } from './tiles.tsx'
import { useBoard } from './use-board.ts'
import classes from './wallboard.module.css'

const LIMIT_MS = 10_000
/** What can be read from across a room. */
const COUNTS = ['free', 'talking'] as const

/** The wallboard on a wall: twice as large, without names, for whoever has the link. It never needs a hand. */
export function TvPage() {
  const { t } = useTranslation('supervision')
  // After the `#`, so that it reaches neither the server's log nor a proxy's.
  const token = location.hash.slice(1)
  const query = useMemo(() => tvQuery(token), [token])
  const live = useBoard(query, null)
  const { board, isOld, error } = live
  if (error instanceof ApiError && error.status === 401)
    return (
      <main className={classes['dark']} data-testid="tv-withdrawn">
        <h1 className={classes['title']}>{t('title')}</h1>
        <EmptyState icon={<Icon name="triangle" size={32} />} title={t('tv.withdrawn')} description={t('tv.ask')} />
      </main>
    )
  if (board === null)
    return (
      <main className={classes['dark']}>
        <Waiting what={t('waiting')} lines={6} />
      </main>
    )
  const queues = worstQueuesFirst(board.queues)
  return (
    <main className={classes['page']} data-old={isOld} data-tv data-testid="tv">
      <div className={classes['head']}>
        <h1 className={classes['title']}>{t('title')}</h1>
        <Age live={live} />
      </div>
      {!isOld &&
        queues
          .filter(queue => queueStep(queue) === 'act')
          .map(queue => <Act key={queue.id} queue={queue} onHelp={null} />)}
      <Tiles board={board} isOld={isOld} />
      <QueueTable queues={queues} isOld={isOld} counts={COUNTS} onHelp={null} />
    </main>
  )
}

/** Asked for with the link's secret instead of a session; what cannot be reached keeps the last figures on the wall. */
function tvQuery(token: string) {
  return queryOptions({
    queryKey: ['wallboard'],
    queryFn: async ({ signal }): Promise<Board> => {
      const answer = await fetch('/api/v1/wallboard/tv', {
        headers: { authorization: `Bearer ${token}` },
        credentials: 'omit',
        signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)])
      })
      if (!answer.ok) throw new ApiError('TV', answer.status, answer.statusText)
      return (await answer.json()) as Board
    },
    staleTime: 0,
    retry: false
  })
}
