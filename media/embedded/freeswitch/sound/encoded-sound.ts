import { encodeG711, G711_SILENCE, type G711Codec } from '../../../audio/g711.ts'
import { FRAME_SAMPLES } from '../rtp/frame.ts'

/** Audio that was encoded once into 20 ms payloads of both laws; the last frame is filled up with silence. */
export type EncodedSound = Readonly<{ samples: number; frames: number; payload: Readonly<Record<G711Codec, Buffer>> }>

/** Encodes 8 kHz samples. */
export function encodeSound(pcm: Int16Array): EncodedSound {
  const frames = Math.ceil(pcm.length / FRAME_SAMPLES)
  return {
    samples: pcm.length,
    frames,
    payload: { PCMU: encode('PCMU', pcm, frames), PCMA: encode('PCMA', pcm, frames) }
  }
}

function encode(codec: G711Codec, pcm: Int16Array, frames: number): Buffer {
  const bytes = Buffer.alloc(frames * FRAME_SAMPLES, G711_SILENCE[codec])
  encodeG711(codec, pcm, bytes)
  return bytes
}

/** How much memory a sound takes. */
export function soundBytes(sound: EncodedSound): number {
  return sound.payload.PCMU.length * 2
}

/** One second of silence, which is repeated for any length. */
export const SILENT_SECOND = encodeSound(new Int16Array(8_000))
