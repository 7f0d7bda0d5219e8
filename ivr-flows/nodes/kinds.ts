import type { FlowNode } from '../flow.ts'
import type { NodeBehaviour } from '../node-kind.ts'
import { branch } from './branch.ts'
import { gather } from './gather.ts'
import { hangup } from './hangup.ts'
import { menu } from './menu.ts'
import { say } from './say.ts'
import { set } from './set.ts'

/** What each kind of node does. */
const behaviours: { readonly [K in FlowNode['kind']]: NodeBehaviour<Extract<FlowNode, { kind: K }>> } = {
  branch,
  gather,
  hangup,
  menu,
  say,
  set
}

/** The behaviour that belongs to a node. */
export function behaviourOf<N extends FlowNode>(node: N): NodeBehaviour<N> {
  // The table pairs each kind with its own behaviour, which the compiler cannot follow through a lookup by union.
  return behaviours[node.kind] as unknown as NodeBehaviour<N>
}
