import type { Endpoint, MediaServer } from '../../media/endpoint.ts'
import type { IncomingInvite } from '../telephony/incoming-invite.ts'
import type { DialogEnd, SipDialog } from '../telephony/sip-dialog.ts'
import { onAbort } from './aborted.ts'
import type { Call } from './call.ts'
import type { EndReason } from './end-reasons.ts'
import { LegAudio } from './leg-audio.ts'

/** A leg whose party has answered or been answered. A browser that plays the customer has no dialog. */
export type ConnectedLeg = Readonly<{ endpoint: Endpoint; audio: LegAudio; dialog: SipDialog | null }>

/** The customer's part of a call: answered when the flow first needs to be heard. */
export interface CustomerLeg {
  readonly isAnswered: boolean
  /** Answers, once; later calls give the same leg. Rejects with MediaError or with the call's end. */
  connected(): Promise<ConnectedLeg>
}

/** A caller who waits this long without an answer hears ringing. */
const RING_AFTER_MS = 150

/**
 * The leg of somebody who phones in. The media server is asked for an endpoint at once, so that it is ready when the
 * flow has its first prompt; the caller is answered (and pays) only then.
 */
export function createCallerLeg(call: Call, invite: IncomingInvite, media: MediaServer): CustomerLeg {
  const isLateOffer = invite.sdp.trim() === ''
  const creating = isLateOffer ? media.createOffer() : media.createEndpoint(invite.sdp)
  creating.catch(() => {
    // Thrown to whoever calls connected(); a caller who gave up first has nobody to tell.
  })
  const ringing = setTimeout(() => {
    if (!invite.isFinal() && !call.signal.aborted) invite.ring()
  }, RING_AFTER_MS)
  let connecting: Promise<ConnectedLeg> | undefined
  let isAnswered = false

  call.defer(async () => {
    clearTimeout(ringing)
    // Also one that came after the caller had gone.
    const endpoint = await creating.catch(() => null)
    if (endpoint !== null) await endpoint[Symbol.asyncDispose]()
  })

  const answer = async (): Promise<ConnectedLeg> => {
    const endpoint = await creating
    call.signal.throwIfAborted()
    clearTimeout(ringing)
    endWithMedia(call, endpoint)
    const dialog = await invite.answer(endpoint.localSdp)
    isAnswered = true
    call.defer(() => dialog[Symbol.asyncDispose]())
    onAbort(dialog.ended, () => call.end(endReasonOf(dialog.endedBy, 'callerHungUp')))
    if (isLateOffer)
      dialog.onAnswerInAck(sdp => {
        endpoint.modify(sdp).catch(err => {
          call.log.warn({ err }, 'the answer in the ACK was refused')
          call.end('noCommonCodec')
        })
      })
    dialog.handle({
      modify: sessionChanger(call, endpoint),
      digit: digit => endpoint.pushDigit(digit),
      refer: () => {
        call.record({ kind: 'transferRequested', by: 'caller' })
        // A caller must not make us dial: toll fraud by REFER is an old trick.
        return 603
      }
    })
    const audio = new LegAudio(endpoint)
    call.defer(() => audio[Symbol.dispose]())
    call.customerAnswered(endpoint, performance.now() - invite.receivedAtMs)
    return { endpoint, audio, dialog }
  }

  return {
    get isAnswered() {
      return isAnswered
    },
    connected() {
      connecting ??= answer()
      return connecting
    }
  }
}

/** Takes re-INVITEs: passes the offer on, and notes hold and resume (RFC 3264 §8.4) where they change something. */
function sessionChanger(call: Call, endpoint: Endpoint): (sdp: string) => Promise<string> {
  let wasHeld = false
  return async sdp => {
    const answer = await endpoint.modify(sdp)
    const isHeld = /^a=(sendonly|inactive)\s*$/m.test(sdp) || /^c=IN IP4 0\.0\.0\.0\s*$/m.test(sdp)
    if (isHeld !== wasHeld) call.record({ kind: isHeld ? 'held' : 'resumed' })
    wasHeld = isHeld
    return answer
  }
}

/** Ends the call when the media server drops the customer's leg. */
export function endWithMedia(call: Call, endpoint: Endpoint): void {
  onAbort(endpoint.lost, () => {
    const { code } = endpoint.lost.reason as { code?: string }
    call.end(code === 'NO_VOICE' ? 'mediaTimeout' : 'mediaLost')
  })
}

/** Why a call ends with a dialog; `hungUp` is the reason when its far end sent a BYE. */
export function endReasonOf(ended: DialogEnd, hungUp: 'callerHungUp' | 'calleeHungUp'): EndReason {
  switch (ended) {
    case 'farEnd':
      return hungUp
    case 'notAcknowledged':
      return 'notAcknowledged'
    case 'server':
      return 'signallingLost'
    default:
      return ended satisfies never
  }
}
