import { type Static, Type } from 'typebox'
import { QualityError } from './errors.ts'

const Id = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$' })

export const QuestionSchema = Type.Object(
  {
    id: Id,
    text: Type.String({ minLength: 1, maxLength: 300 }),
    help: Type.Optional(Type.String({ maxLength: 1000 })),
    weight: Type.Number({ minimum: 0, maximum: 100 }),
    /** The worst answer to it fails the whole call, whatever the total. */
    isCritical: Type.Optional(Type.Boolean()),
    /** Its answers have an order, so that two neighbours disagree less than the two ends. */
    isOrdinal: Type.Optional(Type.Boolean()),
    allowsNotApplicable: Type.Optional(Type.Boolean()),
    options: Type.Array(
      Type.Object(
        {
          value: Id,
          label: Type.String({ minLength: 1, maxLength: 100 }),
          points: Type.Number({ minimum: 0, maximum: 100 })
        },
        { additionalProperties: false }
      ),
      { minItems: 2, maxItems: 11 }
    )
  },
  { additionalProperties: false }
)

export const ScorecardSchema = Type.Object(
  {
    passPercent: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })),
    sections: Type.Array(
      Type.Object(
        {
          title: Type.String({ minLength: 1, maxLength: 100 }),
          questions: Type.Array(QuestionSchema, { minItems: 1, maxItems: 50 })
        },
        { additionalProperties: false }
      ),
      { minItems: 1, maxItems: 20 }
    )
  },
  { additionalProperties: false }
)

export type Scorecard = Static<typeof ScorecardSchema>
export type Question = Static<typeof QuestionSchema>

export const NOT_APPLICABLE = 'notApplicable'

const Moment = Type.Integer({ minimum: 0, maximum: 2_000_000_000 })

/** An answer, and where in the call it shows; or that nothing in the call shows it. */
export const AnswerSchema = Type.Object(
  {
    value: Type.String({ maxLength: 40 }),
    evidence: Type.Optional(
      Type.Array(Type.Object({ fromMs: Moment, toMs: Moment }, { additionalProperties: false }), { maxItems: 20 })
    ),
    isNotEvidenced: Type.Optional(Type.Boolean()),
    note: Type.Optional(Type.String({ maxLength: 1000 }))
  },
  { additionalProperties: false }
)
export const AnswersSchema = Type.Record(Type.String({ maxLength: 40 }), AnswerSchema)
export type Answer = Static<typeof AnswerSchema>
export type Answers = Readonly<Record<string, Answer>>

export function questionsOf(scorecard: Scorecard): readonly Question[] {
  return scorecard.sections.flatMap(section => section.questions)
}

/** What a schema cannot say. Throws QualityError SCORECARD_INVALID with every place. */
export function checkScorecard(scorecard: Scorecard): void {
  const problems: { at: string; message: string }[] = []
  const ids = new Set<string>()
  for (const [section, { questions }] of scorecard.sections.entries())
    for (const [index, question] of questions.entries()) {
      const at = `/sections/${section}/questions/${index}`
      if (ids.has(question.id)) problems.push({ at: `${at}/id`, message: 'is used twice' })
      ids.add(question.id)
      const values = question.options.map(option => option.value)
      if (new Set(values).size < values.length)
        problems.push({ at: `${at}/options`, message: 'two answers have the same value' })
      if (values.includes(NOT_APPLICABLE))
        problems.push({ at: `${at}/options`, message: `${NOT_APPLICABLE} is not an answer of your own` })
      if (new Set(question.options.map(option => option.points)).size < 2)
        problems.push({ at: `${at}/options`, message: 'all answers give the same points' })
    }
  if (questionsOf(scorecard).every(question => question.weight === 0))
    problems.push({ at: '/sections', message: 'no question has a weight' })
  if (problems.length > 0)
    throw new QualityError('SCORECARD_INVALID', problems.map(one => `${one.at} ${one.message}`).join('; '), {
      problems
    })
}

export type Score = Readonly<{
  /** 0 to 100 over the questions that apply; null while none is answered. */
  percent: number | null
  /** Critical questions that were failed. */
  critical: readonly string[]
  isPassed: boolean | null
}>

/** Weighted share of the points that were to be had. A failed critical question leaves the percentage and fails the call. */
export function scoreOf(scorecard: Scorecard, answers: Answers): Score {
  let weight = 0
  let reached = 0
  const critical: string[] = []
  for (const question of questionsOf(scorecard)) {
    const chosen = question.options.find(option => option.value === answers[question.id]?.value)
    if (chosen === undefined) continue
    const points = question.options.map(option => option.points)
    weight += question.weight
    reached += (question.weight * chosen.points) / Math.max(...points)
    if (question.isCritical === true && chosen.points === Math.min(...points)) critical.push(question.id)
  }
  const percent = weight === 0 ? null : Math.round((reached / weight) * 1_000) / 10
  const { passPercent } = scorecard
  const isPassed =
    critical.length > 0 ? false : passPercent === undefined || percent === null ? null : percent >= passPercent
  return { percent, critical, isPassed }
}

/** What keeps a review from being submitted: each question has an answer, and each answer its place in the call or none. */
export function missingOf(
  scorecard: Scorecard,
  answers: Answers
): readonly Readonly<{ at: string; message: string }>[] {
  const problems: { at: string; message: string }[] = []
  const known = new Map(questionsOf(scorecard).map(question => [question.id, question]))
  for (const id of Object.keys(answers))
    if (!known.has(id)) problems.push({ at: `/answers/${id}`, message: 'is no question of this scorecard' })
  for (const question of known.values()) {
    const at = `/answers/${question.id}`
    const answer = answers[question.id]
    if (answer === undefined) {
      problems.push({ at, message: 'has no answer' })
      continue
    }
    if (answer.value === NOT_APPLICABLE) {
      if (question.allowsNotApplicable !== true) problems.push({ at, message: 'always applies' })
      continue
    }
    if (!question.options.some(option => option.value === answer.value))
      problems.push({ at, message: 'is answered with something that it does not offer' })
    const evidence = answer.evidence ?? []
    if (evidence.some(span => span.toMs < span.fromMs))
      problems.push({ at, message: 'has evidence that ends before it begins' })
    if ((evidence.length === 0) !== (answer.isNotEvidenced === true))
      problems.push({ at, message: 'cites a place in the call, or says that it is not evidenced' })
  }
  return problems
}
