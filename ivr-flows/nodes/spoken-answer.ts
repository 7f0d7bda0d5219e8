import { type Static, Type } from 'typebox'
import { isTimeZone, isoDate, localTime } from '../calendar/local-time.ts'
import type { GatherOptions } from '../host.ts'
import { own } from '../json.ts'
import type { NodeContext } from '../node-kind.ts'
import { closed, LANGUAGE_PATTERN, Phrases, Prompts, ROLE } from '../parts.ts'
import { phrasesIn } from '../phrases.ts'
import { type AnswerRules, type AnswerValue, readAnswer, SPOKEN_KINDS } from '../understand/answer.ts'
import { closedGrammar } from '../understand/closed-grammar.ts'
import { parseGrammar, toJsgf } from '../understand/grammar.ts'

/** The order of day, month and year in which a date is keyed in. */
const KEYED_DATES = { ddmmyyyy: [4, 2, 0], mmddyyyy: [4, 0, 2], yyyymmdd: [0, 4, 6] } as const

export const SpokenAnswer = Type.Object(
  {
    kind: Type.Enum([...SPOKEN_KINDS], { description: 'What is asked for' }),
    phrases: Type.Optional(
      Type.Record(Type.String({ minLength: 1, maxLength: 80 }), Phrases, {
        minProperties: 1,
        maxProperties: 200,
        description: 'For phrases: what may be said for each value'
      })
    ),
    grammar: Type.Optional(
      Type.Record(Type.String({ pattern: LANGUAGE_PATTERN }), Type.String({ minLength: 1, maxLength: 8_000 }), {
        ...closed,
        minProperties: 1,
        description: 'For grammar: one for each language, in a part of JSGF'
      })
    ),
    least: Type.Optional(Type.Integer({ minimum: 0, maximum: 999_999, description: 'The least number (default 0)' })),
    most: Type.Optional(Type.Integer({ minimum: 0, maximum: 999_999, description: 'The greatest number' })),
    prefer: Type.Optional(
      Type.Enum(['future', 'past', 'thisYear'], {
        description: 'Which day a date without a year means: the next one (default), the last one, or this year’s'
      })
    ),
    timeZone: Type.Optional(
      Type.String({ description: 'Where “today” is, such as Europe/Berlin (default UTC)', [ROLE]: 'timeZone' })
    ),
    keyed: Type.Optional(
      Type.Enum(Object.keys(KEYED_DATES) as (keyof typeof KEYED_DATES)[], {
        description: 'How a date is keyed in (default ddmmyyyy)'
      })
    ),
    pauseMs: Type.Optional(
      Type.Integer({
        minimum: 200,
        maximum: 5_000,
        description: 'How much quiet ends the answer (default by what is asked for, 400 to 1200)'
      })
    ),
    confirm: Type.Optional(
      Type.Object(
        {
          when: Type.Optional(
            Type.Enum(['unsure', 'always', 'never'], {
              description: 'When the caller is asked whether the answer is right (default unsure)'
            })
          ),
          sure: Type.Optional(
            Type.Number({
              minimum: 0,
              maximum: 1,
              description: 'From this confidence on nothing is asked (default 0.75)'
            })
          ),
          unsure: Type.Optional(
            Type.Number({
              minimum: 0,
              maximum: 1,
              description: 'Below this confidence the question is asked again (default 0.4)'
            })
          ),
          prompt: Type.Optional(Prompts)
        },
        { ...closed, description: 'Whether the caller is asked “You said …, is that right?”' }
      )
    )
  },
  { ...closed, description: 'What may be said instead of pressing keys' }
)
export type SpokenAnswer = Static<typeof SpokenAnswer>

/** What the host needs to listen for such an answer; undefined when nothing can be said in the caller's language. */
export function listeningFor(context: NodeContext, answer: SpokenAnswer): GatherOptions['speech'] {
  const asked = askedFor(context, answer)
  return asked === undefined || answer.pauseMs === undefined ? asked : { ...asked, pauseMs: answer.pauseMs }
}

function askedFor(context: NodeContext, answer: SpokenAnswer): GatherOptions['speech'] {
  const { kind } = answer
  if (kind === 'phrases') {
    const phrases = Object.values(answer.phrases ?? {}).flatMap(one => phrasesIn(context, one))
    return phrases.length === 0 ? undefined : { kind, phrases }
  }
  if (kind !== 'grammar') return { kind, grammar: closedGrammar(kind, context.language) }
  const source = inLanguage(context.language, answer.grammar ?? {})
  return source === undefined ? undefined : { kind, grammar: toJsgf(parseGrammar(source)) }
}

/** The value of what was said; null when it is no answer. */
export function spokenValue(context: NodeContext, answer: SpokenAnswer, text: string): AnswerValue | null {
  const value = readAnswer(text, context.language, rulesOf(context, answer))
  return isWithin(answer, value) ? value : null
}

/** The value of keys that were pressed instead; null when they are no answer. */
export function keyedValue(answer: SpokenAnswer, digits: string): AnswerValue | null {
  switch (answer.kind) {
    case 'number': {
      const value = /^\d{1,9}$/.test(digits) ? Number(digits) : null
      return isWithin(answer, value) ? value : null
    }
    case 'date': {
      if (!/^\d{8}$/.test(digits)) return null
      const [year, month, day] = KEYED_DATES[answer.keyed ?? 'ddmmyyyy']
      const text = `${digits.slice(year, year + 4)}-${digits.slice(month, month + 2)}-${digits.slice(day, day + 2)}`
      return readAnswer(text, 'en', { kind: 'date', today: text })
    }
    case 'yesNo':
      return digits === '1' ? true : digits === '2' ? false : null
    case 'phrases':
      return own(answer.phrases, digits) === undefined ? null : digits
    case 'grammar':
    case 'digits':
    case 'spelled':
      return digits
    default:
      return answer.kind satisfies never
  }
}

/** How many keys make an answer of this kind, unless the flow says otherwise. */
export function keyLimits(answer: SpokenAnswer): Readonly<{ min: number; max: number }> {
  if (answer.kind === 'yesNo') return { min: 1, max: 1 }
  return answer.kind === 'date' ? { min: 8, max: 8 } : { min: 1, max: 20 }
}

function rulesOf(context: NodeContext, answer: SpokenAnswer): AnswerRules {
  const zone = answer.timeZone !== undefined && isTimeZone(answer.timeZone) ? answer.timeZone : 'UTC'
  const grammar = inLanguage(context.language, answer.grammar ?? {})
  return {
    kind: answer.kind,
    today: zone === 'UTC' ? isoDate(context.now) : localTime(context.now, zone).date,
    ...(answer.prefer !== undefined && { prefer: answer.prefer }),
    ...(grammar !== undefined && { grammar }),
    ...(answer.phrases !== undefined && {
      phrases: Object.fromEntries(
        Object.entries(answer.phrases).map(([value, all]) => [value, phrasesIn(context, all)])
      )
    })
  }
}

function isWithin({ least, most }: SpokenAnswer, value: AnswerValue | null): boolean {
  return typeof value !== 'number' || (value >= (least ?? 0) && value <= (most ?? Number.POSITIVE_INFINITY))
}

/** Of exactly this tag, else of its language. */
function inLanguage(language: string, texts: Readonly<Record<string, string>>): string | undefined {
  const wanted = language.toLowerCase()
  const tags = Object.keys(texts)
  const tag =
    tags.find(one => one.toLowerCase() === wanted) ?? tags.find(one => one.toLowerCase() === wanted.split('-')[0])
  return tag === undefined ? undefined : texts[tag]
}
