import { type Static, Type } from 'typebox'
import { own } from '../json.ts'
import { askingExits, type Exit, type Move, type NodeBehaviour, type NodeContext, nextExit } from '../node-kind.ts'
import { asking, byKey, closed, common, Failed, LanguageTag, Next, ONE_OF, Prompts } from '../parts.ts'
import { ask, judgeKeys, oneKeyQuestion, type Question } from './asking.ts'

export const LanguageNode = Type.Object(
  {
    kind: Type.Literal('language'),
    ...common,
    fixed: Type.Optional(LanguageTag),
    byNumber: Type.Optional(
      Type.Record(Type.String({ pattern: '^\\+[0-9]{1,14}$' }), LanguageTag, {
        ...closed,
        minProperties: 1,
        description: 'Language by the beginning of the caller’s number, such as "+49"; the longest one counts'
      })
    ),
    choices: Type.Optional(
      byKey(
        Type.Object(
          { language: LanguageTag, prompt: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })) },
          { ...closed, description: 'The language for this key, and the sentence that offers it in that language' }
        ),
        'Languages by key; each is offered in itself'
      )
    ),
    prompt: Type.Optional(Prompts),
    ...asking,
    next: Next,
    failed: Failed
  },
  {
    ...closed,
    description: 'Settles the language of the call: fixed, by the caller’s number, or by a key',
    [ONE_OF]: ['fixed', 'byNumber', 'choices']
  }
)
export type LanguageNode = Static<typeof LanguageNode>

export const language: NodeBehaviour<LanguageNode> = {
  exits: node => (node.choices === undefined ? [nextExit(node.next)] : [chosenExit(node), ...askingExits(node)]),
  enter: (context, node) => {
    if (node.fixed !== undefined) return settled(node.fixed)
    if (node.byNumber !== undefined) return byCallerNumber(context, node.byNumber)
    return ask(context, question(node))
  },
  resume: (context, node, answer, memory) =>
    judgeKeys<string>(
      context,
      question(node),
      answer,
      memory,
      digits => {
        const choice = own(node.choices, digits)
        return choice === undefined ? { kind: 'noMatch' } : { kind: 'match', value: choice.language }
      },
      settled
    )
}

function settled(tag: string): Move {
  return { kind: 'go', exit: 'next', detail: { language: tag }, changes: { language: tag, result: tag } }
}

function byCallerNumber(context: NodeContext, byNumber: Readonly<Record<string, string>>): Move {
  const number = context.scope.call.callerNumber
  const prefix = Object.keys(byNumber)
    .filter(one => number.startsWith(one))
    .sort((one, other) => other.length - one.length)[0]
  const tag = prefix === undefined ? undefined : byNumber[prefix]
  // An unknown or hidden number says nothing about the caller's language: the call keeps the one it has.
  return tag === undefined ? { kind: 'go', exit: 'next', detail: { language: context.language } } : settled(tag)
}

function question(node: LanguageNode): Question {
  return oneKeyQuestion(node, context => [
    ...(node.prompt === undefined ? [] : context.prompts(node.prompt)),
    ...Object.values(node.choices ?? {}).flatMap(choice =>
      choice.prompt === undefined ? [] : context.prompts({ text: choice.prompt, language: choice.language })
    )
  ])
}

function chosenExit(node: LanguageNode): Exit {
  return { ...nextExit(node.next), isInput: true }
}
