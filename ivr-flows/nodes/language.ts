import { type Static, Type } from 'typebox'
import { type JsonObject, own } from '../json.ts'
import {
  askingExits,
  type Changes,
  type Exit,
  type Move,
  type NodeBehaviour,
  type NodeContext,
  nextExit
} from '../node-kind.ts'
import { asking, byKey, closed, common, Failed, LanguageTag, Next, ONE_OF, Prompts } from '../parts.ts'
import { samePhrase } from '../phrases.ts'
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
          {
            language: LanguageTag,
            prompt: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
            say: Type.Optional(
              Type.Array(Type.String({ minLength: 1, maxLength: 80 }), {
                minItems: 1,
                maxItems: 20,
                description: 'What may be said in that language instead of pressing the key'
              })
            )
          },
          { ...closed, description: 'The language for this key, and the sentence that offers it in that language' }
        ),
        'Languages by key; each is offered in itself'
      )
    ),
    prompt: Type.Optional(Prompts),
    remember: Type.Optional(
      Type.Boolean({
        description:
          'Whether the choice is kept for the next call from the same number, which then is not asked (default false)'
      })
    ),
    ...asking,
    next: Next,
    failed: Failed
  },
  {
    ...closed,
    description: 'Settles the language of the call: fixed, by the caller’s number, by a key or by voice',
    [ONE_OF]: ['fixed', 'byNumber', 'choices']
  }
)
export type LanguageNode = Static<typeof LanguageNode>

export const language: NodeBehaviour<LanguageNode> = {
  exits: node => (node.choices === undefined ? [nextExit(node.next)] : [chosenExit(node), ...askingExits(node)]),
  enter: (context, node) => {
    if (node.fixed !== undefined) return settled(node.fixed)
    if (node.byNumber !== undefined) return byCallerNumber(context, node.byNumber)
    const kept = keptChoice(context, node)
    if (kept !== null) return settled(kept, { by: 'earlierCall' }, { preferredLanguage: null })
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
      tag => chosen(node, tag, {}),
      (phrase, confidence) => {
        const choice = Object.values(node.choices ?? {}).find(one => one.say?.some(each => samePhrase(each, phrase)))
        if (choice === undefined) return null
        return chosen(node, choice.language, { by: 'speech', confidence: Math.round(confidence * 100) / 100 })
      }
    )
}

function settled(tag: string, detail: JsonObject = {}, changes: Changes = {}): Move {
  return {
    kind: 'go',
    exit: 'next',
    detail: { language: tag, ...detail },
    changes: { ...changes, language: tag, result: tag }
  }
}

/** The caller's own choice, which may be kept for the next call. */
function chosen(node: LanguageNode, tag: string, detail: JsonObject): Move {
  const move = settled(tag, detail, { preferredLanguage: null })
  return node.remember === true && move.kind === 'go'
    ? { ...move, tells: [{ kind: 'preferLanguage', language: tag }] }
    : move
}

/** What the caller chose in an earlier call, as far as it is offered here. */
function keptChoice({ preferredLanguage }: NodeContext, node: LanguageNode): string | null {
  if (node.remember !== true || preferredLanguage === null) return null
  return Object.values(node.choices ?? {}).find(one => one.language === preferredLanguage)?.language ?? null
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
  const spoken = Object.values(node.choices ?? {}).flatMap(({ language, say }) =>
    say === undefined ? [] : [{ language, phrases: say }]
  )
  const asked = oneKeyQuestion(node, context => [
    ...(node.prompt === undefined ? [] : context.prompts(node.prompt)),
    ...Object.values(node.choices ?? {}).flatMap(choice =>
      choice.prompt === undefined ? [] : context.prompts({ text: choice.prompt, language: choice.language })
    )
  ])
  return spoken.length === 0 ? asked : { ...asked, languages: spoken }
}

function chosenExit(node: LanguageNode): Exit {
  return { ...nextExit(node.next), isInput: true }
}
