/** Words of the script that were heard wrong: by substitution, loss or invention, against how many were said. */
export type WordErrors = Readonly<{ wrong: number; of: number }>

/** One turn of a simulated call. Times are milliseconds since the answer. */
export type Turn =
  | Readonly<{ who: 'flow'; fromMs: number; toMs: number; text: string; wasCut: boolean }>
  | (Readonly<{
      who: 'caller'
      /** The step of the scenario. */
      step: number
      fromMs: number
      toMs: number
      /** From the end of the turn to the first sound after it, in the caller's own audio; null when nothing followed. */
      latencyMs: number | null
      /** From the beginning of an interruption to the end of the prompt; null when nothing was interrupted. */
      interruptMs: number | null
    }> &
      (
        | Readonly<{ kind: 'speech'; text: string; heard: string | null; confidence: number | null; words: WordErrors }>
        | Readonly<{ kind: 'keys'; keys: string }>
        | Readonly<{ kind: 'silence' | 'hangUp' }>
      ))

export type CallerTurn = Extract<Turn, { who: 'caller' }>

/** Times of several turns; null where none was measured. */
export type Latency = Readonly<{ medianMs: number | null; maxMs: number | null; turns: number }>

export type Score = Readonly<{
  /** All goals were reached and no limit was passed. */
  isSuccess: boolean
  goals: Readonly<{ met: number; of: number }>
  /** Turns of the caller. */
  turns: number
  latency: Latency
  interrupt: Latency
  words: WordErrors & Readonly<{ rate: number | null }>
  durationMs: number
}>

/** Why a call failed; the path is from the scenario. */
export type Failure = Readonly<{ path: readonly (string | number)[]; message: string }>

export type CallReport = Readonly<{
  name: string
  /** The call's story; null when there was no call. */
  callId: string | null
  hearing: 'words' | 'sound'
  /** Nodes in order; those of subflows as flow/node. */
  path: readonly string[]
  endReason: string | null
  turns: readonly Turn[]
  score: Score
  failures: readonly Failure[]
}>

/** What came of all calls of a file. */
export type SimulationReport = Readonly<{ isSuccess: boolean; calls: readonly CallReport[] }>
