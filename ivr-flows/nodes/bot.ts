import { type Static, Type } from 'typebox'
import type { BotOptions, BotTool, SpeechRegister } from '../host.ts'
import type { JsonObject } from '../json.ts'
import { closest, languageChain } from '../languages.ts'
import {
  branchExit,
  type Exit,
  type Move,
  type NodeBehaviour,
  type NodeContext,
  unexpectedAnswer
} from '../node-kind.ts'
import { closed, common, Name, Prompts, target, template } from '../parts.ts'
import { fillText } from '../template.ts'

/** Languages in which a host can say by itself that it is no human. */
export const DISCLOSED_LANGUAGES = ['en', 'es', 'de', 'zh', 'ar', 'ja'] as const

/** Languages that address a customer otherwise than a friend, with rules for it here. */
export const REGISTER_LANGUAGES = ['de', 'es', 'zh', 'ja'] as const

const LANGUAGE = '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$'
const PARAMETER = '^[A-Za-z][A-Za-z0-9_]{0,39}$'

const byLanguage = (description: string, maxLength: number) =>
  Type.Record(Type.String({ pattern: LANGUAGE }), Type.String({ minLength: 1, maxLength }), {
    ...closed,
    minProperties: 1,
    description
  })

const wordsByLanguage = (description: string) =>
  Type.Record(
    Type.String({ pattern: LANGUAGE }),
    Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { minItems: 1, maxItems: 200 }),
    { ...closed, description }
  )

const Tool = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z][a-z0-9_]{0,39}$', description: 'A name for the model, such as order_status' }),
    description: Type.String({ minLength: 1, maxLength: 500, description: 'What it does and when to use it' }),
    parameters: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'What the model may give: a JSON schema of an object whose properties are texts, numbers or yes/no'
      })
    ),
    facts: Type.Optional(
      Type.Record(Type.String({ pattern: PARAMETER }), template('A value of this call'), {
        description:
          'Values that the flow knows, such as the caller’s number: no model and no caller can give or see them'
      })
    ),
    proven: Type.Optional(
      Type.Record(Type.String({ pattern: PARAMETER }), Name, {
        description: 'Parameters that must be a value which an earlier answer of this call has proved: name and kind'
      })
    ),
    proves: Type.Optional(
      Type.Record(Name, Type.String({ minLength: 1, maxLength: 200 }), {
        description: 'Values of the answer that belong to this caller: kind and path, such as orders.*.id'
      })
    ),
    method: Type.Optional(Type.Enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'], { description: 'Default GET' })),
    url: Type.String({
      pattern: '^https?://[^/{}?#]+(/.*)?$',
      maxLength: 1_000,
      description: 'Its address; {name} stands for a parameter or a fact, in path or query'
    }),
    headers: Type.Optional(
      Type.Record(Type.String({ pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$" }), template('A header’s value'))
    ),
    timeoutMs: Type.Optional(Type.Integer({ minimum: 200, maximum: 15_000, description: 'Default 4000' })),
    changes: Type.Optional(
      Type.Boolean({ description: 'Whether it changes anything: the caller must then agree each time (default false)' })
    ),
    confirm: Type.Optional(byLanguage('What the caller is asked before; {name} stands for a parameter', 300))
  },
  { ...closed, description: 'An HTTP call that the bot may make' }
)

const integer = (minimum: number, maximum: number, description: string) =>
  Type.Optional(Type.Integer({ minimum, maximum, description }))

export const BotNode = Type.Object(
  {
    kind: Type.Literal('bot'),
    ...common,
    goal: template('What the bot is there for, in a sentence'),
    greeting: Type.Optional(Prompts),
    disclosure: Type.Optional(
      byLanguage('How it says that it is not a human, in languages for which there is no text of Parley’s own', 400)
    ),
    knowledge: Type.Optional(
      Type.Object(
        {
          product: Type.Optional(template('Only articles about this product, and those about all')),
          region: Type.Optional(
            template('Where the caller is: articles for this country or part of it, and those for all')
          )
        },
        closed
      )
    ),
    tools: Type.Optional(Type.Array(Tool, { maxItems: 20 })),
    glossary: Type.Optional(wordsByLanguage('Names and terms as they are to be said; recognisers expect them')),
    taboo: Type.Optional(wordsByLanguage('Words and phrases that must not be said')),
    register: Type.Optional(
      Type.Record(
        Type.String({ pattern: LANGUAGE }),
        Type.Enum(['formal', 'informal'], {
          description: 'formal: “Sie”, “usted”, “您”, です; informal: “du”, “tú”, “你”'
        }),
        { ...closed, minProperties: 1, description: 'How callers are spoken to, by language (default formal)' }
      )
    ),
    limits: Type.Optional(
      Type.Object(
        {
          turns: integer(1, 100, 'Longest conversation, in questions of the caller (default 20)'),
          ms: integer(10_000, 3_600_000, 'Longest conversation, in time (default 600000)'),
          tokens: integer(100, 10_000_000, 'What a model may use in one call (default 60000)'),
          cents: Type.Optional(Type.Number({ minimum: 0.01, maximum: 10_000, description: 'And cost (default 20)' })),
          thinkMs: integer(1_000, 20_000, 'Longest wait for a model’s first words (default 6000)'),
          silences: integer(1, 10, 'Silences one after the other before it goes to noAnswer (default 3)'),
          misunderstandings: integer(1, 10, 'Answers one after the other that nobody understands (default 3)'),
          unknowns: integer(1, 10, 'Questions without an answer before it hands over (default 2)')
        },
        closed
      )
    ),
    asksIfSolved: Type.Optional(
      Type.Boolean({ description: 'Whether it asks at the end if the matter is settled (default true)' })
    ),
    handover: target('Where to go when a person is needed, a queue as a rule'),
    done: Type.Optional(target('Where to go when the caller needs nothing more (default: the call ends)')),
    noAnswer: Type.Optional(target('Where to go when the caller says nothing (default: handover)')),
    failed: Type.Optional(target('Where to go when the bot cannot work (default: handover)'))
  },
  { ...closed, description: 'Talks with the caller: answers from articles, uses tools, hands over to a person' }
)
export type BotNode = Static<typeof BotNode>

export const bot: NodeBehaviour<BotNode> = {
  exits: node => [
    spoken('handover', node.handover),
    spoken('done', node.done),
    branchExit('noAnswer', node.noAnswer, 'handover', false),
    branchExit('failed', node.failed, 'handover', false)
  ],
  enter: (context, node) => ({
    kind: 'ask',
    changes: { pendingDigit: null },
    ask: { kind: 'bot', options: optionsOf(context, node) }
  }),
  resume: (_context, _node, answer): Move => {
    if (answer.kind !== 'bot') throw unexpectedAnswer(answer)
    const { outcome } = answer
    switch (outcome.kind) {
      case 'handover':
        return {
          kind: 'go',
          exit: 'handover',
          // What was talked about is for the agent, not for the story.
          detail: { reason: outcome.reason },
          changes: { result: { reason: outcome.reason, summary: outcome.summary } }
        }
      case 'done':
        return { kind: 'go', exit: 'done', changes: { result: { isSolved: outcome.isSolved } } }
      case 'noAnswer':
        return { kind: 'go', exit: 'noAnswer', changes: { result: null } }
      case 'failed':
        return { kind: 'fail', exit: 'failed', code: outcome.code, reason: outcome.reason }
      default:
        return outcome satisfies never
    }
  }
}

function spoken(name: string, to: string | undefined): Exit {
  return { name, target: to, path: [name], isInput: true, isFailure: false, otherwise: { kind: 'end' } }
}

function optionsOf(context: NodeContext, node: BotNode): BotOptions {
  const { scope, language } = context
  const { limits = {}, knowledge = {} } = node
  const filled = (text: string | undefined): string | null =>
    text === undefined ? null : fillText(text, scope).trim() || null
  return {
    goal: fillText(node.goal, scope),
    greeting: node.greeting === undefined ? [] : context.prompts(node.greeting),
    disclosure: inLanguage(node.disclosure, language),
    knowledge: { product: filled(knowledge.product), region: filled(knowledge.region) },
    tools: (node.tools ?? []).map(tool => toTool(tool, context)),
    glossary: inLanguage(node.glossary, language) ?? [],
    taboo: inLanguage(node.taboo, language) ?? [],
    register: registerIn(node.register, language),
    limits: {
      turns: limits.turns ?? 20,
      ms: limits.ms ?? 600_000,
      tokens: limits.tokens ?? 60_000,
      cents: limits.cents ?? 20,
      thinkMs: limits.thinkMs ?? 6_000,
      silences: limits.silences ?? 3,
      misunderstandings: limits.misunderstandings ?? 3,
      unknowns: limits.unknowns ?? 2
    },
    asksIfSolved: node.asksIfSolved ?? true
  }
}

function toTool(tool: Static<typeof Tool>, { scope, language }: NodeContext): BotTool {
  const filled = (texts: Readonly<Record<string, string>> = {}) =>
    Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, fillText(text, scope)]))
  return {
    name: tool.name,
    description: tool.description,
    parameters: (tool.parameters ?? { type: 'object', properties: {} }) as JsonObject,
    facts: filled(tool.facts),
    proven: tool.proven ?? {},
    proves: tool.proves ?? {},
    method: tool.method ?? 'GET',
    url: tool.url,
    headers: filled(tool.headers),
    timeoutMs: tool.timeoutMs ?? 4_000,
    changes: tool.changes ?? false,
    confirm: inLanguage(tool.confirm, language)
  }
}

/** Only what is said of the language itself counts: “tú” in Mexico says nothing about Spain. */
function registerIn(registers: BotNode['register'], language: string): SpeechRegister {
  const tags = Object.keys(registers ?? {})
  const tag = languageChain(language).flatMap(wanted => tags.find(one => isSameTag(one, wanted)) ?? [])[0]
  return (tag !== undefined && registers?.[tag]) || 'formal'
}

function isSameTag(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase()
}

function inLanguage<T>(values: Readonly<Record<string, T>> | undefined, language: string): T | null {
  if (values === undefined) return null
  const tag = closest(Object.keys(values), language)
  return tag === null ? null : (values[tag] ?? null)
}
