import type { FsEvent } from '../event.ts'

/** One `filter` of an event-socket connection. */
export type Filter = Readonly<{
  name: string
  value: string
  isNegative: boolean
  matches: (actual: string) => boolean
}>

/** Whether an event may go to a connection with these filters: any that lets it pass is enough, and any that holds it back. */
export function passes(filters: readonly Filter[], event: FsEvent): boolean {
  if (filters.length === 0) return true
  let isWanted = false
  for (const { name, isNegative, matches } of filters) {
    const actual = event.header(name)
    if (actual === undefined || (isWanted && !isNegative) || !matches(actual)) continue
    if (isNegative) return false
    isWanted = true
  }
  return isWanted
}

/** `value` as it came: `+` or nothing before it lets events pass, `-` holds them back; `/…/` is a pattern. */
export function compileFilter(name: string, value: string): Filter {
  const sign = /^[+\- ]*/.exec(value)?.[0] ?? ''
  const wanted = value.slice(sign.length)
  const pattern = /^\/(.*)\/$/.exec(wanted)?.[1]
  return {
    name,
    value,
    isNegative: sign.includes('-'),
    matches: pattern === undefined ? equals(wanted.toLowerCase()) : follows(pattern)
  }
}

function equals(wanted: string): (actual: string) => boolean {
  return actual => actual === wanted || actual.toLowerCase() === wanted
}

/** A pattern that cannot be read lets nothing pass. */
function follows(pattern: string): (actual: string) => boolean {
  try {
    const compiled = new RegExp(pattern)
    return actual => compiled.test(actual.slice(0, 4_096))
  } catch {
    return () => false
  }
}
