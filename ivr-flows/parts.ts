import { type Static, type TSchema, Type } from 'typebox'

/**
 * What a value means beyond its shape. The checker visits every value whose schema carries a role, so a new node kind
 * gets all checks (targets, texts, templates, …) by using these parts.
 */
export type Role =
  | 'target'
  | 'prompt'
  | 'template'
  | 'expression'
  | 'pattern'
  | 'language'
  | 'variable'
  | 'calendar'
  | 'occasion'
  | 'timeZone'
  | 'holidays'
  | 'span'
  | 'week'
  | 'date'
  | 'url'
  | 'key'
  | 'queue'
  | 'flow'

/** The schema keyword that carries a role. */
export const ROLE = 'x-role'
/** The schema keyword that lists properties of which exactly one must be given. */
export const ONE_OF = 'x-one-of'
/** The schema keyword that carries the role of a record's keys. */
export const KEY_ROLE = 'x-key-role'

export const MAX_TEXT = 4_000
export const MAX_EXPRESSION = 2_000

export const LANGUAGE_PATTERN = '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$'

export const closed = { additionalProperties: false } as const

export const NAME_PATTERN = '^[A-Za-z][A-Za-z0-9_-]{0,63}$'
export const VARIABLE_PATTERN = '^[A-Za-z][A-Za-z0-9_]{0,63}$'

export const Name = Type.String({
  pattern: NAME_PATTERN,
  description: 'Letters, digits, hyphens and underscores, starting with a letter'
})

export const VariableName = Type.String({
  pattern: VARIABLE_PATTERN,
  description: 'The name of a variable that the flow declares',
  [ROLE]: 'variable'
})

/** The name of another node. */
export function target(description: string) {
  return Type.String({ minLength: 1, maxLength: 64, description, [ROLE]: 'target' })
}

export const Next = target('The node that follows')
export const Failed = Type.Optional(target('Where to go when this node fails; without it the flow’s onFailure is used'))

export const LanguageTag = Type.String({
  pattern: LANGUAGE_PATTERN,
  description: 'A language tag (BCP 47), such as en, de-AT or zh-Hant',
  [ROLE]: 'language'
})

/** A text that may hold `{{ expression }}`. */
export function template(description: string) {
  return Type.String({ minLength: 1, maxLength: MAX_TEXT, description, [ROLE]: 'template' })
}

/** A JSONata expression without braces. */
export function expression(description: string) {
  return Type.String({ minLength: 1, maxLength: MAX_EXPRESSION, description, [ROLE]: 'expression' })
}

const TextString = Type.String({ minLength: 1, maxLength: MAX_TEXT })

const LanguageTexts = Type.Record(Type.String({ pattern: LANGUAGE_PATTERN }), TextString, {
  ...closed,
  minProperties: 1,
  description: 'One text per language'
})

const Text = Type.Union([TextString, LanguageTexts])
export type Text = Static<typeof Text>

/** A recorded file, the same for all languages or one for each. */
export const PromptFile = Type.Union([TextString, LanguageTexts], {
  description: 'A recorded file, or one per language'
})
export const PromptUrl = Type.String({
  minLength: 1,
  maxLength: 2_000,
  description: 'An http or https address',
  [ROLE]: 'url'
})

const PromptItem = Type.Object(
  {
    text: Type.Optional(Text),
    language: Type.Optional(LanguageTag),
    recorded: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'A recorded prompt that wins over synthesised speech' })
    ),
    file: Type.Optional(PromptFile),
    url: Type.Optional(PromptUrl),
    silenceMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 60_000 })),
    tone: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'A tone, as the media engine names it' })
    )
  },
  {
    ...closed,
    minProperties: 1,
    description: 'One thing to hear',
    [ONE_OF]: ['text', 'file', 'url', 'silenceMs', 'tone']
  }
)
export type PromptItem = Static<typeof PromptItem>

const PromptPart = Type.Union([TextString, LanguageTexts, PromptItem])

/** What the caller hears: a text, texts per language, a file, a pause, or a list of these. */
export const Prompts = Type.Union(
  [TextString, LanguageTexts, PromptItem, Type.Array(PromptPart, { minItems: 1, maxItems: 50 })],
  {
    description: 'What the caller hears: a text, one text per language, a file, a pause, or a list of these',
    [ROLE]: 'prompt'
  }
)
export type Prompts = Static<typeof Prompts>

const PhraseList = Type.Array(Type.String({ minLength: 1, maxLength: 80 }), { minItems: 1, maxItems: 20 })

/** What a caller may say for one choice: for each language a list of phrases. */
export const Phrases = Type.Record(Type.String({ pattern: LANGUAGE_PATTERN }), PhraseList, {
  ...closed,
  minProperties: 1,
  description: 'Phrases for each language'
})
export type Phrases = Static<typeof Phrases>

/** A key of a telephone: 0-9, *, # and the rarely seen A-D (RFC 4733 section 3.2). */
export const PHONE_KEY = /^[0-9*#A-D]$/

/** A record by telephone key. The checker, not the shape, judges the keys, so that the message can name the phone's keys. */
export function byKey<T extends TSchema>(value: T, description: string) {
  return Type.Record(Type.String(), value, { minProperties: 1, description, [KEY_ROLE]: 'key' })
}

export const Keys = Type.String({
  pattern: '^[0-9*#A-D]{0,16}$',
  description: 'Keys of a telephone, one after another'
})

/** Properties that every node has. */
export const common = {
  note: Type.Optional(Type.String({ maxLength: 1_000, description: 'A note for whoever reads the flow' }))
}

/** Properties of nodes that wait for keys. */
export const asking = {
  bargeIn: Type.Optional(Type.Boolean({ description: 'Whether a key stops the prompt (default true)' })),
  timeoutMs: Type.Optional(
    Type.Integer({ minimum: 500, maximum: 60_000, description: 'How long to wait for the first key (default 5000)' })
  ),
  attempts: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 10, description: 'How many times to ask in all (default 3)' })
  ),
  speechAttempts: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 10,
      description: 'How many times the caller may also speak; after that only keys count (default 2)'
    })
  ),
  keysPrompt: Type.Optional(Prompts),
  noInputPrompt: Type.Optional(Prompts),
  noMatchPrompt: Type.Optional(Prompts),
  noInput: Type.Optional(target('Where to go when the caller pressed nothing at the last attempt')),
  noMatch: Type.Optional(target('Where to go when the last attempt did not fit'))
}

export const DEFAULT_TIMEOUT_MS = 5_000
export const DEFAULT_ATTEMPTS = 3
export const DEFAULT_SPEECH_ATTEMPTS = 2
export const DEFAULT_INTER_DIGIT_MS = 3_000
