import { queryOptions } from '@tanstack/react-query'
import { createStore } from '../store.ts'
import { ApiError, api, onSignedOut } from './client.ts'

/** Who is signed in and what the role allows (`server/http/permissions.ts` names the permissions). */
export type Me = Readonly<{
  id: string
  username: string
  displayName: string
  role: string
  language: string
  permissions: readonly string[]
}>

/** True from the moment the server forgets a session that this page still uses, until the person signs in again. */
export const sessionEnded = createStore(false)

onSignedOut(() => sessionEnded.set(true))

/** The signed-in person; null when nobody is. */
export const meQuery = queryOptions({
  queryKey: ['session'],
  queryFn: async ({ signal }): Promise<Me | null> => {
    try {
      return await api<Me>('/session', { signal })
    } catch (err) {
      if (err instanceof ApiError && err.status === 401) return null
      throw err
    }
  },
  staleTime: Number.POSITIVE_INFINITY,
  retry: (count, err) => count < 30 && err instanceof ApiError && err.code === 'SERVER_UNREACHABLE',
  retryDelay: 1_000
})

/** Rejects with ApiError `LOGIN_FAILED` or `TOO_MANY_REQUESTS`. */
export async function signIn(username: string, password: string): Promise<Me> {
  const { user } = await api<{ user: Me }>('/session', { method: 'POST', body: { username, password } })
  sessionEnded.set(false)
  return user
}

export async function signOut(): Promise<void> {
  await api<void>('/session', { method: 'DELETE' })
}
