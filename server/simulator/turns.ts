import type { Prompt } from '../../ivr-flows/host.ts'
import type { SoundSpan } from '../../media/simulator/phone-line.ts'
import type { CallerTurn, Turn } from './report.ts'
import { wordsWrong } from './score.ts'
import { type Act, firstSoundAfter, stoppedAfter } from './scripted-caller.ts'
import type { Played } from './watched-leg.ts'

export type TurnFacts = Readonly<{ answeredAtMs: number; language: string; nowMs: number }>

/** A prompt that stops within this was stopped by the interruption. */
const INTERRUPTED_MS = 3_000

/**
 * What was said on both sides, in order, from what was sent and heard on the caller's line. Pure; all times given are on one
 * clock, those of the turns begin with the answer.
 */
export function turnsOf(
  sounds: readonly SoundSpan[],
  played: readonly Played[],
  acts: readonly Act[],
  { answeredAtMs, language, nowMs }: TurnFacts
): readonly Turn[] {
  const since = (ms: number) => Math.max(0, Math.round(ms - answeredAtMs))
  const spoken = played.flatMap(({ prompts, fromMs, toMs, wasStopped }): Turn[] => {
    const text = prompts.map(wordsOf).filter(Boolean).join(' ')
    if (text === '') return []
    const heardFromMs = Math.max(fromMs, firstSoundAfter(sounds, fromMs)?.fromMs ?? fromMs)
    const endMs = toMs ?? nowMs
    return [
      {
        who: 'flow',
        fromMs: since(Math.min(heardFromMs, endMs)),
        toMs: since(endMs),
        text,
        wasCut: wasStopped
      }
    ]
  })
  const done = acts.map((act, index): CallerTurn => {
    const nextMs = acts[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY
    const answer = firstSoundAfter(sounds, act.toMs)
    const isAnswered = answer !== null && answer.fromMs < nextMs && act.what.kind !== 'hangUp' && act.toMs > act.fromMs
    const stoppedMs = act.what.kind === 'speech' || act.what.kind === 'keys' ? stoppedAfter(sounds, act.fromMs) : null
    const base = {
      who: 'caller' as const,
      step: act.step,
      fromMs: since(act.fromMs),
      toMs: since(act.toMs),
      latencyMs: isAnswered && act.what.kind !== 'silence' ? Math.round(answer.fromMs - act.toMs) : null,
      interruptMs: stoppedMs !== null && stoppedMs <= INTERRUPTED_MS ? Math.round(stoppedMs) : null
    }
    if (act.what.kind !== 'speech') return { ...base, ...act.what }
    const heard = act.heard.length === 0 ? null : act.heard.map(one => one.text).join(' ')
    return {
      ...base,
      ...act.what,
      heard,
      confidence: act.heard.length === 0 ? null : Math.min(...act.heard.map(one => one.confidence)),
      words: wordsWrong(act.what.text, heard, language)
    }
  })
  return [...spoken, ...done].toSorted((one, other) => one.fromMs - other.fromMs)
}

function wordsOf(prompt: Prompt): string {
  switch (prompt.kind) {
    case 'speech':
      return prompt.text
    case 'file':
      return `[${prompt.name}]`
    case 'url':
      return `[${prompt.url}]`
    case 'tone':
      return '[♪]'
    case 'silence':
      return ''
    default:
      return prompt satisfies never
  }
}
