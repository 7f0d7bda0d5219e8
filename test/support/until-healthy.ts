/** Waits until the server says that it can take calls; rejects after `limitMs` milliseconds. */
export async function untilHealthy(server: Readonly<{ url: string }>, limitMs = 20_000): Promise<void> {
  const limit = AbortSignal.timeout(limitMs)
  while ((await fetch(`${server.url}/healthz`)).status !== 200) {
    limit.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
