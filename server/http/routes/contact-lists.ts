import type { Readable } from 'node:stream'
import { Type } from 'typebox'
import {
  findContactList,
  findImport,
  insertContactList,
  listContactLists,
  listImports,
  updateContactList,
  type ContactImportRow
} from '../../../sql/queries/campaigns/contacts.ts'
import type { Db } from '../../../sql/database.ts'
import { refusal, type ContactService } from '../../contacts/contact-service.ts'
import { ENCODINGS } from '../../contacts/encoding.ts'
import { type Mapping, MappingSchema } from '../../contacts/mapping.ts'
import { AppError, refuseDuplicate } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import { DateString, IdParams, NullableDate, NullableString, responses } from '../schemas.ts'

const literals = <const T extends readonly string[]>(values: T) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values] })

const ListSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  note: Type.String(),
  contacts: Type.Integer(),
  imports: Type.Integer(),
  createdAt: DateString
})

const ProblemLine = Type.Object({
  line: Type.Integer(),
  code: Type.String(),
  message: Type.String(),
  shown: Type.Optional(Type.String())
})

const ImportSchema = Type.Object({
  id: Type.String(),
  listId: Type.String(),
  sourceName: Type.String(),
  format: Type.String(),
  state: Type.String(),
  encoding: NullableString,
  bytes: Type.Integer(),
  totalBytes: Type.Union([Type.Integer(), Type.Null()]),
  lines: Type.Integer(),
  imported: Type.Integer(),
  updated: Type.Integer(),
  duplicates: Type.Integer(),
  wrong: Type.Integer(),
  problems: Type.Array(ProblemLine),
  failure: Type.Union([Type.Object({ code: Type.String(), message: Type.String() }), Type.Null()]),
  startedAt: DateString,
  endedAt: NullableDate
})

const MAX_UPLOAD_BYTES = 4 * 1024 ** 3
const MAX_API_CONTACTS = 1_000

export type ContactRouteParts = Readonly<{ db: Db; contacts: ContactService }>

/** Lists of contacts: files that are looked into, mapped and imported, and contacts that programs send. */
export function registerContactListRoutes(app: App, { db, contacts }: ContactRouteParts): void {
  app.get(
    '/contact-lists',
    {
      config: { access: 'contacts:read' },
      schema: {
        summary: 'List contact lists',
        tags: ['contacts'],
        response: responses({ 200: Type.Object({ items: Type.Array(ListSchema) }) })
      }
    },
    async () => ({
      items: (await listContactLists(db)).map(row => ({
        id: row.id,
        name: row.name,
        note: row.note,
        contacts: row.contacts,
        imports: row.imports,
        createdAt: row.created_at.toISOString()
      }))
    })
  )

  app.post(
    '/contact-lists',
    {
      config: { access: 'contacts:write' },
      schema: {
        summary: 'Add a contact list',
        tags: ['contacts'],
        body: Type.Object(
          {
            name: Type.String({ minLength: 1, maxLength: 200 }),
            note: Type.Optional(Type.String({ maxLength: 2_000 }))
          },
          { additionalProperties: false }
        ),
        response: responses({ 201: Type.Object({ id: Type.String() }) })
      }
    },
    async (request, reply) => {
      const id = newId()
      const { name, note = '' } = request.body
      await insertContactList(db, { id, name, note, created_by: actorOf(request).id, deleted_at: null }).catch(
        refuseDuplicate(`A list is already named ${name}.`)
      )
      await audit(db, request, 'contact-list.created', { kind: 'contact-list', id }, { name })
      return reply.status(201).send({ id })
    }
  )

  app.delete(
    '/contact-lists/:id',
    {
      config: { access: 'contacts:write' },
      schema: {
        summary: 'Take a contact list out of use; its contacts stay for the record of calls',
        tags: ['contacts'],
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      if ((await updateContactList(db, id, { deleted_at: new Date() })) === undefined)
        throw new AppError('NOT_FOUND', 'No list has this id.')
      await audit(db, request, 'contact-list.removed', { kind: 'contact-list', id })
      return reply.status(204).send(null)
    }
  )

  app.post(
    '/contact-lists/:id/contacts',
    {
      config: { access: 'contacts:write' },
      schema: {
        summary: `Add up to ${MAX_API_CONTACTS} contacts`,
        description:
          'Problems name contacts by their place in the request, counted from 1. Who is in the list already is left out, or brought up to date with `duplicates: update`.',
        tags: ['contacts'],
        params: IdParams,
        body: Type.Object(
          {
            contacts: Type.Array(
              Type.Object(
                {
                  numbers: Type.Array(Type.String({ maxLength: 64 }), { minItems: 1, maxItems: 10 }),
                  name: Type.Optional(Type.String({ maxLength: 500 })),
                  externalId: Type.Optional(Type.String({ maxLength: 200 })),
                  language: Type.Optional(Type.String({ maxLength: 35 })),
                  zone: Type.Optional(Type.String({ maxLength: 64 })),
                  country: Type.Optional(Type.String({ maxLength: 2 })),
                  region: Type.Optional(Type.String({ maxLength: 6 })),
                  party: Type.Optional(literals(['consumer', 'business', 'unknown'] as const)),
                  isCustomer: Type.Optional(Type.Boolean()),
                  consentGrade: Type.Optional(Type.String({ maxLength: 32 })),
                  consentAt: Type.Optional(Type.String({ maxLength: 40 })),
                  consentReference: Type.Optional(Type.String({ maxLength: 500 })),
                  custom: Type.Optional(
                    Type.Record(Type.String({ minLength: 1, maxLength: 60 }), Type.String({ maxLength: 1_000 }))
                  )
                },
                { additionalProperties: false }
              ),
              { minItems: 1, maxItems: MAX_API_CONTACTS }
            ),
            defaultCountry: Type.Optional(MappingSchema.properties.defaultCountry),
            duplicates: Type.Optional(MappingSchema.properties.duplicates),
            consent: Type.Optional(MappingSchema.properties.consent)
          },
          { additionalProperties: false }
        ),
        response: responses({
          201: Type.Object({
            imported: Type.Integer(),
            updated: Type.Integer(),
            duplicates: Type.Integer(),
            wrong: Type.Integer(),
            problems: Type.Array(ProblemLine)
          })
        })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      const list = await findContactList(db, id)
      if (list === undefined) throw new AppError('NOT_FOUND', 'No list has this id.')
      const { contacts: given, defaultCountry, duplicates, consent } = request.body
      const fields = [...new Set(given.flatMap(one => Object.keys(one.custom ?? {})))]
      const widest = Math.max(...given.map(one => one.numbers.length))
      const single = [
        'name',
        'externalId',
        'language',
        'zone',
        'country',
        'region',
        'party',
        'isCustomer',
        'consentGrade',
        'consentAt',
        'consentReference'
      ] as const
      const mapping: Mapping = {
        hasHeader: false,
        columns: [
          ...Array.from({ length: widest }, () => ({ role: 'number' as const })),
          ...single.map(role => ({ role })),
          ...fields.map(field => ({ role: 'custom' as const, field }))
        ],
        ...(defaultCountry !== undefined && { defaultCountry }),
        ...(duplicates !== undefined && { duplicates }),
        ...(consent !== undefined && { consent })
      }
      const { counts, problems } = await contacts.add(
        list.no,
        given.map((one, index) => ({
          line: index + 1,
          cells: [
            ...Array.from({ length: widest }, (_, at) => one.numbers[at] ?? ''),
            ...single.map(role => String(one[role] ?? '')),
            ...fields.map(field => one.custom?.[field] ?? '')
          ]
        })),
        mapping,
        actorOf(request).id
      )
      await audit(db, request, 'contacts.added', { kind: 'contact-list', id }, { ...counts })
      return reply.status(201).send({ ...counts, problems: [...problems] })
    }
  )

  app.get(
    '/contact-lists/:id/imports',
    {
      config: { access: 'contacts:read' },
      schema: {
        summary: 'Imports into a list, newest first',
        tags: ['contacts'],
        params: IdParams,
        response: responses({ 200: Type.Object({ items: Type.Array(ImportSchema) }) })
      }
    },
    async request => ({ items: (await listImports(db, request.params.id)).map(row => toImport(row, contacts)) })
  )

  app.get(
    '/contact-imports/:id',
    {
      config: { access: 'contacts:read' },
      schema: {
        summary: 'How an import goes',
        tags: ['contacts'],
        params: IdParams,
        response: responses({ 200: ImportSchema })
      }
    },
    async request => {
      const row = await findImport(db, request.params.id)
      if (row === undefined) throw new AppError('NOT_FOUND', 'No import has this id.')
      return toImport(row, contacts)
    }
  )

  app.post(
    '/contact-imports/:id/cancel',
    {
      config: { access: 'contacts:write' },
      schema: {
        summary: 'Stop an import; what was read is kept',
        tags: ['contacts'],
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      if (!(await contacts.cancel(id))) throw new AppError('CONFLICT', 'This import is not running here.')
      await audit(db, request, 'contact-import.cancelled', { kind: 'contact-import', id })
      return reply.status(204).send(null)
    }
  )

  app.post(
    '/contact-lists/:id/imports',
    {
      config: { access: 'contacts:write' },
      schema: {
        summary: 'Import an uploaded file; goes on in the background',
        tags: ['contacts'],
        params: IdParams,
        body: Type.Object(
          {
            uploadId: Type.String({ maxLength: 64 }),
            mapping: MappingSchema,
            encoding: Type.Optional(literals(ENCODINGS))
          },
          { additionalProperties: false }
        ),
        response: responses({ 202: Type.Object({ id: Type.String() }) })
      }
    },
    async (request, reply) => {
      const { uploadId, mapping, encoding } = request.body
      const listId = request.params.id
      const id = await contacts.begin({
        listId,
        uploadId,
        mapping,
        by: actorOf(request).id,
        ...(encoding !== undefined && { encoding })
      })
      await audit(db, request, 'contact-import.started', { kind: 'contact-list', id: listId }, { importId: id })
      return reply.status(202).send({ id })
    }
  )

  // Files come as they are, of any size: the body is read as a stream, never as a whole.
  app.register(async scope => {
    const uploader = scope as App
    uploader.addContentTypeParser(
      [
        'application/octet-stream',
        'text/csv',
        'text/plain',
        'application/vnd.ms-excel',
        'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'
      ],
      (_request, payload, done) => done(null, payload)
    )
    uploader.post(
      '/contact-lists/:id/uploads',
      {
        config: { access: 'contacts:write', takesFile: true },
        bodyLimit: MAX_UPLOAD_BYTES,
        schema: {
          summary: 'Upload a CSV file or an Excel workbook and see how its columns would be read',
          description: 'The file is kept for an hour, encrypted, until it is imported.',
          tags: ['contacts'],
          params: IdParams,
          querystring: Type.Object({
            name: Type.Optional(Type.String({ maxLength: 200 })),
            encoding: Type.Optional(literals(ENCODINGS))
          }),
          response: responses({
            201: Type.Object({
              uploadId: Type.String(),
              format: Type.String(),
              encoding: NullableString,
              bytes: Type.Integer(),
              rows: Type.Array(Type.Array(Type.String())),
              mapping: MappingSchema
            })
          })
        }
      },
      async (request, reply) => {
        const list = await findContactList(db, request.params.id)
        if (list === undefined) throw new AppError('NOT_FOUND', 'No list has this id.')
        const { name = 'upload', encoding } = request.query
        const upload = await contacts.uploads.add(request.body as Readable, name, MAX_UPLOAD_BYTES).catch(err => {
          throw refusal(err)
        })
        try {
          const preview = await contacts.preview(upload, list.mapping as Mapping | null, encoding)
          await audit(
            db,
            request,
            'contact-list.uploaded',
            { kind: 'contact-list', id: list.id },
            { name, bytes: upload.bytes }
          )
          return await reply.status(201).send({
            uploadId: upload.id,
            format: preview.format,
            encoding: preview.encoding,
            bytes: upload.bytes,
            rows: preview.rows.map(row => [...row]),
            mapping: preview.mapping
          })
        } catch (err) {
          await contacts.uploads.remove(upload.id)
          throw err
        }
      }
    )
  })
}

function toImport(row: ContactImportRow, contacts: ContactService) {
  const now = contacts.progress(row.id)
  return {
    id: row.id,
    listId: row.list_id,
    sourceName: row.source_name,
    format: row.format,
    state: row.state,
    encoding: row.encoding,
    bytes: now?.bytes ?? Number(row.bytes),
    totalBytes: row.total_bytes === null ? null : Number(row.total_bytes),
    lines: now?.lines ?? Number(row.lines),
    imported: now?.imported ?? Number(row.imported),
    updated: now?.updated ?? Number(row.updated),
    duplicates: now?.duplicates ?? Number(row.duplicates),
    wrong: now?.wrong ?? Number(row.wrong),
    problems: row.problems.map(one => ({ code: '', ...one })),
    failure: row.failure,
    startedAt: row.started_at.toISOString(),
    endedAt: row.ended_at?.toISOString() ?? null
  }
}
