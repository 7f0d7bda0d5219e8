/** A flow as nodes and edges, in the order of the document; the server's ivr-flows/graph.ts says what each means. */
export type FlowGraph = Readonly<{
  flowId: string
  start: string
  nodes: readonly Readonly<{ name: string; kind: string; rank: number | null; isStart: boolean; note?: string }>[]
  edges: readonly Readonly<{
    from: string
    to: string
    exit: string
    via: 'own' | 'exit' | 'onFailure'
    isFailure: boolean
  }>[]
  ends: readonly Readonly<{ node: string; exit: string }>[]
}>

type PropertyChange = Readonly<{ path: string; before: unknown; after: unknown }>

/** What differs between two versions, by meaning; the server's ivr-flows/compare.ts makes it. */
export type FlowComparison = Readonly<{
  isSame: boolean
  flow: readonly PropertyChange[]
  added: readonly Readonly<{ node: string; kind: string }>[]
  removed: readonly Readonly<{ node: string; kind: string }>[]
  renamed: readonly Readonly<{ before: string; after: string }>[]
  changed: readonly Readonly<{ node: string; kind: string; properties: readonly PropertyChange[] }>[]
  rewired: readonly Readonly<{ node: string; exit: string; before: string | null; after: string | null }>[]
  texts: readonly Readonly<{
    node: string
    path: string
    language: string
    before: string | null
    after: string | null
  }>[]
}>

/** A flow, as `GET /flows/:id` gives one. */
export type FlowSummary = Readonly<{
  id: string
  name: string
  description: string
  publishedVersion: number | null
  latestVersion: number
}>

/** What is wrong and where; lines and columns count from 1. */
export type FlowProblem = Readonly<{
  code: string
  message: string
  severity: 'error' | 'warning'
  line: number
  column: number
  suggestion?: string
}>

/** `POST /flows/check`; no graph while there are errors. */
export type FlowCheck = Readonly<{ isValid: boolean; problems: readonly FlowProblem[]; graph: FlowGraph | null }>

/** One entry of `GET /flows/:id/versions`. */
export type FlowVersion = Readonly<{ version: number; note: string; createdAt: string }>

/** The problem with the error before the warning, each in the order of the text. */
export function errorsFirst(problems: readonly FlowProblem[]): readonly FlowProblem[] {
  const rank = (problem: FlowProblem) => (problem.severity === 'error' ? 0 : 1)
  return problems.toSorted((one, other) => rank(one) - rank(other) || one.line - other.line)
}

/** The word that a suggestion such as `Did you mean "refund"?` proposes; null when it proposes none. */
export function proposedWord(problem: FlowProblem): string | null {
  return /^Did you mean ["“'`]?([\w.-]+)["”'`]?\?/.exec(problem.suggestion ?? '')?.[1] ?? null
}
