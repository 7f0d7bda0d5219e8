import { isIP } from 'node:net'
import { type Static, Type } from 'typebox'
import {
  deleteTrunk,
  findTrunk,
  insertTrunk,
  listTrunks,
  type TrunkRow,
  updateTrunk
} from '../../../sql/queries/telephony.ts'
import { AppError, type InputProblem, refuseDuplicate } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { seal } from '../../seal.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import type { HttpParts } from '../parts.ts'
import { decodeCursor, E164, IdParams, NullableString, PageQuery, pageOf, responses, toPage } from '../schemas.ts'

const Authentication = Type.Union([Type.Literal('ip'), Type.Literal('digest')])
const Transport = Type.Union([Type.Literal('udp'), Type.Literal('tcp'), Type.Literal('tls')])

const TrunkSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  carrier: Type.String(),
  authentication: Authentication,
  addresses: Type.Array(Type.String()),
  username: NullableString,
  hasPassword: Type.Boolean(),
  outboundAddress: NullableString,
  transport: Transport,
  defaultCallerNumber: NullableString,
  allowsForeignCallerNumber: Type.Boolean(),
  allowedPrefixes: Type.Array(Type.String()),
  maxCalls: Type.Integer(),
  maxCallsPerSecond: Type.Integer(),
  priority: Type.Integer(),
  isEnabled: Type.Boolean()
})

const Fields = {
  carrier: Type.Optional(Type.String({ maxLength: 200 })),
  authentication: Type.Optional(Authentication),
  addresses: Type.Optional(
    Type.Array(Type.String({ maxLength: 50 }), { maxItems: 200, description: 'Source addresses, CIDR' })
  ),
  username: Type.Optional(NullableString),
  password: Type.Optional(
    Type.String({ minLength: 1, maxLength: 500, description: 'Stored sealed; never shown again' })
  ),
  outboundAddress: Type.Optional(Type.Union([Type.String({ pattern: '^[A-Za-z0-9.-]+(:\\d{1,5})?$' }), Type.Null()])),
  transport: Type.Optional(Transport),
  defaultCallerNumber: Type.Optional(Type.Union([E164, Type.Null()])),
  allowsForeignCallerNumber: Type.Optional(Type.Boolean()),
  allowedPrefixes: Type.Optional(Type.Array(Type.String({ pattern: '^\\+\\d{1,14}$' }), { maxItems: 500 })),
  maxCalls: Type.Optional(Type.Integer({ minimum: 0, maximum: 100_000 })),
  maxCallsPerSecond: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  priority: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000, description: 'Lowest is tried first' })),
  isEnabled: Type.Optional(Type.Boolean())
}
const ChangeSchema = Type.Object(
  { ...Fields, name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })) },
  { additionalProperties: false, minProperties: 1 }
)

/** Agreements with carriers. */
export function registerTrunkRoutes(app: App, { db, secretKey, settingsChanged }: HttpParts): void {
  app.get(
    '/trunks',
    {
      config: { access: 'trunks:read' },
      schema: {
        summary: 'List trunks',
        tags: ['trunks'],
        querystring: PageQuery,
        response: responses({ 200: pageOf(TrunkSchema) })
      }
    },
    async request => {
      const { cursor, limit = 50 } = request.query
      const rows = await listTrunks(db, decodeCursor(cursor, 1)?.[0] ?? null, limit + 1)
      return toPage(rows, limit, toTrunk, row => [row.id])
    }
  )

  app.get(
    '/trunks/:id',
    {
      config: { access: 'trunks:read' },
      schema: { summary: 'Read a trunk', tags: ['trunks'], params: IdParams, response: responses({ 200: TrunkSchema }) }
    },
    async request => await existing(request.params.id)
  )

  app.post(
    '/trunks',
    {
      config: { access: 'trunks:write' },
      schema: {
        summary: 'Add a trunk',
        tags: ['trunks'],
        body: Type.Object(
          { ...Fields, name: Type.String({ minLength: 1, maxLength: 200 }), authentication: Authentication },
          { additionalProperties: false }
        ),
        response: responses({ 201: TrunkSchema })
      }
    },
    async (request, reply) => {
      const { name, authentication } = request.body
      refuseBadAddresses(request.body.addresses ?? [])
      const id = newId()
      await insertTrunk(db, { id, name, authentication, ...toRow(request.body) }).catch(
        refuseDuplicate(`A trunk ${name} exists.`)
      )
      await audit(db, request, 'trunk.created', { kind: 'trunk', id }, { name })
      settingsChanged()
      return reply.status(201).send(await existing(id))
    }
  )

  app.patch(
    '/trunks/:id',
    {
      config: { access: 'trunks:write' },
      schema: {
        summary: 'Change a trunk',
        tags: ['trunks'],
        params: IdParams,
        body: ChangeSchema,
        response: responses({ 200: TrunkSchema })
      }
    },
    async request => {
      const { id } = request.params
      refuseBadAddresses(request.body.addresses ?? [])
      const { name, authentication } = request.body
      const isFound = await updateTrunk(db, id, {
        ...toRow(request.body),
        ...(name !== undefined && { name }),
        ...(authentication !== undefined && { authentication })
      }).catch(refuseDuplicate('A trunk of this name exists.'))
      if (!isFound) throw new AppError('NOT_FOUND', 'No trunk has this id.')
      await audit(db, request, 'trunk.changed', { kind: 'trunk', id }, { fields: Object.keys(request.body) })
      settingsChanged()
      return await existing(id)
    }
  )

  app.delete(
    '/trunks/:id',
    {
      config: { access: 'trunks:write' },
      schema: {
        summary: 'Remove a trunk',
        tags: ['trunks'],
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const isFound = await deleteTrunk(db, id).catch(err => {
        // SQLSTATE 23503: a number still points at it.
        if ((err as { code?: string }).code === '23503')
          throw new AppError('IN_USE', 'Numbers belong to this trunk.', { cause: err })
        throw err
      })
      if (!isFound) throw new AppError('NOT_FOUND', 'No trunk has this id.')
      await audit(db, request, 'trunk.removed', { kind: 'trunk', id })
      settingsChanged()
      return reply.status(204).send(null)
    }
  )

  async function existing(id: string) {
    const row = await findTrunk(db, id)
    if (row === undefined) throw new AppError('NOT_FOUND', 'No trunk has this id.')
    return toTrunk(row)
  }

  function toRow(body: Static<typeof ChangeSchema>) {
    return {
      ...(body.carrier !== undefined && { carrier: body.carrier }),
      ...(body.addresses !== undefined && { addresses: body.addresses }),
      ...(body.username !== undefined && { username: body.username }),
      ...(body.password !== undefined && { password_sealed: seal(secretKey, 'trunk password', body.password) }),
      ...(body.outboundAddress !== undefined && { outbound_address: body.outboundAddress }),
      ...(body.transport !== undefined && { transport: body.transport }),
      ...(body.defaultCallerNumber !== undefined && { default_caller_number: body.defaultCallerNumber }),
      ...(body.allowsForeignCallerNumber !== undefined && {
        allows_foreign_caller_number: body.allowsForeignCallerNumber
      }),
      ...(body.allowedPrefixes !== undefined && { allowed_prefixes: body.allowedPrefixes }),
      ...(body.maxCalls !== undefined && { max_calls: body.maxCalls }),
      ...(body.maxCallsPerSecond !== undefined && { max_calls_per_second: body.maxCallsPerSecond }),
      ...(body.priority !== undefined && { priority: body.priority }),
      ...(body.isEnabled !== undefined && { is_enabled: body.isEnabled })
    }
  }
}

function refuseBadAddresses(addresses: readonly string[]): void {
  const problems = addresses.flatMap((written, index): InputProblem[] => {
    const [address = '', prefix] = written.split('/')
    const version = isIP(address)
    const most = version === 6 ? 128 : 32
    const isRight = version !== 0 && (prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= most))
    return isRight ? [] : [{ at: `/body/addresses/${index}`, message: `${written} is not an address or a CIDR range` }]
  })
  if (problems.length > 0) throw new AppError('VALIDATION_FAILED', 'Some source addresses are wrong.', { problems })
}

function toTrunk({ passwordSealed, ...row }: TrunkRow) {
  return {
    ...row,
    addresses: [...row.addresses],
    allowedPrefixes: [...row.allowedPrefixes],
    hasPassword: passwordSealed !== null
  }
}
