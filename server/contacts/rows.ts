/** One line of a table: where it stands in the file, counted from 1, and its cells as text. */
export type Row = Readonly<{ line: number; cells: readonly string[] }>
