const AT_ONCE = 8

/** Does the same with each of them, a few at a time. Rejects with the first failure; what has begun goes on. */
export async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items]
  await Promise.all(
    Array.from({ length: Math.min(AT_ONCE, rest.length) }, async () => {
      for (let item = rest.pop(); item !== undefined; item = rest.pop()) await work(item)
    })
  )
}
