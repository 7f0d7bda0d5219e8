import { join } from 'node:path'
import { Type } from 'typebox'
import { decodeG711 } from '../../../media/audio/g711.ts'
import { writeWav } from '../../../media/audio/wav.ts'
import { readSealedAudio, SealedAudioError } from '../../../media/recordings/sealed-audio.ts'
import { findVoicemail, listVoicemails, markVoicemailHeard } from '../../../sql/queries/calls.ts'
import { VOICEMAIL_KEY_PURPOSE } from '../../calls/voicemail.ts'
import { AppError } from '../../errors.ts'
import { unseal } from '../../seal.ts'
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

const RATE_HZ = 8_000

const VoicemailSchema = Type.Object({
  id: Type.String(),
  callId: Type.String(),
  mailbox: Type.String(),
  language: NullableString,
  durationMs: Type.Integer(),
  createdAt: Type.String(),
  heardAt: NullableDate
})

/** Messages that callers left. Each hearing is in the audit log. */
export function registerVoicemailRoutes(app: App, { db, config, secretKey }: HttpParts): void {
  app.get(
    '/voicemails',
    {
      config: { access: 'voicemails:read' },
      schema: {
        summary: 'List voicemails, newest first',
        tags: ['voicemails'],
        querystring: PageQuery,
        response: responses({ 200: pageOf(VoicemailSchema) })
      }
    },
    async request => {
      const { cursor, limit = 50 } = request.query
      const rows = await listVoicemails(db, decodeCursor(cursor, 1)?.[0] ?? null, limit + 1)
      return toPage(
        rows,
        limit,
        row => ({
          id: row.id,
          callId: row.call_id,
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
        description: 'WAV, 8 kHz mono. A damaged message plays up to the damage.',
        tags: ['voicemails'],
        params: IdParams,
        produces: ['audio/wav'],
        response: responses({ 200: Type.Unknown() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const row = await findVoicemail(db, id)
      if (row === undefined) throw new AppError('NOT_FOUND', 'No voicemail has this id.')
      const key = unseal(secretKey, VOICEMAIL_KEY_PURPOSE, row.sealed_key)
      const parts: Buffer[] = []
      try {
        for await (const part of readSealedAudio(join(config.dataDir, row.file), row.id, key)) parts.push(part)
      } catch (err) {
        if (!(err instanceof SealedAudioError) || parts.length === 0) throw err
        request.log.error({ err, voicemailId: id }, 'a voicemail is damaged; what is whole is played')
      }
      const coded = Buffer.concat(parts)
      const samples = new Int16Array(coded.length)
      decodeG711('PCMU', coded, 0, coded.length, samples)
      // The log comes first: nothing is heard that is not in it.
      await audit(db, request, 'voicemail.heard', { kind: 'voicemail', id })
      await markVoicemailHeard(db, id, new Date())
      return reply
        .type('audio/wav')
        .header('cache-control', 'no-store')
        .send(writeWav({ sampleRateHz: RATE_HZ, channels: 1, samples }))
    }
  )
}
