import { queryOptions } from '@tanstack/react-query'
import { ApiError, api } from '../api/client.ts'
import type { DncList, ImportReport } from './answers.ts'

/** Forms of files that the server reads (`server/compliance/dnc/formats.ts`). */
export const LIST_FORMATS = ['csv', 'ftc', 'ftc-change', 'ftc-xml', 'dncl', 'tps', 'bloctel', 'rpo', 'dncr'] as const

const IMPORTING_MS = 500

/** All lists; asked again twice a second while any of them is being imported. */
export const listsQuery = queryOptions({
  queryKey: ['compliance', 'lists'],
  queryFn: ({ signal }) => api<{ items: readonly DncList[]; internal: number }>('/dnc-lists', { signal }),
  refetchInterval: query => (query.state.data?.items.some(list => list.importing !== null) ? IMPORTING_MS : false)
})

export type ImportRequest = Readonly<{
  listId: string
  file: File
  method: 'full' | 'change'
  obtainedAt: Date
  sequence: number | null
  acceptsShrinking: boolean
}>

/** The first lines of a file, for a person to recognise it; never more than a few hundred bytes are read. */
export async function sampleOf(file: File): Promise<readonly string[]> {
  const bytes = await file.slice(0, 600).arrayBuffer()
  return new TextDecoder().decode(bytes).split(/\r?\n/).slice(0, 4)
}

/**
 * Sends a list as it is; the browser streams it from the disk. `onSent` hears how many bytes have left.
 * Rejects with ApiError; then the version before stays in force.
 */
export function importFile(
  request: ImportRequest,
  onSent: (bytes: number) => void,
  signal: AbortSignal
): Promise<Readonly<{ version: number; report: ImportReport }>> {
  const url = new URL(`/api/v1/dnc-lists/${encodeURIComponent(request.listId)}/imports`, location.origin)
  url.searchParams.set('method', request.method)
  url.searchParams.set('obtainedAt', request.obtainedAt.toISOString())
  url.searchParams.set('sourceName', request.file.name.slice(0, 200))
  if (request.sequence !== null) url.searchParams.set('sequence', String(request.sequence))
  if (request.acceptsShrinking) url.searchParams.set('acceptsShrinking', 'true')
  // `fetch` tells nothing of what has been sent; only XMLHttpRequest has upload events.
  const sending = new XMLHttpRequest()
  return new Promise((resolve, reject) => {
    sending.open('POST', url)
    sending.responseType = 'json'
    sending.setRequestHeader('content-type', 'application/octet-stream')
    sending.upload.onprogress = event => onSent(event.loaded)
    sending.onload = () => {
      const body = (sending.response ?? {}) as Record<string, unknown>
      if (sending.status === 201) return resolve(body as { version: number; report: ImportReport })
      reject(
        new ApiError(
          String(body['code'] ?? `HTTP_${sending.status}`),
          sending.status,
          String(body['detail'] ?? body['title'] ?? ''),
          { problems: Array.isArray(body['problems']) ? body['problems'] : [] }
        )
      )
    }
    sending.onerror = () => reject(new ApiError('SERVER_UNREACHABLE', 0, ''))
    sending.onabort = () => reject(signal.reason)
    signal.addEventListener('abort', () => sending.abort(), { once: true })
    sending.send(request.file)
  })
}
