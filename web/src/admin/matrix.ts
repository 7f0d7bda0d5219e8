/** Agents with their skills (0 to 5) and languages (CEFR levels), as `GET /agents` gives them. */
export type MatrixAgent = Readonly<{
  id: string
  name: string
  skills: readonly Readonly<{ skill: string; level: number }>[]
  languages: readonly Readonly<{ language: string; level: string }>[]
}>

export type MatrixColumn = Readonly<{ kind: 'skill' | 'language'; name: string }>

/** Cells that were changed and not saved yet: agent → column → text. */
export type Edits = Readonly<Record<string, Readonly<Record<string, string>>>>

const LEVEL = /^(A1|A2|B1|B2|C1|C2)$/

export function columnKey({ kind, name }: MatrixColumn): string {
  return `${kind} ${name}`
}

export function storedCell(agent: MatrixAgent, column: MatrixColumn): string {
  return column.kind === 'skill'
    ? String(agent.skills.find(one => one.skill === column.name)?.level ?? '')
    : (agent.languages.find(one => one.language === column.name)?.level ?? '')
}

export function cellOf(agent: MatrixAgent, column: MatrixColumn, edits: Edits): string {
  return edits[agent.id]?.[columnKey(column)] ?? storedCell(agent, column)
}

/** What a person typed or pasted, as it is kept: `0` and `-` mean none. Null when it is no level. */
export function toCell(column: MatrixColumn, typed: string): string | null {
  const text = typed.trim().normalize('NFKC').toUpperCase()
  if (text === '' || text === '0' || text === '-') return ''
  if (column.kind === 'skill') return /^[1-5]$/.test(text) ? text : null
  return LEVEL.test(text) ? text : null
}

/** Puts a cell; a cell that is as stored is no edit. */
export function withCell(edits: Edits, agent: MatrixAgent, column: MatrixColumn, text: string): Edits {
  const { [columnKey(column)]: _, ...others } = edits[agent.id] ?? {}
  const own = text === storedCell(agent, column) ? others : { ...others, [columnKey(column)]: text }
  const { [agent.id]: __, ...rest } = edits
  return Object.keys(own).length === 0 ? rest : { ...rest, [agent.id]: own }
}

/**
 * Puts a block of a spreadsheet (tabs and line ends) with its upper left corner at a cell. What lies outside the matrix
 * is left out; `wrong` lists the texts that are no levels, which change nothing.
 */
export function pasteBlock(
  edits: Edits,
  text: string,
  agents: readonly MatrixAgent[],
  columns: readonly MatrixColumn[],
  at: Readonly<{ row: number; column: number }>
): Readonly<{ edits: Edits; wrong: readonly string[] }> {
  const wrong: string[] = []
  let pasted = edits
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/)
  for (const [down, line] of lines.entries())
    for (const [across, typed] of line.split('\t').entries()) {
      const agent = agents[at.row + down]
      const column = columns[at.column + across]
      if (agent === undefined || column === undefined) continue
      const cell = toCell(column, typed)
      if (cell === null) wrong.push(typed)
      else pasted = withCell(pasted, agent, column, cell)
    }
  return { edits: pasted, wrong }
}

/** All skills of an agent after the edits, as `PUT /agents/:id/skills` takes them. */
export function skillsAfter(agent: MatrixAgent, columns: readonly MatrixColumn[], edits: Edits) {
  return columns.flatMap(column => {
    const cell = cellOf(agent, column, edits)
    return column.kind === 'skill' && cell !== '' ? [{ skill: column.name, level: Number(cell) }] : []
  })
}

/** All languages of an agent after the edits, as `PUT /agents/:id/languages` takes them. */
export function languagesAfter(agent: MatrixAgent, columns: readonly MatrixColumn[], edits: Edits) {
  return columns.flatMap(column => {
    const cell = cellOf(agent, column, edits)
    return column.kind === 'language' && cell !== '' ? [{ language: column.name, level: cell }] : []
  })
}

/** Which of the two lists of an agent the edits touch. */
export function touches(edits: Edits, agentId: string, kind: MatrixColumn['kind']): boolean {
  return Object.keys(edits[agentId] ?? {}).some(key => key.startsWith(`${kind} `))
}
