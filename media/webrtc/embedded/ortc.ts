import { randomBytes, randomInt } from 'node:crypto'
import { type MediaCodec, RouterError } from '../router-api.ts'
import type { OrtcDocument } from '../softphone-media.ts'

/**
 * mediasoup's negotiation as far as one audio stream for each producer and consumer needs it: which codec a producer
 * sends, and what a consumer is told. Pure; documents come from outside and are looked at here only.
 */

export type Codec = Readonly<{
  mimeType: string
  payloadType: number
  clockRate: number
  channels: number
  parameters: Readonly<Record<string, string | number>>
}>

/** What a producer sends: one codec, and one SSRC unless any will do. */
export type Production = Readonly<{ codec: Codec; ssrc: number | undefined; cname: string }>

const FIRST_DYNAMIC_PAYLOAD_TYPE = 100
const STATIC_PAYLOAD_TYPES: Readonly<Record<string, number>> = { 'audio/pcmu': 0, 'audio/pcma': 8 }
const MAX_CODECS = 64

/** The router's codecs, with payload types given out as mediasoup does. */
export function routerCodecs(mediaCodecs: readonly MediaCodec[]): readonly Codec[] {
  let next = FIRST_DYNAMIC_PAYLOAD_TYPE
  return mediaCodecs.map(codec => ({
    mimeType: codec.mimeType,
    payloadType: codec.preferredPayloadType ?? STATIC_PAYLOAD_TYPES[codec.mimeType.toLowerCase()] ?? next++,
    clockRate: codec.clockRate,
    channels: codec.channels ?? 1,
    parameters: codec.parameters ?? {}
  }))
}

/** For `device.load()`. No header extensions: none is passed on, and packets stay small. */
export function rtpCapabilitiesOf(codecs: readonly Codec[]): OrtcDocument {
  return {
    codecs: codecs.map(({ payloadType, ...codec }) => ({
      kind: 'audio',
      ...codec,
      preferredPayloadType: payloadType,
      rtcpFeedback: []
    })),
    headerExtensions: []
  }
}

/** Reads what a browser says that it will send. Rejects with CODEC_NOT_SHARED what the router does not have. */
export function productionOf(rtpParameters: OrtcDocument, codecs: readonly Codec[]): Production {
  const [offered] = readCodecs(rtpParameters, 'payloadType')
  if (offered === undefined) throw new RouterError('SFU_REFUSED', 'the parameters name no codec')
  const shared = codecs.find(codec => isSameCodec(codec, offered))
  if (shared === undefined) throw new RouterError('CODEC_NOT_SHARED', `no codec like ${offered.mimeType} here`)
  const encodings = arrayOf(rtpParameters['encodings'])
  if (encodings.length > 1) throw new RouterError('SFU_REFUSED', 'a microphone has one encoding')
  const ssrc = recordOf(encodings[0])['ssrc']
  if (ssrc !== undefined && !isUint32(ssrc)) throw new RouterError('SFU_REFUSED', 'an SSRC has 32 bits')
  const cname = recordOf(rtpParameters['rtcp'])['cname']
  return {
    codec: { ...shared, payloadType: offered.payloadType, parameters: offered.parameters },
    ssrc,
    // Browsers make a stream's name of it, which must not be empty.
    cname: typeof cname === 'string' && cname !== '' ? cname : randomBytes(4).toString('hex')
  }
}

/** What the hearing side is told: the router's payload type for the producer's codec, and a fresh SSRC. */
export function consumerParametersOf(
  production: Production,
  rtpCapabilities: OrtcDocument,
  codecs: readonly Codec[]
): Readonly<{ rtpParameters: OrtcDocument; payloadType: number; ssrc: number; cname: string }> {
  const routed = codecs.find(codec => isSameCodec(codec, production.codec))
  const isShared = readCodecs(rtpCapabilities, 'preferredPayloadType').some(codec =>
    isSameCodec(codec, production.codec)
  )
  if (routed === undefined || !isShared) {
    throw new RouterError('CODEC_NOT_SHARED', `the hearing side does not take ${production.codec.mimeType}`)
  }
  const ssrc = randomInt(0x1000_0000, 0xffff_ffff)
  const { mimeType, clockRate, channels, payloadType } = routed
  return {
    rtpParameters: {
      codecs: [
        { mimeType, payloadType, clockRate, channels, parameters: production.codec.parameters, rtcpFeedback: [] }
      ],
      headerExtensions: [],
      encodings: [{ ssrc }],
      rtcp: { cname: production.cname, reducedSize: true, mux: true }
    },
    payloadType,
    ssrc,
    cname: production.cname
  }
}

function isSameCodec(a: Codec, b: Codec): boolean {
  return (
    a.mimeType.toLowerCase() === b.mimeType.toLowerCase() && a.clockRate === b.clockRate && a.channels === b.channels
  )
}

function readCodecs(document: OrtcDocument, payloadTypeKey: 'payloadType' | 'preferredPayloadType'): readonly Codec[] {
  const listed = arrayOf(document['codecs'])
  if (listed.length > MAX_CODECS) throw new RouterError('SFU_REFUSED', 'too many codecs')
  return listed.map(entry => {
    const codec = recordOf(entry)
    const { mimeType, clockRate, channels } = codec
    const payloadType = codec[payloadTypeKey]
    const isCodec = typeof mimeType === 'string' && typeof clockRate === 'number' && isPayloadType(payloadType)
    if (!isCodec) throw new RouterError('SFU_REFUSED', 'a codec lacks its type, clock rate or payload type')
    return {
      mimeType,
      clockRate,
      payloadType,
      channels: typeof channels === 'number' ? channels : 1,
      parameters: recordOf(codec['parameters']) as Readonly<Record<string, string | number>>
    }
  })
}

function isPayloadType(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 127
}

function isUint32(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 0xffff_ffff
}

function arrayOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
