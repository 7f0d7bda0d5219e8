import Srf from 'drachtio-srf'
import type { Logger } from '../log.ts'
import type { HoldLeg } from './hold-leg.ts'
import { type SipDialog, toSipDialog } from './sip-dialog.ts'

/** A caller's INVITE, with the ways to answer it. Exactly one of `answer` and `reject` succeeds. */
export type IncomingInvite = Readonly<{
  sipCallId: string
  /** User part of the Request-URI: what was dialled. */
  calledUser: string
  /** User part of From. */
  callerUser: string
  /** P-Asserted-Identity (RFC 3325), to be believed from a trunk only. */
  assertedIdentity: string | undefined
  /** Privacy header asks to hide the caller (RFC 3323 §4.2). */
  isPrivate: boolean
  sdp: string
  sourceAddress: string
  sourcePort: number
  protocol: string
  userAgent: string | undefined
  receivedAtMs: number
  header(name: string): string | undefined
  /** Aborted when the caller gives up (CANCEL) before a final answer. */
  cancelled: AbortSignal
  isFinal(): boolean
  ring(): void
  answer(sdp: string): Promise<SipDialog>
  reject(status: number, reason: string, headers?: Readonly<Record<string, string>>): void
}>

export function toIncomingInvite(
  srf: Srf,
  req: Srf.SrfRequest,
  res: Srf.SrfResponse,
  log: Logger,
  hold: HoldLeg
): IncomingInvite {
  const cancelled = new AbortController()
  req.on('cancel', () => cancelled.abort())
  const header = (name: string) => (req.has(name) ? req.get(name) : undefined)
  return {
    sipCallId: req.get('Call-ID'),
    calledUser: userOf(req.uri),
    callerUser: userOf(req.getParsedHeader('From').uri),
    assertedIdentity: header('P-Asserted-Identity'),
    isPrivate: /\b(id|user|header)\b/i.test(header('Privacy') ?? ''),
    sdp: req.body ?? '',
    sourceAddress: req.source_address,
    sourcePort: Number(req.source_port),
    protocol: req.protocol,
    userAgent: header('User-Agent'),
    receivedAtMs: performance.now(),
    header,
    cancelled: cancelled.signal,
    isFinal: () => res.finalResponseSent,
    ring: () => res.send(180),
    async answer(sdp) {
      const dialog = await srf.createUAS(req, res, { localSdp: sdp })
      return toSipDialog(dialog, log, hold)
    },
    reject(status, reason, headers) {
      // The SIP server has answered a cancelled INVITE with 487 itself (RFC 3261 §9.2).
      if (!res.finalResponseSent && !cancelled.signal.aborted) res.send(status, reason, { headers })
    }
  }
}

/** User part of a SIP or tel URI, unescaped and without parameters (RFC 3261 §19.1, RFC 3966 §3). */
export function userOf(uri: string): string {
  const tel = /^tel:([^;>]+)/i.exec(uri)
  const user = tel?.[1] ?? Srf.parseUri(uri)?.user ?? ''
  try {
    return decodeURIComponent(user.split(';')[0] ?? '')
  } catch {
    // A stray percent sign: taken as it stands, and routing will not find it.
    return user
  }
}
