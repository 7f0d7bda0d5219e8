import { CHANNELS } from './flac.ts'
import { type AudioEntry, INDEX_NUMBER, type RecordingIndex, readChunk, SAMPLES_PER_MS } from './recording-format.ts'
import { openChunk, SealedAudioError } from './sealed-audio.ts'

/** Chunks of 2 s: so many are fetched in one go at most. */
const CHUNKS_AT_ONCE = 8
const BYTES_PER_MS = SAMPLES_PER_MS * CHANNELS * 2
/** The longest silence that is made in one piece, in milliseconds. */
const SILENCE_MS = 2_000

export type RecordingSource = Readonly<{
  id: string
  key: Buffer
  bytes: number
  indexOffset: number
  read(range: Readonly<{ first: number; last: number }>, signal: AbortSignal): AsyncIterable<Buffer>
  /** FLAC to interleaved samples, away from this thread. */
  decode(flac: Buffer): Promise<Int16Array>
  /** Hears of each part that cannot be opened; it is read as silence. */
  onDamage(span: Readonly<{ fromMs: number; toMs: number }>, err: Error): void
}>

/** The index of a recording. Rejects with SealedAudioError when it is damaged or the key is another. */
export async function readIndex(source: RecordingSource, signal: AbortSignal): Promise<RecordingIndex> {
  const sealed = await collect(source.read({ first: source.indexOffset, last: source.bytes - 1 }, signal))
  const chunk = readChunk(openChunk(source.key, source.id, INDEX_NUMBER, true, sealed))
  if (chunk.kind !== 'index') throw new SealedAudioError('CHUNK_DAMAGED', INDEX_NUMBER)
  return chunk.index
}

/**
 * The audio of a span as stereo 16-bit little-endian PCM, exactly as long as the span: what the recording does not hold or
 * what is damaged is silence. Only the chunks of the span are read.
 */
export async function* readPcm(
  source: RecordingSource,
  index: RecordingIndex,
  span: Readonly<{ fromMs: number; toMs: number }>,
  signal: AbortSignal
): AsyncGenerator<Buffer> {
  const fromMs = Math.max(0, span.fromMs)
  const toMs = Math.min(span.toMs, index.durationMs)
  let reachedMs = fromMs
  const wanted = index.entries.filter(one => endOf(one) > fromMs && one.startMs < toMs)
  // Whoever begins to listen waits for the first chunk only; what follows comes in ever larger pieces.
  for (let at = 0, count = 1; at < wanted.length; at += count, count = Math.min(count * 2, CHUNKS_AT_ONCE)) {
    const group = wanted.slice(at, at + count)
    const sealed = await readGroup(source, group, signal)
    for (const [position, entry] of group.entries()) {
      signal.throwIfAborted()
      yield* silence(entry.startMs - reachedMs)
      const skipMs = Math.max(0, fromMs - entry.startMs, reachedMs - entry.startMs)
      const untilMs = Math.min(endOf(entry), toMs)
      const pcm = await open(source, entry, sealed[position])
      const lengthMs = untilMs - entry.startMs - skipMs
      if (lengthMs <= 0) continue
      if (pcm === null) yield* silence(lengthMs)
      else yield pcm.subarray(skipMs * BYTES_PER_MS, (skipMs + lengthMs) * BYTES_PER_MS)
      reachedMs = untilMs
    }
  }
  yield* silence(toMs - reachedMs)
}

/** Opens every chunk once, for the checksum audit of what is inside. */
export async function damagedSpans(
  source: RecordingSource,
  index: RecordingIndex,
  signal: AbortSignal
): Promise<readonly Readonly<{ fromMs: number; toMs: number }>[]> {
  const spans: { fromMs: number; toMs: number }[] = []
  for (const entry of index.entries) {
    const [sealed] = await readGroup(source, [entry], signal)
    if (plainOf(source, entry, sealed) instanceof Error) spans.push({ fromMs: entry.startMs, toMs: endOf(entry) })
  }
  return spans
}

function endOf(entry: AudioEntry): number {
  return entry.startMs + entry.samples / SAMPLES_PER_MS
}

/** The sealed bytes of entries that lie near each other, in one read. */
async function readGroup(
  source: RecordingSource,
  group: readonly AudioEntry[],
  signal: AbortSignal
): Promise<readonly Buffer[]> {
  const first = group[0]?.offset ?? 0
  const last = group.at(-1)
  if (last === undefined) return []
  const bytes = await collect(source.read({ first, last: last.offset + last.bytes - 1 }, signal))
  return group.map(one => bytes.subarray(one.offset - first, one.offset - first + one.bytes))
}

async function open(source: RecordingSource, entry: AudioEntry, sealed: Buffer | undefined): Promise<Buffer | null> {
  const span = { fromMs: entry.startMs, toMs: endOf(entry) }
  const flac = plainOf(source, entry, sealed)
  if (flac instanceof Error) {
    source.onDamage(span, flac)
    return null
  }
  try {
    const samples = await source.decode(flac)
    return Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)
  } catch (err) {
    source.onDamage(span, err instanceof Error ? err : new Error(String(err)))
    return null
  }
}

function plainOf(source: RecordingSource, entry: AudioEntry, sealed: Buffer | undefined): Buffer | Error {
  try {
    if (sealed === undefined || sealed.length < entry.bytes) throw new SealedAudioError('FILE_TRUNCATED', entry.number)
    const chunk = readChunk(openChunk(source.key, source.id, entry.number, false, sealed))
    if (chunk.kind !== 'audio') throw new SealedAudioError('CHUNK_DAMAGED', entry.number)
    return chunk.flac
  } catch (err) {
    return err instanceof Error ? err : new Error(String(err))
  }
}

function* silence(ms: number): Generator<Buffer> {
  for (let rest = ms; rest > 0; rest -= SILENCE_MS)
    yield Buffer.alloc(Math.round(Math.min(rest, SILENCE_MS) * BYTES_PER_MS))
}

async function collect(parts: AsyncIterable<Buffer>): Promise<Buffer> {
  const collected: Buffer[] = []
  for await (const part of parts) collected.push(part)
  return Buffer.concat(collected)
}
