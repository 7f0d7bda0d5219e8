import { Type } from 'typebox'
import { listRecordingConsents } from '../../../sql/queries/recordings.ts'
import type { App } from '../fastify-types.ts'
import type { HttpParts } from '../parts.ts'
import { IdParams, NullableString, responses } from '../schemas.ts'

const ReasonSchema = Type.Object({
  rule: Type.String(),
  jurisdiction: Type.String(),
  what: Type.String(),
  cites: Type.Array(Type.String())
})

/** What was said about being recorded in a call, by everybody who was told or asked. */
export function registerRecordingConsentRoutes(app: App, { db }: HttpParts): void {
  app.get(
    '/calls/:id/recording-consents',
    {
      config: { access: 'transcripts:read' },
      schema: {
        summary: 'Who gave or refused leave to record a call, how, and under which rules',
        tags: ['recordings'],
        params: IdParams,
        response: responses({
          200: Type.Object({
            items: Type.Array(
              Type.Object({
                id: Type.String(),
                at: Type.String(),
                party: Type.String({ description: 'customer, or the leg of who joined later' }),
                result: Type.String(),
                policy: Type.String(),
                method: Type.String(),
                confidence: Type.Union([Type.Number(), Type.Null()]),
                language: NullableString,
                promptVersion: NullableString,
                jurisdictions: Type.Array(Type.String()),
                reasons: Type.Array(ReasonSchema)
              })
            )
          })
        })
      }
    },
    async request => ({
      items: (await listRecordingConsents(db, request.params.id)).map(row => ({
        id: row.id,
        at: row.at.toISOString(),
        party: row.party,
        result: row.result,
        policy: row.policy,
        method: row.method,
        confidence: row.confidence,
        language: row.language,
        promptVersion: row.prompt_version,
        jurisdictions: [...row.jurisdictions],
        reasons: row.reasons as { rule: string; jurisdiction: string; what: string; cites: string[] }[]
      }))
    })
  )
}
