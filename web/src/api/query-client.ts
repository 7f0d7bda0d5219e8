import { QueryClient } from '@tanstack/react-query'
import { ApiError } from './client.ts'

/** Refusals are final; only what did not reach the server is tried again. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (count, err) => count < 5 && err instanceof ApiError && (err.status === 0 || err.status === 503),
      retryDelay: count => Math.min(8_000, 500 * 2 ** count),
      staleTime: 5_000
    },
    mutations: { retry: false }
  }
})
