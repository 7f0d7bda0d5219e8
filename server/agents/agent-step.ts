import type { Agent, AgentSettings, ChosenStatus, Missed, WrapUp } from './agent.ts'
import { occupiedToday, utcDay } from './agent.ts'
import type { AgentState, AgentStatus, MissReason, NotRoutableReason, WorkKind } from './agent-state.ts'

/** Everything that can happen to an agent. Times are milliseconds. */
export type AgentEvent =
  | Readonly<{ kind: 'signedOut' }>
  | Readonly<{ kind: 'attached'; controlPlaneId: string }>
  | Readonly<{ kind: 'detached'; controlPlaneId: string }>
  | Readonly<{ kind: 'proved'; controlPlaneId: string; reasons: readonly NotRoutableReason[] }>
  | Readonly<{ kind: 'statusChosen'; status: AgentStatus; reason: string | null }>
  | Readonly<{ kind: 'cameBack' }>
  | Readonly<{ kind: 'deskPhoneSet'; isUsed: boolean }>
  | Readonly<{ kind: 'workSet'; work: readonly WorkKind[] }>
  /** Held for a call. `isOwnWish`: a call of the agent's own making, which a break does not forbid. */
  | Readonly<{ kind: 'reserved'; offerId: string; callId: string; queueId: string | null; isOwnWish: boolean }>
  | Readonly<{ kind: 'ringing'; offerId: string }>
  | Readonly<{ kind: 'offerOver'; offerId: string; reason: MissReason | 'withdrawn' }>
  | Readonly<{ kind: 'talking'; callId: string; queueId: string | null }>
  | Readonly<{ kind: 'callEnded'; callId: string; endedBy: string; wrapUpMs: number; wrapUpLimitMs: number }>
  | Readonly<{ kind: 'wrapUpExtended' }>
  | Readonly<{ kind: 'typed' }>
  | Readonly<{ kind: 'wrapUpFinished'; callId: string }>
  /** Time has passed. */
  | Readonly<{ kind: 'tick' }>

/** What has to be done besides storing the agent. */
export type AgentAction =
  | Readonly<{ kind: 'refuse'; why: 'notIdle' | 'notAvailable' | 'notRoutable' | 'otherCall' | 'notInWrapUp' }>
  /** The offer in hand is settled; for the books. */
  | Readonly<{ kind: 'offerSettled'; offerId: string; outcome: 'answered' | MissReason | 'withdrawn' }>
  | Readonly<{ kind: 'callOver'; callId: string; queueId: string | null; talkMs: number }>
  | Readonly<{ kind: 'wrapUpBegan'; callId: string; queueId: string | null; at: Date }>
  | Readonly<{
      kind: 'wrapUpOver'
      callId: string
      queueId: string | null
      how: 'finished' | 'timedOut'
      startedAt: Date
      at: Date
    }>

export type AgentStep = readonly [Agent, readonly AgentAction[]]

/**
 * What an agent becomes when something happens: the whole state machine, without clock, timer or database.
 * An event that does not apply leaves the very same agent; one that asks for what cannot be adds a `refuse`.
 */
export function agentStep(agent: Agent, event: AgentEvent, now: Date, settings: AgentSettings): AgentStep {
  const [next, actions] = step(agent, event, now, settings)
  return next === agent ? [agent, actions] : [judged(next, now, settings), actions]
}

function step(agent: Agent, event: AgentEvent, now: Date, settings: AgentSettings): AgentStep {
  switch (event.kind) {
    case 'signedOut':
      return [{ ...choose(agent, { status: 'offline', reason: null }, now), controlPlaneId: null }, []]
    case 'attached':
      // A page that was just opened has proved nothing yet.
      return [{ ...agent, controlPlaneId: event.controlPlaneId, detachedAt: null, proofReasons: ['noProof'] }, []]
    case 'detached':
      // Another control plane may hold the softphone by now.
      if (agent.controlPlaneId !== event.controlPlaneId || agent.detachedAt !== null) return unchanged(agent)
      return [{ ...agent, detachedAt: now }, []]
    case 'proved':
      // What a page proves says nothing about one of another control plane, in which calls ring by now.
      if (agent.controlPlaneId !== event.controlPlaneId || sameReasons(agent.proofReasons, event.reasons))
        return unchanged(agent)
      return [{ ...agent, proofReasons: event.reasons }, []]
    case 'statusChosen':
      return [choose(agent, { status: event.status, reason: event.reason }, now), []]
    case 'cameBack':
      if (agent.missed === null && agent.missCount === 0) return unchanged(agent)
      return [{ ...agent, missed: null, missCount: 0, pausedUntil: null }, []]
    case 'deskPhoneSet':
      return agent.hasDeskPhone === event.isUsed ? unchanged(agent) : [{ ...agent, hasDeskPhone: event.isUsed }, []]
    case 'workSet':
      return [{ ...agent, work: event.work }, []]
    case 'reserved':
      return reserve(agent, event, now)
    case 'ringing':
      if (agent.offerId !== event.offerId || agent.state !== 'reserved') return unchanged(agent)
      return [{ ...agent, state: 'ringing', stateSince: now }, []]
    case 'offerOver':
      return endOffer(agent, event, now, settings)
    case 'talking':
      return talk(agent, event, now)
    case 'callEnded':
      return endCall(agent, event, now)
    case 'wrapUpExtended':
      return agent.wrapUp === null
        ? refuse(agent, 'notInWrapUp')
        : [lengthen(agent, agent.wrapUp, agent.wrapUp.endsAt.getTime() + settings.extendMs), []]
    case 'typed':
      // Text that comes too late is kept all the same; it only buys no time any more.
      return agent.wrapUp === null
        ? unchanged(agent)
        : [lengthen(agent, agent.wrapUp, now.getTime() + settings.typingMs), []]
    case 'wrapUpFinished':
      return agent.state === 'wrapUp' && agent.callId === event.callId
        ? endWrapUp(agent, 'finished', now)
        : refuse(agent, 'notInWrapUp')
    case 'tick':
      return tick(agent, now, settings)
    default:
      return event satisfies never
  }
}

function reserve(agent: Agent, event: AgentEvent & { kind: 'reserved' }, now: Date): AgentStep {
  if (agent.state !== 'idle') return refuse(agent, 'notIdle')
  if (!event.isOwnWish && agent.status !== 'available') return refuse(agent, 'notAvailable')
  if (!event.isOwnWish && !agent.isRoutable) return refuse(agent, 'notRoutable')
  const { offerId, callId, queueId } = event
  return [{ ...agent, state: 'reserved', stateSince: now, offerId, callId, queueId, lastOfferedAt: now }, []]
}

function endOffer(
  agent: Agent,
  event: AgentEvent & { kind: 'offerOver' },
  now: Date,
  settings: AgentSettings
): AgentStep {
  const isHeld = agent.state === 'reserved' || agent.state === 'ringing'
  if (!isHeld || agent.offerId !== event.offerId) return unchanged(agent)
  const free = released(agent, now)
  const settled: AgentAction = { kind: 'offerSettled', offerId: event.offerId, outcome: event.reason }
  if (event.reason === 'withdrawn') return [free, [settled]]
  const missed: Missed = { reason: event.reason, at: now, callId: agent.callId ?? '', queueId: agent.queueId }
  switch (event.reason) {
    case 'missed':
      return [{ ...free, missed, missCount: agent.missCount + 1 }, [settled]]
    case 'rejected':
      return [{ ...free, missed, pausedUntil: new Date(now.getTime() + settings.rejectPauseMs) }, [settled]]
    case 'device':
    case 'network':
      return [{ ...free, missed, proofReasons: ['noProof'] }, [settled]]
    case 'callerGone':
      return [{ ...free, missed }, [settled]]
    default:
      return event.reason satisfies never
  }
}

function talk(agent: Agent, event: AgentEvent & { kind: 'talking' }, now: Date): AgentStep {
  if (agent.state === 'talking') return agent.callId === event.callId ? unchanged(agent) : refuse(agent, 'otherCall')
  if (agent.state === 'wrapUp') return refuse(agent, 'notIdle')
  if (agent.state !== 'idle' && agent.callId !== event.callId) return refuse(agent, 'otherCall')
  const { callId, queueId } = event
  const talking = { state: 'talking', stateSince: now, callId, queueId, offerId: null } as const
  return [{ ...agent, ...talking, missed: null, missCount: 0 }, settledOffer(agent, 'answered')]
}

function endCall(agent: Agent, event: AgentEvent & { kind: 'callEnded' }, now: Date): AgentStep {
  if (agent.callId !== event.callId) return unchanged(agent)
  if (agent.state === 'reserved' || agent.state === 'ringing')
    return [released(agent, now), settledOffer(agent, 'withdrawn')]
  if (agent.state !== 'talking') return unchanged(agent)
  const talkMs = now.getTime() - agent.stateSince.getTime()
  const { callId, queueId } = agent
  const over: AgentAction = { kind: 'callOver', callId: event.callId, queueId, talkMs }
  const busy = { ...occupied(agent, talkMs, now), lastCallEndedAt: now }
  if (event.wrapUpMs <= 0) return [rested(busy, now), [over]]
  const wrapUp: WrapUp = {
    startedAt: now,
    endsAt: new Date(now.getTime() + event.wrapUpMs),
    limitAt: new Date(now.getTime() + Math.max(event.wrapUpMs, event.wrapUpLimitMs)),
    endedBy: event.endedBy
  }
  return [
    { ...busy, state: 'wrapUp', stateSince: now, callId, queueId, wrapUp },
    [over, { kind: 'wrapUpBegan', callId: event.callId, queueId, at: now }]
  ]
}

function tick(agent: Agent, now: Date, settings: AgentSettings): AgentStep {
  if (agent.state === 'wrapUp' && agent.wrapUp !== null && agent.wrapUp.endsAt <= now)
    return endWrapUp(agent, 'timedOut', agent.wrapUp.endsAt)
  if (agent.pausedUntil !== null && agent.pausedUntil <= now) return [{ ...agent, pausedUntil: null }, []]
  const awayMs = agent.detachedAt === null ? 0 : now.getTime() - agent.detachedAt.getTime()
  if (awayMs >= settings.goneAfterMs && agent.status !== 'offline' && agent.state === 'idle')
    return [choose(agent, { status: 'offline', reason: null }, now), []]
  // The grace is over: `judged` says so.
  if (awayMs >= settings.graceMs && !agent.notRoutable.includes('connectionLost')) return [{ ...agent }, []]
  return unchanged(agent)
}

/**
 * When time alone changes something next: the end of wrap-up or pause, a softphone that stays away; null when nothing
 * is due.
 */
export function dueAt(agent: Agent, settings: AgentSettings): Date | null {
  const times: number[] = []
  if (agent.state === 'wrapUp' && agent.wrapUp !== null) times.push(agent.wrapUp.endsAt.getTime())
  if (agent.pausedUntil !== null) times.push(agent.pausedUntil.getTime())
  if (agent.detachedAt !== null && agent.status !== 'offline') {
    const awayFrom = agent.detachedAt.getTime()
    if (!agent.notRoutable.includes('connectionLost')) times.push(awayFrom + settings.graceMs)
    else if (agent.state === 'idle') times.push(awayFrom + settings.goneAfterMs)
  }
  return times.length === 0 ? null : new Date(Math.min(...times))
}

function choose(agent: Agent, chosen: ChosenStatus, now: Date): Agent {
  if (agent.state !== 'idle') {
    const isNow = chosen.status === agent.status && chosen.reason === agent.statusReason
    return { ...agent, nextStatus: isNow ? null : chosen }
  }
  const { status, reason } = chosen
  if (status === agent.status && reason === agent.statusReason) return { ...agent, nextStatus: null }
  const wasAvailable = agent.status === 'available'
  return {
    ...agent,
    status,
    statusReason: reason,
    statusSince: now,
    nextStatus: null,
    // Who comes from a break waits from now on, behind those who were here.
    ...(status === 'available' && !wasAvailable && { idleSince: now, missed: null, missCount: 0, pausedUntil: null })
  }
}

function endWrapUp(agent: Agent, how: 'finished' | 'timedOut', at: Date): AgentStep {
  const startedAt = agent.wrapUp?.startedAt ?? agent.stateSince
  const { callId, queueId } = agent
  const busy = occupied(agent, at.getTime() - startedAt.getTime(), at)
  return [rested(busy, at), [{ kind: 'wrapUpOver', callId: callId ?? '', queueId, how, startedAt, at }]]
}

/** After work: idle, last in line, and with the status that was chosen meanwhile. */
function rested(agent: Agent, now: Date): Agent {
  return { ...released(agent, now), idleSince: now }
}

/** After an offer that came to nothing: idle, in the same place in line. */
function released(agent: Agent, now: Date): Agent {
  const idle: Agent = {
    ...agent,
    state: 'idle',
    stateSince: now,
    callId: null,
    queueId: null,
    offerId: null,
    wrapUp: null
  }
  return agent.nextStatus === null ? idle : choose(idle, agent.nextStatus, now)
}

function occupied(agent: Agent, addedMs: number, now: Date): Agent {
  return { ...agent, occupiedMs: occupiedToday(agent, now) + addedMs, occupiedOn: utcDay(now) }
}

function lengthen(agent: Agent, wrapUp: WrapUp, untilMs: number): Agent {
  const endsAtMs = Math.min(Math.max(wrapUp.endsAt.getTime(), untilMs), wrapUp.limitAt.getTime())
  return endsAtMs === wrapUp.endsAt.getTime() ? agent : { ...agent, wrapUp: { ...wrapUp, endsAt: new Date(endsAtMs) } }
}

/** Whether calls can reach the agent, from everything that is known: the one place that says so. */
function judged(agent: Agent, now: Date, settings: AgentSettings): Agent {
  const reasons: NotRoutableReason[] = []
  const isAttached = agent.controlPlaneId !== null && agent.detachedAt === null
  if (!agent.hasDeskPhone) {
    if (isAttached) reasons.push(...agent.proofReasons)
    else if (agent.detachedAt !== null && now.getTime() - agent.detachedAt.getTime() < settings.graceMs)
      reasons.push('noProof')
    else reasons.push('connectionLost')
  }
  if (agent.missCount >= settings.missesAllowed) reasons.push('missedCall')
  return { ...agent, isRoutable: reasons.length === 0, notRoutable: [...new Set(reasons)] }
}

const AT_WORK: ReadonlySet<AgentState> = new Set(['talking', 'wrapUp'])

/** Whether the agent is in a call or in its wrap-up. */
export function isAtWork(agent: Agent): boolean {
  return AT_WORK.has(agent.state)
}

function settledOffer(agent: Agent, outcome: 'answered' | 'withdrawn'): readonly AgentAction[] {
  return agent.offerId === null ? [] : [{ kind: 'offerSettled', offerId: agent.offerId, outcome }]
}

function sameReasons(one: readonly NotRoutableReason[], other: readonly NotRoutableReason[]): boolean {
  return one.length === other.length && one.every(reason => other.includes(reason))
}

function unchanged(agent: Agent): AgentStep {
  return [agent, []]
}

function refuse(agent: Agent, why: (AgentAction & { kind: 'refuse' })['why']): AgentStep {
  return [agent, [{ kind: 'refuse', why }]]
}
