import { queryOptions } from '@tanstack/react-query'
import { everyPage } from './directory.ts'

/** A number of ours that can be called. */
export type OwnNumber = Readonly<{ id: string; number: string; label: string; language: string | null }>

export const numbersQuery = queryOptions({
  queryKey: ['numbers'],
  queryFn: ({ signal }) => everyPage<OwnNumber>('/numbers', signal)
})
