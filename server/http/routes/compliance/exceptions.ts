import { Type } from 'typebox'
import type { ComplianceService } from '../../../compliance/compliance-service.ts'
import { toE164 } from '../../../compliance/numbers/analyze.ts'
import {
  countersignOverride,
  insertOverride,
  insertSuspension,
  liftSuspension,
  listOverrides,
  listSuspensions,
  revokeOverride
} from '../../../../sql/queries/compliance/decisions.ts'
import { AppError } from '../../../errors.ts'
import { newId } from '../../../ids.ts'
import { actorOf } from '../../actor.ts'
import { audit } from '../../audit.ts'
import type { App } from '../../fastify-types.ts'
import type { HttpParts } from '../../parts.ts'
import { DateString, IdParams, NullableDate, NullableString, responses } from '../../schemas.ts'
import { access } from './access.ts'

const MAX_OVERRIDE_MS = 31 * 86_400_000

const OverrideSchema = Type.Object({
  id: Type.String(),
  rules: Type.Array(Type.String()),
  reason: Type.String(),
  campaignId: NullableString,
  isForOneNumber: Type.Boolean(),
  signedBy: Type.String(),
  signedAt: DateString,
  countersignedBy: NullableString,
  countersignedAt: NullableDate,
  expiresAt: DateString,
  revokedAt: NullableDate,
  isInForce: Type.Boolean()
})

const SuspensionSchema = Type.Object({
  id: Type.String(),
  jurisdiction: Type.String(),
  kind: Type.String(),
  note: Type.String(),
  fromAt: DateString,
  toAt: NullableDate,
  liftedAt: NullableDate
})

/** Overrides by two people, and suspensions of whole jurisdictions. */
export function registerExceptionRoutes(app: App, { db }: HttpParts, compliance: ComplianceService): void {
  const store = compliance.db

  app.get(
    '/compliance/overrides',
    {
      config: access('compliance:read'),
      schema: {
        summary: 'List overrides, also those that are over',
        tags: ['compliance'],
        response: responses({ 200: Type.Object({ items: Type.Array(OverrideSchema) }) })
      }
    },
    async () => {
      const now = new Date()
      return {
        items: (await listOverrides(store, 500)).map(row => ({
          id: row.id,
          rules: [...row.rules],
          reason: row.reason,
          campaignId: row.campaignId,
          isForOneNumber: row.numberHash !== null,
          signedBy: row.signedBy,
          signedAt: row.signedAt.toISOString(),
          countersignedBy: row.countersignedBy,
          countersignedAt: row.countersignedAt?.toISOString() ?? null,
          expiresAt: row.expiresAt.toISOString(),
          revokedAt: row.revokedAt?.toISOString() ?? null,
          isInForce: row.countersignedBy !== null && row.revokedAt === null && row.expiresAt > now
        }))
      }
    }
  )

  app.post(
    '/compliance/overrides',
    {
      config: access('compliance:sign'),
      schema: {
        summary: 'Sign an override; a second person must sign it too',
        tags: ['compliance'],
        body: Type.Object(
          {
            rules: Type.Array(Type.String({ maxLength: 80 }), { minItems: 1, maxItems: 32 }),
            reason: Type.String({ minLength: 10, maxLength: 500 }),
            number: Type.Optional(Type.String({ maxLength: 64 })),
            campaignId: Type.Optional(Type.String({ maxLength: 64 })),
            expiresAt: DateString
          },
          { additionalProperties: false }
        ),
        response: responses({ 201: Type.Object({ id: Type.String() }) })
      }
    },
    async (request, reply) => {
      const { rules, reason, number, campaignId, expiresAt } = request.body
      const now = new Date()
      const until = new Date(expiresAt)
      if (until <= now || until.getTime() - now.getTime() > MAX_OVERRIDE_MS)
        throw new AppError('VALIDATION_FAILED', 'An override ends within 31 days.')
      for (const rule of rules) refuseLaw(rule)
      const e164 = number === undefined ? null : toE164(number)
      if (number !== undefined && e164 === null)
        throw new AppError('NUMBER_INVALID', 'Write the number with its country code.')
      const id = newId()
      await insertOverride(store, {
        id,
        rules: [...rules],
        reason,
        number_hash: e164 === null ? null : compliance.hashOf(e164),
        campaign_id: campaignId ?? null,
        signed_by: actorOf(request).id ?? actorOf(request).name,
        signed_at: now,
        countersigned_by: null,
        countersigned_at: null,
        expires_at: until,
        revoked_by: null,
        revoked_at: null
      })
      await audit(db, request, 'override.signed', { kind: 'override', id }, { rules, reason })
      return reply.status(201).send({ id })
    }
  )

  for (const step of ['countersign', 'revoke'] as const)
    app.post(
      `/compliance/overrides/:id/${step}`,
      {
        config: access('compliance:sign'),
        schema: {
          summary: step === 'countersign' ? 'Sign an override as the second person' : 'End an override',
          tags: ['compliance'],
          params: IdParams,
          response: responses({ 204: Type.Null() })
        }
      },
      async (request, reply) => {
        const { id } = request.params
        const by = actorOf(request).id ?? actorOf(request).name
        const change = step === 'countersign' ? countersignOverride : revokeOverride
        if (!(await change(store, id, by, new Date())))
          throw new AppError('CONFLICT', 'It is over, already signed, or must be signed by somebody else.')
        await audit(db, request, `override.${step}ed`, { kind: 'override', id })
        return reply.status(204).send(null)
      }
    )

  app.get(
    '/compliance/suspensions',
    {
      config: access('compliance:read'),
      schema: {
        summary: 'List suspensions for emergencies and proclaimed holidays',
        tags: ['compliance'],
        response: responses({ 200: Type.Object({ items: Type.Array(SuspensionSchema) }) })
      }
    },
    async () => ({
      items: (await listSuspensions(store, 500)).map(row => ({
        id: row.id,
        jurisdiction: row.jurisdiction,
        kind: row.kind,
        note: row.note,
        fromAt: row.fromAt.toISOString(),
        toAt: row.toAt?.toISOString() ?? null,
        liftedAt: row.liftedAt?.toISOString() ?? null
      }))
    })
  )

  app.post(
    '/compliance/suspensions',
    {
      config: access('compliance:write'),
      schema: {
        summary: 'Suspend solicitation in a jurisdiction',
        tags: ['compliance'],
        body: Type.Object(
          {
            jurisdiction: Type.String({ pattern: '^[A-Z]{2}(-[A-Z0-9]{1,3})?$' }),
            kind: Type.Unsafe<'emergency' | 'holiday'>({ type: 'string', enum: ['emergency', 'holiday'] }),
            note: Type.Optional(Type.String({ maxLength: 500 })),
            fromAt: DateString,
            toAt: Type.Optional(DateString)
          },
          { additionalProperties: false }
        ),
        response: responses({ 201: Type.Object({ id: Type.String() }) })
      }
    },
    async (request, reply) => {
      const { jurisdiction, kind, note = '', fromAt, toAt } = request.body
      const id = newId()
      await insertSuspension(store, {
        id,
        jurisdiction,
        kind,
        note,
        from_at: new Date(fromAt),
        to_at: toAt === undefined ? null : new Date(toAt),
        created_by: actorOf(request).id,
        lifted_by: null,
        lifted_at: null
      })
      await audit(db, request, 'suspension.set', { kind: 'suspension', id }, { jurisdiction, kind })
      return reply.status(201).send({ id })
    }
  )

  app.post(
    '/compliance/suspensions/:id/lift',
    {
      config: access('compliance:write'),
      schema: {
        summary: 'Lift a suspension',
        tags: ['compliance'],
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const by = actorOf(request).id ?? actorOf(request).name
      if (!(await liftSuspension(store, id, by, new Date())))
        throw new AppError('NOT_FOUND', 'No such suspension is set.')
      await audit(db, request, 'suspension.lifted', { kind: 'suspension', id })
      return reply.status(204).send(null)
    }
  )

  /** A law cannot be overridden; a review, and what courtesy, house or industry wrote, can. */
  function refuseLaw(rule: string): void {
    if (rule === 'core.jurisdiction' || rule === 'core.zones') return
    const found = compliance.loadedPacks.find(one => one.pack.rules.some(each => each.id === rule))
    if (found === undefined) throw new AppError('VALIDATION_FAILED', `There is no rule ${rule}.`)
    if (found.pack.kind === 'law') throw new AppError('VALIDATION_FAILED', `${rule} is law and cannot be overridden.`)
  }
}
