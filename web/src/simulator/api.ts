/** Scripted calls that are kept for a flow. */
export type KeptScenario = Readonly<{ name: string; source: string }>

/** Times of several turns in milliseconds; null where none was measured. */
type Times = Readonly<{ medianMs: number | null; maxMs: number | null; turns: number }>

/** One turn, as the server's server/simulator/report.ts describes it; times are milliseconds since the answer. */
export type Turn =
  | Readonly<{ who: 'flow'; fromMs: number; toMs: number; text: string; wasCut: boolean }>
  | (Readonly<{ who: 'caller'; fromMs: number; toMs: number; latencyMs: number | null; interruptMs: number | null }> &
      (
        | Readonly<{ kind: 'speech'; text: string; heard: string | null }>
        | Readonly<{ kind: 'keys'; keys: string }>
        | Readonly<{ kind: 'silence' | 'hangUp' }>
      ))

export type SimulatedCall = Readonly<{
  name: string
  /** Null when there was no call. */
  callId: string | null
  hearing: 'words' | 'sound'
  turns: readonly Turn[]
  score: Readonly<{
    isSuccess: boolean
    goals: Readonly<{ met: number; of: number }>
    turns: number
    latency: Times
    interrupt: Times
    words: Readonly<{ wrong: number; of: number }>
    durationMs: number
  }>
  failures: readonly Readonly<{ path: readonly (string | number)[]; message: string }>[]
}>

/** `GET /simulations/:id`. */
export type Simulation = Readonly<{
  id: string
  state: 'running' | 'ended' | 'lost'
  report: Readonly<{ isSuccess: boolean; calls: readonly SimulatedCall[] }>
  running: Readonly<{ name: string; turns: readonly Turn[] }> | null
}>

/** `POST /calls/:id/scenario`. */
export type MadeScenario = Readonly<{ flowId: string; name: string; source: string; notes: number }>

/** What a new script begins with. */
export const TEMPLATE = `calls:
  - name: A caller presses 1
    language: en
    steps:
      - press: '1'
    expect:
      end: hangup
    limits: { latencyMs: 3000 }
`
