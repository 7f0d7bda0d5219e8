import { exitsOf, wayOf } from './exits.ts'
import type { Flow, NodeKind } from './flow.ts'

/** A node as a picture shows it. `rank` counts the steps from the start; null when nothing leads there. */
export type GraphNode = Readonly<{ name: string; kind: NodeKind; rank: number | null; isStart: boolean; note?: string }>

/**
 * A way from one node to another. `via` tells whether the node itself says so, another of its exits, or the flow's
 * onFailure; only the first is written in the document at this exit.
 */
export type GraphEdge = Readonly<{
  from: string
  to: string
  exit: string
  via: 'own' | 'exit' | 'onFailure'
  isInput: boolean
  isFailure: boolean
}>

/** A flow as nodes and edges, in the order of the document. `ends` are exits at which the call ends. */
export type FlowGraph = Readonly<{
  flowId: string
  start: string
  nodes: readonly GraphNode[]
  edges: readonly GraphEdge[]
  ends: readonly Readonly<{ node: string; exit: string }>[]
  subflows: readonly string[]
}>

/** The graph of a flow. The same document always gives the same graph. */
export function flowGraph(flow: Flow): FlowGraph {
  const edges: GraphEdge[] = []
  const ends: { node: string; exit: string }[] = []
  for (const [from, node] of Object.entries(flow.nodes)) {
    const exits = exitsOf(node)
    for (const { name: exit, isInput, isFailure } of exits) {
      const way = wayOf(flow, exits, exit)
      if (way.kind === 'node') edges.push({ from, to: way.node, exit, via: way.via, isInput, isFailure })
      else if (way.kind === 'end') ends.push({ node: from, exit })
    }
    if (node.kind === 'hangup' || node.kind === 'return') ends.push({ node: from, exit: node.kind })
  }
  const ranks = ranksFrom(flow.start, edges)
  const nodes = Object.entries(flow.nodes).map(([name, { kind, note }]) => ({
    name,
    kind,
    rank: ranks.get(name) ?? null,
    isStart: name === flow.start,
    ...(note === undefined ? {} : { note })
  }))
  const subflows = Object.values(flow.nodes).flatMap(node => (node.kind === 'subflow' ? [node.flow] : []))
  return { flowId: flow.id, start: flow.start, nodes, edges, ends, subflows: [...new Set(subflows)] }
}

/** Steps from the start; ways through onFailure count only for nodes that nothing else leads to. */
function ranksFrom(start: string, edges: readonly GraphEdge[]): ReadonlyMap<string, number> {
  const ranks = new Map([[start, 0]])
  for (const isWanted of [(edge: GraphEdge) => edge.via === 'own', () => true]) {
    const bySource = Map.groupBy(edges.filter(isWanted), edge => edge.from)
    const pending = [...ranks.keys()]
    for (let index = 0; index < pending.length; index += 1) {
      const from = pending[index] ?? ''
      for (const { to } of bySource.get(from) ?? []) {
        if (ranks.has(to)) continue
        ranks.set(to, (ranks.get(from) ?? 0) + 1)
        pending.push(to)
      }
    }
  }
  return ranks
}

/** The graph as text, one node after another with its ways on. */
export function graphText({ nodes, edges, ends, flowId }: FlowGraph): string {
  const lines = [flowId]
  for (const { name, kind, isStart, rank } of nodes) {
    lines.push(`  ${name} (${kind})${isStart ? ' start' : ''}${rank === null ? ' unreachable' : ''}`)
    for (const edge of edges.filter(one => one.from === name && one.via === 'own')) {
      lines.push(`    ${edge.exit} -> ${edge.to}`)
    }
    const implied = edges.filter(one => one.from === name && one.via !== 'own')
    for (const [to, group] of Map.groupBy(implied, one => one.to)) {
      lines.push(`    (${group.map(one => one.exit).join(', ')}) -> ${to}`)
    }
    const ending = ends.filter(one => one.node === name)
    if (ending.length > 0) lines.push(`    ${ending.map(one => one.exit).join(', ')} -> the call ends`)
  }
  return `${lines.join('\n')}\n`
}

/** The graph in the language of Mermaid; failures are dotted, and ways through onFailure are left out. */
export function graphMermaid({ nodes, edges }: FlowGraph): string {
  const ids = new Map(nodes.map(({ name }, index) => [name, `n${index}`]))
  const lines = nodes.map(({ name, kind, isStart }) => {
    const label = `"${name}<br/><small>${kind}</small>"`
    return `  ${ids.get(name)}${isStart ? `([${label}])` : `[${label}]`}`
  })
  for (const { from, to, exit, via, isFailure } of edges) {
    if (via === 'own')
      lines.push(`  ${ids.get(from)} ${isFailure ? '-.' : '--'} "${exit}" ${isFailure ? '.->' : '-->'} ${ids.get(to)}`)
  }
  return `flowchart TD\n${lines.join('\n')}\n`
}
