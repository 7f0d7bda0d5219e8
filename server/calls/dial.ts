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
import type { TrunkLoad } from '../routing/trunk-load.ts'
import { unseal } from '../seal.ts'
import type { PlacedCall } from '../telephony/place-call.ts'
import { phoneAddress } from '../telephony/registrar.ts'
import type { SipDialog } from '../telephony/sip-dialog.ts'
import type { SipServer } from '../telephony/sip-server.ts'
import type { Call } from './call.ts'

export type Destination = Readonly<{ kind: 'number' | 'extension' | 'sip' | 'agent'; value: string }>

export type DialParts = Readonly<{
  db: Db
  media: MediaServer
  sip: SipServer
  routing: RoutingCache
  trunkLoad: TrunkLoad
  secretKey: Buffer
  log: Logger
}>

/** One party's part of a call that we placed: released as one. */
export type AnsweredLeg = Readonly<{ id: string; endpoint: Endpoint; dialog: SipDialog; trunkId: string | null }>

export type DialOutcome =
  | Readonly<{ kind: 'answered'; leg: AnsweredLeg }>
  | Readonly<{ kind: 'busy' }>
  | Readonly<{ kind: 'noAnswer' }>
  | Readonly<{ kind: 'refused'; status: number; reason: string }>
  | Readonly<{ kind: 'notAllowed'; code: ErrorCode; reason: string }>

type Target = Readonly<{
  uri: string
  proxy?: string
  callerNumber: string
  trunk: TrunkRow | null
  auth?: Readonly<{ username: string; password: string }>
}>

/**
 * Dials a destination as a leg of a call: over the trunks that may, one after the other when one cannot be reached,
 * or to a registered phone. The leg is released with the call, or earlier by whoever got it.
 * Rejects with MediaError, or with the signal's reason when it is aborted.
 */
export async function dial(
  parts: DialParts,
  call: Call,
  options: Readonly<{ destination: Destination; callerNumber: string | null; ringMs: number; onRinging?(): void }>,
  signal: AbortSignal
): Promise<DialOutcome> {
  const found = await targetsOf(parts, options.destination, options.callerNumber)
  if (found.kind === 'notAllowed') return found
  let last: DialOutcome = { kind: 'refused', status: 480, reason: 'Nobody is registered' }
  for (const target of found.targets) {
    const release = target.trunk === null ? () => {} : parts.trunkLoad.take(target.trunk)
    if (release === null) {
      last = {
        kind: 'notAllowed',
        code: 'TRUNK_LIMIT',
        reason: `The trunk ${target.trunk?.name ?? ''} is at its limit.`
      }
      continue
    }
    let outcome: DialOutcome
    try {
      outcome = await dialTarget(parts, call, target, options, signal, release)
    } catch (err) {
      release()
      throw err
    }
    if (outcome.kind !== 'answered') release()
    last = outcome
    // Only what says nothing about the called party is tried on another trunk (RFC 3261 §16.7 step 6 in spirit).
    const isTrunkFault =
      outcome.kind === 'refused' && ((outcome.status >= 500 && outcome.status < 600) || outcome.status === 408)
    if (!isTrunkFault) return outcome
  }
  return last
}

async function dialTarget(
  parts: DialParts,
  call: Call,
  target: Target,
  options: Readonly<{ destination: Destination; ringMs: number; onRinging?(): void }>,
  signal: AbortSignal,
  releaseTrunk: () => void
): Promise<DialOutcome> {
  const legId = newId()
  const endpoint = await parts.media.createOffer()
  let isKept = false
  const trunkId = target.trunk?.id ?? null
  try {
    call.record({ kind: 'legStarted', legId, role: 'callee', destination: options.destination.kind, trunkId })
    const ringLimit = AbortSignal.timeout(options.ringMs)
    const placed = await parts.sip.placeCall({
      uri: target.uri,
      ...(target.proxy !== undefined && { proxy: target.proxy }),
      ...(target.auth !== undefined && { auth: target.auth }),
      sdp: endpoint.localSdp,
      callerNumber: target.callerNumber,
      ...(options.onRinging !== undefined && { onRinging: options.onRinging }),
      signal: AbortSignal.any([signal, ringLimit])
    })
    const outcome = await settle(placed)
    if (outcome.kind !== 'answered') {
      call.record({
        kind: 'legEnded',
        legId,
        outcome: outcome.kind,
        sipStatus: placed.kind === 'refused' ? placed.status : null
      })
      signal.throwIfAborted()
    }
    return outcome

    async function settle(result: PlacedCall): Promise<DialOutcome> {
      switch (result.kind) {
        case 'answered': {
          try {
            await endpoint.modify(result.dialog.remoteSdp)
          } catch (err) {
            await result.dialog[Symbol.asyncDispose]()
            throw err
          }
          isKept = true
          call.record({ kind: 'legAnswered', legId })
          const leg: AnsweredLeg = { id: legId, endpoint, dialog: result.dialog, trunkId }
          wireLeg(leg)
          let isEnded = false
          result.dialog.ended.addEventListener('abort', () => releaseTrunk(), { once: true })
          call.defer(async () => {
            if (isEnded) return
            isEnded = true
            releaseTrunk()
            await Promise.all([result.dialog[Symbol.asyncDispose](), endpoint[Symbol.asyncDispose]()])
            call.record({ kind: 'legEnded', legId, outcome: 'released', sipStatus: null })
          })
          return { kind: 'answered', leg }
        }
        case 'refused':
          if (result.status === 486 || result.status === 600) return { kind: 'busy' }
          if (result.status === 480 || result.status === 487) return { kind: 'noAnswer' }
          return { kind: 'refused', status: result.status, reason: result.reason }
        case 'cancelled':
          return { kind: 'noAnswer' }
        default:
          return result satisfies never
      }
    }
  } finally {
    if (!isKept) await endpoint[Symbol.asyncDispose]()
  }
}

/** Lets the far end change its session and press keys by INFO. */
function wireLeg(leg: AnsweredLeg): void {
  leg.dialog.handle({
    modify: sdp => leg.endpoint.modify(sdp),
    digit: digit => leg.endpoint.pushDigit(digit),
    refer: () => 603
  })
}

async function targetsOf(
  parts: DialParts,
  destination: Destination,
  callerNumber: string | null
): Promise<{ kind: 'targets'; targets: readonly Target[] } | Extract<DialOutcome, { kind: 'notAllowed' }>> {
  switch (destination.kind) {
    case 'number': {
      const route = routeOutbound(destination.value, callerNumber, await parts.routing.tables())
      if (route.kind === 'refuse') return { kind: 'notAllowed', code: route.code, reason: route.reason }
      return {
        kind: 'targets',
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
      return destination.kind satisfies never
  }
}

/** Whether an error says that the media server, not the called party, is the trouble. */
export function isMediaTrouble(err: unknown): err is MediaError {
  return err instanceof MediaError
}
