import type { LiveCallEvent } from '../api/live-call-event.ts'

/** The steps of the story that a newcomer is told; other events of a call are for the call's own page. */
export const STORY_KINDS = [
  'started',
  'flowChosen',
  'answered',
  'promptStarted',
  'digitsCollected',
  'queueEntered',
  'legStarted',
  'legAnswered',
  'bridged',
  'queueLeft',
  'ended'
] as const

export type StoryKind = (typeof STORY_KINDS)[number]

export type StoryStep = Readonly<{ seq: number; at: string; kind: StoryKind }>

/** The story with one more event: in order, each event once, the same step in a row only once. Pure. */
export function grow(
  story: readonly StoryStep[],
  event: Pick<LiveCallEvent, 'seq' | 'at' | 'kind'>
): readonly StoryStep[] {
  const kind = STORY_KINDS.find(one => one === event.kind)
  if (kind === undefined || story.some(step => step.seq === event.seq)) return story
  const grown = [...story, { seq: event.seq, at: event.at, kind }].sort((a, b) => a.seq - b.seq)
  return grown.filter((step, index) => index === 0 || grown[index - 1]?.kind !== step.kind)
}
