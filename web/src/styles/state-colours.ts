/**
 * The colour of each kind of agent state, on a light and on a dark page. Colour is never the only sign: every state also
 * has an icon, a shape and a word. A test computes the contrasts and the distances for colour-blind eyes.
 */
export const STATE_COLOURS = {
  free: { light: '#0A7D4B', dark: '#A6F2CF' },
  ringing: { light: '#9A6200', dark: '#FFD08A' },
  inCall: { light: '#0B57D0', dark: '#5B9BF0' },
  wrapUp: { light: '#4F1B6B', dark: '#E9C6FF' },
  away: { light: '#5A6169', dark: '#AEB6BE' },
  fault: { light: '#8F0F14', dark: '#FF6B52' }
} as const

export type StateKind = keyof typeof STATE_COLOURS

/** What they are seen on. */
export const PAGE_COLOURS = { light: '#F8F9FA', dark: '#2E2E2E' } as const
