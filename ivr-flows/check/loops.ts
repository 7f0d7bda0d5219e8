import type { Finding } from '../problem.ts'

/** A way from one node to another. */
export type Edge = Readonly<{ from: string; to: string; exit: string; isInput: boolean; isFailure: boolean }>

/**
 * Finds circles that a call can go round in without the caller pressing anything. Where nothing but a failure leads out,
 * the call is caught for certain: an error. Where another way leads out, it may be meant (counting, trying again): a
 * warning.
 */
export function checkLoops(edges: readonly Edge[], names: readonly string[]): Finding[] {
  const silent = Map.groupBy(
    edges.filter(edge => !edge.isInput && !edge.isFailure),
    edge => edge.from
  )
  const all = Map.groupBy(edges, edge => edge.from)
  return components(names, silent).flatMap((members): Finding[] => {
    const circle = new Set(members)
    const isCircle = members.length > 1 || (silent.get(members[0] ?? '') ?? []).some(edge => edge.to === members[0])
    if (!isCircle) return []
    const first = names.find(name => circle.has(name)) ?? ''
    const hasWayOut = members.some(name => (all.get(name) ?? []).some(edge => !edge.isFailure && !circle.has(edge.to)))
    return [
      {
        code: 'LOOP_WITHOUT_INPUT',
        message: `“${first}” leads back to itself without the caller doing anything${members.length > 1 ? ` (through ${members.filter(name => name !== first).join(', ')})` : ''}`,
        path: ['nodes', first],
        at: 'key',
        severity: hasWayOut ? 'warning' : 'error',
        suggestion: 'Put a question into the circle, or lead out of it.'
      }
    ]
  })
}

/** Strongly connected components, by Tarjan's algorithm with a stack of its own. */
function components(names: readonly string[], edges: ReadonlyMap<string, readonly Edge[]>): string[][] {
  const order = new Map<string, number>()
  const low = new Map<string, number>()
  const open: string[] = []
  const isOpen = new Set<string>()
  const found: string[][] = []
  for (const root of names) {
    if (order.has(root)) continue
    const work: { name: string; next: number }[] = [{ name: root, next: 0 }]
    while (work.length > 0) {
      const top = work.at(-1)
      if (top === undefined) break
      const { name } = top
      if (top.next === 0) {
        order.set(name, order.size)
        low.set(name, order.get(name) ?? 0)
        open.push(name)
        isOpen.add(name)
      }
      const edge = (edges.get(name) ?? [])[top.next]
      top.next += 1
      if (edge !== undefined) {
        if (!order.has(edge.to)) work.push({ name: edge.to, next: 0 })
        else if (isOpen.has(edge.to)) lower(name, order.get(edge.to))
        continue
      }
      work.pop()
      const parent = work.at(-1)
      if (parent !== undefined) lower(parent.name, low.get(name))
      if (low.get(name) !== order.get(name)) continue
      const component: string[] = []
      for (;;) {
        const member = open.pop()
        if (member === undefined) break
        isOpen.delete(member)
        component.push(member)
        if (member === name) break
      }
      found.push(component)
    }
  }
  return found

  function lower(name: string, value: number | undefined): void {
    low.set(name, Math.min(low.get(name) ?? 0, value ?? Number.POSITIVE_INFINITY))
  }
}
