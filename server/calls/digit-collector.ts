/** How keys are collected. Times are in milliseconds. */
export type CollectRules = Readonly<{
  minDigits: number
  maxDigits: number
  /** Keys that end the input and are not part of it, such as '#'. */
  terminators: string
  /** From the end of the prompt to the first key. */
  timeoutMs: number
  /** From one key to the next. */
  interDigitMs: number
}>

export type CollectState = Readonly<{ digits: string; isPromptOver: boolean }>

export type CollectEvent =
  | Readonly<{ kind: 'digit'; digit: string }>
  | Readonly<{ kind: 'promptOver' }>
  | Readonly<{ kind: 'timeout' }>

export type CollectStep =
  | Readonly<{ kind: 'wait'; state: CollectState; timerMs: number | null }>
  | Readonly<{ kind: 'digits'; digits: string; terminator: string | null }>
  | Readonly<{ kind: 'noInput' }>

export const COLLECT_START: CollectState = { digits: '', isPromptOver: false }

/** One step of collecting keys. Pure: the caller owns the clock and asks again when the timer has run. */
export function collect(rules: CollectRules, state: CollectState, event: CollectEvent): CollectStep {
  switch (event.kind) {
    case 'digit': {
      if (rules.terminators.includes(event.digit)) {
        if (state.digits === '')
          return rules.minDigits === 0
            ? { kind: 'digits', digits: '', terminator: event.digit }
            : waitMore(rules, state)
        return { kind: 'digits', digits: state.digits, terminator: event.digit }
      }
      const digits = state.digits + event.digit
      if (digits.length >= rules.maxDigits) return { kind: 'digits', digits, terminator: null }
      return { kind: 'wait', state: { ...state, digits }, timerMs: rules.interDigitMs }
    }
    case 'promptOver':
      return waitMore(rules, { ...state, isPromptOver: true })
    case 'timeout':
      return state.digits.length >= Math.max(1, rules.minDigits)
        ? { kind: 'digits', digits: state.digits, terminator: null }
        : state.digits === ''
          ? { kind: 'noInput' }
          : // Too few keys are still an answer: the flow says that they do not match.
            { kind: 'digits', digits: state.digits, terminator: null }
    default:
      return event satisfies never
  }
}

/** Before the first key the clock runs only once the prompt is over. */
function waitMore(rules: CollectRules, state: CollectState): CollectStep {
  const timerMs = state.digits !== '' ? rules.interDigitMs : state.isPromptOver ? rules.timeoutMs : null
  return { kind: 'wait', state, timerMs }
}
