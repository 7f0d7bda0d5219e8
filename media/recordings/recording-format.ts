import type { GapKind, RecordingGap } from './gaps.ts'
import { GAP_KINDS } from './gaps.ts'

/*
 * What the chunks of a recording hold (how they are sealed: sealed-audio.ts). Every audio chunk stands by itself, so that
 * a player reads only what it plays and a crash loses only what was not written.
 *
 * audio:  | 1 u8 | startMs u32 | samples u32 | peak bytes u16 | peaks | FLAC stream |
 * mark:   | 2 u8 | gap kind u8 | fromMs u32 | toMs u32 |            toMs 0xffffffff while the gap is open
 * index:  | 3 u8 | durationMs u32 | chunks u32 | entry* | peaks |   the last chunk of a whole file
 * entry:  | startMs u32 | samples u32 | offset u48 | bytes u32 | number u32 |    of the sealed chunk in the file
 *
 * Numbers are big-endian; times are milliseconds since the answer; samples are counted for each side.
 * Peaks: one byte for each 50 ms and side, left and right in turn: the loudest sample, 0 to 255.
 */

export const SAMPLES_PER_MS = 8
export const PEAKS_PER_SECOND = 20
const PEAK_SAMPLES = 8_000 / PEAKS_PER_SECOND

/** The number of the index chunk in nonce and associated data: one that can be known before the file is read. */
export const INDEX_NUMBER = 0xffff_ffff

const AUDIO = 1
const MARK = 2
const INDEX = 3
const OPEN = 0xffff_ffff
const ENTRY_BYTES = 22
const INDEX_HEAD_BYTES = 9

export type AudioEntry = Readonly<{ startMs: number; samples: number; offset: number; bytes: number; number: number }>
export type GapMark = Readonly<{ kind: GapKind; fromMs: number; toMs: number | null }>
export type RecordingIndex = Readonly<{ durationMs: number; entries: readonly AudioEntry[]; peaks: Uint8Array }>

export type PlainChunk =
  | Readonly<{ kind: 'audio'; startMs: number; samples: number; peaks: Uint8Array; flac: Buffer }>
  | Readonly<{ kind: 'mark'; mark: GapMark }>
  | Readonly<{ kind: 'index'; index: RecordingIndex }>

/** A chunk was opened by the right key and still makes no sense: it was written by something else. */
export class RecordingFormatError extends Error {
  override readonly name = 'RecordingFormatError'
  readonly code = 'RECORDING_FORMAT'
}

export function audioChunk(startMs: number, samples: number, peaks: Uint8Array, flac: Buffer): Buffer {
  const head = Buffer.alloc(11)
  head.writeUInt8(AUDIO, 0)
  head.writeUInt32BE(startMs, 1)
  head.writeUInt32BE(samples, 5)
  head.writeUInt16BE(peaks.length, 9)
  return Buffer.concat([head, peaks, flac])
}

export function markChunk({ kind, fromMs, toMs }: GapMark): Buffer {
  const chunk = Buffer.alloc(10)
  chunk.writeUInt8(MARK, 0)
  chunk.writeUInt8(GAP_KINDS.indexOf(kind), 1)
  chunk.writeUInt32BE(fromMs, 2)
  chunk.writeUInt32BE(toMs ?? OPEN, 6)
  return chunk
}

export function indexChunk({ durationMs, entries, peaks }: RecordingIndex): Buffer {
  const chunk = Buffer.alloc(INDEX_HEAD_BYTES + entries.length * ENTRY_BYTES)
  chunk.writeUInt8(INDEX, 0)
  chunk.writeUInt32BE(durationMs, 1)
  chunk.writeUInt32BE(entries.length, 5)
  let at = INDEX_HEAD_BYTES
  for (const entry of entries) {
    chunk.writeUInt32BE(entry.startMs, at)
    chunk.writeUInt32BE(entry.samples, at + 4)
    chunk.writeUIntBE(entry.offset, at + 8, 6)
    chunk.writeUInt32BE(entry.bytes, at + 14)
    chunk.writeUInt32BE(entry.number, at + 18)
    at += ENTRY_BYTES
  }
  return Buffer.concat([chunk, peaks])
}

/** Throws {@link RecordingFormatError}. */
export function readChunk(plain: Buffer): PlainChunk {
  try {
    switch (plain.readUInt8(0)) {
      case AUDIO: {
        const peakBytes = plain.readUInt16BE(9)
        return {
          kind: 'audio',
          startMs: plain.readUInt32BE(1),
          samples: plain.readUInt32BE(5),
          peaks: plain.subarray(11, 11 + peakBytes),
          flac: plain.subarray(11 + peakBytes)
        }
      }
      case MARK: {
        const kind = GAP_KINDS[plain.readUInt8(1)]
        if (kind === undefined) break
        const toMs = plain.readUInt32BE(6)
        return { kind: 'mark', mark: { kind, fromMs: plain.readUInt32BE(2), toMs: toMs === OPEN ? null : toMs } }
      }
      case INDEX:
        return { kind: 'index', index: readIndex(plain) }
      default:
    }
  } catch (cause) {
    throw new RecordingFormatError('a chunk is shorter than it says', { cause })
  }
  throw new RecordingFormatError('a chunk of an unknown kind')
}

function readIndex(plain: Buffer): RecordingIndex {
  const count = plain.readUInt32BE(5)
  const size = ENTRY_BYTES
  const entries = Array.from({ length: count }, (_, index) => {
    const at = INDEX_HEAD_BYTES + index * size
    return {
      startMs: plain.readUInt32BE(at),
      samples: plain.readUInt32BE(at + 4),
      offset: plain.readUIntBE(at + 8, 6),
      bytes: plain.readUInt32BE(at + 14),
      number: plain.readUInt32BE(at + 18)
    }
  })
  return { durationMs: plain.readUInt32BE(1), entries, peaks: plain.subarray(INDEX_HEAD_BYTES + count * size) }
}

/** The loudest sample of each 50 ms and side. */
export function peaksOf(samples: Int16Array): Uint8Array {
  const perSide = samples.length >> 1
  const points = Math.ceil(perSide / PEAK_SAMPLES)
  const peaks = new Uint8Array(points * 2)
  for (let index = 0; index < samples.length; index += 1) {
    const loud = Math.min(255, Math.abs(samples[index] as number) >> 7)
    const at = Math.floor((index >> 1) / PEAK_SAMPLES) * 2 + (index & 1)
    if (loud > (peaks[at] as number)) peaks[at] = loud
  }
  return peaks
}

/** Peaks over the whole timeline, silence where there is no audio. */
export function spreadPeaks(index: RecordingIndex): Uint8Array {
  const points = new Uint8Array(Math.ceil((index.durationMs * PEAKS_PER_SECOND) / 1000) * 2)
  let at = 0
  for (const { startMs, samples } of index.entries) {
    const count = Math.ceil(samples / PEAK_SAMPLES) * 2
    const to = Math.round((startMs * PEAKS_PER_SECOND) / 1000) * 2
    points.set(
      index.peaks.subarray(at, Math.min(at + count, at + Math.max(0, points.length - to))),
      Math.min(to, points.length)
    )
    at += count
  }
  return points
}

/**
 * The gaps of a recording: those that were declared, and `lost` wherever the timeline has neither audio nor a declared
 * gap. A hole of less than 100 ms is how frames travel, not a loss.
 */
export function gapsOf(
  entries: readonly Pick<AudioEntry, 'startMs' | 'samples'>[],
  marks: readonly GapMark[],
  durationMs: number
): readonly RecordingGap[] {
  const declared: RecordingGap[] = marks
    .map(({ kind, fromMs, toMs }) => ({ kind, fromMs, toMs: Math.min(toMs ?? durationMs, durationMs) }))
    .filter(gap => gap.toMs > gap.fromMs)
  const covered = [
    ...entries.map(one => ({ fromMs: one.startMs, toMs: one.startMs + one.samples / SAMPLES_PER_MS })),
    ...declared
  ].toSorted((a, b) => a.fromMs - b.fromMs)
  const lost: RecordingGap[] = []
  let reachedMs = 0
  for (const { fromMs, toMs } of [...covered, { fromMs: durationMs, toMs: durationMs }]) {
    if (fromMs - reachedMs >= LEAST_LOSS_MS) lost.push({ kind: 'lost', fromMs: reachedMs, toMs: fromMs })
    reachedMs = Math.max(reachedMs, toMs)
  }
  return [...declared, ...lost].toSorted((a, b) => a.fromMs - b.fromMs)
}

const LEAST_LOSS_MS = 100
