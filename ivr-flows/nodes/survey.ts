import { type Static, Type } from 'typebox'
import { isRecord, type Json, own } from '../json.ts'
import { branchExit, failedExit, type Move, type NodeBehaviour, type NodeContext, nextExit } from '../node-kind.ts'
import { asking, byKey, closed, common, Failed, NAME_PATTERN, Next, Prompts } from '../parts.ts'
import { ask, judgeKeys, oneKeyQuestion, type Question } from './asking.ts'

const SurveyQuestion = Type.Object(
  {
    id: Type.String({ pattern: NAME_PATTERN, description: 'The name that answers are kept under' }),
    prompt: Prompts,
    answers: byKey(Type.String({ minLength: 1, maxLength: 100 }), 'The answer that each key stands for')
  },
  closed
)

export const SurveyNode = Type.Object(
  {
    kind: Type.Literal('survey'),
    ...common,
    questions: Type.Array(SurveyQuestion, { minItems: 1, maxItems: 20 }),
    ...asking,
    next: Next,
    failed: Failed
  },
  { ...closed, description: 'Asks questions that one key answers, and keeps the answers' }
)
export type SurveyNode = Static<typeof SurveyNode>

export const survey: NodeBehaviour<SurveyNode> = {
  exits: node => [
    nextExit(node.next),
    // Nobody has to answer: a caller who stays silent goes on as if the survey were over.
    branchExit('noInput', node.noInput, 'next', false),
    branchExit('noMatch', node.noMatch, 'next', false),
    failedExit(node.failed)
  ],
  enter: (context, node) => askFor(context, node, 0),
  resume: (context, node, answer, memory) => {
    const index = indexIn(memory)
    const current = node.questions[index]
    return judgeKeys<string>(
      context,
      question(node, index),
      answer,
      memory,
      digits => {
        const value = own(current?.answers, digits)
        return value === undefined ? { kind: 'noMatch' } : { kind: 'match', value }
      },
      value => {
        const tells = [{ kind: 'survey' as const, question: current?.id ?? '', answer: value }]
        const detail = { answered: index + 1 }
        return index + 1 < node.questions.length
          ? { ...askFor({ ...context, pendingDigit: null }, node, index + 1), tells }
          : { kind: 'go', exit: 'next', detail, tells, changes: { result: value } }
      }
    )
  }
}

function askFor(context: NodeContext, node: SurveyNode, index: number): Extract<Move, { kind: 'ask' }> {
  return ask(context, question(node, index), { index })
}

function question(node: SurveyNode, index: number): Question {
  return oneKeyQuestion(node, context => {
    const current = node.questions[index]
    return current === undefined ? [] : context.prompts(current.prompt)
  })
}

function indexIn(memory: Json): number {
  const index = isRecord(memory) ? memory['index'] : 0
  return typeof index === 'number' ? index : 0
}
