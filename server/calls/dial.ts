import { type Endpoint, MediaError, type MediaServer } from '../../media/endpoint.ts'
import type { Db } from '../../sql/database.ts'
import {
  findSipAccount,
  findSipAccountByExtension,
  listRegistrations,
  type TrunkRow
} from '../../sql/queries/telephony.ts'
import type { ErrorCode } from '../errors.ts'
import { newId } from '../ids.ts'
import type { Logger } from '../log.ts'
import { routeOutbound } from '../routing/route-outbound.ts'
import type { RoutingCache } from '../routing/routing-cache.ts'
import type { TrunkLoad, TrunkPlace } from '../routing/trunk-load.ts'
import { unseal } from '../seal.ts'
import { AnsweredElsewhere, type PlacedCall } from '../telephony/place-call.ts'
import { phoneAddress } from '../telephony/registrar.ts'
import type { SipDialog } from '../telephony/sip-dialog.ts'
import type { SipServer } from '../telephony/sip-server.ts'
import { aborted } from './aborted.ts'
import type { Call } from './call.ts'
import type { LawfulAttempt } from './outbound-law.ts'

/** Somebody to dial. A number outside is dialled only with the decision in hand that allows it. */
export type Destination =
  | Readonly<{ kind: 'number'; value: string; attempt: LawfulAttempt }>
  | Readonly<{ kind: 'extension' | 'sip' | 'agent'; value: string }>

export type DialParts = Readonly<{
  db: Db
  media: MediaServer
  sip: SipServer
  routing: RoutingCache
  trunkLoad: TrunkLoad
  secretKey: Buffer
  log: Logger
}>

/** One party's part of a call that we placed: released as one, at the latest with the call. */
export type AnsweredLeg = AsyncDisposable &
  Readonly<{ id: string; endpoint: Endpoint; dialog: SipDialog; trunkId: string | null }>

export type DialOutcome =
  | Readonly<{ kind: 'answered'; leg: AnsweredLeg }>
  | Readonly<{ kind: 'busy' }>
  /** `wasAnswered`, here and below: the called party had answered, and was hung up on before anybody was there for them. */
  | Readonly<{ kind: 'noAnswer'; wasAnswered?: boolean }>
  | Readonly<{ kind: 'refused'; status: number; reason: string; isAnalyticsBlock?: boolean; wasAnswered?: boolean }>
  | Readonly<{ kind: 'notAllowed'; code: ErrorCode; reason: string }>

type Target = Readonly<{
  uri: string
  proxy?: string
  callerNumber: string
  trunk: TrunkRow | null
  auth?: Readonly<{ username: string; password: string }>
}>

type Targets = Readonly<{ kind: 'targets'; order: 'inTurn' | 'together'; targets: readonly Target[] }>

type DialOptions = Readonly<{
  destination: Destination
  callerNumber: string | null
  /** How long each target may ring, in milliseconds. */
  ringMs: number
  /** Told once, when the first phone rings. */
  onRinging?(): void
  /** Told the media server's id of each leg before its INVITE leaves, which waits for that. */
  onEndpoint?(endpointId: string): Promise<unknown>
  /** So long a trunk whose calls of the last second are all it takes is waited for, in milliseconds; 0 unless given. */
  trunkPatienceMs?: number
  /** Asked last of all before each INVITE; why it must not leave any more, or null. */
  mayLeave?(): Promise<string | null>
  /** Asked before each trunk's INVITE; false: the trunk is at its limit, and the next one is tried. */
  mayUse?(trunk: TrunkRow): Promise<boolean>
  /**
   * What the SIP Call-ID is made of, so that the same attempt always has the same one; the number of the trunk is
   * added. Left out, it is made up.
   */
  sipCallId?: string
  /** So long what comes of a call that is given up is waited for, in milliseconds; see {@link placeCall}. */
  cancelLimitMs?: number
}>

/** Whether the called party had answered although no call came of it: for them it was a silent call. */
export function wasAnswered(outcome: DialOutcome): boolean {
  return (outcome.kind === 'noAnswer' || outcome.kind === 'refused') && outcome.wasAnswered === true
}

/**
 * Dials a destination as a leg of a call: over the trunks that may, one after the other when one cannot be reached,
 * or to every phone that is registered for it at once, of which the first to answer gets the call. The leg is released
 * with the call, or earlier by whoever got it.
 * Rejects with MediaError, or with the signal's reason when it is aborted.
 */
export async function dial(
  parts: DialParts,
  call: Call,
  options: DialOptions,
  signal: AbortSignal
): Promise<DialOutcome> {
  const found = await targetsOf(parts, options.destination, options.callerNumber)
  if (found.kind === 'notAllowed') return found
  return found.order === 'together'
    ? await dialTogether(parts, call, found.targets, options, signal)
    : await dialInTurn(parts, call, found.targets, options, signal)
}

async function dialInTurn(
  parts: DialParts,
  call: Call,
  targets: readonly Target[],
  options: DialOptions,
  signal: AbortSignal
): Promise<DialOutcome> {
  let last: DialOutcome = { kind: 'refused', status: 480, reason: 'No trunk is left' }
  for (const [index, target] of targets.entries()) {
    const place = await placeOn(parts, target.trunk, options, signal)
    // Asked when nothing more is waited for. What the trunks before have said is the better answer.
    const objection = options.destination.kind === 'number' ? options.destination.attempt.objection() : null
    if (objection !== null) {
      place?.free()
      return index === 0 ? { kind: 'notAllowed', ...objection } : last
    }
    if (place === null) {
      last = {
        kind: 'notAllowed',
        code: 'TRUNK_LIMIT',
        reason: `The trunk ${target.trunk?.name ?? ''} is at its limit.`
      }
      continue
    }
    let outcome: DialOutcome
    try {
      const sipCallId = options.sipCallId === undefined ? {} : { sipCallId: `${options.sipCallId}-${index + 1}` }
      outcome = await dialTarget(parts, call, target, { ...options, ...sipCallId }, signal, place)
    } catch (err) {
      place.free()
      throw err
    }
    if (outcome.kind !== 'answered') place.free()
    last = outcome
    // Only what says nothing about the called party is tried on another trunk (RFC 3261 §16.7 step 6 in spirit).
    const isTrunkFault =
      outcome.kind === 'refused' &&
      !wasAnswered(outcome) &&
      ((outcome.status >= 500 && outcome.status < 600) || outcome.status === 408)
    if (!isTrunkFault) return outcome
  }
  return last
}

const NO_TRUNK: TrunkPlace = { leaves() {}, free() {} }

/** A place on the trunk, to be given back; null when it has none. What goes over no trunk always has one. */
async function placeOn(
  { trunkLoad }: Pick<DialParts, 'trunkLoad'>,
  trunk: TrunkRow | null,
  { mayUse, trunkPatienceMs = 0 }: Pick<DialOptions, 'mayUse' | 'trunkPatienceMs'>,
  signal: AbortSignal
): Promise<TrunkPlace | null> {
  if (trunk === null) return NO_TRUNK
  if ((await mayUse?.(trunk)) === false) return null
  return trunkPatienceMs === 0 ? trunkLoad.take(trunk) : await trunkLoad.takeInTurn(trunk, trunkPatienceMs, signal)
}

/** A contact that has not even rung by then is taken for stale once another contact has answered anything at all. */
const STALE_AFTER_MS = 2_000

/**
 * Rings every contact of one phone user. The first answer wins and lets the others go; a 6xx from one speaks for all
 * (RFC 3261 §16.7 step 5). A stale contact neither delays an answer nor, for long, a refusal.
 */
async function dialTogether(
  parts: DialParts,
  call: Call,
  targets: readonly Target[],
  options: DialOptions,
  signal: AbortSignal
): Promise<DialOutcome> {
  const decided = new AbortController()
  const anyOf = AbortSignal.any([signal, decided.signal])
  const silent = new Set(targets)
  const pending = new Set(targets)
  const staleAtMs = performance.now() + STALE_AFTER_MS
  let staleTimer: NodeJS.Timeout | undefined
  let winner: DialOutcome | undefined
  let hasRung = false
  const giveUpStale = () => {
    if (pending.isSubsetOf(silent)) decided.abort(new AnsweredElsewhere('the contacts that are left are stale'))
  }
  const attempt = async (target: Target): Promise<DialOutcome> => {
    const onRinging = () => {
      silent.delete(target)
      if (!hasRung) options.onRinging?.()
      hasRung = true
    }
    const outcome = await dialTarget(parts, call, target, { ...options, onRinging }, anyOf, NO_TRUNK)
    const isDecision = outcome.kind === 'answered' || (outcome.kind === 'refused' && outcome.status >= 600)
    if (isDecision && winner === undefined) {
      winner = outcome
      decided.abort(new AnsweredElsewhere('another contact has answered'))
    } else if (outcome.kind === 'answered') await outcome.leg[Symbol.asyncDispose]()
    return outcome
  }
  const settling = Promise.allSettled(
    targets.map(target =>
      attempt(target).finally(() => {
        pending.delete(target)
        clearTimeout(staleTimer)
        if (pending.size > 0) staleTimer = setTimeout(giveUpStale, Math.max(0, staleAtMs - performance.now()))
      })
    )
  )
  // Whoever answers is connected at once; the others are let go meanwhile, and the call's story ends after that.
  call.defer(() => settling.then(() => {}))
  const settled = await Promise.race([
    settling,
    aborted(decided.signal).then(() => (winner === undefined ? settling : []))
  ])
  if (winner !== undefined) return winner
  signal.throwIfAborted()
  const outcomes = settled.flatMap(one => (one.status === 'fulfilled' ? [one.value] : []))
  const failure = settled.find(one => one.status === 'rejected')
  if (outcomes.length === 0 && failure !== undefined) throw failure.reason
  return (
    outcomes.find(one => one.kind === 'busy') ??
    outcomes.find(one => hasRung && one.kind === 'noAnswer') ??
    outcomes.find(one => one.kind === 'refused') ??
    outcomes[0] ?? { kind: 'refused', status: 480, reason: 'Nobody is registered' }
  )
}

async function dialTarget(
  parts: DialParts,
  call: Call,
  target: Target,
  options: DialOptions,
  signal: AbortSignal,
  place: TrunkPlace
): Promise<DialOutcome> {
  const legId = newId()
  const endpoint = await parts.media.createOffer()
  let isKept = false
  const trunkId = target.trunk?.id ?? null
  const role = options.destination.kind === 'agent' ? 'agent' : 'callee'
  try {
    const { destination } = options
    const decisionId = destination.kind === 'number' ? destination.attempt.decisionId : null
    await options.onEndpoint?.(endpoint.id)
    const refusal = (await options.mayLeave?.()) ?? null
    if (refusal !== null) return { kind: 'notAllowed', code: 'CONFLICT', reason: refusal }
    call.record({ kind: 'legStarted', legId, role, destination: destination.kind, trunkId, decisionId })
    place.leaves()
    const ringLimit = AbortSignal.timeout(options.ringMs)
    const placed = await parts.sip
      .placeCall({
        uri: target.uri,
        ...(target.proxy !== undefined && { proxy: target.proxy }),
        ...(target.auth !== undefined && { auth: target.auth }),
        sdp: endpoint.localSdp,
        callerNumber: target.callerNumber,
        ...(options.sipCallId !== undefined && { headers: { 'Call-ID': options.sipCallId } }),
        ...(options.cancelLimitMs !== undefined && { cancelLimitMs: options.cancelLimitMs }),
        ...(options.onRinging !== undefined && { onRinging: options.onRinging, onEarlyMedia: options.onRinging }),
        signal: AbortSignal.any([signal, ringLimit])
      })
      .catch((err: unknown): PlacedCall => {
        // The next hop cannot even be sent to: as if it had answered 503 (RFC 3261 §8.1.3.1).
        call.log.warn({ err, legId }, 'an INVITE could not be sent')
        return { kind: 'refused', status: 503, reason: 'The INVITE could not be sent' }
      })
    const outcome = placed.kind === 'answered' ? await connect(placed.dialog) : outcomeOf(placed)
    if (outcome.kind !== 'answered')
      call.record({
        kind: 'legEnded',
        legId,
        outcome: signal.reason instanceof AnsweredElsewhere ? 'answeredElsewhere' : outcome.kind,
        sipStatus: placed.kind === 'refused' ? placed.status : null
      })
    return outcome
  } finally {
    if (!isKept) await endpoint[Symbol.asyncDispose]()
  }

  async function connect(dialog: SipDialog): Promise<DialOutcome> {
    // Whoever hangs up meanwhile has answered all the same: whether their media could be used is no matter any more.
    const failure = await Promise.race([
      endpoint.modify(dialog.remoteSdp).then(
        () => null,
        (err: unknown) => ({ err })
      ),
      aborted(dialog.ended).then(() => null)
    ])
    if (failure !== null && !dialog.ended.aborted) {
      const { err } = failure
      await dialog[Symbol.asyncDispose]()
      if (!(err instanceof MediaError) || endpoint.lost.aborted) throw err
      call.log.warn({ err, legId }, 'the answer of the called party cannot be used')
      return { kind: 'refused', status: 488, reason: `The answer cannot be used (${err.code})`, wasAnswered: true }
    }
    isKept = true
    call.record({ kind: 'legAnswered', legId })
    dialog.ended.addEventListener('abort', place.free, { once: true })
    let releasing: Promise<void> | undefined
    const release = async () => {
      const outcome = dialog.ended.aborted ? 'hungUp' : 'released'
      place.free()
      await Promise.all([dialog[Symbol.asyncDispose](), endpoint[Symbol.asyncDispose]()])
      call.record({ kind: 'legEnded', legId, outcome, sipStatus: null })
    }
    const leg: AnsweredLeg = {
      id: legId,
      endpoint,
      dialog,
      trunkId,
      [Symbol.asyncDispose]() {
        releasing ??= release()
        return releasing
      }
    }
    call.defer(() => leg[Symbol.asyncDispose]())
    wireLeg(call, leg)
    return { kind: 'answered', leg }
  }
}

function outcomeOf(placed: Exclude<PlacedCall, { kind: 'answered' }>): DialOutcome {
  switch (placed.kind) {
    case 'refused':
      if (placed.status === 486 || placed.status === 600) return { kind: 'busy' }
      if (placed.status === 480 || placed.status === 487) return { kind: 'noAnswer' }
      return {
        kind: 'refused',
        status: placed.status,
        reason: placed.reason,
        ...(placed.isAnalyticsBlock === true && { isAnalyticsBlock: true }),
        ...(placed.wasAnswered === true && { wasAnswered: true })
      }
    case 'cancelled':
      return { kind: 'noAnswer', ...(placed.wasAnswered && { wasAnswered: true }) }
    default:
      return placed satisfies never
  }
}

/** Lets the far end change its session and press keys by INFO. */
function wireLeg(call: Call, leg: AnsweredLeg): void {
  leg.dialog.handle({
    modify: sdp => leg.endpoint.modify(sdp),
    digit: digit => leg.endpoint.pushDigit(digit),
    refer: () => {
      call.record({ kind: 'transferRequested', by: 'callee' })
      return 603
    }
  })
}

async function targetsOf(
  parts: DialParts,
  destination: Destination,
  callerNumber: string | null
): Promise<Targets | Extract<DialOutcome, { kind: 'notAllowed' }>> {
  switch (destination.kind) {
    case 'number': {
      const route = routeOutbound(destination.value, callerNumber, await parts.routing.tables())
      if (route.kind === 'refuse') return { kind: 'notAllowed', code: route.code, reason: route.reason }
      return {
        kind: 'targets',
        order: 'inTurn',
        targets: route.trunks.map(one => ({
          uri: `sip:${destination.value}@${one.trunk.outboundAddress}${one.trunk.transport === 'udp' ? '' : `;transport=${one.trunk.transport}`}`,
          callerNumber: one.callerNumber,
          trunk: one.trunk,
          ...(one.trunk.username !== null &&
            one.trunk.passwordSealed !== null && {
              auth: {
                username: one.trunk.username,
                password: unseal(parts.secretKey, 'trunk password', one.trunk.passwordSealed).toString('utf8')
              }
            })
        }))
      }
    }
    case 'extension':
    case 'agent': {
      const account =
        destination.kind === 'extension'
          ? await findSipAccountByExtension(parts.db, destination.value)
          : await findSipAccount(parts.db, destination.value)
      if (account === undefined)
        return { kind: 'notAllowed', code: 'NOT_FOUND', reason: 'No phone has this extension or name.' }
      const rows = await listRegistrations(parts.db, account.username, new Date())
      return {
        kind: 'targets',
        order: 'together',
        targets: rows.map(row => ({ ...phoneAddress(row), callerNumber: callerNumber ?? 'anonymous', trunk: null }))
      }
    }
    case 'sip':
      // A free SIP address would go round every allow-list.
      return {
        kind: 'notAllowed',
        code: 'DESTINATION_NOT_ALLOWED',
        reason: 'Calls go to numbers, extensions and agents only.'
      }
    default:
      return destination satisfies never
  }
}
