import { Type } from 'typebox'
import { hasActed } from '../../../sql/queries/audit.ts'
import { findCdr } from '../../../sql/queries/calls.ts'
import {
  hasUnredactedGrant,
  insertUnredactedGrant,
  listUnredactedGrants,
  revokeUnredactedGrant
} from '../../../sql/queries/quality/grants.ts'
import { listTranscripts } from '../../../sql/queries/quality/transcripts.ts'
import { AppError } from '../../errors.ts'
import { newId } from '../../ids.ts'
import type { Quality } from '../../quality/quality.ts'
import {
  importTranscript,
  MAX_UTTERANCE_CHARACTERS,
  MAX_UTTERANCES,
  readTranscript
} from '../../quality/transcript-store.ts'
import { viewTranscript } from '../../quality/transcript-view.ts'
import { SPEAKERS } from '../../quality/utterance.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { Actor, App } from '../fastify-types.ts'
import { isPermitted } from '../permissions.ts'
import {
  DateString,
  decodeCursor,
  IdParams,
  LanguageTag,
  NullableDate,
  NullableString,
  PageQuery,
  pageOf,
  responses,
  toPage
} from '../schemas.ts'

/** Three hours of talk with the times of all words are about 3 MB. */
const MAX_IMPORT_BYTES = 16 * 1024 * 1024
/** The last moment of a call that can be written: a week after its answer. */
const MAX_MS = 7 * 86_400_000
const MAX_GRANT_DAYS = 90
const FOLLOWED_MS = 300_000

const Moment = Type.Integer({ minimum: 0, maximum: MAX_MS })
const SpeakerSchema = Type.Enum([...SPEAKERS])

const TranscriptFields = {
  callId: Type.String(),
  language: Type.String(),
  provider: Type.String(),
  region: NullableString,
  origin: Type.String(),
  status: Type.String(),
  utteranceCount: Type.Integer(),
  words: Type.Integer(),
  redactions: Type.Integer(),
  agentMs: Type.Integer(),
  customerMs: Type.Integer(),
  botMs: Type.Integer(),
  longestSilenceMs: Type.Integer(),
  overlapMs: Type.Integer(),
  createdAt: Type.String(),
  finishedAt: NullableDate,
  erasedAt: NullableDate
}
const TranscriptSummary = Type.Object(TranscriptFields)
const SpanSchema = Type.Object({ kind: Type.String(), from: Type.Integer(), to: Type.Integer() })
const TranscriptSchema = Type.Object({
  ...TranscriptFields,
  view: Type.Union([Type.Literal('redacted'), Type.Literal('unredacted')]),
  mayUnredact: Type.Boolean({ description: 'Whether this person may ask for the unredacted view' }),
  utterances: Type.Array(
    Type.Object({
      index: Type.Integer(),
      speaker: SpeakerSchema,
      speakerId: NullableString,
      startMs: Type.Integer(),
      endMs: Type.Integer(),
      text: Type.String(),
      confidence: Type.Union([Type.Number(), Type.Null()]),
      words: Type.Array(Type.Array(Type.Integer()), {
        description: 'Each word: from, to (offsets in the text), startMs, endMs'
      }),
      personal: Type.Array(SpanSchema)
    })
  )
})

const ImportSchema = Type.Object(
  {
    language: LanguageTag,
    provider: Type.String({ minLength: 1, maxLength: 100, description: 'Which engine heard it' }),
    consent: Type.Optional(
      Type.String({
        minLength: 3,
        maxLength: 200,
        description: 'On what consent it rests; needed where Parley did not ask for it itself'
      })
    ),
    names: Type.Optional(
      Type.Array(Type.String({ minLength: 2, maxLength: 100 }), {
        maxItems: 50,
        description: 'Names of the people of this call, so that they are redacted'
      })
    ),
    utterances: Type.Array(
      Type.Object(
        {
          speaker: SpeakerSchema,
          speakerId: Type.Optional(Type.String({ maxLength: 64 })),
          startMs: Moment,
          endMs: Moment,
          text: Type.String({ minLength: 1, maxLength: MAX_UTTERANCE_CHARACTERS }),
          confidence: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
          words: Type.Optional(
            Type.Array(
              Type.Object(
                { text: Type.String({ maxLength: 200 }), startMs: Moment, endMs: Moment },
                { additionalProperties: false }
              ),
              { maxItems: 5_000 }
            )
          )
        },
        { additionalProperties: false }
      ),
      { minItems: 1, maxItems: MAX_UTTERANCES }
    )
  },
  { additionalProperties: false }
)

const GrantSchema = Type.Object({
  id: Type.String(),
  userId: Type.String(),
  userName: Type.String(),
  reason: Type.String(),
  grantedBy: Type.String(),
  grantedAt: Type.String(),
  expiresAt: Type.String(),
  revokedAt: NullableDate
})

/** Transcripts: read redacted or, with a reason, whole; and taken over from other programs. */
export function registerTranscriptRoutes(app: App, quality: Quality): void {
  const { db } = quality

  app.get(
    '/transcripts',
    {
      config: { access: 'transcripts:read' },
      schema: {
        summary: 'List transcripts, newest first',
        tags: ['transcripts'],
        querystring: PageQuery,
        response: responses({ 200: pageOf(TranscriptSummary) })
      }
    },
    async request => {
      const { cursor, limit = 50 } = request.query
      const rows = await listTranscripts(db, decodeCursor(cursor, 1)?.[0] ?? null, limit + 1)
      return toPage(rows, limit, toSummary, row => [row.id])
    }
  )

  app.get(
    '/calls/:id/transcript',
    {
      config: { access: 'transcripts:read' },
      schema: {
        summary: 'What was said in a call',
        description:
          'Names, numbers, cards and addresses are replaced by the server. The unredacted view needs the right to it and a reason, and is in the audit log with it. Card numbers are in neither: they are never stored.',
        tags: ['transcripts'],
        params: IdParams,
        querystring: Type.Object({
          view: Type.Optional(Type.Enum(['redacted', 'unredacted'], { default: 'redacted' })),
          reason: Type.Optional(Type.String({ minLength: 5, maxLength: 300 })),
          isFollowing: Type.Optional(
            Type.Boolean({
              description:
                'Asks again for a transcript that is being written: logged once in five minutes, not each time'
            })
          )
        }),
        response: responses({ 200: TranscriptSchema })
      }
    },
    async request => {
      const { id } = request.params
      const { view = 'redacted', reason, isFollowing = false } = request.query
      const actor = actorOf(request)
      const mayUnredact = await maySeeAll(actor)
      if (view === 'unredacted') {
        if (!mayUnredact) throw new AppError('FORBIDDEN', 'You were not granted the unredacted view.')
        if (reason === undefined)
          throw new AppError('VALIDATION_FAILED', 'The unredacted view needs a reason of at least five letters.')
      }
      const transcript = await readTranscript(quality, id)
      if (transcript === null) throw new AppError('NOT_FOUND', 'The call has no transcript.')
      const isLogged =
        isFollowing &&
        view === 'redacted' &&
        transcript.row.status === 'writing' &&
        (await hasActed(db, actor.id, 'transcript.read', { kind: 'call', id }, new Date(Date.now() - FOLLOWED_MS)))
      // The log comes first: nothing is read that is not in it.
      if (!isLogged)
        await audit(
          db,
          request,
          'transcript.read',
          { kind: 'call', id },
          { view, ...(reason !== undefined && { reason }) }
        )
      return {
        ...toSummary(transcript.row),
        view,
        mayUnredact,
        utterances: viewTranscript(transcript, view === 'redacted').map(one => ({
          ...one,
          words: one.words.map(word => [...word]),
          personal: [...one.personal]
        }))
      }
    }
  )

  app.post(
    '/calls/:id/transcript',
    {
      config: { access: 'transcripts:write' },
      bodyLimit: MAX_IMPORT_BYTES,
      schema: {
        summary: 'Store the finished transcript of a call',
        description:
          'From any engine. Times are milliseconds since the call was answered. Digits of payment cards are taken out before anything is stored.',
        tags: ['transcripts'],
        params: IdParams,
        body: ImportSchema,
        response: responses({
          201: Type.Object({ utterances: Type.Integer(), redactions: Type.Integer(), cards: Type.Integer() })
        })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const { language, provider, consent, names, utterances } = request.body
      const call = await findCdr(db, id)
      if (call === undefined) throw new AppError('NOT_FOUND', 'No call has this id.')
      const late = utterances.findIndex(one => one.endMs < one.startMs)
      if (late !== -1)
        throw new AppError('VALIDATION_FAILED', 'An utterance ends before it begins.', {
          problems: [{ at: `/body/utterances/${late}/endMs`, message: 'must not be before startMs' }]
        })
      const basis = await consentFor(id, consent)
      const done = await importTranscript(quality, id, basis, 'import', {
        language,
        provider,
        utterances,
        known: {
          names: names ?? [],
          numbers: [call.caller_number, call.called_number].filter(number => number !== null)
        }
      })
      await audit(
        db,
        request,
        'transcript.imported',
        { kind: 'call', id },
        { provider, language, utterances: done.utterances, consent: basis }
      )
      return reply
        .status(201)
        .header('location', `/api/v1/calls/${id}/transcript`)
        .send({ utterances: done.utterances, redactions: done.redactions, cards: done.cards })
    }
  )

  app.get(
    '/unredacted-grants',
    {
      config: { access: 'users:write' },
      schema: {
        summary: 'Who may see what redaction hides',
        tags: ['transcripts'],
        response: responses({ 200: Type.Object({ items: Type.Array(GrantSchema) }) })
      }
    },
    async () => ({
      items: (await listUnredactedGrants(db)).map(row => ({
        id: row.id,
        userId: row.user_id,
        userName: row.userName,
        reason: row.reason,
        grantedBy: row.granted_by,
        grantedAt: row.granted_at.toISOString(),
        expiresAt: row.expires_at.toISOString(),
        revokedAt: row.revoked_at?.toISOString() ?? null
      }))
    })
  )

  app.post(
    '/unredacted-grants',
    {
      config: { access: 'users:write' },
      schema: {
        summary: 'Let a person see what redaction hides, for a time',
        tags: ['transcripts'],
        body: Type.Object(
          {
            userId: Type.String({ maxLength: 64 }),
            reason: Type.String({ minLength: 5, maxLength: 300 }),
            expiresAt: DateString
          },
          { additionalProperties: false }
        ),
        response: responses({ 201: Type.Object({ id: Type.String() }) })
      }
    },
    async (request, reply) => {
      const { userId, reason, expiresAt } = request.body
      const until = new Date(expiresAt)
      const days = (until.getTime() - Date.now()) / 86_400_000
      if (days <= 0 || days > MAX_GRANT_DAYS)
        throw new AppError('VALIDATION_FAILED', `The grant ends within ${MAX_GRANT_DAYS} days from now.`)
      const actor = actorOf(request)
      if (actor.id === userId) throw new AppError('SECOND_PERSON', 'Nobody grants this to oneself.')
      const known = await db.selectFrom('users').select('id').where('id', '=', userId).executeTakeFirst()
      if (known === undefined) throw new AppError('NOT_FOUND', 'No user has this id.')
      const id = newId()
      await insertUnredactedGrant(db, {
        id,
        user_id: userId,
        reason,
        granted_by: actor.name,
        expires_at: until,
        revoked_at: null
      })
      await audit(db, request, 'unredacted.granted', { kind: 'user', id: userId }, { reason, expiresAt })
      return reply.status(201).send({ id })
    }
  )

  app.delete(
    '/unredacted-grants/:id',
    {
      config: { access: 'users:write' },
      schema: {
        summary: 'Take the unredacted view back',
        tags: ['transcripts'],
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      if (!(await revokeUnredactedGrant(db, id, new Date())))
        throw new AppError('NOT_FOUND', 'No grant in force has this id.')
      await audit(db, request, 'unredacted.revoked', { kind: 'unredacted-grant', id })
      return reply.status(204).send(null)
    }
  )

  async function maySeeAll(actor: Actor): Promise<boolean> {
    if (isPermitted(actor.role, 'transcripts:unredacted')) return true
    return actor.kind === 'user' && (await hasUnredactedGrant(db, actor.id, new Date()))
  }

  /** What the transcript may rest on. Throws AppError TRANSCRIPT_NOT_ALLOWED: an uncertain consent is none. */
  async function consentFor(callId: string, named: string | undefined): Promise<string> {
    const known = await quality.recordings.consentOf(callId)
    switch (known) {
      case 'granted':
        return named ?? 'granted in the call'
      case 'refused':
      case 'withdrawn':
      case 'never':
        throw new AppError('TRANSCRIPT_NOT_ALLOWED', `The customer’s consent to be recorded is: ${known}.`)
      case 'unasked':
        if (named === undefined)
          throw new AppError(
            'TRANSCRIPT_NOT_ALLOWED',
            'Parley knows of no consent for this call; name it in "consent".'
          )
        return named
      default:
        return known satisfies never
    }
  }
}

function toSummary(row: Awaited<ReturnType<typeof listTranscripts>>[number]) {
  return {
    callId: row.call_id,
    language: row.language,
    provider: row.provider,
    region: row.region,
    origin: row.origin,
    status: row.status,
    utteranceCount: row.utterances,
    words: row.words,
    redactions: row.redactions,
    agentMs: row.agent_ms,
    customerMs: row.customer_ms,
    botMs: row.bot_ms,
    longestSilenceMs: row.longest_silence_ms,
    overlapMs: row.overlap_ms,
    createdAt: row.created_at.toISOString(),
    finishedAt: row.finished_at?.toISOString() ?? null,
    erasedAt: row.erased_at?.toISOString() ?? null
  }
}
