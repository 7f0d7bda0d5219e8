import { ApiError } from '../api/client.ts'

/** `Authorization: Bearer …` on each line as the server takes it. Throws ApiError HEADER_LINE_WRONG. */
export function headersIn(text: string): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  for (const line of text.split('\n').map(one => one.trim())) {
    if (line === '') continue
    const found = /^([A-Za-z0-9-]{1,60}):\s*(.+)$/.exec(line)
    // The line itself may be a secret, so that it is not said.
    if (found?.[1] === undefined || found[2] === undefined) throw new ApiError('HEADER_LINE_WRONG', 0, '')
    headers[found[1]] = found[2]
  }
  return headers
}
