import { type Static, Type } from 'typebox'
import type { Db } from '../../../sql/database.ts'
import { readCallsToIndex } from '../../../sql/queries/quality/search.ts'
import { findTranscripts } from '../../../sql/queries/quality/transcripts.ts'
import { AppError } from '../../errors.ts'
import { numberFor } from '../../number-mask.ts'
import type { Quality } from '../../quality/quality.ts'
import {
  countCalls,
  findHits,
  type FoundWithHits,
  prepareSearch,
  searchCalls,
  type SearchFilter
} from '../../quality/search.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { Actor, App } from '../fastify-types.ts'
import { decodeCursor, E164, NullableString, PageQuery, pageOf, responses, toPage } from '../schemas.ts'

const List = Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { maxItems: 50 }))
const Length = Type.Optional(Type.Integer({ minimum: 0, maximum: 2_000_000_000 }))
const Has = Type.Optional(Type.Array(Type.Enum(['transcript', 'recording', 'review']), { maxItems: 3 }))

const FilterSchema = Type.Object({
  q: Type.Optional(
    Type.String({
      maxLength: 1000,
      description:
        'Words, "phrases", OR between alternatives, - before what must not be said, word* for beginnings, and agent:, customer: or bot: before what one of them says'
    })
  ),
  from: Type.Optional(Type.String({ format: 'date-time' })),
  until: Type.Optional(Type.String({ format: 'date-time', description: 'Not included' })),
  language: List,
  queueId: List,
  agentId: List,
  flowId: List,
  campaignId: List,
  disposition: List,
  tag: List,
  direction: Type.Optional(Type.Enum(['inbound', 'outbound'])),
  number: Type.Optional(E164),
  has: Has,
  not: Has,
  minDurationMs: Length,
  maxDurationMs: Length,
  minSilenceMs: Length,
  minOverlapMs: Length
})

const Named = Type.Object({ id: Type.String(), name: Type.String() })
const HitSchema = Type.Object({
  speaker: Type.String(),
  atMs: Type.Integer(),
  utterance: Type.Integer(),
  text: Type.String(),
  marks: Type.Array(Type.Array(Type.Integer()))
})
const FoundSchema = Type.Object({
  callId: Type.String(),
  startedAt: Type.String(),
  durationMs: Type.Integer(),
  direction: Type.String(),
  customerNumber: NullableString,
  language: NullableString,
  queues: Type.Array(Named),
  agents: Type.Array(Named),
  dispositions: Type.Array(Type.String()),
  tags: Type.Array(Type.String()),
  hasTranscript: Type.Boolean(),
  hasRecording: Type.Boolean(),
  reviews: Type.Integer(),
  longestSilenceMs: Type.Integer(),
  overlapMs: Type.Integer(),
  hits: Type.Array(HitSchema),
  hitCount: Type.Integer()
})

/** Calls by what was said in them and by everything that is known about them. */
export function registerSearchRoutes(app: App, quality: Quality): void {
  const { db } = quality

  app.get(
    '/search/calls',
    {
      config: { access: 'transcripts:read' },
      schema: {
        summary: 'Find calls, newest first, with the second at which it is said',
        tags: ['search'],
        querystring: Type.Object({ ...PageQuery.properties, ...FilterSchema.properties }),
        response: responses({
          200: Type.Object({
            ...pageOf(FoundSchema).properties,
            ignored: Type.Array(Type.String(), { description: 'Words that say nothing, such as "the"' })
          })
        })
      }
    },
    async request => {
      const { cursor, limit = 50, ...given } = request.query
      const position = decodeCursor(cursor, 2)
      const before = position === null ? null : { startedAt: new Date(position[0] ?? ''), callId: position[1] ?? '' }
      if (before !== null && Number.isNaN(before.startedAt.getTime()))
        throw new AppError('CURSOR_INVALID', 'The cursor holds no instant.')
      const prepared = await prepareSearch(quality, toFilter(given))
      const found = await searchCalls(quality, prepared, before, limit + 1)
      const withHits = await findHits(quality, prepared, found.slice(0, limit))
      const rows = [...withHits, ...found.slice(limit).map(one => ({ ...one, hits: [], hitCount: 0 }))]
      const shown = await describe(db, quality, rows, actorOf(request))
      // Snippets are a reading of transcripts; what was typed may name a person and is not kept.
      await audit(
        db,
        request,
        'search.calls',
        { kind: 'search', id: 'calls' },
        { filters: Object.keys(given), callIds: withHits.filter(one => one.hits.length > 0).map(one => one.callId) }
      )
      return {
        ...toPage(
          shown,
          limit,
          row => row,
          row => [row.startedAt, row.callId]
        ),
        ignored: [...prepared.ignored]
      }
    }
  )

  app.get(
    '/search/calls/count',
    {
      config: { access: 'transcripts:read' },
      schema: {
        summary: 'How many calls a search finds',
        tags: ['search'],
        querystring: FilterSchema,
        response: responses({ 200: Type.Object({ count: Type.Integer(), isMore: Type.Boolean() }) })
      }
    },
    async request => await countCalls(quality, await prepareSearch(quality, toFilter(request.query)))
  )
}

function toFilter(given: Static<typeof FilterSchema>): SearchFilter {
  const { from, until, ...rest } = given
  return {
    ...(rest as SearchFilter),
    ...(from !== undefined && { from: new Date(from) }),
    ...(until !== undefined && { until: new Date(until) })
  }
}

/** Adds what people read in a list of calls. */
async function describe(db: Db, quality: Quality, found: readonly FoundWithHits[], actor: Actor) {
  const ids = found.map(one => one.callId)
  const [calls, transcripts, recordings] = await Promise.all([
    readCallsToIndex(db, ids),
    findTranscripts(db, ids),
    quality.recordings.ofCalls(ids)
  ])
  const agentIds = [...new Set(calls.flatMap(call => call.agentIds))]
  const queueIds = [...new Set(calls.flatMap(call => call.queueIds))]
  const [users, queues] = await Promise.all([
    agentIds.length === 0
      ? []
      : db.selectFrom('users').select(['id', 'display_name as name']).where('id', 'in', agentIds).execute(),
    queueIds.length === 0 ? [] : db.selectFrom('queues').select(['id', 'name']).where('id', 'in', queueIds).execute()
  ])
  const named = (all: readonly Readonly<{ id: string; name: string }>[], wanted: readonly string[]) =>
    wanted.map(id => ({ id, name: all.find(one => one.id === id)?.name ?? id }))
  return found.flatMap(one => {
    const call = calls.find(each => each.callId === one.callId)
    if (call === undefined) return []
    const transcript = transcripts.find(each => each.call_id === one.callId)
    return [
      {
        callId: call.callId,
        startedAt: call.startedAt.toISOString(),
        durationMs: call.durationMs,
        direction: call.direction,
        customerNumber: numberFor(actor.role, call.customer),
        language: transcript?.language ?? call.language,
        queues: named(queues, call.queueIds),
        agents: named(users, call.agentIds),
        dispositions: [...call.outcomes],
        tags: [...call.tags],
        hasTranscript: transcript !== undefined && transcript.status !== 'erased',
        hasRecording: recordings.some(each => each.callId === one.callId && !each.isErased),
        reviews: call.reviews,
        longestSilenceMs: transcript?.longest_silence_ms ?? 0,
        overlapMs: transcript?.overlap_ms ?? 0,
        hits: one.hits.map(hit => ({ ...hit, marks: hit.marks.map(mark => [...mark]) })),
        hitCount: one.hitCount
      }
    ]
  })
}
