import type { Dialog } from '../dialog/dialog.ts'
import { cseqOf, type SipRequest, type SipResponse } from '../sip/message.ts'
import type { Source } from '../transport/destination.ts'
import { sipPayload } from '../wire/server-message.ts'
import type { Core, Incoming } from './core.ts'
import { endByServer } from './within.ts'

/**
 * Sends the 2xx to an INVITE again and again, from T1 up to T2, until its ACK comes; without one after 64·T1 the
 * dialog is ended with a BYE (RFC 3261 §13.3.1.4). The application hears of that BYE as an unsolicited one.
 */
export function awaitAck(core: Core, incoming: Incoming, dialog: Dialog, response: SipResponse): void {
  const { t1Ms, t2Ms } = core.timers.values
  let interval = t1Ms
  const again = () => {
    incoming.transaction.respond(response)
    interval = Math.min(interval * 2, t2Ms)
    resend = core.timers.start(interval, again)
  }
  let resend = core.timers.start(interval, again)
  const limit = core.timers.start(64 * t1Ms, () => {
    dialog.awaitedAck?.stop()
    dialog.awaitedAck = undefined
    core.log.warn({ callId: dialog.callId }, 'no ACK for the 2xx to an INVITE: ending the dialog')
    endByServer(core, dialog, 'ACK timeout')
  })
  dialog.awaitedAck?.stop()
  dialog.awaitedAck = {
    cseq: cseqOf(incoming.request)?.number ?? 0,
    transactionId: incoming.transactionId,
    stop: () => {
      resend.stop()
      limit.stop()
    }
  }
}

/** The ACK of a 2xx: ends its retransmission and goes to the application, once. */
export function receiveAck(dialog: Dialog, ack: SipRequest, source: Source): void {
  const awaited = dialog.awaitedAck
  if (awaited === undefined || awaited.cseq !== cseqOf(ack)?.number) return
  awaited.stop()
  dialog.awaitedAck = undefined
  const { transport, address, port } = source
  dialog.owner.send(sipPayload(ack, { source: 'network', transport, address, port }, awaited.transactionId, dialog.id))
}
