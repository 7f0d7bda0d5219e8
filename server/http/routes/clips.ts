import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { Type } from 'typebox'
import { findCdr } from '../../../sql/queries/calls.ts'
import { insertAudit } from '../../../sql/queries/audit.ts'
import {
  type ClipRow,
  deleteComment,
  findClipByToken,
  insertClip,
  insertComment,
  listClips,
  listComments,
  openClip,
  revokeClip
} from '../../../sql/queries/quality/reviews.ts'
import { AppError } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { renderClipPage } from '../../quality/clip-page.ts'
import type { Quality } from '../../quality/quality.ts'
import { readTranscript } from '../../quality/transcript-store.ts'
import { addWatermark } from '../../quality/watermark.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import { IdParams, NullableDate, responses } from '../schemas.ts'

const TOKEN = /^pc_[A-Za-z0-9_-]{43}$/
const MAX_CLIP_MS = 10 * 60_000
const MAX_DAYS = 30
const RATE_HZ = 8_000

const Moment = Type.Integer({ minimum: 0, maximum: 2_000_000_000 })
const CommentSchema = Type.Object({
  id: Type.String(),
  atMs: Type.Integer(),
  toMs: Type.Union([Type.Integer(), Type.Null()]),
  text: Type.String(),
  authorId: Type.String(),
  authorName: Type.String(),
  audience: Type.String(),
  createdAt: Type.String()
})
const ClipSchema = Type.Object({
  id: Type.String(),
  fromMs: Type.Integer(),
  toMs: Type.Integer(),
  title: Type.String(),
  watermark: Type.String(),
  withAudio: Type.Boolean(),
  createdBy: Type.String(),
  createdAt: Type.String(),
  expiresAt: Type.String(),
  maxOpens: Type.Union([Type.Integer(), Type.Null()]),
  opens: Type.Integer(),
  revokedAt: NullableDate
})

/** Comments at a moment of a call, and clips to show to others. */
export function registerClipRoutes(app: App, quality: Quality): void {
  const { db } = quality

  app.get(
    '/calls/:id/comments',
    {
      config: { access: 'reviews:read' },
      schema: {
        summary: 'What was noted at moments of a call',
        tags: ['reviews'],
        params: IdParams,
        response: responses({ 200: Type.Object({ items: Type.Array(CommentSchema) }) })
      }
    },
    async request => ({
      items: (await listComments(db, request.params.id)).map(row => ({
        id: row.id,
        atMs: row.at_ms,
        toMs: row.to_ms,
        text: row.text,
        authorId: row.author_id,
        authorName: row.author_name,
        audience: row.audience,
        createdAt: row.created_at.toISOString()
      }))
    })
  )

  app.post(
    '/calls/:id/comments',
    {
      config: { access: 'reviews:read' },
      schema: {
        summary: 'Note something at a moment',
        tags: ['reviews'],
        params: IdParams,
        body: Type.Object(
          {
            atMs: Moment,
            toMs: Type.Optional(Moment),
            text: Type.String({ minLength: 1, maxLength: 2_000 }),
            audience: Type.Optional(Type.Enum(['team', 'agent']))
          },
          { additionalProperties: false }
        ),
        response: responses({ 201: Type.Object({ id: Type.String() }) })
      }
    },
    async (request, reply) => {
      const callId = request.params.id
      const { atMs, toMs, text, audience = 'team' } = request.body
      if ((await findCdr(db, callId)) === undefined) throw new AppError('NOT_FOUND', 'No call has this id.')
      const actor = actorOf(request)
      const id = newId()
      await insertComment(db, {
        id,
        call_id: callId,
        at_ms: atMs,
        to_ms: toMs ?? null,
        text,
        author_id: actor.id,
        author_name: actor.displayName,
        audience,
        deleted_at: null
      })
      await audit(db, request, 'comment.written', { kind: 'call', id: callId }, { commentId: id, atMs })
      return reply.status(201).send({ id })
    }
  )

  app.delete(
    '/comments/:id',
    {
      config: { access: 'reviews:read' },
      schema: {
        summary: 'Take a comment of mine back',
        tags: ['reviews'],
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      if (!(await deleteComment(db, id, actorOf(request).id, new Date())))
        throw new AppError('NOT_FOUND', 'No comment of yours has this id.')
      await audit(db, request, 'comment.removed', { kind: 'comment', id })
      return reply.status(204).send(null)
    }
  )

  app.get(
    '/calls/:id/clips',
    {
      config: { access: 'reviews:read' },
      schema: {
        summary: 'Clips of a call and how often each was opened',
        tags: ['reviews'],
        params: IdParams,
        response: responses({ 200: Type.Object({ items: Type.Array(ClipSchema) }) })
      }
    },
    async request => ({ items: (await listClips(db, request.params.id)).map(toClip) })
  )

  app.post(
    '/calls/:id/clips',
    {
      config: { access: 'clips:write' },
      schema: {
        summary: 'Make a link to a part of a call',
        description:
          'The link is shown once. It carries who made it and for whom, in words and in the sound; each opening is in the audit log.',
        tags: ['reviews'],
        params: IdParams,
        body: Type.Object(
          {
            fromMs: Moment,
            toMs: Moment,
            title: Type.String({ minLength: 1, maxLength: 200 }),
            forWhom: Type.String({ minLength: 2, maxLength: 200 }),
            expiresInHours: Type.Integer({ minimum: 1, maximum: MAX_DAYS * 24 }),
            maxOpens: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
            withAudio: Type.Optional(Type.Boolean())
          },
          { additionalProperties: false }
        ),
        response: responses({ 201: Type.Object({ id: Type.String(), url: Type.String(), expiresAt: Type.String() }) })
      }
    },
    async (request, reply) => {
      const callId = request.params.id
      const { fromMs, toMs, title, forWhom, expiresInHours, maxOpens, withAudio = true } = request.body
      if (toMs <= fromMs || toMs - fromMs > MAX_CLIP_MS)
        throw new AppError('VALIDATION_FAILED', 'A clip ends after it begins and lasts at most ten minutes.', {
          problems: [{ at: '/body/toMs', message: 'is out of bounds' }]
        })
      if ((await findCdr(db, callId)) === undefined) throw new AppError('NOT_FOUND', 'No call has this id.')
      const recording = (await quality.recordings.ofCalls([callId])).find(one => !one.isErased)
      const id = newId()
      const token = `pc_${randomBytes(32).toString('base64url')}`
      const expiresAt = new Date(Date.now() + expiresInHours * 3_600_000)
      const actor = actorOf(request)
      await insertClip(db, {
        id,
        call_id: callId,
        recording_id: recording?.id ?? null,
        from_ms: fromMs,
        to_ms: toMs,
        title,
        watermark: `For ${forWhom}. Made by ${actor.displayName}, ${new Date().toISOString().slice(0, 10)}. ${id}`,
        with_audio: withAudio && recording !== undefined,
        token_hash: hashOf(token),
        created_by: actor.name,
        expires_at: expiresAt,
        max_opens: maxOpens ?? null,
        revoked_at: null
      })
      await audit(db, request, 'clip.made', { kind: 'call', id: callId }, { clipId: id, fromMs, toMs, forWhom })
      return reply.status(201).send({ id, url: `/clips/${token}`, expiresAt: expiresAt.toISOString() })
    }
  )

  app.delete(
    '/clips/:id',
    {
      config: { access: 'clips:write' },
      schema: {
        summary: 'End a link at once',
        tags: ['reviews'],
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      if (!(await revokeClip(db, id, new Date()))) throw new AppError('NOT_FOUND', 'No open clip has this id.')
      await audit(db, request, 'clip.revoked', { kind: 'clip', id })
      return reply.status(204).send(null)
    }
  )
}

/** What the links lead to, outside the API. */
export function registerClipPages(app: App, quality: Quality): void {
  const { db } = quality
  const limit = { rateLimit: { max: 60, timeWindow: '1 minute' } }

  app.get(
    '/clips/:token',
    { config: { access: 'public', ...limit }, schema: { hide: true, params: Type.Object({ token: Type.String() }) } },
    async (request, reply) => {
      const clip = await openedClip(request.params.token)
      if (!(await openClip(db, clip.id, new Date())))
        throw new AppError('CLIP_GONE', 'The link was opened as often as it may be.')
      await note(clip, 'clip.opened', request.ip, request.id)
      const transcript = await readTranscript(quality, clip.call_id)
      const page = renderClipPage({
        title: clip.title,
        watermark: clip.watermark,
        expiresAt: clip.expires_at,
        language: transcript?.row.language ?? 'und',
        audioPath: clip.with_audio ? `/clips/${request.params.token}/audio` : null,
        utterances: (transcript?.utterances ?? []).filter(one => one.startMs < clip.to_ms && one.endMs > clip.from_ms)
      })
      return reply
        .type('text/html; charset=utf-8')
        .header('cache-control', 'no-store')
        .header('referrer-policy', 'no-referrer')
        .send(page)
    }
  )

  app.get(
    '/clips/:token/audio',
    { config: { access: 'public', ...limit }, schema: { hide: true, params: Type.Object({ token: Type.String() }) } },
    async (request, reply) => {
      const clip = await openedClip(request.params.token)
      const { library } = quality.recordings
      if (!clip.with_audio || clip.recording_id === null) throw new AppError('NOT_FOUND', 'This clip has no sound.')
      await note(clip, 'clip.heard', request.ip, request.id)
      const bytes = Math.round(((clip.to_ms - clip.from_ms) * RATE_HZ) / 1000) * 4
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      const signature = createHash('sha256').update(clip.id).digest().readUInt32BE(0)
      const pcm = library.readPcm(clip.recording_id, { fromMs: clip.from_ms, toMs: clip.to_ms }, gone.signal)
      return reply
        .type('audio/wav')
        .header('cache-control', 'no-store')
        .header('content-length', bytes + 44)
        .send(Readable.from(wav(pcm, bytes, signature)))
    }
  )

  async function openedClip(token: string): Promise<ClipRow> {
    // A forged link and one that never was look alike.
    const clip = TOKEN.test(token) ? await findClipByToken(db, hashOf(token)) : undefined
    if (clip === undefined) throw new AppError('NOT_FOUND', 'There is no such clip.')
    if (clip.revoked_at !== null || clip.expires_at <= new Date())
      throw new AppError('CLIP_GONE', 'The link has ended. Ask whoever sent it for a new one.')
    return clip
  }

  async function note(clip: ClipRow, action: string, ip: string, requestId: string): Promise<void> {
    await insertAudit(db, {
      actorKind: 'anonymous',
      actorId: null,
      actorName: 'link',
      action,
      subjectKind: 'call',
      subjectId: clip.call_id,
      detail: { clipId: clip.id },
      ip,
      requestId
    })
  }
}

/** A WAV of exactly `bytes` of stereo L16, with the clip's signature in it; what is missing is silence. */
async function* wav(pcm: AsyncIterable<Buffer>, bytes: number, signature: number): AsyncGenerator<Buffer> {
  const head = Buffer.alloc(44)
  head.write('RIFF', 0, 'latin1')
  head.writeUInt32LE(36 + bytes, 4)
  head.write('WAVEfmt ', 8, 'latin1')
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(2, 22)
  head.writeUInt32LE(RATE_HZ, 24)
  head.writeUInt32LE(RATE_HZ * 4, 28)
  head.writeUInt16LE(4, 32)
  head.writeUInt16LE(16, 34)
  head.write('data', 36, 'latin1')
  head.writeUInt32LE(bytes, 40)
  yield head
  let sent = 0
  let rest = Buffer.alloc(0)
  for await (const piece of pcm) {
    const joined = Buffer.concat([rest, piece])
    const whole = Math.min(joined.length - (joined.length % 4), bytes - sent)
    rest = joined.subarray(whole)
    const part = Buffer.from(joined.subarray(0, whole))
    addWatermark(part, sent / 4, signature)
    sent += whole
    if (whole > 0) yield part
  }
  if (sent < bytes) {
    const silence = Buffer.alloc(bytes - sent)
    addWatermark(silence, sent / 4, signature)
    yield silence
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}

function toClip(row: ClipRow) {
  return {
    id: row.id,
    fromMs: row.from_ms,
    toMs: row.to_ms,
    title: row.title,
    watermark: row.watermark,
    withAudio: row.with_audio,
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    maxOpens: row.max_opens,
    opens: row.opens,
    revokedAt: row.revoked_at?.toISOString() ?? null
  }
}
