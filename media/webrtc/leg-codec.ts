import { G711_SILENCE } from '../audio/g711.ts'

export type LegCodecName = 'PCMU' | 'opus'

/** What softphones and FreeSWITCH speak with each other; the SFU between them forwards and transcodes nothing. */
export type LegCodec = Readonly<{
  mimeType: string
  payloadType: number
  clockRate: number
  channels: number
  /** Its lines in an offer. */
  sdp: readonly string[]
  /** RTP ticks of a packet of 20 ms. */
  frameTicks: number
  silentFrame: Buffer
}>

export const LEG_CODECS: Readonly<Record<LegCodecName, LegCodec>> = {
  // RFC 3551 §4.5.14.
  PCMU: {
    mimeType: 'audio/PCMU',
    payloadType: 0,
    clockRate: 8000,
    channels: 1,
    sdp: ['a=rtpmap:0 PCMU/8000'],
    frameTicks: 160,
    silentFrame: Buffer.alloc(160, G711_SILENCE.PCMU)
  },
  // RFC 7587 §7: always 48000/2. One mono frame of silence for 20 ms (RFC 6716 §3.1: CELT, full band, code 0).
  opus: {
    mimeType: 'audio/opus',
    payloadType: 111,
    clockRate: 48_000,
    channels: 2,
    sdp: ['a=rtpmap:111 opus/48000/2', 'a=fmtp:111 useinbandfec=1;stereo=0'],
    frameTicks: 960,
    silentFrame: Buffer.from([0xf8, 0xff, 0xfe])
  }
}

/** mediasoup's words for a codec in a stream's parameters. */
export function asParameters(codec: LegCodec): Readonly<Record<string, unknown>> {
  const { mimeType, payloadType, clockRate, channels } = codec
  return { mimeType, payloadType, clockRate, channels, parameters: {}, rtcpFeedback: [] }
}

/** Of a side that takes nothing else. */
export function asOnlyCapability(codec: LegCodec): Readonly<Record<string, unknown>> {
  const { mimeType, payloadType: preferredPayloadType, clockRate, channels } = codec
  const only = { kind: 'audio', mimeType, preferredPayloadType, clockRate, channels, parameters: {}, rtcpFeedback: [] }
  return { codecs: [only], headerExtensions: [] }
}
