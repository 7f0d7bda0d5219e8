/** A live event of a call (`GET /api/v1/events`); numbers are masked for the role. */
export type LiveCallEvent = Readonly<{
  callId: string
  seq: number
  at: string
  kind: string
  direction: 'inbound' | 'outbound'
  state: 'ringing' | 'answered' | 'ended'
  language: string | null
  endReason: string | null
}>
