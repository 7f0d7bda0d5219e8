import { meanSquare } from '../../../media/audio/goertzel.ts'
import { PcmReader } from '../../../media/audio/pcm.ts'
import type { BatchRecognizer, RecordedAudio, SpokenWord, SpokenWords } from '../../../media/speech/batch-recognizer.ts'
import { SpeechError } from '../../../media/speech/recognizer.ts'
import { quietestCut } from './quietest-cut.ts'

const SAMPLES_PER_MS = 8
/** Two minutes of one side are 1.9 MB: every provider takes them in one request, and packing them delays no call. */
const STRETCH_MS = 120_000
/** The end of a stretch in which a quiet moment is looked for. */
const CUT_WITHIN_MS = 20_000
/** Times of words are not exact. */
const AROUND_WORD_MS = 100
/** 72 dB below full scale: the noise of a quiet line is louder. */
const NOTHING_RMS = 8
/** A stretch, both sides; a provider that takes longer is left. */
const STRETCH_LIMIT_MS = 480_000

/** Opens a part of a recording: stereo, 16-bit little-endian, 8 kHz, gaps as silence. Rejects with AppError. */
export type ReadPcm = (span: Readonly<{ fromMs: number; toMs: number }>, signal: AbortSignal) => AsyncIterable<Buffer>

/**
 * Lets a recogniser hear a recording stretch by stretch, so that hours of it are never in memory at once. Sound is opened
 * here, in memory, and nowhere else. Times are milliseconds from the recording's start. `onStretch` is told before each.
 * Rejects with SpeechError, with AppError, and with the signal's reason when that is aborted.
 */
export async function hearRecording(
  read: ReadPcm,
  durationMs: number,
  recognizer: BatchRecognizer,
  language: string,
  signal: AbortSignal,
  onStretch: () => Promise<void>,
  stretchMs = STRETCH_MS
): Promise<SpokenWords> {
  const left: SpokenWord[] = []
  const right: SpokenWord[] = []
  let fromMs = 0
  while (fromMs < durationMs) {
    signal.throwIfAborted()
    await onStretch()
    const limit = AbortSignal.any([signal, AbortSignal.timeout(STRETCH_LIMIT_MS)])
    const toMs = Math.min(durationMs, fromMs + stretchMs)
    const audio = await readSides(read({ fromMs, toMs }, limit), toMs - fromMs)
    const isLast = toMs === durationMs
    const lengthMs = isLast ? toMs - fromMs : quietestCut(audio, Math.min(CUT_WITHIN_MS, stretchMs / 2))
    const stretch = isLast ? audio : cutTo(audio, lengthMs * SAMPLES_PER_MS)
    if (!isSilent(stretch)) {
      const heard = await within(limit, signal, recognizer.recognize(stretch, language, limit))
      left.push(...wordsIn(stretch.left, heard.left, fromMs))
      if (stretch.right !== null) right.push(...wordsIn(stretch.right, heard.right, fromMs))
    }
    fromMs += lengthMs
  }
  return { left, right }
}

/** Taken apart piece by piece as it is opened, so that calls which run meanwhile never wait for all of it. */
async function readSides(pcm: AsyncIterable<Buffer>, lengthMs: number): Promise<RecordedAudio> {
  const left = new Int16Array(lengthMs * SAMPLES_PER_MS)
  const right = new Int16Array(lengthMs * SAMPLES_PER_MS)
  const reader = new PcmReader()
  let at = 0
  for await (const part of pcm)
    for (const sample of reader.read(part)) {
      const side = at % 2 === 0 ? left : right
      side[at >> 1] = sample
      at += 1
    }
  return { left, right }
}

function cutTo({ left, right }: RecordedAudio, samples: number): RecordedAudio {
  return { left: left.subarray(0, samples), right: right?.subarray(0, samples) ?? null }
}

/** Paused, or a card from end to end: there is nothing that anybody need be asked about. */
function isSilent({ left, right }: RecordedAudio): boolean {
  return left.every(sample => sample === 0) && (right?.every(sample => sample === 0) ?? true)
}

/** A recogniser that is too slow has failed; when whoever asked gives up, that is no failure of its. */
async function within<T>(limit: AbortSignal, signal: AbortSignal, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    if (signal.aborted || !limit.aborted) throw cause
    throw new SpeechError('SPEECH_TIMEOUT', `a stretch was not heard within ${STRETCH_LIMIT_MS} ms`, { cause })
  }
}

/** On the recording's time line. Some models write words where nobody speaks: what has no sound is not taken. */
function wordsIn(samples: Int16Array, words: readonly SpokenWord[], fromMs: number): readonly SpokenWord[] {
  const hasSound = ({ startMs, endMs }: SpokenWord) => {
    const [from, to] = [startMs - AROUND_WORD_MS, endMs + AROUND_WORD_MS].map(ms => Math.max(0, ms) * SAMPLES_PER_MS)
    return meanSquare(samples.subarray(from, to)) > NOTHING_RMS ** 2
  }
  return words.filter(hasSound).map(word => ({ ...word, startMs: word.startMs + fromMs, endMs: word.endMs + fromMs }))
}
