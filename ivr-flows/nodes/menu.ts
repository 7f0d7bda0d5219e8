import { type Static, Type } from 'typebox'
import { own } from '../json.ts'
import { askingExits, type Exit, type NodeBehaviour, type NodeContext } from '../node-kind.ts'
import { asking, byKey, closed, common, Failed, Phrases, Prompts, target } from '../parts.ts'
import { phrasesIn, saidIn } from '../phrases.ts'
import { ask, judgeKeys, oneKeyQuestion, type Question } from './asking.ts'

export const MenuNode = Type.Object(
  {
    kind: Type.Literal('menu'),
    ...common,
    prompt: Prompts,
    choices: byKey(target('The node for this key'), 'The node for each key'),
    say: Type.Optional(byKey(Phrases, 'What the caller may say instead of pressing each key')),
    ...asking,
    failed: Failed
  },
  { ...closed, description: 'Lets the caller choose by one key, or by saying a phrase' }
)
export type MenuNode = Static<typeof MenuNode>

export const menu: NodeBehaviour<MenuNode> = {
  exits: node => [...choiceExits(node), ...askingExits(node)],
  enter: (context, node) => ask(context, question(node)),
  resume: (context, node, answer, memory) =>
    judgeKeys<string>(
      context,
      question(node),
      answer,
      memory,
      digits => (own(node.choices, digits) === undefined ? { kind: 'noMatch' } : { kind: 'match', value: digits }),
      (key, attempt) => ({
        kind: 'go',
        exit: `key ${key}`,
        detail: { key, attempts: attempt },
        changes: { result: key }
      }),
      (phrase, confidence, attempt) => {
        const key = keyOf(context, node, phrase)
        if (key === null) return null
        const detail = { key, attempts: attempt, by: 'speech', confidence: Math.round(confidence * 100) / 100 }
        return { kind: 'go', exit: `key ${key}`, detail, changes: { result: key } }
      }
    )
}

/** The key whose phrase was said; null when the phrase is nobody's. */
function keyOf(context: NodeContext, node: MenuNode, phrase: string): string | null {
  for (const [key, phrases] of Object.entries(node.say ?? {}))
    if (own(node.choices, key) !== undefined && saidIn(context, phrases, phrase)) return key
  return null
}

function question(node: MenuNode): Question {
  return {
    ...oneKeyQuestion(node, context => context.prompts(node.prompt)),
    phrases: context => Object.values(node.say ?? {}).flatMap(one => phrasesIn(context, one))
  }
}

function choiceExits(node: MenuNode): readonly Exit[] {
  return Object.entries(node.choices).map(([key, choice]) => ({
    name: `key ${key}`,
    target: choice,
    path: ['choices', key],
    isInput: true,
    isFailure: false,
    otherwise: { kind: 'end' }
  }))
}
