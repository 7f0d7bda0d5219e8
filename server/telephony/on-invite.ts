import type { Call } from '../calls/call.ts'
import { END_REASONS, type EndReason } from '../calls/end-reasons.ts'
import type { LiveCalls } from '../calls/live-calls.ts'
import { isDatabaseUnavailable } from '../errors.ts'
import type { Logger } from '../log.ts'
import { type InboundRoute, routeInbound, type RoutingTables } from '../routing/route-inbound.ts'
import type { RoutingCache } from '../routing/routing-cache.ts'
import type { TrunkLoad } from '../routing/trunk-load.ts'
import { unseal } from '../seal.ts'
import { type DigestGuard, hashDigestPassword } from './digest.ts'
import type { IncomingInvite } from './incoming-invite.ts'

type ServeRoute = Extract<InboundRoute, { kind: 'serve' }>

export type OnInviteParts = Readonly<{
  routing: RoutingCache
  liveCalls: LiveCalls
  trunkLoad: TrunkLoad
  guard: DigestGuard
  secretKey: Buffer
  realm: string
  unknownSources: 'answer' | 'refuse' | 'ignore'
  maxCalls: number
  controlPlaneId: string
  log: Logger
  newCall(): Call
  /** Serves a call to its end. Must not throw. */
  serve(invite: IncomingInvite, route: ServeRoute, call: Call): Promise<void>
}>

const RETRY_AFTER = { 'Retry-After': '5' }

/** What happens with an INVITE: decided by routing, then served or refused with the right status. Never throws. */
export async function onInvite(parts: OnInviteParts, invite: IncomingInvite): Promise<void> {
  try {
    if (refuseWithoutRoom(parts, invite)) return
    const tables = await parts.routing.tables()
    const facts = {
      sourceAddress: invite.sourceAddress,
      calledUser: invite.calledUser,
      callerUser: invite.callerUser,
      assertedIdentity: invite.assertedIdentity,
      isPrivate: invite.isPrivate
    }
    const { unknownSources } = parts
    let route = routeInbound(facts, tables, { unknownSources, provenTrunkId: null })
    if (route.kind === 'challenge') {
      const provenTrunkId = await proveTrunk(parts, invite, tables, route.trunk.id)
      if (provenTrunkId === null) return
      route = routeInbound(facts, tables, { unknownSources, provenTrunkId })
    }
    switch (route.kind) {
      case 'serve':
        await serve(parts, invite, route)
        break
      case 'refuse':
        await recordRefusal(parts, invite, route)
        break
      case 'ignore':
        // No word of ours: the SIP server's own 100 and its time-out are all that a scanner sees.
        parts.log.info({ sourceAddress: invite.sourceAddress }, 'an INVITE from an unknown source is ignored')
        break
      case 'challenge':
        refuse(invite, 'notAuthenticated')
        break
      default:
        route satisfies never
    }
  } catch (err) {
    parts.log.error({ err, sipCallId: invite.sipCallId }, 'an INVITE could not be routed')
    refuse(invite, isDatabaseUnavailable(err) ? 'databaseUnavailable' : 'internalError')
  }
}

/** Refused before anything is known of the call: no story, so that a flood costs no database. */
function refuseWithoutRoom(parts: OnInviteParts, invite: IncomingInvite): boolean {
  const { liveCalls, maxCalls } = parts
  if (!liveCalls.isDraining && liveCalls.size < maxCalls) return false
  const reason = liveCalls.isDraining ? 'draining' : 'overloaded'
  parts.log.warn({ reason, calls: liveCalls.size, sipCallId: invite.sipCallId }, 'an INVITE was refused')
  refuse(invite, reason)
  return true
}

async function serve(parts: OnInviteParts, invite: IncomingInvite, route: ServeRoute): Promise<void> {
  // Again, without a wait before the call counts: many INVITEs may have been routed at the same time.
  if (refuseWithoutRoom(parts, invite)) return
  const place = route.trunk === null ? undefined : parts.trunkLoad.take(route.trunk)
  if (place === null) return await recordRefusal(parts, invite, { ...route, kind: 'refuse', reason: 'trunkLimit' })
  const call = parts.newCall()
  parts.liveCalls.add(call)
  try {
    await parts.serve(invite, route, call)
  } finally {
    parts.liveCalls.remove(call)
    place?.free()
  }
}

/** A refused call has a story too. Strangers' calls are only logged, so that a scan does not fill the database. */
async function recordRefusal(
  parts: OnInviteParts,
  invite: IncomingInvite,
  route: Extract<InboundRoute, { kind: 'refuse' }>
): Promise<void> {
  refuse(invite, route.reason)
  if (route.reason === 'sourceNotAllowed') {
    parts.log.warn({ sourceAddress: invite.sourceAddress }, 'an INVITE from an unknown source was refused')
    return
  }
  await using call = parts.newCall()
  call.record({
    kind: 'started',
    direction: 'inbound',
    callerNumber: route.callerNumber,
    calledNumber: route.calledNumber,
    sipCallId: invite.sipCallId,
    trunkId: route.trunk?.id ?? null,
    numberId: route.number?.id ?? null,
    sourceAddress: invite.sourceAddress,
    controlPlaneId: parts.controlPlaneId
  })
  call.end(route.reason)
}

/** Lets the carrier sign its INVITE (RFC 3261 §22.1). Returns the trunk's id, or null when an answer has been sent. */
async function proveTrunk(
  parts: OnInviteParts,
  invite: IncomingInvite,
  tables: RoutingTables,
  trunkId: string
): Promise<string | null> {
  const check = await parts.guard.check(invite.header('Authorization'), 'INVITE', async username => {
    const trunk = tables.trunks.find(one => one.trunk.id === trunkId)?.trunk
    if (trunk?.passwordSealed == null || trunk.username !== username) return undefined
    const password = unseal(parts.secretKey, 'trunk password', trunk.passwordSealed).toString('utf8')
    return hashDigestPassword(username, parts.realm, password)
  })
  switch (check.kind) {
    case 'ok':
      return trunkId
    case 'challenge':
      // drachtio takes one value for each header name: MD5 (RFC 3261 §22.4) is what every carrier speaks.
      invite.reject(401, 'Unauthorized', { 'WWW-Authenticate': parts.guard.challenges(check.isStale)[1] ?? '' })
      return null
    case 'wrong':
      parts.log.warn({ sourceAddress: invite.sourceAddress, trunkId }, 'a trunk failed to sign its INVITE')
      invite.reject(403, 'Forbidden')
      return null
    default:
      return check satisfies never
  }
}

function refuse(invite: IncomingInvite, reason: EndReason): void {
  const { sip, phrase } = END_REASONS[reason]
  invite.reject(sip, phrase, sip === 503 ? RETRY_AFTER : {})
}
