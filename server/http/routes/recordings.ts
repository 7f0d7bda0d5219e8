import { Readable } from 'node:stream'
import { type Static, Type } from 'typebox'
import { GAP_KINDS } from '../../../media/recordings/gaps.ts'
import { listRecordingConsents } from '../../../sql/queries/recordings.ts'
import { AppError } from '../../errors.ts'
import type { CallRecording } from '../../recordings/call-recording.ts'
import type { RecordingSummary } from '../../recordings/recording-library.ts'
import type { Recordings } from '../../recordings/recordings.ts'
import { actorOf } from '../actor.ts'
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

const Span = { fromMs: Type.Integer(), toMs: Type.Integer() }

const RecordingSchema = Type.Object({
  id: Type.String(),
  callId: Type.String(),
  kind: Type.Union([Type.Literal('call'), Type.Literal('voicemail')], {
    description: 'voicemail: a message that the customer left'
  }),
  answeredAt: Type.String({ description: 'Where the timeline begins' }),
  durationMs: Type.Integer(),
  gaps: Type.Array(Type.Object({ kind: Type.Unsafe<string>({ type: 'string', enum: [...GAP_KINDS] }), ...Span }), {
    description: 'Parts without sound, declared; times since the answer'
  }),
  state: Type.Union([Type.Literal('spooled'), Type.Literal('stored'), Type.Literal('erased')]),
  store: Type.String(),
  bytes: Type.Union([Type.Integer(), Type.Null()]),
  language: NullableString,
  consentId: Type.String(),
  legalHold: NullableString,
  problem: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()]),
  erasedAt: NullableDate
})

const ConsentSchema = Type.Object({
  id: Type.String(),
  party: Type.String(),
  result: Type.String(),
  policy: Type.String(),
  method: Type.String(),
  promptVersion: NullableString,
  language: NullableString,
  places: Type.Array(Type.String()),
  at: Type.String()
})

const LiveSchema = Type.Object({
  callId: Type.String(),
  consent: Type.String(),
  state: Type.Union([Type.Literal('recording'), Type.Literal('paused'), Type.Literal('notRecorded')]),
  reason: NullableString,
  since: Type.String(),
  cardEndsAt: NullableDate,
  recordingId: NullableString
})

const Action = Type.Object(
  {
    action: Type.Union([
      Type.Literal('pause'),
      Type.Literal('resume'),
      Type.Literal('withdraw'),
      Type.Literal('card-start'),
      Type.Literal('card-end')
    ])
  },
  { additionalProperties: false }
)

/** Recordings, and what may be done with the one of a running call. Each hearing is in the audit log. */
export function registerRecordingRoutes(app: App, { db, liveCalls }: HttpParts, recordings: Recordings): void {
  const { library } = recordings

  app.get(
    '/recordings',
    {
      config: { access: 'recordings:read' },
      schema: {
        summary: 'List recordings, newest first',
        tags: ['recordings'],
        querystring: Type.Object({
          ...PageQuery.properties,
          callId: Type.Optional(Type.String({ maxLength: 64 })),
          from: Type.Optional(Type.String({ format: 'date-time' })),
          to: Type.Optional(Type.String({ format: 'date-time', description: 'Exclusive' }))
        }),
        response: responses({ 200: pageOf(RecordingSchema) })
      }
    },
    async request => {
      const { cursor, limit = 50, callId, from, to } = request.query
      const rows = await library.list(
        {
          ...(callId !== undefined && { callId }),
          ...(from !== undefined && { from: new Date(from) }),
          ...(to !== undefined && { until: new Date(to) })
        },
        decodeCursor(cursor, 1)?.[0] ?? null,
        limit + 1
      )
      return toPage(rows, limit, toRecording, row => [row.id])
    }
  )

  app.get(
    '/recordings/:id',
    {
      config: { access: 'recordings:read' },
      schema: {
        summary: 'A recording with the consents of its call',
        tags: ['recordings'],
        params: IdParams,
        response: responses({
          200: Type.Object({ ...RecordingSchema.properties, consents: Type.Array(ConsentSchema) })
        })
      }
    },
    async request => {
      const recording = await mustFind(request.params.id)
      const consents = await listRecordingConsents(db, recording.callId)
      return {
        ...toRecording(recording),
        consents: consents.map(row => ({
          id: row.id,
          party: row.party,
          result: row.result,
          policy: row.policy,
          method: row.method,
          promptVersion: row.prompt_version,
          language: row.language,
          places: [...row.jurisdictions],
          at: row.at.toISOString()
        }))
      }
    }
  )

  app.get(
    '/recordings/:id/audio',
    {
      config: { access: 'recordings:read' },
      schema: {
        summary: 'Hear a recording',
        description:
          'WAV (8 kHz, stereo: left the customer, right what the customer heard), which players may ask for in byte ranges, or FLAC as a whole. Gaps and damaged parts are silent.',
        tags: ['recordings'],
        params: IdParams,
        querystring: Type.Object({ format: Type.Optional(Type.Union([Type.Literal('wav'), Type.Literal('flac')])) }),
        produces: ['audio/wav', 'audio/flac'],
        response: responses({ 200: Type.Unknown(), 206: Type.Unknown() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const format = request.query.format ?? 'wav'
      const range = format === 'wav' ? parseRange(request.headers.range) : null
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      if (range?.kind === 'suffix') {
        const { durationMs } = await mustFind(id)
        range.first = Math.max(0, 44 + durationMs * 32 - range.length)
      }
      const file = await library.readFile(
        id,
        format,
        range === null ? null : { first: range.first, ...(range.last !== undefined && { last: range.last }) },
        gone.signal
      )
      // A player that seeks asks again and again; the log has when it began and where it looked.
      await audit(db, request, 'recording.heard', { kind: 'recording', id }, { format, ...file.range })
      reply
        .type(file.contentType)
        .header('cache-control', 'no-store')
        .header('accept-ranges', file.range === null ? 'none' : 'bytes')
      if (file.range !== null) {
        const { first, last } = file.range
        reply.header('content-length', last - first + 1)
        if (range !== null) reply.status(206).header('content-range', `bytes ${first}-${last}/${file.totalBytes}`)
      }
      return reply.send(Readable.from(file.body, { objectMode: false }))
    }
  )

  app.get(
    '/recordings/:id/peaks',
    {
      config: { access: 'recordings:read' },
      schema: {
        summary: 'Loudness over time, for drawing',
        description: 'One value from 0 to 255 for each point and side.',
        tags: ['recordings'],
        params: IdParams,
        querystring: Type.Object({
          pointsPerSecond: Type.Optional(Type.Number({ minimum: 0.1, maximum: 20, default: 10 }))
        }),
        response: responses({
          200: Type.Object({
            pointsPerSecond: Type.Number(),
            left: Type.Array(Type.Integer()),
            right: Type.Array(Type.Integer())
          })
        })
      }
    },
    async request => {
      const { id } = request.params
      const { pointsPerSecond, points } = await library.peaks(id, request.query.pointsPerSecond ?? 10)
      await audit(db, request, 'recording.peaks', { kind: 'recording', id })
      const side = (which: 0 | 1) => [...points].filter((_, index) => index % 2 === which)
      return { pointsPerSecond, left: side(0), right: side(1) }
    }
  )

  app.put(
    '/recordings/:id/legal-hold',
    {
      config: { access: 'recordings:write' },
      schema: {
        summary: 'Keep a recording whatever retention and requests say, or let it go again',
        tags: ['recordings'],
        params: IdParams,
        body: Type.Object(
          { reason: Type.Union([Type.String({ minLength: 1, maxLength: 500 }), Type.Null()]) },
          { additionalProperties: false }
        ),
        response: responses({ 200: RecordingSchema })
      }
    },
    async request => {
      const { id } = request.params
      const { reason } = request.body
      await library.hold(id, reason)
      await audit(
        db,
        request,
        reason === null ? 'recording.released' : 'recording.held',
        { kind: 'recording', id },
        { reason }
      )
      return toRecording(await mustFind(id))
    }
  )

  app.post(
    '/recordings/key-rotation',
    {
      config: { access: 'recordings:write' },
      schema: {
        summary: 'Make a new wrapping key and wrap every recording’s key by it',
        description: 'Audio is not touched. Keys that come from PARLEY_RECORDING_KEYS are rotated there.',
        tags: ['recordings'],
        response: responses({ 202: Type.Object({ version: Type.String() }) })
      }
    },
    async (request, reply) => {
      const version = await recordings.rotateKeys()
      await audit(db, request, 'recording.keysRotated', { kind: 'key', id: version })
      return reply.status(202).send({ version })
    }
  )

  app.get(
    '/calls/:id/recording',
    {
      config: { access: 'calls:read' },
      schema: {
        summary: 'Whether a running call is recorded, and why not',
        tags: ['recordings'],
        params: IdParams,
        response: responses({ 200: LiveSchema })
      }
    },
    async request => toLive(liveRecording(request.params.id))
  )

  app.post(
    '/calls/:id/recording',
    {
      config: { access: 'calls:control' },
      schema: {
        summary: 'Pause, resume or end the recording of a running call, or hide the entry of a card',
        description: 'A payment page calls card-start and card-end. withdraw: the customer takes the consent back.',
        tags: ['recordings'],
        params: IdParams,
        body: Action,
        response: responses({ 200: LiveSchema })
      }
    },
    async request => {
      const { id } = request.params
      const { action } = request.body
      const recording = liveRecording(id)
      await audit(db, request, `recording.${action}`, { kind: 'call', id })
      await act(recording, action, actorOf(request).name)
      return toLive(recording)
    }
  )

  function liveRecording(callId: string): CallRecording {
    const call = liveCalls.get(callId)
    if (call === undefined) throw new AppError('NOT_FOUND', 'No running call of this server has this id.')
    return recordings.of(call)
  }

  async function mustFind(id: string): Promise<RecordingSummary> {
    const recording = await library.find(id)
    if (recording === undefined) throw new AppError('NOT_FOUND', 'No recording has this id.')
    return recording
  }
}

async function act(recording: CallRecording, action: Static<typeof Action>['action'], by: string): Promise<void> {
  switch (action) {
    case 'pause':
      return recording.pause(by)
    case 'resume':
      return recording.resume(by)
    case 'withdraw':
      return await recording.withdraw(by, 'agent')
    case 'card-start':
      return recording.startCard(by)
    case 'card-end':
      return recording.endCard(by)
    default:
      return action satisfies never
  }
}

/**
 * One range of bytes (RFC 9110 §14.1.2); null when there is none, or one that this server does not do, which a server
 * may ignore (§14.2). Throws AppError RANGE_INVALID for one that makes no sense.
 */
export function parseRange(
  header: string | undefined
):
  | { kind: 'span'; first: number; last?: number }
  | { kind: 'suffix'; length: number; first: number; last?: number }
  | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '')
  if (match === null) return null
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return null
  if (first.length > 15 || last.length > 15) throw new AppError('RANGE_INVALID', 'No file has so many bytes.')
  if (first === '') {
    if (Number(last) === 0) throw new AppError('RANGE_INVALID', 'Ask for one byte at least.')
    return { kind: 'suffix', length: Number(last), first: 0 }
  }
  if (last !== '' && Number(last) < Number(first))
    throw new AppError('RANGE_INVALID', 'The range ends before it begins.')
  return { kind: 'span', first: Number(first), ...(last !== '' && { last: Number(last) }) }
}

function toLive(recording: CallRecording): Static<typeof LiveSchema> {
  const { state, reason, since, card } = recording.view
  return {
    callId: recording.call.id,
    consent: recording.consent,
    state,
    reason,
    since: since.toISOString(),
    cardEndsAt: card?.endsAt.toISOString() ?? null,
    recordingId: recording.recordingId
  }
}

function toRecording(row: RecordingSummary): Static<typeof RecordingSchema> {
  return {
    id: row.id,
    callId: row.callId,
    kind: row.kind,
    answeredAt: row.answeredAt.toISOString(),
    durationMs: row.durationMs,
    gaps: row.gaps.map(gap => ({ ...gap })),
    state: row.state,
    store: row.store,
    bytes: row.bytes,
    language: row.language,
    consentId: row.consentId,
    legalHold: row.legalHold,
    problem: row.problem === null ? null : { ...row.problem },
    erasedAt: row.erasedAt?.toISOString() ?? null
  }
}
