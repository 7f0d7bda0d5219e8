import type { TSchema } from 'typebox'
import { readDocument } from '../check/document.ts'
import { checkStructure } from '../check/structure.ts'
import type { Finding, Path, Problem } from '../problem.ts'

/** A file of a known shape; `value` is null when there are problems. */
export type CheckedFile<Value> = Readonly<{
  value: Value | null
  problems: readonly Problem[]
  /** The place of a value in the text. */
  locate(path: Path): Readonly<{ line: number; column: number }>
}>

/** Reads YAML or JSON of a shape. `misplaced` finds what the shape alone does not tell. */
export function readChecked<Value>(
  source: string,
  schema: TSchema,
  misplaced: (value: Value) => readonly Finding[] = () => []
): CheckedFile<Value> {
  const document = readDocument(source)
  const findings = document.problems.length > 0 ? [] : checkStructure(schema, document.value).findings
  const isShaped = document.problems.length === 0 && findings.length === 0
  const more = isShaped ? misplaced(document.value as Value) : []
  const problems = [...document.problems, ...[...findings, ...more].map(document.locate)]
  return {
    value: problems.length === 0 ? (document.value as Value) : null,
    problems,
    locate: path => document.locate({ code: 'WRONG_VALUE', message: '', path })
  }
}
