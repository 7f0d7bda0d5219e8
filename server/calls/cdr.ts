import type { CallEvent, Direction } from './call-events.ts'

/** One row for each call, folded from its events. Durations are in milliseconds. */
export type Cdr = Readonly<{
  callId: string
  direction: Direction
  callerNumber: string | null
  calledNumber: string | null
  sipCallId: string | null
  trunkId: string | null
  numberId: string | null
  flowId: string | null
  flowVersion: number | null
  language: string | null
  state: 'ringing' | 'answered' | 'ended'
  startedAt: Date
  answeredAt: Date | null
  endedAt: Date | null
  /** First INVITE to last leg gone. */
  durationMs: number | null
  /** Answer to end; null for a call that was never answered. */
  talkMs: number | null
  endReason: string | null
  endedBy: string | null
  fault: string | null
  hangupCause: string | null
  tags: readonly string[]
  lastSeq: number
  controlPlaneId: string
  /** A scripted caller’s; left out of reports. */
  isSimulated: boolean
}>

/** Adds one event to a CDR. The first event of a call must be `started`; events at or below `lastSeq` change nothing. */
export function applyEvent(cdr: Cdr | null, event: CallEvent): Cdr {
  if (cdr === null) {
    if (event.kind !== 'started') throw new TypeError(`a call begins with started, not ${event.kind}`)
    return {
      callId: event.callId,
      direction: event.direction,
      callerNumber: event.callerNumber,
      calledNumber: event.calledNumber,
      sipCallId: event.sipCallId,
      trunkId: event.trunkId,
      numberId: event.numberId,
      flowId: null,
      flowVersion: null,
      language: null,
      state: 'ringing',
      startedAt: event.at,
      answeredAt: null,
      endedAt: null,
      durationMs: null,
      talkMs: null,
      endReason: null,
      endedBy: null,
      fault: null,
      hangupCause: null,
      tags: [],
      lastSeq: event.seq,
      controlPlaneId: event.controlPlaneId,
      isSimulated: event.isSimulated === true
    }
  }
  if (event.seq <= cdr.lastSeq) return cdr
  const next = { ...cdr, lastSeq: event.seq }
  switch (event.kind) {
    case 'flowChosen':
      return { ...next, flowId: event.flowId, flowVersion: event.flowVersion, language: event.language }
    case 'languageChanged':
      return { ...next, language: event.language }
    case 'answered':
      return { ...next, state: 'answered', answeredAt: event.at }
    case 'legStarted':
      // The trunk of an outbound call is known only when a leg is tried; the last one tried is the one that counts.
      return cdr.direction === 'outbound' && event.trunkId !== null ? { ...next, trunkId: event.trunkId } : next
    case 'tagged':
      return { ...next, tags: [...new Set([...cdr.tags, ...event.tags])] }
    case 'ended':
      return {
        ...next,
        state: 'ended',
        endedAt: event.at,
        durationMs: event.at.getTime() - cdr.startedAt.getTime(),
        talkMs: cdr.answeredAt === null ? null : event.at.getTime() - cdr.answeredAt.getTime(),
        endReason: event.reason,
        endedBy: event.endedBy,
        fault: event.fault,
        hangupCause: event.hangupCause
      }
    default:
      // Every other event is part of the story and not of the summary.
      return next
  }
}

/** The CDR of a whole story, or null for an empty one. */
export function deriveCdr(events: readonly CallEvent[]): Cdr | null {
  return events.reduce<Cdr | null>(applyEvent, null)
}
