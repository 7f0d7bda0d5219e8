import { exitsOf, nodeOf, wayOf } from '../exits.ts'
import type { Flow } from '../flow.ts'
import { flowGraph } from '../graph.ts'
import type { NodeDeparture } from '../host.ts'

/** A way on that a flow's document gives; `to` is null where the call ends. */
export type FlowPath = Readonly<{ flowId: string; node: string; exit: string; to: string | null }>

/** Which ways on the tests of a flow took. */
export type Coverage = Readonly<{ total: number; taken: number; untaken: readonly FlowPath[] }>

/** Compares all ways on with those that calls took. Ways that exist only through onFailure or a fallback do not count. */
export function coverageOf(flows: readonly Flow[], departures: readonly NodeDeparture[]): Coverage {
  const taken = new Set(
    departures.flatMap(({ flowId, node, outcome }) => [
      keyOf(flowId, node, outcome),
      keyOf(flowId, node, decidingExit(flows, flowId, node, outcome))
    ])
  )
  const paths = flows.flatMap((flow): FlowPath[] => {
    const { edges, ends } = flowGraph(flow)
    return [
      ...edges
        .filter(edge => edge.via === 'own')
        .map(({ from, to, exit }) => ({ flowId: flow.id, node: from, exit, to })),
      ...ends.map(({ node, exit }) => ({ flowId: flow.id, node, exit, to: null }))
    ]
  })
  const untaken = paths.filter(({ flowId, node, exit }) => !taken.has(keyOf(flowId, node, exit)))
  return { total: paths.length, taken: paths.length - untaken.length, untaken }
}

/** An outcome without a target of its own takes the way of another exit, which then is taken too. */
function decidingExit(flows: readonly Flow[], flowId: string, name: string, outcome: string): string {
  const flow = flows.find(one => one.id === flowId)
  const node = flow === undefined ? undefined : nodeOf(flow, name)
  if (flow === undefined || node === undefined) return outcome
  const way = wayOf(flow, exitsOf(node), outcome)
  return way.kind === 'node' ? way.exit : outcome
}

function keyOf(flowId: string, node: string, exit: string): string {
  return JSON.stringify([flowId, node, exit])
}
