/** What runs, or `otherwise` once it has taken `limitMs` milliseconds; a rejection before then is passed on. */
export async function orAfter<T>(limitMs: number, running: Promise<T>, otherwise: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<T>(resolve => {
    timer = setTimeout(() => resolve(otherwise), limitMs)
  })
  try {
    return await Promise.race([running, limit])
  } finally {
    clearTimeout(timer)
  }
}
