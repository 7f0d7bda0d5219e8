import { type Static, Type } from 'typebox'
import { holds } from '../expression.ts'
import { askingExits, type NodeBehaviour, type NodeContext } from '../node-kind.ts'
import {
  asking,
  closed,
  common,
  DEFAULT_ATTEMPTS,
  DEFAULT_INTER_DIGIT_MS,
  DEFAULT_TIMEOUT_MS,
  expression,
  Failed,
  Keys,
  Next,
  Prompts,
  ROLE,
  VariableName
} from '../parts.ts'
import { ask, judgeKeys, type Question } from './asking.ts'

export const GatherNode = Type.Object(
  {
    kind: Type.Literal('gather'),
    ...common,
    prompt: Prompts,
    accept: Type.Optional(
      Type.Array(Type.Literal('digits'), {
        minItems: 1,
        maxItems: 1,
        description: 'How the caller may answer (default digits)'
      })
    ),
    save: Type.Optional(VariableName),
    min: Type.Optional(Type.Integer({ minimum: 1, maximum: 64, description: 'Fewest digits (default 1)' })),
    max: Type.Optional(Type.Integer({ minimum: 1, maximum: 64, description: 'Most digits (default 20)' })),
    terminators: Type.Optional(Keys),
    interDigitMs: Type.Optional(
      Type.Integer({ minimum: 200, maximum: 30_000, description: 'Longest wait between two keys (default 3000)' })
    ),
    pattern: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description: 'A regular expression that the digits must match as a whole',
        [ROLE]: 'pattern'
      })
    ),
    valid: Type.Optional(expression('A condition on the digits, which are in result')),
    public: Type.Optional(
      Type.Boolean({ description: 'Whether the digits may be written into the call’s story (default false)' })
    ),
    card: Type.Optional(
      Type.Boolean({
        description:
          'Whether the digits are those of a payment card: the recording has a gap, and nobody hears or writes them (default false)'
      })
    ),
    ...asking,
    next: Next,
    failed: Failed
  },
  { ...closed, description: 'Collects digits' }
)
export type GatherNode = Static<typeof GatherNode>

export const gather: NodeBehaviour<GatherNode> = {
  exits: node => [
    { name: 'next', target: node.next, path: ['next'], isInput: true, isFailure: false, otherwise: { kind: 'end' } },
    ...askingExits(node)
  ],
  enter: (context, node) => ask(context, question(node)),
  resume: (context, node, answer, memory) =>
    judgeKeys<string>(
      context,
      question(node),
      answer,
      memory,
      digits => (isValid(context, node, digits) ? { kind: 'match', value: digits } : { kind: 'noMatch' }),
      (digits, attempt) => ({
        kind: 'go',
        exit: 'next',
        // Digits are personal data: they stay out of the story unless the flow's author says otherwise.
        detail: { attempts: attempt, ...(node.public === true && node.card !== true ? { digits } : {}) },
        changes: { result: digits, ...(node.save === undefined ? {} : { vars: { [node.save]: digits } }) }
      })
    )
}

function question(node: GatherNode): Question {
  const maxDigits = node.max ?? 20
  return {
    prompts: context => context.prompts(node.prompt),
    bargeIn: node.bargeIn ?? true,
    minDigits: Math.min(node.min ?? 1, maxDigits),
    maxDigits,
    terminators: node.terminators ?? '#',
    timeoutMs: node.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    interDigitMs: node.interDigitMs ?? DEFAULT_INTER_DIGIT_MS,
    attempts: node.attempts ?? DEFAULT_ATTEMPTS,
    noInputPrompt: node.noInputPrompt,
    noMatchPrompt: node.noMatchPrompt,
    isCard: node.card ?? false
  }
}

function isValid(context: NodeContext, node: GatherNode, digits: string): boolean {
  const scope = { ...context.scope, result: digits }
  if (digits.length < (node.min ?? 1) || digits.length > (node.max ?? 20)) return false
  // Both run where a regular expression that runs away is stopped.
  if (node.pattern !== undefined && !holds(`$match(result, /^(?:${node.pattern})$/)`, scope)) return false
  return node.valid === undefined || holds(node.valid, scope)
}
