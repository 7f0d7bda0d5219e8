import type { PhonePeer } from './sip-phone.ts'
import { startSipPhone } from './sip-phone.ts'
import { type RtpPeer, startRtpPeer } from './rtp-peer.ts'
import type { TestSoftphone } from './softphone.ts'

/** A customer on the line, who says a tone. */
export type TestCaller = AsyncDisposable &
  Readonly<{
    audio: RtpPeer
    sipCallId: string
    hangUp(): Promise<unknown>
    /** Waits until the server ends the call. */
    waitForBye(limitMs?: number): Promise<void>
  }>

/** Calls a number from a phone of its own and waits for the answer. */
export async function ring(
  server: Readonly<{ sip: PhonePeer }>,
  number: string,
  options: Readonly<{ hz?: number; user?: string }> = {}
): Promise<TestCaller> {
  const { hz = 440, user = '+12025550123' } = options
  await using stack = new AsyncDisposableStack()
  const phone = stack.use(await startSipPhone({ transport: 'udp', user }))
  const audio = stack.use(await startRtpPeer())
  const call = phone.call(`sip:${number}@${server.sip.host}:${server.sip.port}`, { sdp: audio.sdp() })
  audio.connect((await call.answered()).sdp).sendTone(hz)
  const owned = stack.move()
  return {
    audio,
    sipCallId: call.callId,
    hangUp: () => call.bye(),
    async waitForBye(limitMs) {
      await call.waitForBye(limitMs)
      // A phone that goes on sending would be taken for the next caller, whose port may be the same.
      audio.stopSending()
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync()
  }
}

/** Waits for the wrap-up, finishes it without an outcome, and waits until the agent is free. */
export async function finish(phone: TestSoftphone, limitMs?: number): Promise<void> {
  const { wrapUp } = await phone.until(state => state.wrapUp !== null, limitMs)
  await phone.request('wrapUp.finish', { callId: wrapUp?.callId ?? '', disposition: null, note: '' })
  await phone.until(state => state.state === 'idle')
}
