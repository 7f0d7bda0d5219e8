import { Type } from 'typebox'
import { IMPORT_FORMATS, MAX_BODY_CHARACTERS, MAX_TITLE_CHARACTERS } from '../../bots/knowledge/import-articles.ts'
import { LanguageTag, NullableDate, NullableString } from '../schemas.ts'

export const Region = Type.String({
  pattern: '^[A-Z]{2}(-[A-Z0-9]{1,3})?$',
  description: 'ISO 3166, such as US or US-CA'
})
export const Product = Type.String({ minLength: 1, maxLength: 100 })
const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(one: T) => Type.Union([one, Type.Null()])

export const PlaceFields = {
  language: LanguageTag,
  region: Type.Optional(nullable(Region)),
  product: Type.Optional(nullable(Product))
}

export const TextFields = {
  title: Type.String({ minLength: 1, maxLength: MAX_TITLE_CHARACTERS }),
  body: Type.String({ minLength: 1, maxLength: MAX_BODY_CHARACTERS, description: 'Markdown' }),
  validFrom: Type.Optional(NullableDate),
  validUntil: Type.Optional(NullableDate)
}

const ArticleFields = {
  id: Type.String(),
  source: NullableString,
  language: Type.String(),
  region: NullableString,
  product: NullableString,
  title: Type.String(),
  newestVersion: Type.Integer(),
  publishedVersion: Type.Union([Type.Integer(), Type.Null()]),
  createdAt: Type.String(),
  updatedAt: Type.String()
}
export const ArticleSummary = Type.Object(ArticleFields)

export const State = Type.Enum(['draft', 'published', 'old'])

export const VersionSchema = Type.Object({
  version: Type.Integer(),
  state: State,
  title: Type.String(),
  body: Type.String(),
  validFrom: NullableDate,
  validUntil: NullableDate,
  author: Type.String(),
  createdAt: Type.String(),
  publishedAt: NullableDate,
  impolite: Type.Array(Type.String(), {
    description: 'Up to five sentences that do not speak to callers as one speaks to customers in the language'
  })
})

export const ArticleSchema = Type.Object({
  ...ArticleFields,
  versions: Type.Array(VersionSchema, { description: 'Newest first' })
})

export const ImportBody = Type.Object(
  {
    format: Type.Enum([...IMPORT_FORMATS]),
    name: Type.String({
      minLength: 1,
      maxLength: 200,
      description: 'The file’s name; importing it again changes its articles'
    }),
    content: Type.String({ minLength: 1 }),
    ...PlaceFields,
    isPublished: Type.Optional(Type.Boolean({ description: 'Publish at once (default false: drafts)' })),
    isCheck: Type.Optional(Type.Boolean({ description: 'Only report; store nothing (default false)' }))
  },
  { additionalProperties: false }
)

export const ImportReportSchema = Type.Object({
  created: Type.Integer(),
  changed: Type.Integer(),
  unchanged: Type.Integer(),
  articles: Type.Array(
    Type.Object({
      line: Type.Integer(),
      title: Type.String(),
      id: NullableString,
      what: Type.Enum(['created', 'changed', 'unchanged'])
    })
  ),
  problems: Type.Array(Type.Object({ line: Type.Integer(), code: Type.String(), message: Type.String() }))
})

export const QuestionBody = Type.Object(
  {
    question: Type.String({ minLength: 1, maxLength: 1_000 }),
    language: LanguageTag,
    region: Type.Optional(Region),
    product: Type.Optional(Product)
  },
  { additionalProperties: false }
)

export const QuestionAnswer = Type.Object({
  isKnown: Type.Boolean({ description: 'Whether a bot would answer' }),
  threshold: Type.Number(),
  terms: Type.Array(Type.String(), { description: 'The words that were looked for, in their normal form' }),
  passages: Type.Array(
    Type.Object({
      articleId: Type.String(),
      version: Type.Integer(),
      title: Type.String(),
      heading: Type.String(),
      text: Type.String(),
      score: Type.Number(),
      matched: Type.Array(Type.String())
    })
  )
})
