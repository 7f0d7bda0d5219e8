import { Type } from 'typebox'
import type { App } from '../fastify-types.ts'
import type { HttpParts } from '../parts.ts'
import { NullableString, responses } from '../schemas.ts'

const CheckSchema = Type.Object({
  language: Type.String(),
  checkedAt: Type.String(),
  isOk: Type.Boolean(),
  heard: Type.Union([Type.Number(), Type.Null()], {
    description: 'Share of the known words that came back, 0 to 1; null when nobody could hear them'
  }),
  tookMs: Type.Integer(),
  code: NullableString
})

const ProviderSchema = Type.Object({
  kind: Type.Union([Type.Literal('recognizer'), Type.Literal('synthesizer')]),
  name: Type.String(),
  languages: Type.Array(Type.String(), { description: 'Primary language tags' }),
  host: Type.Union([Type.String(), Type.Null()], { description: 'Null: it works on this machine' }),
  region: NullableString,
  centsPerMinute: Type.Number({ description: 'By the price list, in euro cents' }),
  state: Type.Union([Type.Literal('ok'), Type.Literal('degraded'), Type.Literal('open'), Type.Literal('off')], {
    description: 'open: it failed so often that it is left alone for a while; off: its region is not permitted'
  }),
  lastCode: NullableString,
  checks: Type.Array(CheckSchema, { description: 'The last check of each language' })
})

/** Who hears and speaks, and how they do. */
export function registerSpeechRoutes(app: App, { speechProviders }: Pick<HttpParts, 'speechProviders'>): void {
  app.get(
    '/speech/providers',
    {
      config: { access: 'speech:read' },
      schema: {
        summary: 'List providers of speech in the order of preference',
        tags: ['operations'],
        response: responses({ 200: Type.Object({ items: Type.Array(ProviderSchema) }) })
      }
    },
    async () => ({
      items: speechProviders().map(one => ({
        ...one,
        languages: [...one.languages],
        checks: one.checks.map(check => ({ ...check, checkedAt: check.checkedAt.toISOString() }))
      }))
    })
  )
}
