import { type Static, Type } from 'typebox'
import { PURPOSES, type Purpose } from '../../compliance/codes.ts'
import { AppError } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { noteClock } from '../../privacy/daily-sweep.ts'
import type { PrivacyService } from '../../privacy/privacy-service.ts'
import {
  type Explained,
  explainCall,
  explainItem,
  readRetention,
  type RetentionState,
  sweep
} from '../../privacy/retention.ts'
import { NOT_RETAINED, RETAINED, type Retained } from '../../privacy/retention-rules.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import { E164, IdParams, NullableDate, NullableString, responses } from '../schemas.ts'

const NullableInteger = Type.Union([Type.Integer(), Type.Null()])
const StoreList = Type.Array(Type.Enum([...RETAINED]), { maxItems: RETAINED.length })
/**
 * The fields that may be null are no unions: in one the first type would be made out of a null, as 0 days out of `keepDays` that
 * keeps without end.
 */
const RuleBody = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 100 }),
    stores: Type.Optional(StoreList),
    region: Type.Optional(Type.Unsafe<string | null>({ type: ['string', 'null'], pattern: '^[A-Z]{2}$' })),
    queueId: Type.Optional(Type.Unsafe<string | null>({ type: ['string', 'null'], minLength: 1, maxLength: 64 })),
    purpose: Type.Optional(Type.Unsafe<Purpose | null>({ enum: [...PURPOSES, null] })),
    keepDays: Type.Unsafe<number | null>({ type: ['integer', 'null'], minimum: 0, maximum: 36_500 }),
    reason: Type.String({ minLength: 3, maxLength: 500 })
  },
  { additionalProperties: false }
)
const RuleSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  stores: Type.Array(Type.String()),
  region: NullableString,
  queueId: NullableString,
  purpose: NullableString,
  keepDays: NullableInteger,
  reason: Type.String()
})
const SettingsSchema = Type.Object({
  overlap: Type.Enum(['longest', 'shortest']),
  isSweeping: Type.Boolean()
})
const ReportSchema = Type.Object({
  checked: Type.Integer(),
  due: Type.Integer(),
  deleted: Type.Integer(),
  held: Type.Integer(),
  unmatched: Type.Integer({ description: 'No rule speaks of these: they are kept, and somebody should decide' }),
  byRule: Type.Array(
    Type.Object({ store: Type.String(), ruleId: Type.String(), name: Type.String(), due: Type.Integer() })
  ),
  problems: Type.Array(Type.Object({ store: Type.String(), id: Type.String(), problem: Type.String() }))
})
const NotRetained = Type.Record(Type.String(), Type.String(), {
  description: 'Stores that no rule speaks of, and why: proof, follows or ownLimit'
})
const ExplainedSchema = Type.Object({
  store: Type.String(),
  id: Type.String(),
  at: Type.String(),
  region: NullableString,
  purpose: Type.String(),
  verdict: Type.String(),
  rule: Type.Union([RuleSchema, Type.Null()]),
  deleteAt: NullableDate,
  hold: NullableString,
  alsoMatched: Type.Array(Type.Object({ name: Type.String(), deleteAt: NullableDate }))
})
const HoldSchema = Type.Object({
  id: Type.String(),
  callId: NullableString,
  isNumber: Type.Boolean(),
  matter: Type.String(),
  reason: Type.String(),
  until: NullableDate,
  setBy: Type.String(),
  setAt: Type.String(),
  releasedAt: NullableDate
})

/** How long what is kept, why, what that would delete, and what a court wants kept. */
export function registerRetentionRoutes(app: App, privacy: PrivacyService): void {
  const { parts } = privacy
  const { db } = parts

  app.get(
    '/retention/rules',
    {
      config: { access: 'retention:read' },
      schema: {
        summary: 'How long what is kept',
        tags: ['retention'],
        response: responses({
          200: Type.Object({
            ...SettingsSchema.properties,
            items: Type.Array(RuleSchema),
            stores: Type.Array(Type.String(), { description: 'What a rule can speak of' }),
            purposes: Type.Array(Type.String(), { description: 'What calls can be about, for a rule' }),
            notRetained: NotRetained
          })
        })
      }
    },
    async () => {
      const { rules, overlap, isSweeping } = await readRetention(db)
      return {
        overlap,
        isSweeping,
        items: rules.map(rule => ({ ...rule, stores: [...rule.stores] })),
        stores: [...RETAINED],
        purposes: [...PURPOSES],
        notRetained: NOT_RETAINED
      }
    }
  )

  app.post(
    '/retention/rules',
    {
      config: { access: 'retention:write' },
      schema: {
        summary: 'Add a rule',
        description: 'It speaks of what is there already too; look at the dry run first.',
        tags: ['retention'],
        body: RuleBody,
        response: responses({ 201: Type.Object({ id: Type.String() }) })
      }
    },
    async (request, reply) => {
      const id = newId()
      const { name } = request.body
      const made = await db
        .insertInto('retention_rules')
        .values({ id, ...toRow(request.body), created_by: actorOf(request).name })
        .onConflict(conflict => conflict.column('name').doNothing())
        .returning('id')
        .executeTakeFirst()
      if (made === undefined) throw new AppError('CONFLICT', 'There is a rule of this name.')
      await audit(db, request, 'retention-rule.created', { kind: 'retention-rule', id }, { ...request.body, name })
      return reply.status(201).send({ id })
    }
  )

  app.put(
    '/retention/rules/:id',
    {
      config: { access: 'retention:write' },
      schema: {
        summary: 'Change a rule',
        tags: ['retention'],
        params: IdParams,
        body: RuleBody,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const done = await db
        .updateTable('retention_rules')
        .set({ ...toRow(request.body), changed_at: new Date() })
        .where('id', '=', id)
        .executeTakeFirst()
      if (done.numUpdatedRows === 0n) throw new AppError('NOT_FOUND', 'No rule has this id.')
      await audit(db, request, 'retention-rule.changed', { kind: 'retention-rule', id }, { ...request.body })
      return reply.status(204).send(null)
    }
  )

  app.delete(
    '/retention/rules/:id',
    {
      config: { access: 'retention:write' },
      schema: {
        summary: 'Remove a rule',
        tags: ['retention'],
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const done = await db.deleteFrom('retention_rules').where('id', '=', id).executeTakeFirst()
      if (done.numDeletedRows === 0n) throw new AppError('NOT_FOUND', 'No rule has this id.')
      await audit(db, request, 'retention-rule.removed', { kind: 'retention-rule', id })
      return reply.status(204).send(null)
    }
  )

  app.put(
    '/retention/settings',
    {
      config: { access: 'retention:write' },
      schema: {
        summary: 'Which rule wins where several are equally close, and whether the nightly sweep deletes',
        tags: ['retention'],
        body: SettingsSchema,
        response: responses({ 200: SettingsSchema })
      }
    },
    async request => {
      const { overlap, isSweeping } = request.body as { overlap: 'longest' | 'shortest'; isSweeping: boolean }
      await db
        .updateTable('retention_settings')
        .set({ overlap, is_sweeping: isSweeping, changed_by: actorOf(request).name, changed_at: new Date() })
        .execute()
      await audit(db, request, 'retention.changed', { kind: 'retention', id: 'settings' }, { overlap, isSweeping })
      return { overlap, isSweeping }
    }
  )

  app.post(
    '/retention/dry-run',
    {
      config: { access: 'retention:read' },
      schema: {
        summary: 'What a sweep would delete now',
        description: 'With `rules`, as if these were in force instead.',
        tags: ['retention'],
        body: Type.Object(
          {
            rules: Type.Optional(Type.Array(RuleBody, { maxItems: 200 })),
            overlap: Type.Optional(Type.Enum(['longest', 'shortest'])),
            at: Type.Optional(Type.String({ format: 'date-time' }))
          },
          { additionalProperties: false }
        ),
        response: responses({ 200: ReportSchema })
      }
    },
    async request => {
      const { rules, overlap, at } = request.body
      const now = await readRetention(db)
      const state: RetentionState = {
        ...now,
        overlap: (overlap as 'longest' | 'shortest' | undefined) ?? now.overlap,
        rules:
          rules?.map((rule, index) => ({
            id: `given-${index}`,
            name: rule.name,
            stores: rule.stores ?? [],
            region: rule.region ?? null,
            queueId: rule.queueId ?? null,
            purpose: rule.purpose ?? null,
            keepDays: rule.keepDays,
            reason: rule.reason
          })) ?? now.rules
      }
      const report = await sweep(parts, { isDry: true, now: at === undefined ? new Date() : new Date(at), state })
      return { ...report, byRule: [...report.byRule], problems: [...report.problems] }
    }
  )

  app.post(
    '/retention/sweep',
    {
      config: { access: 'retention:write' },
      schema: {
        summary: 'Delete what is due now',
        tags: ['retention'],
        response: responses({ 200: ReportSchema })
      }
    },
    async request => {
      await audit(db, request, 'retention.swept', { kind: 'retention', id: 'sweep' })
      const now = new Date()
      const report = await sweep(parts, { isDry: false, now })
      // Whoever sweeps by hand has seen what time it is.
      await noteClock(db, now)
      return { ...report, byRule: [...report.byRule], problems: [...report.problems] }
    }
  )

  app.get(
    '/calls/:id/retention',
    {
      config: { access: 'retention:read' },
      schema: {
        summary: 'Which rule keeps each part of a call or deletes it, and when',
        tags: ['retention'],
        params: IdParams,
        response: responses({
          200: Type.Object({
            items: Type.Array(ExplainedSchema),
            notRetained: NotRetained,
            erased: Type.Array(
              Type.Object({ store: Type.String(), at: Type.String(), cause: Type.String(), method: Type.String() })
            )
          })
        })
      }
    },
    async request => {
      const { id } = request.params
      const explained = await explainCall(parts, id, new Date())
      const erased = await db.selectFrom('erasures').selectAll().where('call_id', '=', id).orderBy('id').execute()
      return {
        items: explained.map(toExplained),
        notRetained: NOT_RETAINED,
        erased: erased.map(row => ({
          store: row.store,
          at: row.at.toISOString(),
          cause: row.cause,
          method: row.method
        }))
      }
    }
  )

  app.get(
    '/retention/explain',
    {
      config: { access: 'retention:read' },
      schema: {
        summary: 'Which rule keeps one thing or deletes it, and when',
        description: 'Such as a contact, which belongs to no call.',
        tags: ['retention'],
        querystring: Type.Object({
          store: Type.Enum([...RETAINED]),
          id: Type.String({ minLength: 1, maxLength: 200 })
        }),
        response: responses({ 200: ExplainedSchema })
      }
    },
    async request => {
      const explained = await explainItem(parts, request.query.store as Retained, request.query.id, new Date())
      if (explained === null) throw new AppError('NOT_FOUND', 'Nothing there has this id.')
      return toExplained(explained)
    }
  )

  app.get(
    '/legal-holds',
    {
      config: { access: 'retention:read' },
      schema: {
        summary: 'What must not be deleted, whatever rules and requests say',
        tags: ['retention'],
        response: responses({ 200: Type.Object({ items: Type.Array(HoldSchema) }) })
      }
    },
    async () => {
      const rows = await db.selectFrom('legal_holds').selectAll().orderBy('id', 'desc').limit(500).execute()
      return {
        items: rows.map(row => ({
          id: row.id,
          callId: row.call_id,
          isNumber: row.number_hash !== null,
          matter: row.matter,
          reason: row.reason,
          until: row.until?.toISOString() ?? null,
          setBy: row.set_by,
          setAt: row.set_at.toISOString(),
          releasedAt: row.released_at?.toISOString() ?? null
        }))
      }
    }
  )

  app.post(
    '/legal-holds',
    {
      config: { access: 'retention:write' },
      schema: {
        summary: 'Keep a call, or everything of a number',
        tags: ['retention'],
        body: Type.Object(
          {
            callId: Type.Optional(Type.String({ maxLength: 64 })),
            number: Type.Optional(E164),
            matter: Type.String({ minLength: 2, maxLength: 200 }),
            reason: Type.String({ minLength: 3, maxLength: 500 }),
            until: Type.Optional(Type.String({ format: 'date-time' }))
          },
          { additionalProperties: false }
        ),
        response: responses({ 201: Type.Object({ id: Type.String() }) })
      }
    },
    async (request, reply) => {
      const { callId, number, matter, reason, until } = request.body
      if ((callId === undefined) === (number === undefined))
        throw new AppError('VALIDATION_FAILED', 'A hold is about a call or about a number.')
      const id = newId()
      await db
        .insertInto('legal_holds')
        .values({
          id,
          call_id: callId ?? null,
          number_hash: number === undefined ? null : parts.compliance.hashOf(number),
          matter,
          reason,
          until: until === undefined ? null : new Date(until),
          set_by: actorOf(request).name,
          released_by: null,
          released_at: null
        })
        .execute()
      await audit(db, request, 'legal-hold.set', { kind: 'legal-hold', id }, { matter, reason })
      return reply.status(201).send({ id })
    }
  )

  app.delete(
    '/legal-holds/:id',
    {
      config: { access: 'retention:write' },
      schema: {
        summary: 'Release a hold',
        tags: ['retention'],
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const done = await db
        .updateTable('legal_holds')
        .set({ released_at: new Date(), released_by: actorOf(request).name })
        .where('id', '=', id)
        .where('released_at', 'is', null)
        .executeTakeFirst()
      if (done.numUpdatedRows === 0n) throw new AppError('NOT_FOUND', 'No hold in force has this id.')
      await audit(db, request, 'legal-hold.released', { kind: 'legal-hold', id })
      return reply.status(204).send(null)
    }
  )
}

function toExplained({ item, verdict }: Explained) {
  return {
    store: item.store,
    id: item.id,
    at: item.at.toISOString(),
    region: item.region,
    purpose: item.purpose,
    verdict: verdict.kind,
    rule: verdict.rule === null ? null : { ...verdict.rule, stores: [...verdict.rule.stores] },
    deleteAt: verdict.deleteAt?.toISOString() ?? null,
    hold: verdict.hold,
    alsoMatched: verdict.matched
      .slice(1)
      .map(one => ({ name: one.rule.name, deleteAt: one.deleteAt?.toISOString() ?? null }))
  }
}

function toRow(rule: Static<typeof RuleBody>) {
  return {
    name: rule.name,
    stores: rule.stores ?? [],
    region: rule.region ?? null,
    queue_id: rule.queueId ?? null,
    purpose: rule.purpose ?? null,
    keep_days: rule.keepDays,
    reason: rule.reason
  }
}
