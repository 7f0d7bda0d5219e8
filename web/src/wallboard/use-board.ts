import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { listenToCalls } from '../api/events.ts'
import { learnServerTime } from '../parts/clock.ts'
import { useInterval } from '../parts/use-interval.ts'
import { type Board, boardQuery, type BoardQuery } from './board.ts'

/** Changes of agents send no event of their own, so the board is also asked for as often as this. */
const ASK_EVERY_MS = 500
/** At most four paintings a second, however many calls move. */
const SPACING_MS = 250
/** From this age on, figures are no longer called live. */
export const OLD_AFTER_MS = 3_000

export type LiveBoard = Readonly<{
  board: Board | null
  error: unknown
  /** When the shown figures came, by this machine's clock. */
  receivedAt: number
  ageMs: number
  isOld: boolean
  refresh(): void
}>

/**
 * The wallboard, never older than a second while the server answers; otherwise with its age.
 * @param hear null for a page that may not hear live events
 */
export function useBoard(query: BoardQuery = boardQuery, hear: typeof listenToCalls | null = listenToCalls): LiveBoard {
  const client = useQueryClient()
  const { data, error, dataUpdatedAt, refetch } = useQuery({
    ...query,
    refetchInterval: ASK_EVERY_MS,
    refetchIntervalInBackground: true
  })
  const [now, setNow] = useState(Date.now)
  useInterval(() => setNow(Date.now()), 500)
  useEffect(() => {
    if (data !== undefined) learnServerTime(data.asOf)
  }, [data])
  useEffect(() => {
    let due: ReturnType<typeof setTimeout> | undefined
    const stop = hear?.(() => {
      due ??= setTimeout(() => {
        due = undefined
        void client.invalidateQueries({ queryKey: query.queryKey })
      }, SPACING_MS)
    })
    return () => {
      clearTimeout(due)
      stop?.()
    }
  }, [client, hear, query.queryKey])
  const ageMs = Math.max(0, now - dataUpdatedAt)
  return {
    board: data ?? null,
    error,
    receivedAt: dataUpdatedAt,
    ageMs,
    isOld: data !== undefined && ageMs >= OLD_AFTER_MS,
    refresh: () => void refetch()
  }
}
