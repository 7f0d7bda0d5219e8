import { Type } from 'typebox'
import { listVoicemails, markVoicemailHeard } from '../../../sql/queries/calls.ts'
import { AppError } from '../../errors.ts'
import type { RecordingLibrary } from '../../recordings/recording-library.ts'
import { readVoicemail } from '../../recordings/voicemail-audio.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import type { HttpParts } from '../parts.ts'
import {
  decodeCursor,
  IdParams,
  NullableDate,
  NullableString,
  PageQuery,
  pageOf,
  responses,
  toPage
} from '../schemas.ts'

const VoicemailSchema = Type.Object({
  id: Type.String(),
  callId: Type.String(),
  recordingId: Type.Union([Type.String(), Type.Null()], { description: 'The recording that it is; null for old ones' }),
  mailbox: Type.String(),
  language: NullableString,
  durationMs: Type.Integer(),
  createdAt: Type.String(),
  heardAt: NullableDate
})

/** Messages that callers left. Each hearing is in the audit log. */
export function registerVoicemailRoutes(
  app: App,
  { db, config, secretKey }: HttpParts,
  library: RecordingLibrary
): void {
  app.get(
    '/voicemails',
    {
      config: { access: 'voicemails:read' },
      schema: {
        summary: 'List voicemails, newest first',
        tags: ['voicemails'],
        querystring: Type.Object({ ...PageQuery.properties, callId: Type.Optional(Type.String({ maxLength: 64 })) }),
        response: responses({ 200: pageOf(VoicemailSchema) })
      }
    },
    async request => {
      const { cursor, limit = 50, callId } = request.query
      const rows = await listVoicemails(db, decodeCursor(cursor, 1)?.[0] ?? null, limit + 1, callId)
      return toPage(
        rows,
        limit,
        row => ({
          id: row.id,
          callId: row.call_id,
          recordingId: row.recording_id,
          mailbox: row.mailbox,
          language: row.language,
          durationMs: row.duration_ms,
          createdAt: row.created_at.toISOString(),
          heardAt: row.heard_at?.toISOString() ?? null
        }),
        row => [row.id]
      )
    }
  )

  app.get(
    '/voicemails/:id/audio',
    {
      config: { access: 'voicemails:read' },
      schema: {
        summary: 'Hear a voicemail',
        description: 'WAV, 8 kHz mono. What is damaged is silent.',
        tags: ['voicemails'],
        params: IdParams,
        produces: ['audio/wav'],
        response: responses({ 200: Type.Unknown() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const parts = { db, library, dataDir: config.dataDir, secretKey, log: request.log }
      const audio = await readVoicemail(parts, id)
      if (audio === null) throw new AppError('NOT_FOUND', 'No voicemail has this id.')
      // The log comes first: nothing is heard that is not in it.
      await audit(db, request, 'voicemail.heard', { kind: 'voicemail', id })
      await markVoicemailHeard(db, id, new Date())
      return reply.type('audio/wav').header('cache-control', 'no-store').send(audio)
    }
  )
}
