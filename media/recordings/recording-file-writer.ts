import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { CHANNELS, type Flac } from './flac.ts'
import {
  audioChunk,
  type AudioEntry,
  type GapMark,
  gapsOf,
  INDEX_NUMBER,
  indexChunk,
  markChunk,
  peaksOf,
  readChunk,
  SAMPLES_PER_MS
} from './recording-format.ts'
import type { RecordingGap } from './gaps.ts'
import { HEAD_BYTES, MAX_CHUNK_BYTES, openChunk, sealChunk, TAG_BYTES } from './sealed-audio.ts'

/** Audio of so long is sealed together: with the second that waits in the other thread, what a crash may lose. */
const CHUNK_MS = 2_000
const CHUNK_SAMPLES = CHUNK_MS * SAMPLES_PER_MS * CHANNELS
/** While the disk takes nothing, a minute of audio waits in memory. */
const MAX_WAITING = 30
export const WAITING_LIMIT_MS = MAX_WAITING * CHUNK_MS

/** What is known of a whole file. */
export type ClosedRecording = Readonly<{
  bytes: number
  sha256: string
  indexOffset: number
  durationMs: number
  gaps: readonly RecordingGap[]
}>

type Waiting =
  | Readonly<{ kind: 'audio'; startMs: number; samples: Int16Array }>
  | Readonly<{ kind: 'mark'; mark: GapMark }>

/**
 * Writes one recording, in the recording thread: all calls are synchronous. What is on the disk is sealed at every
 * moment. When the disk refuses, the file is cut back to its last whole chunk and what comes waits in memory; what does
 * not fit there either is a gap.
 */
export class RecordingFileWriter {
  readonly #fd: number
  readonly #id: string
  readonly #key: Buffer
  readonly #flac: Flac
  readonly #hash = createHash('sha256')
  readonly #entries: AudioEntry[] = []
  readonly #peaks: Uint8Array[] = []
  readonly #marks: GapMark[] = []
  readonly #waiting: Waiting[] = []
  #number = 0
  #offset = 0
  #pending = new Int16Array(CHUNK_SAMPLES)
  #pendingStartMs = 0
  #held = 0

  private constructor(fd: number, id: string, key: Buffer, flac: Flac) {
    this.#fd = fd
    this.#id = id
    this.#key = key
    this.#flac = flac
  }

  /** Refuses to overwrite a file. */
  static create(path: string, id: string, key: Buffer, flac: Flac): RecordingFileWriter {
    return new RecordingFileWriter(openSync(path, 'wx', 0o600), id, key, flac)
  }

  /**
   * Opens a file that a crash left behind, cut back to its last whole chunk. Throws SealedAudioError when the key is
   * not the one that it was written with.
   */
  static resume(path: string, id: string, key: Buffer, flac: Flac): RecordingFileWriter {
    const writer = new RecordingFileWriter(openSync(path, 'r+'), id, key, flac)
    try {
      writer.#scan()
    } catch (err) {
      closeSync(writer.#fd)
      throw err
    }
    return writer
  }

  /** Where the audio that was written ends. */
  get writtenToMs(): number {
    const last = this.#entries.at(-1)
    return last === undefined ? 0 : last.startMs + last.samples / SAMPLES_PER_MS
  }

  /** Takes interleaved samples that begin at `atMs`. Throws what the disk says; the audio is kept meanwhile. */
  add(atMs: number, samples: Int16Array): void {
    const heldMs = this.#held / CHANNELS / SAMPLES_PER_MS
    if (this.#held > 0 && atMs !== this.#pendingStartMs + heldMs) this.#queuePending()
    let rest = samples
    let startMs = atMs
    while (rest.length > 0) {
      if (this.#held === 0) this.#pendingStartMs = startMs
      const part = rest.subarray(0, CHUNK_SAMPLES - this.#held)
      this.#pending.set(part, this.#held)
      this.#held += part.length
      rest = rest.subarray(part.length)
      startMs += part.length / CHANNELS / SAMPLES_PER_MS
      if (this.#held === CHUNK_SAMPLES) this.#queuePending()
    }
    this.#write()
  }

  /** Declares a gap, or its end (`toMs`). */
  mark(mark: GapMark): void {
    this.#queuePending()
    this.#queue({ kind: 'mark', mark })
    this.#write()
  }

  /** Writes the rest and the index. Throws what the disk says, and may then be called again. */
  close(durationMs: number): ClosedRecording {
    this.#queuePending()
    this.#write()
    const duration = Math.max(durationMs, Math.ceil(this.writtenToMs))
    const indexOffset = this.#offset
    const plain = indexChunk({ durationMs: duration, entries: this.#entries, peaks: Buffer.concat(this.#peaks) })
    const sealed = sealChunk(this.#key, this.#id, INDEX_NUMBER, true, plain)
    this.#put(sealed)
    fsyncSync(this.#fd)
    closeSync(this.#fd)
    return {
      bytes: indexOffset + sealed.length,
      sha256: this.#hash.update(sealed).digest('hex'),
      indexOffset,
      durationMs: duration,
      gaps: gapsOf(this.#entries, latestMarks(this.#marks), duration)
    }
  }

  /** Lets the file go without an index. */
  abandon(): void {
    closeSync(this.#fd)
  }

  #queuePending(): void {
    if (this.#held === 0) return
    this.#queue({ kind: 'audio', startMs: this.#pendingStartMs, samples: this.#pending.subarray(0, this.#held) })
    this.#pending = new Int16Array(CHUNK_SAMPLES)
    this.#held = 0
  }

  #queue(waiting: Waiting): void {
    this.#waiting.push(waiting)
    if (this.#waiting.length <= MAX_WAITING) return
    // Marks are small and say what may not be guessed: only audio is let go.
    const oldest = this.#waiting.findIndex(one => one.kind === 'audio')
    if (oldest >= 0) this.#waiting.splice(oldest, 1)
  }

  #write(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (next.kind === 'audio') this.#writeAudio(next.startMs, next.samples)
      else {
        this.#append(sealChunk(this.#key, this.#id, this.#number, false, markChunk(next.mark)))
        this.#number += 1
        this.#marks.push(next.mark)
      }
      this.#waiting.shift()
    }
  }

  #writeAudio(startMs: number, samples: Int16Array): void {
    const perSide = samples.length / CHANNELS
    const peaks = peaksOf(samples)
    const plain = audioChunk(startMs, perSide, peaks, this.#flac.encode(samples))
    const sealed = sealChunk(this.#key, this.#id, this.#number, false, plain)
    const offset = this.#offset
    this.#append(sealed)
    this.#entries.push({ startMs, samples: perSide, offset, bytes: sealed.length, number: this.#number })
    this.#peaks.push(peaks)
    this.#number += 1
  }

  #append(bytes: Buffer): void {
    this.#put(bytes)
    this.#offset += bytes.length
    this.#hash.update(bytes)
  }

  /** Writes behind what is there, or leaves nothing behind. */
  #put(bytes: Buffer): void {
    let written = 0
    try {
      while (written < bytes.length)
        written += writeSync(this.#fd, bytes, written, bytes.length - written, this.#offset + written)
    } catch (err) {
      if (written > 0) ftruncateSync(this.#fd, this.#offset)
      throw err
    }
  }

  #scan(): void {
    const head = Buffer.alloc(HEAD_BYTES)
    for (;;) {
      if (readSync(this.#fd, head, 0, HEAD_BYTES, this.#offset) < HEAD_BYTES) break
      const length = head.readUInt32BE(0)
      const size = HEAD_BYTES + length + TAG_BYTES
      if (length > MAX_CHUNK_BYTES || head.readUInt8(4) === 1) break
      const sealed = Buffer.alloc(size)
      if (readSync(this.#fd, sealed, 0, size, this.#offset) < size) break
      let plain: Buffer
      try {
        plain = openChunk(this.#key, this.#id, this.#number, false, sealed)
      } catch (err) {
        // A first chunk that cannot be opened means the wrong key; a later one is where the disk stopped.
        if (this.#number === 0) throw err
        break
      }
      const chunk = readChunk(plain)
      if (chunk.kind === 'audio') {
        const { startMs, samples, peaks } = chunk
        this.#entries.push({ startMs, samples, offset: this.#offset, bytes: size, number: this.#number })
        this.#peaks.push(peaks)
      } else if (chunk.kind === 'mark') this.#marks.push(chunk.mark)
      this.#hash.update(sealed)
      this.#number += 1
      this.#offset += size
    }
    ftruncateSync(this.#fd, this.#offset)
  }
}

/** A gap is marked when it begins and again when it ends; the later mark says more. */
function latestMarks(marks: readonly GapMark[]): readonly GapMark[] {
  const byStart = new Map(marks.map(mark => [`${mark.kind} ${mark.fromMs}`, mark]))
  return [...byStart.values()]
}
