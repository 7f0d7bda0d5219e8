import type { G711Codec } from '../../../audio/g711.ts'

/** Samples, and with G.711 also bytes, in one slot of 20 ms at 8 kHz. */
export const FRAME_SAMPLES = 160

/** Something that gives a channel what it sends: a prompt, the other leg of a bridge, a conference. */
export interface FrameSource {
  /** Writes 160 payload bytes of `codec` into `out` at `offset`; false when there is nothing to send in this slot. */
  writeFrame(codec: G711Codec, out: Uint8Array, offset: number): boolean
}

/** Something that changes what a channel sends, e.g. a whisper or a played-over file. */
export interface FrameOverlay {
  /** Changes the 160 samples in place; false when it has nothing to add in this slot. */
  mixInto(pcm: Int16Array): boolean
}

/** Something that listens to a channel. Either side is undefined when there was no audio in this slot. */
export interface FrameTap {
  readonly wantsRead: boolean
  readonly wantsWrite: boolean
  onFrame(read: Int16Array | undefined, write: Int16Array | undefined): void
}

/** Adds `other` to `pcm` in place, clipping. */
export function mixSamples(pcm: Int16Array, other: Int16Array): void {
  for (let index = 0; index < FRAME_SAMPLES; index++) {
    pcm[index] = clip((pcm[index] as number) + (other[index] as number))
  }
}

/** The nearest value that a sample can hold. */
export function clip(value: number): number {
  if (value > 32_767) return 32_767
  return Math.max(-32_768, value)
}
