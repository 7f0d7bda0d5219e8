import { parse } from 'sdp-transform'
import type { EndReason } from '../calls/end-reasons.ts'

/**
 * Looks at a caller's offer before any resource is taken for it. Returns the reason to refuse it, or null.
 * An empty offer is fine: the answer then carries ours (RFC 3261 §13.2.1).
 */
export function refusalOfOffer(sdp: string): EndReason | null {
  if (sdp.trim() === '') return null
  // RFC 4566 §5: v=, o= and s= are not optional; sdp-transform itself accepts anything.
  if (!/^v=0\r?\n/.test(sdp) || !/^o=/m.test(sdp)) return 'sdpInvalid'
  const { media } = parse(sdp)
  const audio = media.filter(one => one.type === 'audio' && one.port !== 0)
  if (audio.length === 0) return 'noAudio'
  if (!audio.some(one => /^RTP\/AVPF?$|^RTP\/SAVPF?$/.test(one.protocol))) return 'noCommonCodec'
  return null
}
