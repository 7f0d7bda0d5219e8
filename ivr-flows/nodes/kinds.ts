import type { FlowNode } from '../flow.ts'
import type { NodeBehaviour } from '../node-kind.ts'
import { bot } from './bot.ts'
import { branch } from './branch.ts'
import { callback } from './callback.ts'
import { consent } from './consent.ts'
import { gather } from './gather.ts'
import { greeting } from './greeting.ts'
import { hangup } from './hangup.ts'
import { hours } from './hours.ts'
import { language } from './language.ts'
import { menu } from './menu.ts'
import { play } from './play.ts'
import { queue } from './queue.ts'
import { request } from './request.ts'
import { returnNode } from './return.ts'
import { say } from './say.ts'
import { set } from './set.ts'
import { subflow } from './subflow.ts'
import { survey } from './survey.ts'
import { tag } from './tag.ts'
import { transfer } from './transfer.ts'
import { voicemail } from './voicemail.ts'

/** What each kind of node does. */
const behaviours: { readonly [K in FlowNode['kind']]: NodeBehaviour<Extract<FlowNode, { kind: K }>> } = {
  bot,
  branch,
  callback,
  consent,
  gather,
  greeting,
  hangup,
  hours,
  language,
  menu,
  play,
  queue,
  request,
  return: returnNode,
  say,
  set,
  subflow,
  survey,
  tag,
  transfer,
  voicemail
}

/** The behaviour that belongs to a node. */
export function behaviourOf<N extends FlowNode>(node: N): NodeBehaviour<N> {
  // The table pairs each kind with its own behaviour, which the compiler cannot follow through a lookup by union.
  return behaviours[node.kind] as unknown as NodeBehaviour<N>
}
