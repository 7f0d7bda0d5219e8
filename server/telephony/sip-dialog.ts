import type Srf from 'drachtio-srf'
import type { Logger } from '../log.ts'
import type { HoldLeg } from './hold-leg.ts'

/** How the far end takes a change of the session, and keys that arrive by INFO. */
export type DialogHandlers = Readonly<{
  /** A new offer (RFC 3261 §14, RFC 3311); resolves to the SDP answer. A rejection is answered 488. */
  modify(sdp: string): Promise<string>
  digit(digit: string): void
  /** The far end asks to transfer the call (RFC 3515); the status that it gets. */
  refer(target: string): number
}>

/** `notAcknowledged`: our 2xx never got its ACK (RFC 3261 §13.3.1.4). `server`: the SIP server ended the dialog. */
export type DialogEnd = 'farEnd' | 'notAcknowledged' | 'server'

/** An established SIP dialog. `ended` is aborted by a BYE of the far end, or when the SIP server lost it. */
export interface SipDialog extends AsyncDisposable {
  readonly remoteSdp: string
  readonly ended: AbortSignal
  /** Who ended it; says nothing before `ended` is aborted. */
  readonly endedBy: DialogEnd
  /** Hears the SDP answer of an ACK, when the 200 carried the offer (RFC 3261 §13.2.1). */
  onAnswerInAck(listener: (sdp: string) => void): void
  handle(handlers: DialogHandlers): void
  /** Sends a new offer and resolves to the answer. */
  modify(sdp: string): Promise<string>
}

/** Value of Allow (RFC 3261 §20.5). */
export const ALLOWED_METHODS = 'INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REFER, NOTIFY, REGISTER'

const BYE_LIMIT_MS = 2_000

/** The SIP server's own name of a dialog, which the type declarations of drachtio-srf leave out. */
type DialogOfServer = Srf.Dialog & Readonly<{ id: string }>

export function toSipDialog(dialog: Srf.Dialog, log: Logger, hold: HoldLeg): SipDialog {
  const ended = new AbortController()
  const release = hold('dialog', (dialog as DialogOfServer).id)
  let isOver = false
  let endedBy: DialogEnd = 'farEnd'
  const events: NodeJS.EventEmitter = dialog
  events.on('destroy', (_bye: unknown, why: string | undefined) => {
    isOver = true
    release()
    // The SIP server's own BYE carries its reason; one that came from outside is always a normal release.
    endedBy =
      why === 'ACK timeout' ? 'notAcknowledged' : why === undefined || why === 'normal release' ? 'farEnd' : 'server'
    ended.abort()
  })
  // A phone may answer our 200 with ACK and BYE in one breath: the BYE is then handled before anybody could listen.
  if ((dialog as Srf.Dialog & { connected?: boolean }).connected === false) {
    isOver = true
    release()
    ended.abort()
  }
  return {
    remoteSdp: dialog.remote.sdp,
    ended: ended.signal,
    get endedBy() {
      return endedBy
    },
    onAnswerInAck(listener) {
      dialog.on('ack', msg => {
        if (msg.body) listener(msg.body)
      })
    },
    handle(handlers) {
      const onOffer = (req: Srf.SrfRequest, res: Srf.SrfResponse) => {
        // A refresh without SDP keeps the session as it is.
        if (!req.body) return res.send(200, { body: dialog.local.sdp })
        handlers.modify(req.body).then(
          body => res.send(200, { body }),
          err => {
            log.warn({ err }, 'a change of the session was refused')
            res.send(488)
          }
        )
      }
      dialog.on('modify', onOffer)
      dialog.on('update', onOffer)
      dialog.on('info', (req, res) => {
        const digit = digitOfInfo(req.get('Content-Type') ?? '', req.body ?? '')
        // RFC 3261 §21.4.13: says which bodies would be taken.
        if (digit === undefined)
          return res.send(415, { headers: { Accept: 'application/dtmf-relay, application/dtmf' } })
        res.send(200)
        handlers.digit(digit)
      })
      dialog.on('refer', (req, res) => res.send(handlers.refer(req.get('Refer-To') ?? '')))
      dialog.on('options', (_req, res) => res.send(200))
      dialog.on('notify', (_req, res) => res.send(481))
      dialog.on('message', (_req, res) => res.send(405, { headers: { Allow: ALLOWED_METHODS } }))
    },
    modify: sdp => dialog.modify(sdp),
    async [Symbol.asyncDispose]() {
      if (isOver) return
      isOver = true
      await new Promise<void>(resolve => {
        // The far end may be gone for good: its BYE transaction lives on in the SIP server, the call does not wait.
        const limit = setTimeout(resolve, BYE_LIMIT_MS)
        dialog.destroy({ headers: {} }, err => {
          if (err) log.warn({ err }, 'BYE was not answered')
          clearTimeout(limit)
          resolve()
        })
      })
      release()
    }
  }
}

/** The key in an INFO body: `application/dtmf-relay` ("Signal=5") or `application/dtmf` ("5"). */
export function digitOfInfo(contentType: string, body: string): string | undefined {
  const type = contentType.split(';')[0]?.trim().toLowerCase()
  const value =
    type === 'application/dtmf-relay'
      ? /^\s*Signal\s*=\s*([0-9*#A-Da-d]|1[0-5])\s*$/m.exec(body)?.[1]
      : type === 'application/dtmf'
        ? /^\s*([0-9*#A-Da-d])\s*$/.exec(body)?.[1]
        : undefined
  if (value === undefined) return undefined
  // Event numbers of RFC 4733 §3.2 from 10: *, #, A to D.
  return value.length === 2 ? '*#ABCD'[Number(value) - 10] : value.toUpperCase()
}
