import { isIP } from 'node:net'
import type { LegCodec } from './leg-codec.ts'
import { SoftphoneMediaError } from './softphone-media.ts'

/** Digits from FreeSWITCH; the SFU drops them, because browsers hear nothing in them. */
export const TELEPHONE_EVENT_PAYLOAD_TYPE = 101

/**
 * The offer for FreeSWITCH: one codec in 20 ms packets. RTCP has a port of its own, which is told (RFC 3605), because
 * FreeSWITCH uses RTCP multiplexing only with ICE. Opus goes without digits, which nobody needs here: FreeSWITCH has taken the
 * payload type of one for the other.
 */
export function buildPlainOffer(
  local: Readonly<{ address: string; port: number; rtcpPort: number }>,
  codec: LegCodec
): string {
  const digits =
    codec.clockRate === 8000
      ? [`a=rtpmap:${TELEPHONE_EVENT_PAYLOAD_TYPE} telephone-event/8000`, `a=fmtp:${TELEPHONE_EVENT_PAYLOAD_TYPE} 0-15`]
      : []
  const family = isIP(local.address) === 6 ? 'IP6' : 'IP4'
  return [
    'v=0',
    `o=parley ${local.port} 1 IN ${family} ${local.address}`,
    's=-',
    `c=IN ${family} ${local.address}`,
    't=0 0',
    `m=audio ${local.port} RTP/AVP ${codec.payloadType}${digits.length > 0 ? ` ${TELEPHONE_EVENT_PAYLOAD_TYPE}` : ''}`,
    ...codec.sdp,
    ...digits,
    `a=rtcp:${local.rtcpPort} IN ${family} ${local.address}`,
    'a=ptime:20',
    'a=sendrecv',
    ''
  ].join('\r\n')
}

export type PlainAnswer = Readonly<{
  address: string
  port: number
  rtcpPort: number
  /** From `a=ssrc` (RFC 5576); FreeSWITCH tells it only with ICE. */
  ssrc: number | undefined
}>

/** Reads FreeSWITCH's answer. Throws SDP_REFUSED unless it takes the codec in one audio stream at an address. */
export function parsePlainAnswer(sdp: string, codec: LegCodec): PlainAnswer {
  const [session = '', ...media] = sdp.split(/^(?=m=)/m)
  const [audio, ...more] = media.filter(section => section.startsWith('m=audio '))
  if (audio === undefined || more.length > 0) throw new SoftphoneMediaError('SDP_REFUSED', 'not one audio stream')
  const [, port = '', formats = ''] = /^m=audio (\d+) RTP\/AVPF? ([\d ]+)/.exec(audio) ?? []
  const address = connectionAddress(audio) ?? connectionAddress(session)
  if (!isPort(Number(port)) || address === undefined) {
    throw new SoftphoneMediaError('SDP_REFUSED', 'the answer names no address for plain RTP')
  }
  if (!formats.trim().split(/ +/).includes(String(codec.payloadType))) {
    throw new SoftphoneMediaError('SDP_REFUSED', `the answer does not take ${codec.mimeType}`)
  }
  const rtcp = Number(/^a=rtcp:(\d+)/m.exec(audio)?.[1] ?? Number(port) + 1)
  const ssrc = /^a=ssrc:(\d+)/m.exec(audio)?.[1]
  return {
    address,
    port: Number(port),
    rtcpPort: isPort(rtcp) ? rtcp : Number(port),
    ssrc: ssrc === undefined ? undefined : Number(ssrc)
  }
}

function connectionAddress(section: string): string | undefined {
  const address = /^c=IN IP[46] ([^\s/]+)/m.exec(section)?.[1]
  return address !== undefined && isIP(address) !== 0 ? address : undefined
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65_536
}
