import { createRequire } from 'node:module'

export const RATE_HZ = 8_000
export const CHANNELS = 2
const BITS = 16
/** 200 ms: short enough to lose little by a damaged block, long enough to compress well. */
const BLOCK_SAMPLES = 1_600
/** Higher levels cost twice the time and save a twentieth. */
const LEVEL = 3

/** What we use of libflacjs (libFLAC 1.3.4 as WebAssembly). */
type LibFlac = Readonly<{
  isReady(): boolean
  on(event: 'ready', listener: () => void): void
  create_libflac_encoder(
    rateHz: number,
    channels: number,
    bits: number,
    level: number,
    totalSamples: number,
    isVerified: boolean,
    blockSize: number
  ): number
  init_encoder_stream(encoder: number, write: (bytes: Uint8Array) => void): number
  FLAC__stream_encoder_process_interleaved(encoder: number, samples: Int32Array, perChannel: number): boolean
  FLAC__stream_encoder_finish(encoder: number): boolean
  FLAC__stream_encoder_delete(encoder: number): void
  create_libflac_decoder(isVerified: boolean): number
  init_decoder_stream(
    decoder: number,
    read: (wanted: number) => Readonly<{ buffer: Uint8Array | null; readDataLength: number; error: boolean }>,
    write: (channels: readonly Uint8Array[]) => void,
    error: (code: number, description: string) => void
  ): number
  FLAC__stream_decoder_process_until_end_of_stream(decoder: number): boolean
  FLAC__stream_decoder_finish(decoder: number): boolean
  FLAC__stream_decoder_delete(decoder: number): void
}>

export class FlacError extends Error {
  override readonly name = 'FlacError'
  readonly code = 'FLAC_FAILED'
}

/** Turns stereo 8 kHz into FLAC (RFC 9639) and back. Computes: use it in a worker thread. */
export interface Flac {
  /** A whole FLAC stream of interleaved samples. */
  encode(samples: Int16Array): Buffer
  /** A FLAC stream whose samples come piece by piece; `perChannel` of them in all. */
  startStream(perChannel: number): FlacStream
  /** Interleaved samples. Throws {@link FlacError}. */
  decode(flac: Uint8Array): Int16Array
}

/** A stream that is being encoded; to be ended or abandoned. */
export interface FlacStream {
  /** Takes interleaved samples and gives what is finished of the stream. */
  push(samples: Int16Array): Buffer
  end(): Buffer
  abandon(): void
}

let loading: Promise<Flac> | undefined

/** Loads the codec once. For worker threads only: for a moment the thread has no `fetch`. */
export function loadFlac(): Promise<Flac> {
  loading ??= load()
  return loading
}

async function load(): Promise<Flac> {
  const { fetch } = globalThis
  // With fetch the library takes this thread for a browser and asks the network for its WebAssembly.
  Reflect.deleteProperty(globalThis, 'fetch')
  try {
    const lib = createRequire(import.meta.url)('libflacjs/dist/libflac.wasm.js') as LibFlac
    if (!lib.isReady()) await new Promise<void>(resolve => lib.on('ready', resolve))
    return {
      encode(samples) {
        const stream = startStream(lib, samples.length / CHANNELS)
        return Buffer.concat([stream.push(samples), stream.end()])
      },
      startStream: perChannel => startStream(lib, perChannel),
      decode: flac => decode(lib, flac)
    }
  } finally {
    globalThis.fetch = fetch
  }
}

function startStream(lib: LibFlac, perChannel: number): FlacStream {
  let parts: Buffer[] = []
  const encoder = lib.create_libflac_encoder(RATE_HZ, CHANNELS, BITS, LEVEL, perChannel, false, BLOCK_SAMPLES)
  if (encoder === 0) throw new FlacError('an encoder could not be made')
  const abandon = () => lib.FLAC__stream_encoder_delete(encoder)
  const take = (isDone: boolean): Buffer => {
    if (!isDone) {
      abandon()
      throw new FlacError('audio could not be encoded')
    }
    const finished = Buffer.concat(parts)
    parts = []
    return finished
  }
  if (lib.init_encoder_stream(encoder, bytes => void parts.push(Buffer.from(bytes))) !== 0) take(false)
  return {
    push: samples =>
      take(lib.FLAC__stream_encoder_process_interleaved(encoder, Int32Array.from(samples), samples.length / CHANNELS)),
    end() {
      const last = take(lib.FLAC__stream_encoder_finish(encoder))
      abandon()
      return last
    },
    abandon
  }
}

function decode(lib: LibFlac, flac: Uint8Array): Int16Array {
  const blocks: (readonly Uint8Array[])[] = []
  let position = 0
  let problem: string | undefined
  const decoder = lib.create_libflac_decoder(false)
  if (decoder === 0) throw new FlacError('a decoder could not be made')
  try {
    const state = lib.init_decoder_stream(
      decoder,
      wanted => {
        const buffer = flac.subarray(position, position + wanted)
        position += buffer.length
        return { buffer, readDataLength: buffer.length, error: false }
      },
      channels => void blocks.push(channels.map(one => Uint8Array.from(one))),
      (_code, description) => {
        problem ??= description
      }
    )
    if (state !== 0) throw new FlacError('a decoder could not be started')
    const isDone = lib.FLAC__stream_decoder_process_until_end_of_stream(decoder)
    lib.FLAC__stream_decoder_finish(decoder)
    if (!isDone || problem !== undefined) throw new FlacError(`audio could not be decoded: ${problem ?? 'no reason'}`)
  } finally {
    lib.FLAC__stream_decoder_delete(decoder)
  }
  return interleave(blocks)
}

function interleave(blocks: readonly (readonly Uint8Array[])[]): Int16Array {
  const out = new Int16Array(blocks.reduce((sum, block) => sum + ((block[0]?.length ?? 0) >> 1) * CHANNELS, 0))
  let at = 0
  for (const block of blocks) {
    const sides = block.map(bytes => new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1))
    const length = sides[0]?.length ?? 0
    for (let index = 0; index < length; index += 1)
      for (let side = 0; side < CHANNELS; side += 1) out[at++] = sides[side]?.[index] ?? 0
  }
  return out
}
