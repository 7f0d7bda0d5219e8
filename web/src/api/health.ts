import { queryOptions } from '@tanstack/react-query'

/** What `/healthz` says: which engines run, and whether each is the built-in stand-in. */
export type Health = Readonly<{
  status: 'ok' | 'degraded' | 'draining'
  engines: readonly Readonly<{ name: string; isEmbedded: boolean; isUp: boolean }>[]
}>

export const healthQuery = queryOptions({
  queryKey: ['health'],
  // 503 carries the same document: it says what is wrong.
  queryFn: async ({ signal }): Promise<Health> => (await (await fetch('/healthz', { signal })).json()) as Health,
  staleTime: 30_000
})
