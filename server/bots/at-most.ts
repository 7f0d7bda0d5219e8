/** Resolves when something is over, however it ended, and after `limitMs` at the latest. */
export async function atMost(limitMs: number, running: Promise<unknown>): Promise<void> {
  const { promise: limit, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, limitMs)
  try {
    await Promise.race([
      running.then(
        () => {},
        () => {}
      ),
      limit
    ])
  } finally {
    clearTimeout(timer)
  }
}
