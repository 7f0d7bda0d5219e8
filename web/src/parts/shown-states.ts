import type { StateKind } from '../styles/state-colours.ts'

/** Everything that a person, a call or a connection can be shown as. */
export const SHOWN_STATES = {
  free: { kind: 'free', icon: 'dot', shape: 'filledCircle' },
  reserved: { kind: 'ringing', icon: 'bell', shape: 'doubleOutline' },
  ringing: { kind: 'ringing', icon: 'bell', shape: 'doubleOutline' },
  talking: { kind: 'inCall', icon: 'handset', shape: 'filledPill' },
  onHold: { kind: 'inCall', icon: 'pauseBars', shape: 'filledPill' },
  consulting: { kind: 'inCall', icon: 'twoHeads', shape: 'filledPill' },
  conference: { kind: 'inCall', icon: 'threeHeads', shape: 'filledPill' },
  wrapUp: { kind: 'wrapUp', icon: 'pencil', shape: 'halfPill' },
  onBreak: { kind: 'away', icon: 'cup', shape: 'dashedPill' },
  offline: { kind: 'away', icon: 'circle', shape: 'emptyCircle' },
  fault: { kind: 'fault', icon: 'triangle', shape: 'filledSquare' },
  reconnecting: { kind: 'fault', icon: 'triangle', shape: 'filledSquare' }
} as const satisfies Record<string, { kind: StateKind; icon: string; shape: string }>

export type ShownState = keyof typeof SHOWN_STATES
