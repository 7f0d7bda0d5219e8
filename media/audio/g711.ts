/** The two G.711 laws, named as in SDP (RFC 3551 §4.5.14). */
export type G711Codec = 'PCMU' | 'PCMA'

/** The payload byte that stands for silence in each law. */
export const G711_SILENCE: Readonly<Record<G711Codec, number>> = { PCMU: 0xff, PCMA: 0xd5 }

const MULAW_BIAS = 0x84
const MULAW_CLIP = 32_635

function mulawToLinear(byte: number): number {
  const inverted = ~byte & 0xff
  const exponent = (inverted >> 4) & 7
  const magnitude = (((inverted & 0x0f) << 3) + MULAW_BIAS) << exponent
  return inverted & 0x80 ? MULAW_BIAS - magnitude : magnitude - MULAW_BIAS
}

function linearToMulaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0
  const magnitude = Math.min(Math.abs(sample), MULAW_CLIP) + MULAW_BIAS
  const exponent = 31 - Math.clz32(magnitude) - 7
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f
  return ~(sign | (exponent << 4) | mantissa) & 0xff
}

function alawToLinear(byte: number): number {
  const toggled = byte ^ 0x55
  const exponent = (toggled >> 4) & 7
  const mantissa = ((toggled & 0x0f) << 4) + 8
  const magnitude = exponent === 0 ? mantissa : (mantissa + 0x100) << (exponent - 1)
  return toggled & 0x80 ? magnitude : -magnitude
}

function linearToAlaw(sample: number): number {
  // G.711 works on 13 bits here: negative values use the one's complement so that -1 and 0 share a magnitude.
  const sign = sample >= 0 ? 0x80 : 0
  const magnitude = (sample >= 0 ? sample : ~sample) >> 4
  const exponent = magnitude < 32 ? (magnitude < 16 ? 0 : 1) : 31 - Math.clz32(magnitude) - 3
  const mantissa = exponent < 2 ? magnitude & 0x0f : (magnitude >> (exponent - 1)) & 0x0f
  return (sign | (exponent << 4) | mantissa) ^ 0x55
}

/** 256 decoded samples for each law, indexed by payload byte. */
export const G711_TO_LINEAR: Readonly<Record<G711Codec, Int16Array>> = {
  PCMU: Int16Array.from({ length: 256 }, (_, byte) => mulawToLinear(byte)),
  PCMA: Int16Array.from({ length: 256 }, (_, byte) => alawToLinear(byte))
}

function encodeTable(encode: (sample: number) => number): Uint8Array {
  return Uint8Array.from({ length: 65_536 }, (_, index) => encode((index << 16) >> 16))
}

/** 65,536 encoded bytes for each law, indexed by `sample & 0xffff`. */
export const LINEAR_TO_G711: Readonly<Record<G711Codec, Uint8Array>> = {
  PCMU: encodeTable(linearToMulaw),
  PCMA: encodeTable(linearToAlaw)
}

/** Decodes `length` payload bytes from `offset` into `out` (from its start), one sample a byte, 8 kHz. */
export function decodeG711(
  codec: G711Codec,
  payload: Uint8Array,
  offset: number,
  length: number,
  out: Int16Array
): void {
  const table = G711_TO_LINEAR[codec]
  for (let index = 0; index < length; index++) out[index] = table[payload[offset + index] as number] as number
}

/** Encodes every sample of `pcm` (8 kHz, 16 bit) into `out` from `offset`. */
export function encodeG711(codec: G711Codec, pcm: Int16Array, out: Uint8Array, offset = 0): void {
  const table = LINEAR_TO_G711[codec]
  for (let index = 0; index < pcm.length; index++)
    out[offset + index] = table[(pcm[index] as number) & 0xffff] as number
}

/** Byte-to-byte tables between the laws, indexed `[from]`: gives the other law's byte. */
export const G711_TRANSCODE: Readonly<Record<G711Codec, Uint8Array>> = {
  PCMU: Uint8Array.from({ length: 256 }, (_, byte) => linearToAlaw(mulawToLinear(byte))),
  PCMA: Uint8Array.from({ length: 256 }, (_, byte) => linearToMulaw(alawToLinear(byte)))
}
