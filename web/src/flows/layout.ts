import type { FlowGraph } from './flow-api.ts'

export type Placed = Readonly<{ name: string; kind: string; x: number; y: number; isStart: boolean }>
export type Line = Readonly<{ key: string; from: string; to: string; label: string; path: string; isFailure: boolean }>
export type Layout = Readonly<{ nodes: readonly Placed[]; lines: readonly Line[]; width: number; height: number }>

export const NODE_WIDTH = 150
export const NODE_HEIGHT = 48
const GAP_X = 90
const GAP_Y = 28
const MARGIN = 16

/**
 * Places each step by its distance from the start, steps of one distance in the order of the document: the same
 * document always gives the same picture, and a change moves only what it touches. What nothing leads to comes last.
 */
export function layoutOf(graph: FlowGraph): Layout {
  const lastRank = Math.max(0, ...graph.nodes.map(node => node.rank ?? 0))
  const filled = new Map<number, number>()
  const nodes = graph.nodes.map(({ name, kind, rank, isStart }): Placed => {
    const column = rank ?? lastRank + 1
    const row = filled.get(column) ?? 0
    filled.set(column, row + 1)
    return {
      name,
      kind,
      isStart,
      x: MARGIN + column * (NODE_WIDTH + GAP_X),
      y: MARGIN + row * (NODE_HEIGHT + GAP_Y)
    }
  })
  const byName = new Map(nodes.map(node => [node.name, node]))
  const together = Map.groupBy(
    graph.edges.filter(edge => edge.via === 'own'),
    edge => `${edge.from} ${edge.to}`
  )
  const lines = [...together].flatMap(([key, edges]): readonly Line[] => {
    const [edge] = edges
    const from = edge && byName.get(edge.from)
    const to = edge && byName.get(edge.to)
    if (edge === undefined || from === undefined || to === undefined) return []
    const label = edges.map(one => one.exit).join(', ')
    return [
      { key, from: edge.from, to: edge.to, label, path: pathOf(from, to), isFailure: edges.every(one => one.isFailure) }
    ]
  })
  const rows = Math.max(1, ...filled.values())
  const columns = Math.max(1, ...[...filled.keys()].map(column => column + 1))
  return {
    nodes,
    lines,
    width: 2 * MARGIN + columns * NODE_WIDTH + (columns - 1) * GAP_X,
    height: 2 * MARGIN + rows * (NODE_HEIGHT + GAP_Y)
  }
}

/** Forward from side to side; back or within a column in an arc below. */
function pathOf(from: Placed, to: Placed): string {
  const startX = from.x + NODE_WIDTH
  const startY = from.y + NODE_HEIGHT / 2
  const endY = to.y + NODE_HEIGHT / 2
  if (to.x > from.x) {
    const bend = Math.max(30, (to.x - startX) / 2)
    return `M${startX} ${startY} C${startX + bend} ${startY} ${to.x - bend} ${endY} ${to.x} ${endY}`
  }
  const low = Math.max(from.y, to.y) + NODE_HEIGHT + GAP_Y / 2
  return `M${startX} ${startY} C${startX + 60} ${low} ${to.x - 60} ${low} ${to.x} ${endY}`
}
