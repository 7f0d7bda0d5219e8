import type { BotLimits, HandOverReason } from '../../ivr-flows/host.ts'
import { isSameRequest, wishIn, yesOrNo } from './caller-words.ts'
import type { LineName } from './lines.ts'

/** Where a conversation stands; analytics count where callers leave. */
export type DialogueStep = 'disclosure' | 'greeting' | 'question' | 'answer' | 'solved' | 'over'

/** All that decides what happens next: plain data, so that a conversation can be replayed. */
export type DialogueState = Readonly<{
  step: DialogueStep
  startedAtMs: number
  disclosures: number
  turns: number
  answered: number
  unknown: number
  /** One after the other. */
  silences: number
  misunderstandings: number
  unknowns: number
  frustrations: number
  /** The last questions, as their search terms. */
  asked: readonly (readonly string[])[]
  isSolved: boolean | null
  hasSpoken: boolean
}>

export type DialogueSettings = Readonly<{ language: string; limits: BotLimits; asksIfSolved: boolean }>

export type DialogueEvent =
  | Readonly<{ kind: 'started' }>
  /** The disclosure was played to its end; `heardMs` is what of it was really sent to the caller. */
  | Readonly<{ kind: 'disclosed'; heardMs: number; lengthMs: number }>
  /** `isRaised`: louder than this caller spoke before. */
  | Readonly<{ kind: 'heard'; text: string; confidence: number; isRaised: boolean }>
  | Readonly<{ kind: 'silence' }>
  | Readonly<{ kind: 'notUnderstood' }>
  | Readonly<{ kind: 'key'; digit: string }>
  /** An answer was given or not. `terms` are the question's search terms; `isFault`: something failed on the way. */
  | Readonly<{
      kind: 'replied'
      reply: 'answer' | 'tool' | 'ask' | 'talk' | 'unknown' | 'done' | 'handover'
      terms: readonly string[]
      isFault: boolean
    }>
  /** Nobody can listen any more. */
  | Readonly<{ kind: 'deaf' }>

export type DialogueEnd =
  | Readonly<{ kind: 'handover'; reason: HandOverReason }>
  | Readonly<{ kind: 'done'; isSolved: boolean | null }>
  | Readonly<{ kind: 'noAnswer' }>
  | Readonly<{ kind: 'failed'; code: string; reason: string }>

/** What is to be done, in order. At most one of disclose, listen, answer and end, always the last. */
export type DialogueAction =
  | Readonly<{ kind: 'disclose' }>
  /** The flow's own greeting. */
  | Readonly<{ kind: 'greet' }>
  | Readonly<{ kind: 'say'; line: LineName }>
  | Readonly<{ kind: 'listen'; expects: 'open' | 'yesNo' }>
  | Readonly<{ kind: 'answer'; question: string }>
  | Readonly<{ kind: 'end'; end: DialogueEnd }>

export type DialogueMove = readonly [DialogueState, readonly DialogueAction[]]

/** Below this a sentence is more likely something else than what was understood. */
const LEAST_CONFIDENCE = 0.45
/** How often a disclosure that was not heard is said again. */
const MAX_DISCLOSURES = 3
/** Of the disclosure's sound, so much must have been sent: the media server's own start and end may lack a frame or two. */
const HEARD_SHARE = 0.97
/** The same request so often means that the answers do not help. */
const SAME_REQUESTS = 3
const REMEMBERED_REQUESTS = 6

export function startDialogue(startedAtMs: number): DialogueState {
  return {
    step: 'disclosure',
    startedAtMs,
    disclosures: 0,
    turns: 0,
    answered: 0,
    unknown: 0,
    silences: 0,
    misunderstandings: 0,
    unknowns: 0,
    frustrations: 0,
    asked: [],
    isSolved: null,
    hasSpoken: false
  }
}

/** Decides what a bot does next. Pure: the same input always gives the same output. */
export function dialogueStep(
  settings: DialogueSettings,
  state: DialogueState,
  event: DialogueEvent,
  nowMs: number
): DialogueMove {
  if (state.step === 'over') throw new TypeError('the conversation is over')
  const isTooLong = nowMs - state.startedAtMs > settings.limits.ms && state.step !== 'disclosure'
  if (!isTooLong) return move(settings, state, event)
  // Whoever is done, or has gone, wants no person: what ends the conversation anyway ends it as it would; nothing more is asked.
  const ending = move({ ...settings, asksIfSolved: false }, state, event)
  return ending[1].at(-1)?.kind === 'end' ? ending : handOver(state, 'limit')
}

function move(settings: DialogueSettings, state: DialogueState, event: DialogueEvent): DialogueMove {
  switch (event.kind) {
    case 'started':
      return [{ ...state, disclosures: 1 }, [{ kind: 'disclose' }]]
    case 'disclosed':
      return disclosed(state, event)
    case 'heard':
      return heard(settings, state, event)
    case 'silence':
      return silence(settings, state)
    case 'notUnderstood':
      return notUnderstood(settings, state)
    case 'key':
      return key(settings, state, event.digit)
    case 'replied':
      return replied(settings, state, event)
    case 'deaf':
      // Before anything was said the flow has a better way than a person who knows nothing.
      return state.hasSpoken
        ? handOver(state, 'fault')
        : over(state, { kind: 'failed', code: 'SPEECH_MISSING', reason: 'Nobody can listen in this language.' })
    default:
      return event satisfies never
  }
}

function disclosed(state: DialogueState, event: Extract<DialogueEvent, { kind: 'disclosed' }>): DialogueMove {
  if (event.lengthMs > 0 && event.heardMs >= event.lengthMs * HEARD_SHARE)
    return [{ ...state, step: 'greeting' }, [{ kind: 'greet' }, { kind: 'listen', expects: 'open' }]]
  if (state.disclosures < MAX_DISCLOSURES)
    return [{ ...state, disclosures: state.disclosures + 1 }, [{ kind: 'disclose' }]]
  return over(state, {
    kind: 'failed',
    code: 'DISCLOSURE_NOT_HEARD',
    reason: 'The caller cannot be told that this is not a human.'
  })
}

function heard(
  settings: DialogueSettings,
  state: DialogueState,
  event: Extract<DialogueEvent, { kind: 'heard' }>
): DialogueMove {
  const { text, confidence, isRaised } = event
  const { language, limits } = settings
  if (confidence < LEAST_CONFIDENCE) return notUnderstood(settings, state)
  const next = { ...state, hasSpoken: true, silences: 0, misunderstandings: 0 }
  const wish = wishIn(text, language)
  if (wish === 'person') return handOver(next, 'asked')
  if (state.step === 'solved') return solved(settings, next, yesOrNo(text, language))
  if (wish === 'frustration') {
    const frustrations = next.frustrations + 1
    // One such word may be about the matter; a second one, or a raised voice, is about us.
    if (isRaised || frustrations > 1) return handOver({ ...next, frustrations }, 'frustrated')
    return ask({ ...next, frustrations }, limits, text)
  }
  if (wish === 'nothingMore') return nothingMore(settings, next)
  return ask(next, limits, text)
}

function ask(state: DialogueState, limits: BotLimits, question: string): DialogueMove {
  if (state.turns >= limits.turns) return handOver(state, 'limit')
  return [{ ...state, step: 'answer', turns: state.turns + 1 }, [{ kind: 'answer', question }]]
}

function nothingMore({ asksIfSolved }: DialogueSettings, state: DialogueState): DialogueMove {
  if (!asksIfSolved || state.answered === 0) return over(state, { kind: 'done', isSolved: null })
  return [
    { ...state, step: 'solved' },
    [
      { kind: 'say', line: 'isSolved' },
      { kind: 'listen', expects: 'yesNo' }
    ]
  ]
}

function solved(settings: DialogueSettings, state: DialogueState, isSolved: boolean | null): DialogueMove {
  if (isSolved === true) return over({ ...state, isSolved }, { kind: 'done', isSolved })
  if (isSolved === false) return handOver({ ...state, isSolved }, 'unknownAnswer')
  return notUnderstood(settings, state)
}

function silence(settings: DialogueSettings, state: DialogueState): DialogueMove {
  const silences = state.silences + 1
  const next = { ...state, silences }
  // Whoever was answered and falls silent has what they wanted, or is gone.
  if (state.step === 'solved') return over(next, { kind: 'done', isSolved: null })
  if (silences >= settings.limits.silences) return over(next, { kind: 'noAnswer' })
  return [
    next,
    [
      { kind: 'say', line: silences === 1 ? 'didNotHear' : 'pressZero' },
      { kind: 'listen', expects: 'open' }
    ]
  ]
}

function notUnderstood(settings: DialogueSettings, state: DialogueState): DialogueMove {
  const misunderstandings = state.misunderstandings + 1
  const next = { ...state, misunderstandings, silences: 0, hasSpoken: true }
  if (state.step === 'solved') {
    if (misunderstandings > 1) return over(next, { kind: 'done', isSolved: null })
    return [
      next,
      [
        { kind: 'say', line: 'yesOrNo' },
        { kind: 'listen', expects: 'yesNo' }
      ]
    ]
  }
  if (misunderstandings >= settings.limits.misunderstandings) return handOver(next, 'notUnderstood')
  return [
    next,
    [
      { kind: 'say', line: misunderstandings === 1 ? 'didNotUnderstand' : 'pressZero' },
      { kind: 'listen', expects: 'open' }
    ]
  ]
}

function key(settings: DialogueSettings, state: DialogueState, digit: string): DialogueMove {
  if (digit === '0') return handOver(state, 'asked')
  if (state.step === 'solved' && (digit === '1' || digit === '2'))
    return solved(settings, { ...state, hasSpoken: true }, digit === '1')
  return notUnderstood(settings, state)
}

function replied(
  settings: DialogueSettings,
  state: DialogueState,
  { reply, terms, isFault }: Extract<DialogueEvent, { kind: 'replied' }>
): DialogueMove {
  const same = state.asked.filter(one => isSameRequest(one, terms)).length + 1
  const next = { ...state, step: 'question' as const, asked: [...state.asked, terms].slice(-REMEMBERED_REQUESTS) }
  const isLoop = same >= SAME_REQUESTS
  switch (reply) {
    case 'answer':
    case 'tool': {
      const answered = { ...next, answered: next.answered + 1, unknowns: 0 }
      if (isLoop) return handOver(answered, 'loop')
      return [
        answered,
        [
          { kind: 'say', line: 'anythingElse' },
          { kind: 'listen', expects: 'open' }
        ]
      ]
    }
    case 'ask':
    case 'talk':
      if (isLoop) return handOver(next, 'loop')
      return [next, [{ kind: 'listen', expects: 'open' }]]
    case 'unknown': {
      const unknown = { ...next, unknown: next.unknown + 1, unknowns: next.unknowns + 1 }
      // A fault is ours: the caller is not asked to try again.
      if (isFault) return handOver(unknown, 'fault', 'fault')
      if (unknown.unknowns >= settings.limits.unknowns) return handOver(unknown, 'unknownAnswer')
      if (isLoop) return handOver(unknown, 'loop')
      return [
        unknown,
        [
          { kind: 'say', line: 'unknown' },
          { kind: 'listen', expects: 'open' }
        ]
      ]
    }
    case 'done':
      return nothingMore(settings, next)
    case 'handover':
      return handOver(next, 'needsPerson')
    default:
      return reply satisfies never
  }
}

function handOver(state: DialogueState, reason: HandOverReason, first?: LineName): DialogueMove {
  return [
    { ...state, step: 'over' },
    [
      ...(first === undefined ? [] : [{ kind: 'say' as const, line: first }]),
      { kind: 'say', line: 'handOver' },
      { kind: 'end', end: { kind: 'handover', reason } }
    ]
  ]
}

function over(state: DialogueState, end: DialogueEnd): DialogueMove {
  return [{ ...state, step: 'over' }, [{ kind: 'end', end }]]
}
