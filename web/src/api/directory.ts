import { queryOptions } from '@tanstack/react-query'
import type { AgentState, AgentStatus } from '../../../server/agents/agent-state.ts'
import { api, type Page } from './client.ts'

/** A colleague, as the transfer drawer shows one. */
export type DirectoryAgent = Readonly<{
  id: string
  displayName: string
  status: AgentStatus
  state: AgentState
}>

/** A queue, as the transfer drawer shows one. `labels` are its names by language; waits only where the server tells them. */
export type DirectoryQueue = Readonly<{
  id: string
  name: string
  labels?: Readonly<Record<string, string>>
  waiting?: number
  longestWaitMs?: number
}>

const FRESH_MS = 3_000

export const agentsQuery = queryOptions({
  queryKey: ['directory', 'agents'],
  queryFn: ({ signal }) => everyPage<DirectoryAgent>('/directory/people', signal),
  refetchInterval: FRESH_MS
})

export const queuesQuery = queryOptions({
  queryKey: ['directory', 'queues'],
  queryFn: ({ signal }) => everyPage<DirectoryQueue>('/directory/queues', signal),
  refetchInterval: FRESH_MS
})

/** All items of a list, page by page. */
export async function everyPage<T>(path: string, signal: AbortSignal): Promise<readonly T[]> {
  const items: T[] = []
  let cursor: string | undefined
  do {
    const page = await api<Page<T>>(path, { query: { limit: 200, cursor }, signal })
    items.push(...page.items)
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return items
}
