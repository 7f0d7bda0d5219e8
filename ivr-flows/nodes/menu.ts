import { type Static, Type } from 'typebox'
import { own } from '../json.ts'
import { askingExits, type Exit, type NodeBehaviour } from '../node-kind.ts'
import { asking, byKey, closed, common, Failed, Prompts, target } from '../parts.ts'
import { ask, judgeKeys, oneKeyQuestion, type Question } from './asking.ts'

export const MenuNode = Type.Object(
  {
    kind: Type.Literal('menu'),
    ...common,
    prompt: Prompts,
    choices: byKey(target('The node for this key'), 'The node for each key'),
    ...asking,
    failed: Failed
  },
  { ...closed, description: 'Lets the caller choose by one key' }
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
      })
    )
}

function question(node: MenuNode): Question {
  return oneKeyQuestion(node, context => context.prompts(node.prompt))
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
