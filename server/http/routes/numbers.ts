import { Type } from 'typebox'
import { findFlow } from '../../../sql/queries/flows.ts'
import {
  deleteNumber,
  findNumber,
  findTrunk,
  insertNumber,
  listNumbers,
  updateNumber
} from '../../../sql/queries/telephony.ts'
import { AppError, refuseDuplicate } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { countryOf, isDialable } from '../../routing/numbers.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import type { HttpParts } from '../parts.ts'
import {
  decodeCursor,
  E164,
  IdParams,
  LanguageTag,
  NullableString,
  PageQuery,
  pageOf,
  responses,
  toPage
} from '../schemas.ts'

const NumberSchema = Type.Object({
  id: Type.String(),
  number: E164,
  label: Type.String(),
  language: Type.String(),
  region: Type.String(),
  flowId: NullableString,
  trunkId: NullableString,
  isEnabled: Type.Boolean()
})

const Fields = {
  label: Type.Optional(Type.String({ maxLength: 200 })),
  language: Type.Optional(LanguageTag),
  region: Type.Optional(Type.String({ pattern: '^[A-Z]{2}$', description: 'ISO 3166-1; by default the number’s own' })),
  flowId: Type.Optional(NullableString),
  trunkId: Type.Optional(NullableString),
  isEnabled: Type.Optional(Type.Boolean())
}

/** The numbers that callers dial (DIDs). */
export function registerNumberRoutes(app: App, { db, settingsChanged }: HttpParts): void {
  app.get(
    '/numbers',
    {
      config: { access: 'numbers:read' },
      schema: {
        summary: 'List numbers',
        tags: ['numbers'],
        querystring: PageQuery,
        response: responses({ 200: pageOf(NumberSchema) })
      }
    },
    async request => {
      const { cursor, limit = 50 } = request.query
      const rows = await listNumbers(db, decodeCursor(cursor, 1)?.[0] ?? null, limit + 1)
      return toPage(
        rows,
        limit,
        row => row,
        row => [row.id]
      )
    }
  )

  app.get(
    '/numbers/:id',
    {
      config: { access: 'numbers:read' },
      schema: {
        summary: 'Read a number',
        tags: ['numbers'],
        params: IdParams,
        response: responses({ 200: NumberSchema })
      }
    },
    async request => await existing(request.params.id)
  )

  app.post(
    '/numbers',
    {
      config: { access: 'numbers:write' },
      schema: {
        summary: 'Add a number',
        tags: ['numbers'],
        body: Type.Object({ ...Fields, number: E164, language: LanguageTag }, { additionalProperties: false }),
        response: responses({ 201: NumberSchema })
      }
    },
    async (request, reply) => {
      const { number, language, label = '', flowId = null, trunkId = null, isEnabled = true } = request.body
      if (!isDialable(number))
        throw new AppError('NUMBER_INVALID', `${number} cannot exist in its country’s numbering plan.`)
      await refuseMissing(flowId, trunkId)
      const id = newId()
      const region = request.body.region ?? countryOf(number) ?? 'ZZ'
      await insertNumber(db, {
        id,
        number,
        label,
        language,
        region,
        flow_id: flowId,
        trunk_id: trunkId,
        is_enabled: isEnabled
      }).catch(refuseDuplicate(`The number ${number} exists.`))
      await audit(db, request, 'number.created', { kind: 'number', id }, { flowId, trunkId })
      settingsChanged()
      return reply.status(201).send(await existing(id))
    }
  )

  app.patch(
    '/numbers/:id',
    {
      config: { access: 'numbers:write' },
      schema: {
        summary: 'Change a number',
        tags: ['numbers'],
        params: IdParams,
        body: Type.Object(Fields, { additionalProperties: false, minProperties: 1 }),
        response: responses({ 200: NumberSchema })
      }
    },
    async request => {
      const { id } = request.params
      const { label, language, region, flowId, trunkId, isEnabled } = request.body
      await refuseMissing(flowId ?? null, trunkId ?? null)
      const isFound = await updateNumber(db, id, {
        ...(label !== undefined && { label }),
        ...(language !== undefined && { language }),
        ...(region !== undefined && { region }),
        ...(flowId !== undefined && { flow_id: flowId }),
        ...(trunkId !== undefined && { trunk_id: trunkId }),
        ...(isEnabled !== undefined && { is_enabled: isEnabled })
      })
      if (!isFound) throw new AppError('NOT_FOUND', 'No number has this id.')
      await audit(db, request, 'number.changed', { kind: 'number', id }, { fields: Object.keys(request.body) })
      settingsChanged()
      return await existing(id)
    }
  )

  app.delete(
    '/numbers/:id',
    {
      config: { access: 'numbers:write' },
      schema: {
        summary: 'Remove a number',
        tags: ['numbers'],
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      if (!(await deleteNumber(db, id))) throw new AppError('NOT_FOUND', 'No number has this id.')
      await audit(db, request, 'number.removed', { kind: 'number', id })
      settingsChanged()
      return reply.status(204).send(null)
    }
  )

  async function existing(id: string) {
    const row = await findNumber(db, id)
    if (row === undefined) throw new AppError('NOT_FOUND', 'No number has this id.')
    return row
  }

  async function refuseMissing(flowId: string | null, trunkId: string | null): Promise<void> {
    if (flowId !== null && (await findFlow(db, flowId)) === undefined)
      throw new AppError('VALIDATION_FAILED', `There is no flow ${flowId}.`)
    if (trunkId !== null && (await findTrunk(db, trunkId)) === undefined)
      throw new AppError('VALIDATION_FAILED', `There is no trunk ${trunkId}.`)
  }
}
