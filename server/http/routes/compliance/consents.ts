import { Type } from 'typebox'
import type { ComplianceService } from '../../../compliance/compliance-service.ts'
import { GRADES, MODES, PURPOSES } from '../../../compliance/codes.ts'
import {
  ConsentError,
  confirmOptIn,
  foldConsent,
  openConsent,
  recordConsent,
  withdrawConsent
} from '../../../compliance/consent/ledger.ts'
import { ConsentSchema } from '../../../compliance/facts.ts'
import { hashPerson } from '../../../compliance/number-hash.ts'
import { toE164 } from '../../../compliance/numbers/analyze.ts'
import { type ConsentEventRow, consentEventsOf, listConsentEvents } from '../../../../sql/queries/compliance/consent.ts'
import { AppError } from '../../../errors.ts'
import { actorOf } from '../../actor.ts'
import { audit } from '../../audit.ts'
import type { App } from '../../fastify-types.ts'
import type { HttpParts } from '../../parts.ts'
import { DateString, decodeCursor, NullableString, PageQuery, pageOf, responses, toPage } from '../../schemas.ts'
import { access } from './access.ts'

const literals = <const T extends readonly string[]>(values: T) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values] })

const Who = {
  number: Type.String({ maxLength: 64 }),
  person: Type.Optional(Type.String({ maxLength: 256 })),
  seller: Type.String({ minLength: 1, maxLength: 256 })
}

const EventSchema = Type.Object({
  id: Type.String(),
  kind: Type.String(),
  seller: Type.String(),
  grade: Type.String(),
  purposes: Type.Array(Type.String()),
  channels: Type.Array(Type.String()),
  modes: Type.Array(Type.String()),
  evidence: Type.Record(Type.String(), Type.Unknown()),
  hasEvidence: Type.Boolean(),
  expiresAt: NullableString,
  at: DateString,
  recordedBy: NullableString
})

const NamedSchema = Type.Object(
  {
    state: literals(['open', 'none', 'erased', 'unreadable'] as const),
    number: Type.Optional(Type.String()),
    personal: Type.Optional(Type.Record(Type.String(), Type.String()))
  },
  {
    description:
      'What of the evidence names the person: their number and, where it was given, such as an IP address; `erased` once they had it erased, `unreadable` where it was changed or sealed under another secret.'
  }
)

function show(one: ConsentEventRow) {
  return {
    id: one.id,
    kind: one.kind,
    seller: one.seller,
    grade: one.grade,
    purposes: [...one.purposes],
    channels: [...one.channels],
    modes: [...one.modes],
    evidence: { ...one.evidence },
    hasEvidence: one.hasEvidence,
    expiresAt: one.expiresAt?.toISOString() ?? null,
    at: one.at.toISOString(),
    recordedBy: one.recordedBy
  }
}

/** The ledger of consents. Numbers stand in bodies, never in addresses of pages. */
export function registerConsentRoutes(app: App, { db }: HttpParts, compliance: ComplianceService): void {
  const { ledger } = compliance

  app.get(
    '/consents',
    {
      config: access('consents:read'),
      schema: {
        summary: 'The ledger of consents, newest first',
        description:
          'Numbers and persons are not in it, only their hashes are kept; `POST /consents/search` finds those of one.',
        tags: ['consents'],
        querystring: PageQuery,
        response: responses({ 200: pageOf(EventSchema) })
      }
    },
    async request => {
      const { limit = 50, cursor } = request.query
      const [before = null] = decodeCursor(cursor, 1) ?? []
      const rows = await listConsentEvents(compliance.db, before, limit + 1)
      await audit(db, request, 'consent.listed', { kind: 'ledger', id: 'consents' })
      return toPage(rows, limit, show, row => [String(row.seq)])
    }
  )

  app.post(
    '/consents/search',
    {
      config: access('consents:read'),
      schema: {
        summary: 'The consent record of a number or person',
        tags: ['consents'],
        body: Type.Object({ ...Who, seller: Type.Optional(Who.seller) }, { additionalProperties: false }),
        response: responses({
          200: Type.Object({
            now: Type.Union([ConsentSchema, Type.Null()]),
            events: Type.Array(
              Type.Object({
                ...EventSchema.properties,
                named: NamedSchema
              })
            )
          })
        })
      }
    },
    async request => {
      const { number, person, seller } = request.body
      const numberHash = compliance.hashOf(existing(number))
      const personHash = person === undefined ? null : hashPerson(ledger.key, person)
      const events = await consentEventsOf(compliance.db, numberHash, personHash)
      await audit(db, request, 'consent.read', { kind: 'number', id: numberHash })
      return {
        now: foldConsent(events, seller ?? null, new Date()),
        events: await Promise.all(events.map(async one => ({ ...show(one), named: await openConsent(ledger, one) })))
      }
    }
  )

  app.post(
    '/consents',
    {
      config: access('consents:write'),
      schema: {
        summary: 'Record a consent',
        tags: ['consents'],
        body: Type.Object(
          {
            ...Who,
            kind: Type.Optional(literals(['grant', 'scope_change', 'expire'] as const)),
            grade: literals(GRADES.filter(one => one !== 'none' && one !== 'double_opt_in')),
            purposes: Type.Optional(Type.Array(literals(PURPOSES))),
            channels: Type.Optional(Type.Array(Type.String({ maxLength: 32 }), { maxItems: 16 })),
            modes: Type.Optional(Type.Array(literals(MODES))),
            coversHours: Type.Optional(Type.Boolean()),
            evidence: Type.Optional(
              Type.Object(
                {
                  method: literals(['oral', 'written', 'keypress', 'web', 'email', 'sms', 'import'] as const),
                  textVersion: Type.Optional(Type.String({ maxLength: 100 })),
                  language: Type.Optional(Type.String({ maxLength: 35 })),
                  callId: Type.Optional(Type.String({ maxLength: 64 })),
                  recordingRef: Type.Optional(Type.String({ maxLength: 100 })),
                  references: Type.Optional(Type.Array(Type.String({ maxLength: 200 }), { maxItems: 20 })),
                  personal: Type.Optional(Type.Record(Type.String(), Type.String({ maxLength: 500 })))
                },
                { additionalProperties: false }
              )
            ),
            expiresAt: Type.Optional(DateString),
            at: Type.Optional(DateString)
          },
          { additionalProperties: false }
        ),
        response: responses({ 201: Type.Object({ id: Type.String() }) })
      }
    },
    async (request, reply) => {
      const {
        number,
        kind = 'grant',
        at,
        expiresAt,
        person,
        purposes,
        channels,
        modes,
        coversHours,
        evidence,
        ...rest
      } = request.body
      const e164 = existing(number)
      const givenAt = at === undefined ? new Date() : new Date(at)
      if (givenAt.getTime() > Date.now() + 60_000)
        throw new AppError('VALIDATION_FAILED', 'The consent lies in the future.')
      const id = await recordConsent(ledger, {
        ...rest,
        kind,
        e164,
        at: givenAt,
        recordedBy: actorOf(request).id,
        ...(person !== undefined && { person }),
        ...(purposes !== undefined && { purposes }),
        ...(channels !== undefined && { channels }),
        ...(modes !== undefined && { modes }),
        ...(coversHours !== undefined && { coversHours }),
        ...(evidence !== undefined && { evidence }),
        ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt) })
      }).catch(refuseConsent)
      await audit(
        db,
        request,
        'consent.recorded',
        { kind: 'number', id: compliance.hashOf(e164) },
        { consentId: id, kind }
      )
      return reply.status(201).send({ id })
    }
  )

  app.post(
    '/consents/withdraw',
    {
      config: access('consents:write'),
      schema: {
        summary: 'Withdraw a consent, in one step and in force at once',
        tags: ['consents'],
        body: Type.Object(
          { ...Who, channel: Type.String({ minLength: 1, maxLength: 32 }) },
          { additionalProperties: false }
        ),
        response: responses({ 201: Type.Object({ id: Type.String() }) })
      }
    },
    async (request, reply) => {
      const { number, person, seller, channel } = request.body
      const e164 = existing(number)
      const id = await withdrawConsent(ledger, {
        e164,
        seller,
        channel,
        at: new Date(),
        recordedBy: actorOf(request).id,
        ...(person !== undefined && { person })
      })
      await audit(db, request, 'consent.withdrawn', { kind: 'number', id: compliance.hashOf(e164) }, { channel })
      return reply.status(201).send({ id })
    }
  )

  app.post(
    '/consents/confirm',
    {
      config: { access: 'public' },
      schema: {
        summary: 'The answer of a double opt-in: the link or code that the person received',
        tags: ['consents'],
        security: [],
        body: Type.Object({ token: Type.String({ minLength: 8, maxLength: 100 }) }, { additionalProperties: false }),
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      await confirmOptIn(ledger, request.body.token, new Date()).catch(refuseConsent)
      return reply.status(204).send(null)
    }
  )
}

function existing(number: string): string {
  const e164 = toE164(number)
  if (e164 === null) throw new AppError('NUMBER_INVALID', 'Write the number with its country code.')
  return e164
}

function refuseConsent(cause: unknown): never {
  if (!(cause instanceof ConsentError)) throw cause
  throw new AppError(cause.code === 'CONSENT_TOKEN' ? 'NOT_FOUND' : 'VALIDATION_FAILED', cause.message, { cause })
}
