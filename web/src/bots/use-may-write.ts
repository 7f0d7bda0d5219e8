import { useQuery } from '@tanstack/react-query'
import { meQuery } from '../api/session.ts'

/** Whether the signed-in person may write what bots say. */
export function useMayWrite(): boolean {
  return useQuery(meQuery).data?.permissions.includes('knowledge:write') === true
}
