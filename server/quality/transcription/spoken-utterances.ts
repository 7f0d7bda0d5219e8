import type { RecordingGap } from '../../../media/recordings/gaps.ts'
import type { SpokenWord, SpokenWords } from '../../../media/speech/batch-recognizer.ts'
import { primaryOf } from '../../../media/speech/speech-provider.ts'
import type { NewUtterance, Speaker } from '../utterance.ts'
import type { Voices } from './voices.ts'

/** Half-open, in milliseconds since the answer. */
type Silent = Readonly<{ fromMs: number; toMs: number }>

/** A pause after which somebody says something new. */
const PAUSE_MS = 800
/** Nobody reads an utterance of more than half a minute at once. */
const MAX_WORDS = 100
const MAX_UTTERANCE_MS = 30_000
/** Written without spaces between words. */
const UNSPACED = new Set(['zh', 'yue', 'ja', 'th', 'lo', 'km', 'my'])

type Voice = Readonly<{ speaker: Speaker; speakerId: string | null }>

/**
 * Turns what a recogniser heard on both sides into utterances: the customer on the left; on the right a person of ours
 * where the story says that one was connected, a machine otherwise. Nothing is taken from spans in which nothing was
 * to be recorded, whatever a recogniser makes of their silence, nor from the music of a hold. Pure.
 */
export function utterancesOf(
  words: SpokenWords,
  language: string,
  voices: Voices,
  gaps: readonly RecordingGap[]
): readonly NewUtterance[] {
  // A word in which a packet was lost is still a word.
  const withheld = gaps.filter(gap => gap.kind !== 'lost')
  const left = grouped(words.left, withheld, () => ({ speaker: 'customer', speakerId: null }))
  const right = grouped(words.right, [...withheld, ...voices.held], atMs => voiceAt(voices, atMs))
  return [...left, ...right]
    .map(({ voice, words: said }) => utteranceOf(voice, said, language))
    .sort((a, b) => a.startMs - b.startMs)
}

/** Who of ours is heard at this moment: nobody by name where two are. */
export function voiceAt({ people }: Voices, atMs: number): Voice {
  const present = people.filter(one => one.fromMs <= atMs && atMs < one.toMs)
  if (present.length === 0) return { speaker: 'bot', speakerId: null }
  const named = [...new Set(present.flatMap(one => one.agentId ?? []))]
  return { speaker: 'agent', speakerId: named.length === 1 ? (named[0] ?? null) : null }
}

function grouped(
  words: readonly SpokenWord[],
  silent: readonly Silent[],
  voiceOf: (atMs: number) => Voice
): readonly Readonly<{ voice: Voice; words: readonly SpokenWord[] }>[] {
  const groups: { voice: Voice; words: SpokenWord[] }[] = []
  for (const word of [...words].sort((a, b) => a.startMs - b.startMs)) {
    if (word.text.trim() === '' || silent.some(span => word.startMs < span.toMs && word.endMs > span.fromMs)) continue
    const voice = voiceOf((word.startMs + word.endMs) / 2)
    const group = groups.at(-1)
    const [first, last] = [group?.words[0], group?.words.at(-1)]
    const goesOn =
      group !== undefined &&
      first !== undefined &&
      last !== undefined &&
      group.voice.speaker === voice.speaker &&
      group.voice.speakerId === voice.speakerId &&
      word.startMs - last.endMs < PAUSE_MS &&
      word.endMs - first.startMs <= MAX_UTTERANCE_MS &&
      group.words.length < MAX_WORDS
    if (goesOn) group.words.push(word)
    else groups.push({ voice, words: [word] })
  }
  return groups
}

function utteranceOf({ speaker, speakerId }: Voice, words: readonly SpokenWord[], language: string): NewUtterance {
  const first = words[0]?.startMs ?? 0
  return {
    speaker,
    speakerId,
    startMs: Math.round(first),
    endMs: Math.round(words.reduce((latest, word) => Math.max(latest, word.endMs), first)),
    text: words.map(word => word.text.trim()).join(UNSPACED.has(primaryOf(language)) ? '' : ' '),
    confidence: words.reduce((sum, word) => sum + word.confidence, 0) / words.length,
    words: words.map(({ text, startMs, endMs }) => ({ text: text.trim(), startMs, endMs }))
  }
}
