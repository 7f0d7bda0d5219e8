import { Type } from 'typebox'
import {
  findScorecard,
  findVersion,
  insertScorecard,
  listScorecards,
  listVersions,
  publishScorecard,
  type ScorecardRow,
  updateScorecard
} from '../../../sql/queries/quality/reviews.ts'
import { AppError } from '../../errors.ts'
import { newId } from '../../ids.ts'
import type { Quality } from '../../quality/quality.ts'
import { checkScorecard, type Scorecard, ScorecardSchema } from '../../quality/scorecard.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import { IdParams, NullableDate, responses } from '../schemas.ts'

const Body = Type.Unsafe<Scorecard>(Type.Record(Type.String(), Type.Unknown()))
const NullableInteger = Type.Union([Type.Integer(), Type.Null()])

const CardSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  version: NullableInteger,
  draft: Body,
  draftAt: Type.String(),
  archivedAt: NullableDate
})
const VersionSchema = Type.Object({
  scorecardId: Type.String(),
  version: Type.Integer(),
  body: Body,
  publishedBy: Type.String(),
  publishedAt: Type.String()
})
const VersionParams = Type.Object({ id: Type.String({ maxLength: 64 }), version: Type.Integer({ minimum: 1 }) })

/** Scorecards: a draft that may change, and published versions that never do. */
export function registerScorecardRoutes(app: App, { db }: Quality): void {
  app.get(
    '/scorecards',
    {
      config: { access: 'reviews:read' },
      schema: {
        summary: 'List scorecards',
        tags: ['reviews'],
        response: responses({ 200: Type.Object({ items: Type.Array(CardSchema) }) })
      }
    },
    async () => ({ items: (await listScorecards(db)).map(toCard) })
  )

  app.post(
    '/scorecards',
    {
      config: { access: 'scorecards:write' },
      schema: {
        summary: 'Begin a scorecard',
        tags: ['reviews'],
        body: Type.Object(
          { name: Type.String({ minLength: 1, maxLength: 100 }), body: ScorecardSchema },
          { additionalProperties: false }
        ),
        response: responses({ 201: Type.Object({ id: Type.String() }) })
      }
    },
    async (request, reply) => {
      const { name, body } = request.body
      checkScorecard(body)
      const id = newId()
      const made = await insertScorecard(db, {
        id,
        name,
        draft: JSON.stringify(body),
        version: null,
        created_by: actorOf(request).name,
        archived_at: null
      })
      if (!made) throw new AppError('CONFLICT', 'There is a scorecard of this name.')
      await audit(db, request, 'scorecard.created', { kind: 'scorecard', id }, { name })
      return reply.status(201).send({ id })
    }
  )

  app.patch(
    '/scorecards/:id',
    {
      config: { access: 'scorecards:write' },
      schema: {
        summary: 'Change the draft, or archive',
        description: 'Versions that were published stay as they are; reviews keep theirs.',
        tags: ['reviews'],
        params: IdParams,
        body: Type.Object(
          { body: Type.Optional(ScorecardSchema), isArchived: Type.Optional(Type.Boolean()) },
          { additionalProperties: false }
        ),
        response: responses({ 200: CardSchema })
      }
    },
    async request => {
      const { id } = request.params
      const { body, isArchived } = request.body
      await known(id)
      if (body !== undefined) checkScorecard(body)
      await updateScorecard(db, id, {
        ...(body !== undefined && { draft: JSON.stringify(body), draft_at: new Date() }),
        ...(isArchived !== undefined && { archived_at: isArchived ? new Date() : null })
      })
      await audit(db, request, 'scorecard.changed', { kind: 'scorecard', id }, { fields: Object.keys(request.body) })
      return toCard(await known(id))
    }
  )

  app.post(
    '/scorecards/:id/publish',
    {
      config: { access: 'scorecards:write' },
      schema: {
        summary: 'Publish the draft as a new version',
        tags: ['reviews'],
        params: IdParams,
        response: responses({ 200: Type.Object({ version: Type.Integer() }) })
      }
    },
    async request => {
      const { id } = request.params
      const card = await known(id)
      checkScorecard(card.draft as Scorecard)
      const version = await publishScorecard(db, id, actorOf(request).name)
      await audit(db, request, 'scorecard.published', { kind: 'scorecard', id }, { version })
      return { version }
    }
  )

  app.get(
    '/scorecards/:id/versions',
    {
      config: { access: 'reviews:read' },
      schema: {
        summary: 'Every published version, newest first',
        tags: ['reviews'],
        params: IdParams,
        response: responses({ 200: Type.Object({ items: Type.Array(VersionSchema) }) })
      }
    },
    async request => {
      await known(request.params.id)
      return { items: (await listVersions(db, request.params.id)).map(toVersion) }
    }
  )

  app.get(
    '/scorecards/:id/versions/:version',
    {
      config: { access: 'session' },
      schema: {
        summary: 'One version, as reviews of it were made',
        tags: ['reviews'],
        params: VersionParams,
        response: responses({ 200: VersionSchema })
      }
    },
    async request => {
      const row = await findVersion(db, request.params.id, request.params.version)
      if (row === undefined) throw new AppError('NOT_FOUND', 'The scorecard has no such version.')
      return toVersion(row)
    }
  )

  async function known(id: string): Promise<ScorecardRow> {
    const card = await findScorecard(db, id)
    if (card === undefined) throw new AppError('NOT_FOUND', 'No scorecard has this id.')
    return card
  }
}

function toCard(row: ScorecardRow) {
  return {
    id: row.id,
    name: row.name,
    version: row.version,
    draft: row.draft as Scorecard,
    draftAt: row.draft_at.toISOString(),
    archivedAt: row.archived_at?.toISOString() ?? null
  }
}

function toVersion(row: NonNullable<Awaited<ReturnType<typeof findVersion>>>) {
  return {
    scorecardId: row.scorecard_id,
    version: row.version,
    body: row.body as Scorecard,
    publishedBy: row.published_by,
    publishedAt: row.published_at.toISOString()
  }
}
