import { setTimeout as delay } from 'node:timers/promises'
import { attemptsOfLead, beginDialling, countLive, updateOpenAttempt } from '../../sql/queries/campaigns/attempts.ts'
import {
  type CallerIdRow,
  carrierLimits,
  insertAlarm,
  isCampaignRunning,
  takeDialSlot,
  updateCallerId
} from '../../sql/queries/campaigns/campaigns.ts'
import { listPlaces } from '../../sql/queries/campaigns/contacts.ts'
import { forgetTrunkRest, listTrunkRests, restTrunk, takeTrunkProbe } from '../../sql/queries/campaigns/trunk-rests.ts'
import type { TrunkRow } from '../../sql/queries/telephony.ts'
import type { Db } from '../../sql/database.ts'
import { onAbort } from '../calls/aborted.ts'
import type { Call } from '../calls/call.ts'
import { endReasonOf, endWithMedia } from '../calls/caller-leg.ts'
import { type AnsweredLeg, dial, type DialOutcome, wasAnswered } from '../calls/dial.ts'
import { endReasonForStatus } from '../calls/end-reasons.ts'
import type { AttemptOutcome, LawfulAttempt } from '../calls/outbound-law.ts'
import { type AnswerListener, listenFor } from './answer-detection.ts'
import { type Attempt, sipCallIdOf } from './attempt.ts'
import type { Permitted } from './permit.ts'
import { outcomeForStatus } from './retry.ts'
import { isScheduled } from './schedule.ts'
import { isTrunkFault, REST_MS } from './trunk-health.ts'

export type Dialled = Readonly<{
  leg: AnsweredLeg
  lawful: LawfulAttempt
  callerNumber: string
  answeredAt: Date
  /** Listens since the answer, where the campaign wants to know who it is; the call's end is its end. */
  listener: AnswerListener | null
}>

const LAW_OUTCOMES = {
  busy: 'busy',
  noAnswer: 'no_answer',
  refused: 'failed',
  notAllowed: 'not_placed'
} as const satisfies Record<Exclude<DialOutcome['kind'], 'answered'>, AttemptOutcome>

/** Whoever was taken before somebody paused the campaign is not called: they wait until it runs again. */
const HALTED = 'the campaign does not run any more'
const HALTED_MS = 1_000
/** Whoever was taken, or looked at by an agent, before the campaign's own hours were over. */
const AFTER_HOURS = 'the hours of the campaign are over'
const AFTER_HOURS_MS = 60_000
/** Nobody waits longer for a place. */
const SECONDS_AHEAD = 4
const MAX_BLAMED = 5
/** A carrier far away takes so long to say whether the person had answered when the ringing was given up. */
const CANCEL_LIMIT_MS = 3_000
/** A place of all control planes is there; another call of this one may have begun a moment late. */
const TRUNK_PATIENCE_MS = 2_000
/** So soon the call that finds out may have told. */
const PROBE_MS = 5_000

/**
 * Waits for its turn on the trunk, marks that the INVITE leaves, and dials. Null when that was the end of the attempt:
 * then the call is ended too.
 */
export async function dialLead(
  attempt: Attempt,
  call: Call,
  { lawful, callerId, trunks }: Permitted
): Promise<Dialled | null> {
  const { parts, lead, campaign } = attempt
  const { db, log } = parts
  const limits = await carrierLimits(db)
  if (!(await takeSlot(attempt, trunks[0], limits, true, call.signal))) {
    call.end('trunkLimit')
    await attempt.release('no room on the trunk in this moment', 5_000)
    return null
  }
  const objection = lawful.objection()
  if (objection !== null) {
    call.end('unreachable', { detail: objection.reason })
    await attempt.release(objection.reason, 1_000)
    return null
  }
  if (!(await mayTry(attempt, trunks))) {
    call.end('unreachable', { detail: 'another call finds out whether the trunk is back' })
    await attempt.release(`trunk down: ${trunks.map(one => one.name).join(', ')}`, PROBE_MS)
    return null
  }
  if (!(await isCampaignRunning(db, campaign.no))) {
    call.end('unreachable', { detail: HALTED })
    await attempt.release(HALTED, HALTED_MS)
    return null
  }
  if (!(await isWithinHours(attempt))) {
    call.end('unreachable', { detail: AFTER_HOURS })
    await attempt.release(AFTER_HOURS, AFTER_HOURS_MS)
    return null
  }
  const sipCallId = sipCallIdOf(lead.id)
  if (!(await beginDialling(db, lead.id, { sip_call_id: sipCallId }, campaign.no, parts.now()))) {
    call.end('unreachable', { detail: 'the attempt was taken over' })
    attempt.takenOver()
    return null
  }
  attempt.beganDialling()
  await parts.step('dialling', lead)
  const startedAtMs = performance.now()
  for (const { id } of trunks) parts.trunks.began(id, parts.now())
  let hasRung = false
  const outcome = await dial(
    parts.calls.parts,
    call,
    {
      destination: { kind: 'number', value: lead.number, attempt: lawful },
      callerNumber: callerId.number,
      ringMs: campaign.settings.ringMs,
      sipCallId,
      cancelLimitMs: CANCEL_LIMIT_MS,
      trunkPatienceMs: TRUNK_PATIENCE_MS,
      // Whoever stands in for a trunk that is down has limits of its own.
      mayUse: async trunk => trunk.id === trunks[0]?.id || (await takeSlot(attempt, trunk, limits, false, call.signal)),
      mayLeave: async () => ((await isCampaignRunning(db, campaign.no)) ? null : HALTED),
      onEndpoint: id => updateOpenAttempt(db, lead.id, { endpoint_id: id }),
      onRinging: () => {
        hasRung = true
        call.record({ kind: 'ringing' })
        updateOpenAttempt(db, lead.id, { rang_at: parts.now() }).catch(err =>
          log.warn({ err, callId: call.id }, 'that a number rings could not be stored')
        )
      }
    },
    call.signal
  ).catch((err: unknown): DialOutcome => {
    if (!call.signal.aborted) throw err
    return { kind: 'noAnswer' }
  })
  const isTold = await tellTrunks(attempt, call, trunks, outcome)
  if (!isTold && !hasRung && outcome.kind === 'refused' && (await mayBlameTrunk(attempt))) {
    call.end(endReasonForStatus(outcome.status), { hangupCause: String(outcome.status), detail: 'trunk down' })
    await lawful.outcome('failed')
    await attempt.trunkFailed(outcome.status, outcome.reason)
    return null
  }
  if (outcome.kind !== 'answered') {
    await notAnswered(attempt, call, outcome, lawful, callerId)
    return null
  }
  const answeredAt = parts.now()
  const { endpoint, dialog } = outcome.leg
  onAbort(dialog.ended, () => call.end(endReasonOf(dialog.endedBy, 'calleeHungUp')))
  endWithMedia(call, endpoint)
  call.customerAnswered(endpoint, performance.now() - startedAtMs)
  // Before anything is written: tones of the network come with the answer.
  const listener = listenFor(call, campaign, lawful)
  await updateOpenAttempt(db, lead.id, { answered_at: answeredAt })
  await parts.step('answered', lead)
  log.debug({ callId: call.id }, 'a call of a campaign was answered')
  return { leg: outcome.leg, lawful, callerNumber: callerId.number, answeredAt, listener }
}

async function isWithinHours({ parts, campaign, lead }: Attempt): Promise<boolean> {
  const places = await listPlaces(parts.db, [lead.placeId])
  return places.every(({ zones }) => isScheduled(campaign.settings.schedule, zones, parts.now()))
}

/** What the outcome says about the trunks that were tried; false when none of them carried anything. */
async function tellTrunks(
  { parts, campaign }: Attempt,
  call: Call,
  trunks: readonly TrunkRow[],
  outcome: DialOutcome
): Promise<boolean> {
  if (outcome.kind === 'notAllowed' || call.signal.aborted) return true
  const isFault = outcome.kind === 'refused' && isTrunkFault(outcome.status) && !wasAnswered(outcome)
  const now = parts.now()
  for (const { id, name } of trunks) {
    if (!isFault) {
      const wasInDoubt = parts.trunks.isInDoubt(id)
      parts.trunks.worked(id)
      if (wasInDoubt) await forgetTrunkRest(parts.db, id)
      continue
    }
    const isNew = parts.trunks.failed(id, now)
    const rest = parts.trunks.restOf(id)
    if (rest !== null) await restTrunk(parts.db, rest)
    if (isNew)
      await insertAlarm(parts.db, {
        campaignNo: campaign.no,
        kind: 'trunkDown',
        detail: { callId: call.id, trunk: name, status: outcome.status, reason: outcome.reason },
        at: now
      })
  }
  return !isFault
}

/**
 * Whether this call may go out. When nobody knows of any of the trunks whether it is back, one call of all control planes
 * finds out.
 */
async function mayTry({ parts }: Attempt, trunks: readonly TrunkRow[]): Promise<boolean> {
  if (!trunks.every(one => parts.trunks.isInDoubt(one.id))) return true
  const now = parts.now()
  const until = new Date(now.getTime() + REST_MS)
  for (const { id } of trunks) if (await takeTrunkProbe(parts.db, id, now, until)) return true
  // It may have been found to be back meanwhile.
  const resting = new Set((await listTrunkRests(parts.db)).map(one => one.trunkId))
  const back = trunks.filter(one => !resting.has(one.id))
  for (const { id } of back) parts.trunks.worked(id)
  return back.length > 0
}

/** A number that every trunk fails for, again and again, fails by itself. */
async function mayBlameTrunk({ parts, campaign, lead }: Attempt): Promise<boolean> {
  const attempts = await attemptsOfLead(parts.db, campaign.no, lead.contactId)
  return attempts.filter(one => one.outcome === 'trunkDown').length < MAX_BLAMED
}

async function notAnswered(
  attempt: Attempt,
  call: Call,
  outcome: Exclude<DialOutcome, { kind: 'answered' }>,
  lawful: LawfulAttempt,
  callerId: CallerIdRow
): Promise<void> {
  if (wasAnswered(outcome)) {
    await hungUpOn(attempt, call, lawful)
    return
  }
  await lawful.outcome(LAW_OUTCOMES[outcome.kind])
  switch (outcome.kind) {
    case 'busy':
      call.end('busy')
      await attempt.finish('busy')
      return
    case 'noAnswer':
      call.end('noAnswer')
      await attempt.finish('noAnswer')
      return
    case 'notAllowed':
      call.end(outcome.code === 'TRUNK_LIMIT' ? 'trunkLimit' : 'unreachable', { detail: outcome.reason })
      // No INVITE has left.
      await attempt.release(outcome.reason, outcome.reason === HALTED ? HALTED_MS : 5_000)
      return
    case 'refused': {
      const { status, reason } = outcome
      const result = outcomeForStatus(status, outcome.isAnalyticsBlock === true)
      call.end(endReasonForStatus(status), { hangupCause: String(status), detail: reason })
      await attempt.finish(result, { sipStatus: status, detail: reason })
      if (result === 'blocked') await raiseAlarm(attempt, call, outcome, callerId)
      return
    }
    default:
      outcome satisfies never
  }
}

/** Whoever picks up and is hung up on was called by nobody, as far as they know: to the law that is an abandoned call. */
async function hungUpOn(attempt: Attempt, call: Call, lawful: LawfulAttempt): Promise<void> {
  const { parts, campaign, lead } = attempt
  const answeredAt = parts.now()
  call.end('noAnswer', { detail: 'answered when it was given up' })
  await countLive(parts.db, lead.id, campaign.no, answeredAt, { answered_at: answeredAt })
  await lawful.outcome('abandoned')
  await attempt.finish('abandoned', { isAbandoned: true, answeredAt, detail: 'answered when it was given up' })
}

async function raiseAlarm(
  { parts, campaign }: Attempt,
  call: Call,
  { status, reason, isAnalyticsBlock = false }: Extract<DialOutcome, { kind: 'refused' }>,
  callerId: CallerIdRow
): Promise<void> {
  const at = parts.now()
  // Another number of ours would be cycling; this one rests until somebody has looked.
  if (isAnalyticsBlock)
    await updateCallerId(parts.db, callerId.id, { blocked_at: at, block_reason: `${status} ${reason}`.trim() })
  await insertAlarm(parts.db, {
    campaignNo: campaign.no,
    kind: isAnalyticsBlock ? 'spamBlocked' : 'unwanted',
    detail: { callId: call.id, callerNumber: callerId.number, status, reason },
    at
  })
}

/**
 * One of the calls that a trunk and its carrier allow in a second, over all control planes; `isNew`: and that the campaign
 * does. Resolves when its turn is. What one of several limits has given and another one refuses is lost for that second:
 * never too many, at times a call less.
 */
async function takeSlot(
  { parts, campaign }: Attempt,
  trunk: TrunkRow | undefined,
  limits: ReadonlyMap<string, number>,
  isNew: boolean,
  signal: AbortSignal
): Promise<boolean> {
  const { db } = parts
  const { id: trunkId = '', carrier = '', maxCallsPerSecond: perSecond = 1 } = trunk ?? {}
  const carrierLimit = limits.get(carrier)
  const scopes: (readonly [string, number])[] = [
    ...(isNew ? [[`campaign:${campaign.no}`, campaign.settings.maxCallsPerSecond] as const] : []),
    ...(carrierLimit === undefined ? [] : [[`carrier:${carrier}`, carrierLimit] as const]),
    [`trunk:${trunkId}`, perSecond]
  ]
  let fromMs = Date.now()
  for (let seconds = 0; seconds < SECONDS_AHEAD && !signal.aborted; seconds += 1) {
    const placeMs = await takeAll(db, scopes, fromMs)
    if (placeMs !== null) {
      await waitUntil(placeMs, signal)
      return !signal.aborted
    }
    fromMs += 1_000 - (fromMs % 1_000)
  }
  return false
}

/** When every limit has a place for one call more, from `fromMs` on and in its second; null when that is full. */
async function takeAll(
  db: Db,
  scopes: readonly (readonly [scope: string, perSecond: number])[],
  fromMs: number
): Promise<number | null> {
  let placeMs = fromMs
  for (const [scope, perSecond] of scopes) {
    const foundMs = await takeDialSlot(db, scope, placeMs, perSecond)
    if (foundMs === null) return null
    placeMs = Math.max(placeMs, foundMs)
  }
  return placeMs
}

async function waitUntil(atMs: number, signal: AbortSignal): Promise<void> {
  const waitMs = atMs - Date.now()
  if (waitMs <= 0) return
  await delay(waitMs, undefined, { signal }).catch((err: unknown) => {
    if (!signal.aborted) throw err
  })
}
