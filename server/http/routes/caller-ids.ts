import { Type } from 'typebox'
import {
  type CallerIdRow,
  carrierLimits,
  insertCallerId,
  listCallerIds,
  setCarrierLimit,
  updateCallerId
} from '../../../sql/queries/campaigns/campaigns.ts'
import type { Db } from '../../../sql/database.ts'
import { whyUnusable } from '../../campaigns/caller-id.ts'
import { AppError, refuseDuplicate } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import { E164, IdParams, NullableDate, NullableString, responses } from '../schemas.ts'

const closed = { additionalProperties: false }
const Attestation = Type.Unsafe<'A' | 'B' | 'C' | 'unknown'>({ type: 'string', enum: ['A', 'B', 'C', 'unknown'] })
const Prefixes = Type.Array(Type.String({ pattern: '^\\+[1-9]\\d{0,14}$' }), { maxItems: 100 })

const CallerIdSchema = Type.Object({
  id: Type.String(),
  number: Type.String(),
  label: Type.String(),
  prefixes: Prefixes,
  carrier: Type.String(),
  evidence: Type.String({ description: 'What proves the right to show it' }),
  attestation: Attestation,
  provedBy: NullableString,
  provedAt: NullableDate,
  validUntil: NullableDate,
  blockedAt: NullableDate,
  blockReason: Type.String(),
  whyUnusable: NullableString
})

/** Numbers that campaigns may show, with the proof that they are ours, and what carriers allow. */
export function registerCallerIdRoutes(app: App, { db, now }: Readonly<{ db: Db; now(): Date }>): void {
  const tags = ['campaigns']

  app.get(
    '/caller-ids',
    {
      config: { access: 'campaigns:read' },
      schema: {
        summary: 'Numbers that campaigns may show',
        tags,
        response: responses({ 200: Type.Object({ items: Type.Array(CallerIdSchema) }) })
      }
    },
    async () => ({ items: (await listCallerIds(db)).map(row => toView(row, now())) })
  )

  app.post(
    '/caller-ids',
    {
      config: { access: 'campaigns:write' },
      schema: {
        summary: 'Add a number; it can be used once its proof is there',
        tags,
        body: Type.Object(
          {
            number: E164,
            label: Type.Optional(Type.String({ maxLength: 200 })),
            prefixes: Type.Optional(Prefixes),
            carrier: Type.Optional(Type.String({ maxLength: 200 })),
            evidence: Type.Optional(Type.String({ maxLength: 2_000 })),
            attestation: Type.Optional(Attestation),
            validUntil: Type.Optional(Type.String({ format: 'date-time' }))
          },
          closed
        ),
        response: responses({ 201: CallerIdSchema })
      }
    },
    async (request, reply) => {
      const { number, label = '', prefixes = [], carrier = '', evidence = '', attestation, validUntil } = request.body
      const id = newId()
      const actor = actorOf(request)
      const isProved = evidence.trim() !== ''
      await insertCallerId(db, {
        id,
        number,
        label,
        prefixes: [...prefixes],
        carrier,
        evidence,
        ...(attestation !== undefined && { attestation }),
        proved_by: isProved ? (actor.id ?? actor.name) : null,
        proved_at: isProved ? now() : null,
        valid_until: validUntil === undefined ? null : new Date(validUntil),
        blocked_at: null
      }).catch(refuseDuplicate(`${number} is there already.`))
      await audit(db, request, 'caller-id.added', { kind: 'caller-id', id }, { number, evidence })
      const row = (await listCallerIds(db)).find(one => one.id === id)
      if (row === undefined) throw new AppError('NOT_FOUND', 'The number was removed meanwhile.')
      return reply.status(201).send(toView(row, now()))
    }
  )

  app.patch(
    '/caller-ids/:id',
    {
      config: { access: 'campaigns:write' },
      schema: {
        summary: 'Change a number, prove it, or let it be used again after it was blocked',
        tags,
        params: IdParams,
        body: Type.Object(
          {
            label: Type.Optional(Type.String({ maxLength: 200 })),
            prefixes: Type.Optional(Prefixes),
            carrier: Type.Optional(Type.String({ maxLength: 200 })),
            evidence: Type.Optional(Type.String({ maxLength: 2_000 })),
            attestation: Type.Optional(Attestation),
            validUntil: Type.Optional(NullableDate),
            isBlocked: Type.Optional(Type.Boolean()),
            reason: Type.Optional(Type.String({ maxLength: 500 }))
          },
          closed
        ),
        response: responses({ 200: CallerIdSchema })
      }
    },
    async request => {
      const { id } = request.params
      const { label, prefixes, carrier, evidence, attestation, validUntil, isBlocked, reason = '' } = request.body
      const actor = actorOf(request)
      const at = now()
      const row = await updateCallerId(db, id, {
        ...(label !== undefined && { label }),
        ...(prefixes !== undefined && { prefixes: [...prefixes] }),
        ...(carrier !== undefined && { carrier }),
        ...(evidence !== undefined && {
          evidence,
          proved_by: evidence.trim() === '' ? null : (actor.id ?? actor.name),
          proved_at: evidence.trim() === '' ? null : at
        }),
        ...(attestation !== undefined && { attestation }),
        ...(validUntil !== undefined && { valid_until: validUntil === null ? null : new Date(validUntil) }),
        ...(isBlocked !== undefined && { blocked_at: isBlocked ? at : null, block_reason: isBlocked ? reason : '' })
      })
      if (row === undefined) throw new AppError('NOT_FOUND', 'No caller ID has this id.')
      await audit(db, request, 'caller-id.changed', { kind: 'caller-id', id }, { ...request.body })
      return toView(row, at)
    }
  )

  app.get(
    '/carrier-limits',
    {
      config: { access: 'trunks:read' },
      schema: {
        summary: 'Calls a second that each carrier allows over all its trunks',
        tags,
        response: responses({
          200: Type.Object({
            items: Type.Array(Type.Object({ carrier: Type.String(), maxCallsPerSecond: Type.Integer() }))
          })
        })
      }
    },
    async () => ({
      items: [...(await carrierLimits(db))].map(([carrier, maxCallsPerSecond]) => ({ carrier, maxCallsPerSecond }))
    })
  )

  app.put(
    '/carrier-limits/:carrier',
    {
      config: { access: 'trunks:write' },
      schema: {
        summary: 'Set or (with null) lift the limit of a carrier',
        tags,
        params: Type.Object({ carrier: Type.String({ minLength: 1, maxLength: 200 }) }),
        body: Type.Object(
          { maxCallsPerSecond: Type.Union([Type.Integer({ minimum: 1, maximum: 10_000 }), Type.Null()]) },
          closed
        ),
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { carrier } = request.params
      await setCarrierLimit(db, carrier, request.body.maxCallsPerSecond)
      await audit(db, request, 'carrier-limit.set', { kind: 'carrier', id: carrier }, { ...request.body })
      return reply.status(204).send(null)
    }
  )
}

function toView(row: CallerIdRow, now: Date) {
  return {
    id: row.id,
    number: row.number,
    label: row.label,
    prefixes: [...row.prefixes],
    carrier: row.carrier,
    evidence: row.evidence,
    attestation: row.attestation,
    provedBy: row.proved_by,
    provedAt: row.proved_at?.toISOString() ?? null,
    validUntil: row.valid_until?.toISOString() ?? null,
    blockedAt: row.blocked_at?.toISOString() ?? null,
    blockReason: row.block_reason,
    whyUnusable: whyUnusable(row, now)
  }
}
