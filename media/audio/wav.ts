import { G711_TO_LINEAR } from './g711.ts'

/** Why bytes are not a usable WAV file. */
export type WavErrorCode =
  | 'WAV_NOT_RIFF'
  | 'WAV_NO_FORMAT'
  | 'WAV_NO_DATA'
  | 'WAV_FORMAT_UNSUPPORTED'
  | 'WAV_FORMAT_INVALID'

/** The bytes are not a WAV file that can be read; `code` says why. */
export class WavError extends Error {
  override readonly name = 'WavError'
  readonly code: WavErrorCode
  constructor(code: WavErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** Decoded audio: 16-bit samples, interleaved when there is more than one channel. */
export type WavAudio = Readonly<{ sampleRateHz: number; channels: number; samples: Int16Array }>

const PCM = 1
const IEEE_FLOAT = 3
const ALAW = 6
const MULAW = 7
const EXTENSIBLE = 0xfffe
const MAX_CHANNELS = 32
const MAX_RATE_HZ = 384_000

type Format = Readonly<{ tag: number; channels: number; sampleRateHz: number; bitsPerSample: number }>

/*
 * RIFF file:  "RIFF" | size u32 | "WAVE" | chunk*          all numbers little-endian
 * chunk:      id (4 characters) | size u32 | body | pad to an even length
 * "fmt " body: tag u16 | channels u16 | rate u32 | bytes/s u32 | block u16 | bits u16 [| cb u16 | valid u16 | mask u32 | GUID]
 */

/** Reads a WAV file: PCM of 8, 16, 24 or 32 bits, 32-bit float, A-law and µ-law. Throws {@link WavError}. */
export function parseWav(bytes: Uint8Array): WavAudio {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 12 || tagAt(bytes, 0) !== 'RIFF' || tagAt(bytes, 8) !== 'WAVE') {
    throw new WavError('WAV_NOT_RIFF', 'the file does not begin with a RIFF/WAVE header')
  }
  let format: Format | undefined
  let position = 12
  while (position + 8 <= bytes.length) {
    const id = tagAt(bytes, position)
    const size = view.getUint32(position + 4, true)
    const body = position + 8
    if (id === 'fmt ') format = readFormat(view, body, Math.min(size, bytes.length - body))
    if (id === 'data') {
      if (format === undefined) throw new WavError('WAV_NO_FORMAT', 'the data chunk comes before a format chunk')
      // A streamed file carries 0 or 0xffffffff as its size: what is there is the audio.
      const length = size === 0 ? bytes.length - body : Math.min(size, bytes.length - body)
      return decode(view, body, length, format)
    }
    position = body + size + (size & 1)
  }
  if (format === undefined) throw new WavError('WAV_NO_FORMAT', 'the file has no format chunk')
  throw new WavError('WAV_NO_DATA', 'the file has no data chunk')
}

function tagAt(bytes: Uint8Array, offset: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + 4))
}

function readFormat(view: DataView, offset: number, size: number): Format {
  if (size < 16) throw new WavError('WAV_FORMAT_INVALID', 'the format chunk is too short')
  const plainTag = view.getUint16(offset, true)
  const tag = plainTag === EXTENSIBLE && size >= 26 ? view.getUint16(offset + 24, true) : plainTag
  const channels = view.getUint16(offset + 2, true)
  const sampleRateHz = view.getUint32(offset + 4, true)
  const bitsPerSample = view.getUint16(offset + 14, true)
  if (channels < 1 || channels > MAX_CHANNELS) throw new WavError('WAV_FORMAT_INVALID', `${channels} channels`)
  if (sampleRateHz < 1_000 || sampleRateHz > MAX_RATE_HZ) {
    throw new WavError('WAV_FORMAT_INVALID', `a sample rate of ${sampleRateHz} Hz`)
  }
  return { tag, channels, sampleRateHz, bitsPerSample }
}

function decode(view: DataView, offset: number, length: number, format: Format): WavAudio {
  const read = sampleReader(view, format)
  const width = format.bitsPerSample >> 3
  const count = Math.floor(length / (width * format.channels)) * format.channels
  const samples = new Int16Array(count)
  for (let index = 0; index < count; index++) samples[index] = read(offset + index * width)
  return { sampleRateHz: format.sampleRateHz, channels: format.channels, samples }
}

function sampleReader(view: DataView, format: Format): (offset: number) => number {
  const kind = `${format.tag}/${format.bitsPerSample}`
  switch (kind) {
    case `${PCM}/8`:
      return offset => (view.getUint8(offset) - 128) << 8
    case `${PCM}/16`:
      return offset => view.getInt16(offset, true)
    case `${PCM}/24`:
      return offset => view.getInt16(offset + 1, true)
    case `${PCM}/32`:
      return offset => view.getInt16(offset + 2, true)
    case `${IEEE_FLOAT}/32`:
      return offset => {
        const value = view.getFloat32(offset, true)
        return Number.isFinite(value) ? Math.max(-32_768, Math.min(32_767, Math.round(value * 32_767))) : 0
      }
    case `${ALAW}/8`:
      return offset => G711_TO_LINEAR.PCMA[view.getUint8(offset)] as number
    case `${MULAW}/8`:
      return offset => G711_TO_LINEAR.PCMU[view.getUint8(offset)] as number
    default:
      throw new WavError('WAV_FORMAT_UNSUPPORTED', `format tag ${format.tag} with ${format.bitsPerSample} bits`)
  }
}

/** Writes 16-bit PCM samples (interleaved when `channels` > 1) as a WAV file. */
export function writeWav(audio: WavAudio): Buffer {
  const dataBytes = audio.samples.length * 2
  const file = Buffer.alloc(44 + dataBytes)
  file.write('RIFF', 0, 'latin1')
  file.writeUInt32LE(36 + dataBytes, 4)
  file.write('WAVEfmt ', 8, 'latin1')
  file.writeUInt32LE(16, 16)
  file.writeUInt16LE(PCM, 20)
  file.writeUInt16LE(audio.channels, 22)
  file.writeUInt32LE(audio.sampleRateHz, 24)
  file.writeUInt32LE(audio.sampleRateHz * audio.channels * 2, 28)
  file.writeUInt16LE(audio.channels * 2, 32)
  file.writeUInt16LE(16, 34)
  file.write('data', 36, 'latin1')
  file.writeUInt32LE(dataBytes, 40)
  for (let index = 0; index < audio.samples.length; index++)
    file.writeInt16LE(audio.samples[index] as number, 44 + index * 2)
  return file
}

/** Averages the channels of interleaved audio into one. */
export function toMono(audio: WavAudio): Int16Array {
  if (audio.channels === 1) return audio.samples
  const mono = new Int16Array(audio.samples.length / audio.channels)
  for (let index = 0; index < mono.length; index++) {
    let sum = 0
    for (let channel = 0; channel < audio.channels; channel++)
      sum += audio.samples[index * audio.channels + channel] as number
    mono[index] = Math.round(sum / audio.channels)
  }
  return mono
}
