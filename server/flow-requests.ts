import type { RequestOutcome } from '../ivr-flows/host.ts'

export type FlowRequest = Readonly<{
  method: string
  url: string
  headers: Readonly<Record<string, string>>
  body?: string
  timeoutMs: number
  maxBytes: number
}>

/**
 * Makes the HTTP request of a flow. Whatever the other side does (hang, answer nonsense, send without end), there is an
 * outcome within the time limit. Redirects are not followed: they would lead past the allow-list.
 * `allowedHosts` holds host names, or `*` for all.
 */
export async function makeFlowRequest(
  request: FlowRequest,
  allowedHosts: readonly string[],
  signal: AbortSignal
): Promise<RequestOutcome> {
  const url = URL.parse(request.url)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    return { kind: 'failed', code: 'UNREACHABLE', reason: 'The address is not an http(s) URL.' }
  if (!allowedHosts.includes('*') && !allowedHosts.includes(url.hostname.toLowerCase()))
    return { kind: 'failed', code: 'FORBIDDEN_HOST', reason: `${url.hostname} is not in PARLEY_REQUEST_HOSTS.` }
  const limit = AbortSignal.timeout(request.timeoutMs)
  try {
    const response = await fetch(url, {
      method: request.method,
      headers: { accept: 'application/json', ...request.headers },
      ...(request.body !== undefined && { body: request.body }),
      redirect: 'manual',
      signal: AbortSignal.any([signal, limit])
    })
    const text = await readLimited(response, request.maxBytes)
    if (text === null)
      return { kind: 'failed', code: 'TOO_LARGE', reason: `The answer is larger than ${request.maxBytes} bytes.` }
    if (text === '') return { kind: 'response', status: response.status, body: null }
    try {
      return { kind: 'response', status: response.status, body: JSON.parse(text) }
    } catch {
      return { kind: 'failed', code: 'NOT_JSON', reason: `The answer (status ${response.status}) is not JSON.` }
    }
  } catch (err) {
    signal.throwIfAborted()
    if (limit.aborted) return { kind: 'failed', code: 'TIMEOUT', reason: `No answer within ${request.timeoutMs} ms.` }
    const cause = (err as { cause?: { code?: string } }).cause?.code
    return {
      kind: 'failed',
      code: 'UNREACHABLE',
      reason: `The host cannot be reached${cause === undefined ? '' : ` (${cause})`}.`
    }
  }
}

/** The body as text, or null when it is larger than allowed; the rest is not read. */
async function readLimited(response: Response, maxBytes: number): Promise<string | null> {
  if (response.body === null) return ''
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += part.length
    if (bytes > maxBytes) return null
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}
