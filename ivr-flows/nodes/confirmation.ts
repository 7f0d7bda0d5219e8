import type { Prompt } from '../host.ts'
import type { NodeContext } from '../node-kind.ts'
import { resolvePrompts } from '../prompts.ts'
import { type AnswerValue, sayAnswer } from '../understand/answer.ts'
import { spokenLanguage, type SpokenLanguage } from '../understand/text.ts'
import type { SpokenAnswer } from './spoken-answer.ts'

const DEFAULT_SURE = 0.75
const DEFAULT_UNSURE = 0.4

/** What is done with something that was understood with this confidence: take it, ask whether it is right, ask anew. */
export function judgeConfidence(
  confidence: number,
  confirm: SpokenAnswer['confirm'] = {}
): 'take' | 'confirm' | 'again' {
  const { when = 'unsure', sure = DEFAULT_SURE, unsure = DEFAULT_UNSURE } = confirm
  if (confidence < unsure) return 'again'
  if (when === 'never') return 'take'
  return when === 'always' || confidence < sure ? 'confirm' : 'take'
}

/** Asked in the caller's language; keys work as well, and are named for whoever is not understood. */
const QUESTIONS: Readonly<Record<SpokenLanguage, readonly [before: string, after: string]>> = {
  en: ['You said: ', '. Is that right? Say yes or press 1, say no or press 2.'],
  es: ['Ha dicho: ', '. ¿Es correcto? Diga sí o pulse 1, diga no o pulse 2.'],
  de: [
    'Ich habe verstanden: ',
    '. Ist das richtig? Sagen Sie Ja oder drücken Sie die 1, sagen Sie Nein oder drücken Sie die 2.'
  ],
  zh: ['您说的是：', '。对吗？请说“是”或按1，说“不是”或按2。'],
  ar: ['لقد قلت: ', '. هل هذا صحيح؟ قل نعم أو اضغط 1، أو قل لا أو اضغط 2.'],
  ja: ['', 'でよろしいですか。「はい」と言うか1を、「いいえ」と言うか2を押してください。']
}

/** “You said …, is that right?” in the flow's own words, whose `result` is the value, or in ours. */
export function confirmationPrompts(
  context: NodeContext,
  answer: SpokenAnswer,
  value: AnswerValue,
  said: string
): readonly Prompt[] {
  const words = answer.kind === 'phrases' || answer.kind === 'grammar' || answer.kind === 'yesNo'
  const text = words ? said : sayAnswer(value, answer.kind, context.language)
  const own = answer.confirm?.prompt
  if (own !== undefined) {
    const { language, flow, scope } = context
    const result = typeof value === 'object' ? [...value] : value
    return resolvePrompts(
      own,
      { language, defaultLanguage: flow.defaultLanguage },
      { ...scope, result: { value: result, said: text } }
    )
  }
  const spoken = spokenLanguage(context.language)
  const [before, after] = QUESTIONS[spoken ?? 'en']
  return [{ kind: 'speech', text: `${before}${text}${after}`, language: spoken === null ? 'en' : context.language }]
}
