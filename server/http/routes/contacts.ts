import { Type } from 'typebox'
import {
  type ContactFilter,
  type ContactRow,
  deleteContact,
  findContact,
  findContactList,
  listIdsOf,
  listContacts,
  numbersOf
} from '../../../sql/queries/campaigns/contacts.ts'
import type { Db } from '../../../sql/database.ts'
import type { ApiKeyRole } from '../../../sql/tables.ts'
import { toE164 } from '../../compliance/numbers/analyze.ts'
import { AppError } from '../../errors.ts'
import { numberFor } from '../../number-mask.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import { decodeCursor, IdParams, NullableString, PageQuery, pageOf, responses, toPage } from '../schemas.ts'

const ContactSchema = Type.Object({
  id: Type.String(),
  /** Null for one whose list is gone. */
  listId: NullableString,
  name: Type.String(),
  externalId: NullableString,
  language: NullableString,
  country: NullableString,
  region: NullableString,
  zone: NullableString,
  party: Type.String(),
  custom: Type.Record(Type.String(), Type.String()),
  numbers: Type.Array(Type.Object({ number: NullableString, kind: Type.String() }))
})

const SearchQuery = Type.Object({
  ...PageQuery.properties,
  name: Type.Optional(Type.String({ maxLength: 200, description: 'Part of a name' })),
  number: Type.Optional(Type.String({ maxLength: 32, description: 'A whole number with its country code' }))
})

type Search = Readonly<{ cursor?: string; limit?: number; name?: string; number?: string }>

/** People in contact lists, one by one. Their numbers are masked for the role. */
export function registerContactRoutes(app: App, { db }: Readonly<{ db: Db }>): void {
  app.get(
    '/contacts',
    {
      config: { access: 'contacts:read' },
      schema: {
        summary: 'Contacts of all lists, or those with a name or number',
        tags: ['contacts'],
        querystring: SearchQuery,
        response: responses({ 200: pageOf(ContactSchema) })
      }
    },
    async request => await pageOfContacts(request.query, {}, actorOf(request).role)
  )

  app.get(
    '/contact-lists/:id/contacts',
    {
      config: { access: 'contacts:read' },
      schema: {
        summary: 'Contacts of a list',
        tags: ['contacts'],
        params: IdParams,
        querystring: SearchQuery,
        response: responses({ 200: pageOf(ContactSchema) })
      }
    },
    async request => {
      const list = await findContactList(db, request.params.id)
      if (list === undefined) throw new AppError('NOT_FOUND', 'No list has this id.')
      return await pageOfContacts(request.query, { listNo: list.no }, actorOf(request).role)
    }
  )

  app.get(
    '/contacts/:id',
    {
      config: { access: 'contacts:read' },
      schema: {
        summary: 'One contact',
        tags: ['contacts'],
        params: IdParams,
        response: responses({ 200: ContactSchema })
      }
    },
    async request => {
      const contact = await found(request.params.id)
      const [shown] = await show([contact], actorOf(request).role)
      if (shown === undefined) throw new AppError('NOT_FOUND', 'No contact has this id.')
      await audit(db, request, 'contact.read', { kind: 'contact', id: contact.id })
      return shown
    }
  )

  app.delete(
    '/contacts/:id',
    {
      config: { access: 'contacts:write' },
      schema: {
        summary: 'Forget a contact',
        tags: ['contacts'],
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = await found(request.params.id)
      await deleteContact(db, id)
      await audit(db, request, 'contact.removed', { kind: 'contact', id })
      return reply.status(204).send(null)
    }
  )

  async function found(id: string): Promise<ContactRow> {
    const contact = /^\d{1,18}$/.test(id) ? await findContact(db, id) : undefined
    if (contact === undefined) throw new AppError('NOT_FOUND', 'No contact has this id.')
    return contact
  }

  async function pageOfContacts({ limit = 50, cursor, name, number }: Search, within: ContactFilter, role: ApiKeyRole) {
    const e164 = number === undefined ? undefined : toE164(number)
    if (e164 === null) throw new AppError('NUMBER_INVALID', 'Write the number with its country code.')
    const [after = null] = decodeCursor(cursor, 1) ?? []
    const filter = { ...within, ...(e164 !== undefined && { number: e164 }), ...(name !== undefined && { name }) }
    const shown = await show(await listContacts(db, filter, after, limit + 1), role)
    return toPage(
      shown,
      limit,
      one => one,
      one => [one.id]
    )
  }

  async function show(rows: readonly ContactRow[], role: ApiKeyRole) {
    const numbers = await numbersOf(
      db,
      rows.map(row => row.id)
    )
    const lists = await listIdsOf(
      db,
      rows.map(row => row.list_no)
    )
    return rows.map(row => ({
      id: row.id,
      listId: lists.get(row.list_no) ?? null,
      name: row.name,
      externalId: row.external_id,
      language: row.language,
      country: row.country,
      region: row.region,
      zone: row.zone,
      party: row.party,
      custom: { ...row.custom },
      numbers: (numbers.get(row.id) ?? []).map(one => ({ number: numberFor(role, one.number), kind: one.kind }))
    }))
  }
}
