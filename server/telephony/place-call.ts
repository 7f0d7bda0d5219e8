import type Srf from 'drachtio-srf'
import type { Logger } from '../log.ts'
import type { HoldLeg } from './hold-leg.ts'
import { type SipDialog, toSipDialog } from './sip-dialog.ts'

export type PlaceCallOptions = Readonly<{
  uri: string
  /** Next hop, when it is not the host of `uri` (a registered phone behind NAT, an outbound proxy). */
  proxy?: string
  sdp: string
  callerNumber: string
  callerName?: string
  auth?: Readonly<{ username: string; password: string }>
  headers?: Readonly<Record<string, string>>
  onRinging?(): void
  onEarlyMedia?(sdp: string): void
  /** Aborting it cancels the call (RFC 3261 §9.1); with {@link AnsweredElsewhere} the phone shows no missed call. */
  signal: AbortSignal
  /**
   * So long, in milliseconds, what comes of a cancelled call is waited for: an answer that crosses the CANCEL is known only
   * then. Left out, as long as a far end on the same network takes.
   */
  cancelLimitMs?: number
}>

/** How a placed call came out. */
export type PlacedCall =
  | Readonly<{ kind: 'answered'; dialog: SipDialog }>
  | Readonly<{
      kind: 'refused'
      status: number
      reason: string
      /** An analysis of calls refused it, not the person (603+ of ATIS-1000099, 608 of RFC 8688). */
      isAnalyticsBlock?: boolean
      /** The far end had answered, and no dialog came of it. */
      wasAnswered?: boolean
    }>
  /** `wasAnswered`: the answer crossed the CANCEL, and the far end was hung up on. */
  | Readonly<{ kind: 'cancelled'; wasAnswered: boolean }>

/** Why a ringing phone is let go when another one has answered. */
export class AnsweredElsewhere extends Error {
  override readonly name = 'AnsweredElsewhere'
  readonly code = 'ANSWERED_ELSEWHERE'
}

/** The 487 follows a CANCEL at once; a far end that is dead answers neither, and nobody waits for timer B. */
const CANCEL_LIMIT_MS = 200

/**
 * Sends an INVITE and waits for its final answer; after the signal, for `cancelLimitMs` more at most. An answer
 * that comes later still is ended by BYE. Rejects only when the SIP server cannot send it at all.
 */
export async function placeCall(srf: Srf, options: PlaceCallOptions, log: Logger, hold: HoldLeg): Promise<PlacedCall> {
  const { signal, cancelLimitMs = CANCEL_LIMIT_MS } = options
  if (signal.aborted) return { kind: 'cancelled', wasAnswered: false }
  const placing = place(srf, options, log, hold)
  let limit: NodeJS.Timeout | undefined
  let onAbort: () => void = () => {}
  const abandoned = new Promise<PlacedCall>(resolve => {
    onAbort = () => {
      limit = setTimeout(() => {
        // Whoever waited has gone: what comes of it now is only worth a line.
        placing.catch(err => log.warn({ err }, 'a call that was given up could not be placed'))
        resolve({ kind: 'cancelled', wasAnswered: false })
      }, cancelLimitMs)
    }
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([placing, abandoned])
  } finally {
    clearTimeout(limit)
    signal.removeEventListener('abort', onAbort)
  }
}

/** drachtio-srf takes headers for the CANCEL, which its type declarations leave out. */
type CancellableRequest = {
  cancel(options: { headers: Record<string, string> }, callback: (err: unknown) => void): void
}

async function place(srf: Srf, options: PlaceCallOptions, log: Logger, hold: HoldLeg): Promise<PlacedCall> {
  const { signal } = options
  let request: Srf.SrfRequest | undefined
  const ringing = holdRinging(hold)
  const cancel = () => {
    // RFC 3326 §2: a phone that rang beside the one that answered has missed nothing.
    const headers: Record<string, string> =
      signal.reason instanceof AnsweredElsewhere ? { Reason: 'SIP;cause=200;text="Call completed elsewhere"' } : {}
    ;(request as CancellableRequest | undefined)?.cancel({ headers }, err => {
      if (err) log.warn({ err }, 'CANCEL could not be sent')
    })
  }
  signal.addEventListener('abort', cancel, { once: true })
  try {
    const from = `sip:${encodeURIComponent(options.callerNumber).replace('%2B', '+')}@localhost`
    const dialog = await srf.createUAC(
      options.uri,
      {
        localSdp: options.sdp,
        ...(options.proxy !== undefined && { proxy: options.proxy }),
        ...(options.auth !== undefined && { auth: { ...options.auth } }),
        headers: {
          From:
            options.callerName === undefined
              ? `<${from}>`
              : `"${options.callerName.replace(/["\\\r\n]/g, '')}" <${from}>`,
          Contact: `<${from}>`,
          ...options.headers
        }
      },
      {
        cbRequest: ((err: unknown, req: Srf.SrfRequest) => {
          if (err || req === undefined) return
          request = req
          ringing.holds(req)
          // The abort may have come before the request had an id to cancel by.
          if (signal.aborted) cancel()
        }) as unknown as (req: Srf.SrfRequest) => void,
        cbProvisional: res => {
          ringing.holds(res)
          if (res.status === 180) options.onRinging?.()
          else if (res.status > 180 && res.body) options.onEarlyMedia?.(res.body)
        }
      }
    )
    const answered = toSipDialog(dialog, log, hold)
    if (signal.aborted) {
      // RFC 3261 §9.1: the 200 crossed our CANCEL, so the call exists and has to be ended by BYE.
      await answered[Symbol.asyncDispose]()
      return { kind: 'cancelled', wasAnswered: true }
    }
    return { kind: 'answered', dialog: answered }
  } catch (err) {
    const { status, reason, res } = err as { status?: number; reason?: string; res?: Srf.SrfResponse }
    if (typeof status !== 'number') throw err
    // drachtio-srf makes an error of an answer without Contact, too.
    const wasAnswered = res !== undefined && res.status < 300
    if (signal.aborted) return { kind: 'cancelled', wasAnswered }
    return {
      kind: 'refused',
      status,
      reason: reason ?? '',
      isAnalyticsBlock: isAnalyticsBlock(status, reason ?? '', res),
      wasAnswered
    }
  } finally {
    signal.removeEventListener('abort', cancel)
    ringing.release()
  }
}

/** The SIP server's names of an INVITE and of the dialog that comes of it, which the type declarations leave out. */
type NamesOfServer = Readonly<{ stackTxnId?: string; stackDialogId?: string }>

/** What others need to end an INVITE of ours: its transaction, a new one when it was challenged, and what an answer makes of it. */
function holdRinging(hold: HoldLeg): Readonly<{ holds(message: object): void; release(): void }> {
  const held = new Map<'invite' | 'dialog', Readonly<{ id: string; release(): void }>>()
  const holds = (kind: 'invite' | 'dialog', id: string | undefined) => {
    const before = held.get(kind)
    if (!id || before?.id === id) return
    held.set(kind, { id, release: hold(kind, id) })
    before?.release()
  }
  return {
    holds(message) {
      const { stackTxnId, stackDialogId } = message as NamesOfServer
      holds('invite', stackTxnId)
      holds('dialog', stackDialogId)
    },
    release() {
      for (const { release } of held.values()) release()
    }
  }
}

/**
 * ATIS-1000099: a 603 whose phrase is "Network Blocked", with a Reason header that holds `v=analytics1` and whom to ask.
 * RFC 8688: 608, an intermediary rejected the call.
 */
function isAnalyticsBlock(status: number, phrase: string, response: Srf.SrfResponse | undefined): boolean {
  if (status === 608) return true
  if (status !== 603) return false
  const reason = response?.has('Reason') ? response.get('Reason') : ''
  return /network\s+blocked/i.test(phrase) || /v=analytics/i.test(reason)
}
