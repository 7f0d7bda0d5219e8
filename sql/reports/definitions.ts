/** What is counted about visits to queues; sums, so that parts can be added up. Times are milliseconds. */
export type VisitCounts = Readonly<{
  offered: number
  answered: number
  answeredWithin: number
  abandoned: number
  overflowed: number
  callbacks: number
  voicemails: number
  lost: number
  transferred: number
  /** Wait of those who were answered. */
  answerWaitMs: number
  /** The longest wait of all, answered or not. */
  longestWaitMs: number
  /** Answered calls whose conversation is over. */
  handled: number
  talkMs: number
  holdMs: number
  /** Answered calls whose wrap-up is over. */
  wrapped: number
  wrapUpMs: number
}>

export type VisitFigures = Readonly<{
  serviceLevel: number | null
  abandonment: number | null
  meanAnswerWaitMs: number | null
  meanHandleMs: number | null
  meanTalkMs: number | null
  meanHoldMs: number | null
  meanWrapUpMs: number | null
  transferShare: number | null
}>

/**
 * What each figure means, in the words that reports, wallboard and CSV show. Shares are 0 to 1; a figure is null
 * ("unknown") when there is nothing to divide by.
 */
export const DEFINITIONS = {
  offered: 'Callers whose wait in the queue ended in this time, however it ended (callbacks are not counted)',
  answered: 'Callers whom an agent answered',
  answeredWithin: 'Callers whom an agent answered within the queue’s threshold',
  abandoned: 'Callers who hung up while they waited',
  overflowed: 'Callers who left by rule: after the longest wait, or sent on by the flow',
  callbacks: 'Callers who chose to be called back',
  voicemails: 'Callers who chose to leave a message',
  lost: 'Callers who were lost by a fault of the installation',
  transferred: 'Answered calls that the agent handed over',
  longestWaitMs: 'The longest wait of all these callers',
  serviceLevel: 'answeredWithin ÷ (answered + abandoned + overflowed + lost)',
  abandonment: 'abandoned ÷ offered',
  meanAnswerWaitMs: 'Mean wait of answered callers',
  meanHandleMs: 'meanTalkMs + meanHoldMs + meanWrapUpMs',
  meanTalkMs: 'Mean time from answer to end of the agent’s call, without hold',
  meanHoldMs: 'Mean time on hold of each answered call',
  meanWrapUpMs: 'Mean wrap-up after each answered call',
  transferShare: 'transferred ÷ answered',
  signedInMs: 'Time with a status other than Offline, or in a call',
  breakMs: 'Time On break, calls and wrap-up excepted',
  idleMs: 'Time Available without call, offer or wrap-up',
  ringingMs: 'Time held or ringing for a call',
  talkingMs: 'Time in calls, also those of no queue',
  wrapUpMs: 'Time in wrap-up',
  occupancy: '(talkingMs + wrapUpMs) ÷ (idleMs + ringingMs + talkingMs + wrapUpMs)',
  missed: 'Offers that rang out',
  rejected: 'Offers that the agent rejected',
  device: 'Offers lost because microphone or phone failed',
  network: 'Offers lost because the connection failed',
  callerGone: 'Offers that ended because the caller hung up'
} as const

export const NO_VISITS: VisitCounts = {
  offered: 0,
  answered: 0,
  answeredWithin: 0,
  abandoned: 0,
  overflowed: 0,
  callbacks: 0,
  voicemails: 0,
  lost: 0,
  transferred: 0,
  answerWaitMs: 0,
  longestWaitMs: 0,
  handled: 0,
  talkMs: 0,
  holdMs: 0,
  wrapped: 0,
  wrapUpMs: 0
}

export function addVisits(one: VisitCounts, other: VisitCounts): VisitCounts {
  const sum = Object.fromEntries(
    Object.keys(NO_VISITS).map(key => [key, one[key as keyof VisitCounts] + other[key as keyof VisitCounts]])
  ) as unknown as VisitCounts
  return { ...sum, longestWaitMs: Math.max(one.longestWaitMs, other.longestWaitMs) }
}

/** The one place where counts become figures, for wallboard, reports and CSV alike. */
export function visitFigures(counts: VisitCounts): VisitFigures {
  const { answered, answeredWithin, abandoned, overflowed, lost, offered, handled, wrapped } = counts
  const meanTalkMs = mean(counts.talkMs, handled)
  const meanHoldMs = mean(counts.holdMs, handled)
  const meanWrapUpMs = mean(counts.wrapUpMs, wrapped)
  return {
    serviceLevel: share(answeredWithin, answered + abandoned + overflowed + lost),
    abandonment: share(abandoned, offered),
    meanAnswerWaitMs: mean(counts.answerWaitMs, answered),
    meanHandleMs: meanTalkMs === null ? null : meanTalkMs + (meanHoldMs ?? 0) + (meanWrapUpMs ?? 0),
    meanTalkMs,
    meanHoldMs,
    meanWrapUpMs,
    transferShare: share(counts.transferred, answered)
  }
}

/** How an agent's time was spent, in milliseconds. */
export type AgentTimes = Readonly<{
  breakMs: number
  idleMs: number
  ringingMs: number
  talkingMs: number
  wrapUpMs: number
}>

export const NO_TIMES: AgentTimes = { breakMs: 0, idleMs: 0, ringingMs: 0, talkingMs: 0, wrapUpMs: 0 }

export function addTimes(one: AgentTimes, other: AgentTimes): AgentTimes {
  return {
    breakMs: one.breakMs + other.breakMs,
    idleMs: one.idleMs + other.idleMs,
    ringingMs: one.ringingMs + other.ringingMs,
    talkingMs: one.talkingMs + other.talkingMs,
    wrapUpMs: one.wrapUpMs + other.wrapUpMs
  }
}

export function timeFigures(times: AgentTimes): Readonly<{ signedInMs: number; occupancy: number | null }> {
  const workMs = times.talkingMs + times.wrapUpMs
  const readyMs = times.idleMs + times.ringingMs + workMs
  return { signedInMs: readyMs + times.breakMs, occupancy: share(workMs, readyMs) }
}

function share(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole
}

function mean(sum: number, count: number): number | null {
  return count === 0 ? null : Math.round(sum / count)
}
