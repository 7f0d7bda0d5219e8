import { type RawBuilder, sql } from 'kysely'

/** Separators that hardly any text holds: the unit and the record separator of ASCII. */
const BETWEEN = '\u001f'
const NULL = '\u001e'

/**
 * A list of values as `text[]`. One text that the database splits costs a tenth of an array, which drivers escape value by
 * value; where a value holds a separator, or all there is is one empty text, it is an array after all.
 */
export function texts(values: readonly (string | number | boolean | null)[]): RawBuilder<string[]> {
  const joined = values.map(one => one ?? NULL).join(BETWEEN)
  const isPlain = values.every(one => typeof one !== 'string' || !(one.includes(BETWEEN) || one.includes(NULL)))
  return isPlain && joined !== ''
    ? sql<string[]>`string_to_array(${joined}::text, ${BETWEEN}, ${NULL})`
    : sql<string[]>`${values.map(one => (one === null ? null : String(one)))}::text[]`
}
