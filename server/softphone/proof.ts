import type { NotRoutableReason, Proof } from './protocol.ts'

/** A call over a slower way than this is no conversation (ITU-T G.114 asks for 150 ms one way). */
const MAX_ROUND_TRIP_MS = 600
/** G.711 with concealment stays intelligible up to about here. */
const MAX_LOSS_SHARE = 0.15

/** What in a softphone's proof speaks against sending calls there; empty when nothing does. */
export function judgeProof(proof: Proof): readonly NotRoutableReason[] {
  const reasons: NotRoutableReason[] = []
  switch (proof.microphone) {
    case 'denied':
      reasons.push('microphoneDenied')
      break
    case 'missing':
      reasons.push('microphoneMissing')
      break
    case 'ended':
      reasons.push('microphoneEnded')
      break
    case 'live':
      break
    default:
      proof.microphone satisfies never
  }
  if (proof.ice !== 'connected') reasons.push('connectionLost')
  if (proof.roundTripMs !== null && proof.roundTripMs > MAX_ROUND_TRIP_MS) reasons.push('connectionSlow')
  if (proof.lossShare > MAX_LOSS_SHARE) reasons.push('connectionLossy')
  return reasons
}
