import type { DeskCall, DeskState } from '../../../server/softphone/protocol.ts'
import type { ShownState } from '../parts/shown-states.ts'
import type { SoftphoneView } from '../softphone/view.ts'

/** What the call bar is about at this moment; the most urgent thing first. */
export type BarState =
  | 'connecting'
  | 'ended'
  | 'lost'
  | 'offered'
  | 'answering'
  | 'ringingOut'
  | 'inCall'
  | 'onHold'
  | 'consulting'
  | 'conference'
  | 'reconnecting'
  | 'wrapUp'
  | 'supervising'
  | 'otherTab'
  | 'missed'
  | 'notRoutable'
  | 'beforeShift'
  | 'ready'
  | 'onBreak'
  | 'offline'

/** Pure; a running call wins over everything except the loss of the way to it. */
export function barStateOf(view: SoftphoneView): BarState {
  const { desk, connection } = view
  if (desk === null) return connection === 'ended' ? 'ended' : connection === 'lost' ? 'lost' : 'connecting'
  if (connection !== 'open') return connection === 'ended' && desk.call === null ? 'ended' : 'lost'
  if (desk.call !== null) return callStateOf(desk.call)
  if (desk.offer !== null) return view.decided?.kind === 'answer' ? 'answering' : 'offered'
  if (desk.wrapUp !== null) return 'wrapUp'
  if (desk.supervising !== null) return 'supervising'
  if (!desk.isActiveTab) return 'otherTab'
  if (desk.missed !== null) return 'missed'
  if (view.shift !== 'on' && desk.status !== 'onBreak') return 'beforeShift'
  if (desk.status === 'offline') return 'offline'
  if (desk.status === 'onBreak') return 'onBreak'
  return desk.routable.isRoutable ? 'ready' : 'notRoutable'
}

function callStateOf(call: DeskCall): BarState {
  if (call.audio === 'reconnecting') return 'reconnecting'
  switch (call.mode) {
    case 'ringing':
      return 'ringingOut'
    case 'talking':
      return 'inCall'
    case 'onHold':
      return 'onHold'
    case 'consulting':
      return 'consulting'
    case 'conference':
      return 'conference'
    default:
      return call.mode satisfies never
  }
}

/** The agent's own mark beside the status menu. */
export function shownStateOf(desk: DeskState): ShownState {
  if (desk.call !== null) {
    if (desk.call.audio === 'reconnecting') return 'reconnecting'
    return desk.call.mode === 'ringing' ? 'ringing' : desk.call.mode
  }
  switch (desk.state) {
    case 'reserved':
    case 'ringing':
    case 'talking':
    case 'wrapUp':
      return desk.state
    case 'idle':
      if (desk.status === 'available') return desk.routable.isRoutable ? 'free' : 'fault'
      return desk.status
    default:
      return desk.state satisfies never
  }
}
