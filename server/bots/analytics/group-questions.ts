/** A question without an answer: its words in their normal form. */
export type OpenQuestion = Readonly<{
  id: string
  language: string
  question: string
  words: readonly string[]
  askedAt: Date
}>

/** Questions that ask for the same: one article would answer them. */
export type QuestionGroup = Readonly<{
  language: string
  /** The one that shares the most with the others. */
  example: string
  /** Words that most of them hold. */
  words: readonly string[]
  ids: readonly string[]
  lastAskedAt: Date
}>

/** So much of their words two questions share that ask for the same. */
const LEAST_SHARED = 0.4

/** Groups questions of one language by their words, the largest group first. Pure. */
export function groupQuestions(questions: readonly OpenQuestion[]): readonly QuestionGroup[] {
  const groups: OpenQuestion[][] = []
  for (const question of questions) {
    const fitting = groups
      .map(group => ({ group, likeness: likenessTo(question, group) }))
      .filter(one => one.likeness >= LEAST_SHARED)
      .sort((one, other) => other.likeness - one.likeness)[0]
    if (fitting === undefined) groups.push([question])
    else fitting.group.push(question)
  }
  return groups
    .map(toGroup)
    .sort((one, other) => other.ids.length - one.ids.length || other.lastAskedAt.getTime() - one.lastAskedAt.getTime())
}

function likenessTo(question: OpenQuestion, group: readonly OpenQuestion[]): number {
  if (group[0]?.language !== question.language) return 0
  return group.reduce((sum, other) => sum + shared(question.words, other.words), 0) / group.length
}

function shared(one: readonly string[], other: readonly string[]): number {
  const all = new Set([...one, ...other])
  return all.size === 0 ? 0 : one.filter(word => other.includes(word)).length / all.size
}

function toGroup(group: readonly OpenQuestion[]): QuestionGroup {
  const ranked = [...group].sort((one, other) => likenessTo(other, group) - likenessTo(one, group))
  const counts = new Map<string, number>()
  for (const { words } of group) for (const word of new Set(words)) counts.set(word, (counts.get(word) ?? 0) + 1)
  return {
    language: group[0]?.language ?? '',
    example: ranked[0]?.question ?? '',
    words: [...counts].filter(([, count]) => count * 2 > group.length).map(([word]) => word),
    ids: group.map(one => one.id),
    lastAskedAt: new Date(Math.max(...group.map(one => one.askedAt.getTime())))
  }
}
