import { readDocument } from './check/document.ts'
import { checkMeaning } from './check/meaning.ts'
import { checkStructure } from './check/structure.ts'
import type { Flow } from './flow.ts'
import type { Problem } from './problem.ts'
import { flowSchema } from './schema.ts'

export type { Flow } from './flow.ts'
export type { Problem } from './problem.ts'

export type ParseOptions = Readonly<{
  /** The file's name, for whoever prints problems. */
  file?: string
  /** What exists around the flow. What is not given is not checked. */
  known?: Readonly<{
    flows?: readonly string[]
    queues?: readonly string[]
    /** Places whose law wants some calls recorded. */
    mustRecord?: readonly string[]
  }>
}>

/** `flow` is null exactly when a problem is an error. Problems are in the order of the text. */
export type ParsedFlow = Readonly<{ flow: Flow | null; problems: readonly Problem[] }>

/**
 * Reads a flow written in YAML or JSON and checks it. Reports all problems at once and never throws, whatever the text.
 */
export function parseFlow(source: string, options: ParseOptions = {}): ParsedFlow {
  const document = readDocument(source)
  if (document.problems.some(problem => problem.severity === 'error') && document.value === undefined) {
    return { flow: null, problems: sorted(document.problems) }
  }
  const { value } = document
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const problem = document.locate({
      code: 'NOT_A_FLOW',
      message: 'The document is not a flow',
      path: [],
      suggestion: 'A flow is an object with id, name, languages, defaultLanguage, start and nodes.'
    })
    return { flow: null, problems: [...document.problems, problem] }
  }
  const { findings, roles } = checkStructure(flowSchema, value)
  findings.push(...checkMeaning(value as Record<string, unknown>, roles, findings, options))
  const problems = sorted([...document.problems, ...findings.map(document.locate)])
  const isValid = problems.every(problem => problem.severity !== 'error')
  return { flow: isValid ? deepFreeze(value as Flow) : null, problems }
}

function sorted(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted((one, other) => one.line - other.line || one.column - other.column)
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const inner of Object.values(value)) deepFreeze(inner)
  return value
}
