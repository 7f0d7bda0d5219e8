import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { parseWav, toMono, WavError } from '../../media/audio/wav.ts'
import { LINE_RATE_HZ } from '../../media/prompts/espeak-messages.ts'
import { StreamedSpeech } from '../../media/prompts/streamed-speech.ts'
import { FRAME_MS } from '../../media/tap/timeline.ts'
import { primaryOf } from '../quality/search-words.ts'
import { atMost } from './at-most.ts'
import type { PromptFolders } from './disclosure.ts'
import { heardWords } from './say/heard-words.ts'
import { isLoud, placeHeard } from './turn-heard.ts'

/** A prompt as it is played. `text`: its words; null of a recording or a tone. */
export type PlayedPrompt = Readonly<{ text: string | null; source: string | StreamedSpeech }>

/** `prompt` was interrupted after `promptHeardMs`; `texts` are the words that were heard, one for each prompt. */
export type HeardPrompts = Readonly<{ prompt: number; promptHeardMs: number; texts: readonly string[] }>

/** How long a prompt played, and how much of its sound had been heard, from 0 to 1, at a time in milliseconds. */
type Span = Readonly<{
  /** Null while it still plays, and where it is not known. */
  lengthMs: number | null
  /** The quiet before its first sound; null when it has none. */
  quietMs: number | null
  heardAt(ms: number): number
}>

/** For the length of a speech that is interrupted before it was made: so long waits whoever wants to know it better. */
const MADE_LIMIT_MS = 500
/** Otherwise a slow voice is assumed, so that rather too little counts as heard. */
const SLOW_MS_PER_LETTER = 90
const SLOW_MS_PER_SIGN = 350

/** What was heard of prompts that were played one after the other, when `heardMs` were from the first sound on. */
export async function heardPrompts(
  folders: PromptFolders,
  prompts: readonly PlayedPrompt[],
  heardMs: number,
  language: string
): Promise<HeardPrompts> {
  const spans = await spansOf(folders, prompts, language)
  const positionMs = heardMs === 0 ? 0 : heardMs + quietBefore(spans)
  const { prompt, ms } = placeHeard(
    spans.map(one => one?.lengthMs ?? null),
    positionMs
  )
  const texts = prompts.map(({ text }, at) => {
    if (text === null || at > prompt || heardMs === 0) return ''
    const share = spans[at]?.heardAt(at < prompt ? Number.POSITIVE_INFINITY : ms)
    return heardWords(text, share ?? (at < prompt ? 1 : 0), language)
  })
  return { prompt, promptHeardMs: Math.round(ms), texts }
}

/** The words of prompts that nobody interrupted: all, but for what a voice that broke off did not say. */
export async function playedWords(prompts: readonly PlayedPrompt[], language: string): Promise<readonly string[]> {
  return await Promise.all(
    prompts.map(async ({ text, source }) => {
      if (text === null) return ''
      if (typeof source === 'string' || source.failure === null) return text
      return heardWords(text, (await streamedSpan(source, text, language)).heardAt(Number.POSITIVE_INFINITY), language)
    })
  )
}

/** How long prompts play, in milliseconds, those that nobody has played included; those of unknown length count nothing. */
export async function playedMs(
  folders: PromptFolders,
  prompts: readonly PlayedPrompt[],
  language: string
): Promise<number> {
  const spans = await spansOf(folders, prompts, language)
  return spans.reduce((sum, one, at) => {
    const isBegun = prompts[at]?.source instanceof StreamedSpeech
    return sum + (one?.lengthMs ?? (isBegun ? Number.POSITIVE_INFINITY : 0))
  }, 0)
}

/** Null where it is not known before what a source sounds like. */
async function spansOf(
  folders: PromptFolders,
  prompts: readonly PlayedPrompt[],
  language: string
): Promise<readonly (Span | null)[]> {
  return await Promise.all(
    prompts.map(({ text, source }) =>
      typeof source === 'string' ? spanOf(folders, source) : streamedSpan(source, text ?? '', language)
    )
  )
}

/** Of what is played while it is made. */
async function streamedSpan(speech: StreamedSpeech, text: string, language: string): Promise<Span> {
  if (speech.played.tookMs > 0) await atMost(MADE_LIMIT_MS, speech.whole)
  const { samples, isWhole } = speech.made
  const sound = soundIn(samples, LINE_RATE_HZ)
  const isSigns = ['zh', 'ja'].includes(primaryOf(language))
  const slowMs = text.length * (isSigns ? SLOW_MS_PER_SIGN : SLOW_MS_PER_LETTER)
  const toMs = isWhole ? sound.toMs : Math.max(sound.toMs, slowMs)
  const { tookMs, isOver } = speech.played
  return {
    lengthMs: isOver ? tookMs : null,
    quietMs: sound.fromMs,
    heardAt: ms => shareOf(speech.reachedMs(ms), sound.fromMs, toMs)
  }
}

async function spanOf({ cacheDir, mediaDir }: PromptFolders, source: string): Promise<Span | null> {
  const silence = /^silence_stream:\/\/(\d+)/.exec(source)?.[1]
  if (silence !== undefined) return { lengthMs: Number(silence), quietMs: null, heardAt: () => 0 }
  if (!source.startsWith(mediaDir) || !source.endsWith('.wav')) return null
  try {
    const wav = parseWav(await readFile(join(cacheDir, relative(mediaDir, source))))
    const samples = toMono(wav)
    const { fromMs, toMs } = soundIn(samples, wav.sampleRateHz)
    const lengthMs = (samples.length / wav.sampleRateHz) * 1000
    return { lengthMs, quietMs: toMs === 0 ? null : fromMs, heardAt: ms => shareOf(ms, fromMs, toMs) }
  } catch (err) {
    // A recording that was taken away meanwhile has no length any more.
    if ((err as NodeJS.ErrnoException).code === 'ENOENT' || err instanceof WavError) return null
    throw err
  }
}

/** Where the first sound begins and the last one ends, in milliseconds. */
function soundIn(samples: Int16Array, rateHz: number): Readonly<{ fromMs: number; toMs: number }> {
  const frame = Math.round((rateHz * FRAME_MS) / 1000)
  const loud: number[] = []
  for (let at = 0; at + frame <= samples.length; at += frame)
    if (isLoud(samples.subarray(at, at + frame))) loud.push((at / frame) * FRAME_MS)
  return { fromMs: loud[0] ?? 0, toMs: loud.length === 0 ? 0 : (loud.at(-1) ?? 0) + FRAME_MS }
}

function shareOf(ms: number, fromMs: number, toMs: number): number {
  return toMs > fromMs ? Math.min(1, Math.max(0, (ms - fromMs) / (toMs - fromMs))) : 0
}

/** The quiet before the first sound: it is played, but heard as nothing. */
function quietBefore(spans: readonly (Span | null)[]): number {
  let quietMs = 0
  for (const span of spans) {
    if (span === null) return quietMs
    if (span.quietMs !== null) return quietMs + span.quietMs
    quietMs += span.lengthMs ?? 0
  }
  return quietMs
}
