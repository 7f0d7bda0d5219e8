/** What a text is to whoever waits for a turn. */
export type TurnSounds = 'backChannel' | 'unfinished' | 'words'

/**
 * What happens in one turn of the customer. `atMs`: since the leg was answered. It holds no words, so that it can be
 * stored and replayed.
 */
export type TurnEvent =
  | Readonly<{ kind: 'speaking' | 'paused' | 'resumed' | 'ended' | 'promptOver' | 'clock'; atMs: number }>
  | Readonly<{ kind: 'partial'; atMs: number; sounds: TurnSounds }>
  /** What it was in the end; null: nothing that was understood. */
  | Readonly<{ kind: 'answer'; atMs: number; sounds: TurnSounds | null }>

export type TurnRules = Readonly<{
  /**
   * A voice over a prompt may be a mere sound of listening for so long (milliseconds of sound, not of pauses); then it
   * counts as speech whatever it says. 0: any voice stops the prompt at once, and nothing is ignored.
   */
  holdMs: number
}>

/** `held`: speech over a prompt that goes on, until it is known whether it wants the turn. `open`: it has the turn. */
export type TurnState = Readonly<{
  isPrompted: boolean
  speech: 'none' | 'held' | 'open'
  /** Whether the speech that is held has ended, and a recogniser still thinks about it. */
  isEnded: boolean
  soundMs: number
  soundSinceMs: number | null
}>

/** `speak`: the customer takes the turn, the prompt stops. `ignore`: that was no turn. `answer`: the turn is over. */
export type TurnDecision = 'speak' | 'ignore' | 'answer'

export type TurnStep = Readonly<{ state: TurnState; decisions: readonly TurnDecision[] }>

export function turnStart(isPrompted: boolean): TurnState {
  return { isPrompted, speech: 'none', isEnded: false, soundMs: 0, soundSinceMs: null }
}

/** When a held voice takes the turn if it goes on: the time for the next `clock`; null when none is needed. */
export function holdEndsAtMs(rules: TurnRules, { speech, soundMs, soundSinceMs }: TurnState): number | null {
  return speech === 'held' && soundSinceMs !== null ? soundSinceMs + rules.holdMs - soundMs : null
}

/** One step of a customer's turn. Pure. */
export function turn(rules: TurnRules, state: TurnState, event: TurnEvent): TurnStep {
  const stay = (changes: Partial<TurnState> = {}): TurnStep => ({ state: { ...state, ...changes }, decisions: [] })
  const over = (...decisions: TurnDecision[]): TurnStep => ({ state: turnStart(state.isPrompted), decisions })
  const speak = (changes: Partial<TurnState> = {}): TurnStep => ({
    state: { ...state, ...changes, isPrompted: false, speech: 'open' },
    decisions: ['speak']
  })
  switch (event.kind) {
    case 'speaking':
      if (!state.isPrompted || rules.holdMs <= 0) return speak()
      return stay({ speech: 'held', isEnded: false, soundMs: 0, soundSinceMs: event.atMs })
    case 'paused':
      if (state.soundSinceMs === null) return stay()
      return stay({ soundMs: state.soundMs + event.atMs - state.soundSinceMs, soundSinceMs: null })
    case 'resumed':
      return stay({ soundSinceMs: event.atMs })
    case 'clock': {
      const endsAtMs = holdEndsAtMs(rules, state)
      return endsAtMs !== null && event.atMs >= endsAtMs ? speak() : stay()
    }
    case 'partial':
      // What is said wants the turn as soon as it is anything but a sound of listening.
      return state.speech === 'held' && event.sounds !== 'backChannel' ? speak() : stay()
    case 'ended':
      return stay({ isEnded: true, soundSinceMs: null })
    case 'promptOver':
      // Whoever still speaks when the prompt ends has the turn; what had ended before is judged by its words.
      return state.speech === 'held' && !state.isEnded ? speak() : stay({ isPrompted: false })
    case 'answer':
      if (state.speech === 'none') return over()
      if (state.speech === 'open') return over('answer')
      // A cough does not stop a prompt either.
      return event.sounds === 'backChannel' || event.sounds === null ? over('ignore') : over('speak', 'answer')
    default:
      return event satisfies never
  }
}
