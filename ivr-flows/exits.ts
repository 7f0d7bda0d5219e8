import type { Flow, FlowNode } from './flow.ts'
import { own } from './json.ts'
import type { Exit } from './node-kind.ts'
import { behaviourOf } from './nodes/kinds.ts'

/**
 * Where an exit leads. `via` names what decided: the exit itself, another that it falls back on, or the flow's
 * onFailure; `exit` is the one whose target is followed.
 */
export type Way =
  | Readonly<{ kind: 'node'; node: string; via: 'own' | 'exit' | 'onFailure'; exit: string }>
  | Readonly<{ kind: 'end' }>
  | Readonly<{ kind: 'nowhere' }>

/** A node's ways out, in the order in which its kind lists them. */
export function exitsOf(node: FlowNode): readonly Exit[] {
  return behaviourOf(node).exits(node)
}

/** Follows an exit to the node it leads to. */
export function wayOf(flow: Pick<Flow, 'onFailure'>, exits: readonly Exit[], exitName: string): Way {
  let name = exitName
  for (let hops = 0; hops <= exits.length; hops += 1) {
    const exit = exits.find(one => one.name === name)
    if (exit === undefined) return { kind: 'nowhere' }
    if (exit.target !== undefined)
      return { kind: 'node', node: exit.target, via: hops === 0 ? 'own' : 'exit', exit: name }
    const { otherwise } = exit
    switch (otherwise.kind) {
      case 'end':
        return { kind: 'end' }
      case 'onFailure':
        return flow.onFailure === undefined
          ? { kind: 'nowhere' }
          : { kind: 'node', node: flow.onFailure, via: 'onFailure', exit: name }
      case 'exit':
        name = otherwise.name
        break
      default:
        return otherwise satisfies never
    }
  }
  return { kind: 'nowhere' }
}

export function nodeOf(flow: Flow, name: string): FlowNode | undefined {
  return own(flow.nodes, name)
}
