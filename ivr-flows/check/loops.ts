import type { Finding } from '../problem.ts'

/** A way from one node to another, or out of the call (`to` is null). `isImplied`: only through the flow's onFailure. */
export type Edge = Readonly<{ from: string; to: string | null; exit: string; isInput: boolean; isImplied: boolean }>

/**
 * Finds circles that a call can go round in without the caller pressing anything, by silence and refusals too. Where no
 * other way leads out, the call is caught for certain: an error. Where one does, it may be meant (counting, trying
 * again): a warning. The ways of onFailure do not count: the runner limits them.
 */
export function checkLoops(edges: readonly Edge[], names: readonly string[]): Finding[] {
  const written = edges.filter(edge => !edge.isImplied)
  const all = Map.groupBy(written, edge => edge.from)
  // Keys that do not fit are keys all the same.
  const silent = Map.groupBy(
    written.filter(edge => !edge.isInput && edge.exit !== 'noMatch'),
    edge => edge.from
  )
  return components(names, silent).flatMap((members): Finding[] => {
    const circle = new Set<string | null>(members)
    const isCircle = members.length > 1 || (silent.get(members[0] ?? '') ?? []).some(edge => edge.to === members[0])
    if (!isCircle) return []
    const hasWayOut = members.some(name => (all.get(name) ?? []).some(edge => !circle.has(edge.to)))
    const first = names.find(name => circle.has(name)) ?? ''
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
        if (edge.to === null) continue
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
