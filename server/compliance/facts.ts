import { type Static, Type } from 'typebox'
import { GRADES, MODES, PARTIES, PURPOSES, SECTORS } from './codes.ts'

const literals = <const T extends readonly string[]>(values: T) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values] })

const Instant = Type.String({
  format: 'date-time',
  description: 'RFC 3339 with an offset or Z',
  examples: ['2026-12-01T13:00:00Z']
})
const closed = { additionalProperties: false }

export const LocationSchema = Type.Object(
  {
    kind: literals(['address', 'billing', 'consent', 'declared'] as const),
    country: Type.String({ pattern: '^[A-Z]{2}$', description: 'ISO 3166-1' }),
    region: Type.Optional(
      Type.String({ pattern: '^[A-Z0-9]{1,3}$', description: 'Second part of ISO 3166-2: CA for California' })
    ),
    zone: Type.Optional(Type.String({ maxLength: 64, description: 'IANA zone, when the post code tells it' })),
    verifiedAt: Type.Optional(Instant)
  },
  closed
)

export const ConsentSchema = Type.Object(
  {
    grade: literals(GRADES),
    givenAt: Type.Optional(Instant),
    expiresAt: Type.Optional(Instant),
    revokedAt: Type.Optional(Instant),
    purposes: Type.Optional(Type.Array(literals(PURPOSES), { description: 'Left out: every purpose' })),
    modes: Type.Optional(Type.Array(literals(MODES), { description: 'Left out: every mode' })),
    channels: Type.Optional(Type.Array(Type.String({ maxLength: 32 }), { description: 'Left out: voice is covered' })),
    evidence: Type.Optional(literals(['held', 'missing', 'unreadable'] as const)),
    coversHours: Type.Optional(
      Type.Boolean({ description: 'The person agreed to calls outside the usual hours (an express invitation)' })
    ),
    eventIds: Type.Optional(Type.Array(Type.String({ maxLength: 64 })))
  },
  closed
)

export const FactsSchema = Type.Object(
  {
    at: Instant,
    number: Type.String({ maxLength: 64, description: 'The number to call, in any writing with its country code' }),
    mode: literals(MODES),
    purpose: literals(PURPOSES),
    party: Type.Optional(literals(PARTIES)),
    sector: Type.Optional(literals(SECTORS)),
    subject: Type.Optional(
      Type.String({
        maxLength: 128,
        description: 'What the call is about: an offer, or one debt; some caps count by it'
      })
    ),
    stage: Type.Optional(literals(['planning', 'dial'] as const)),
    line: Type.Optional(literals(['mobile', 'landline', 'unknown'] as const)),
    isRecorded: Type.Optional(Type.Boolean({ description: 'Left out: the call may be recorded' })),
    locations: Type.Optional(Type.Array(LocationSchema, { maxItems: 16 })),
    ownLocations: Type.Optional(
      Type.Array(Type.String({ pattern: '^[A-Z]{2}(-[A-Z0-9]{1,3})?$' }), {
        maxItems: 16,
        description: 'Where agents and voice processors are, for the recording law of both ends'
      })
    ),
    consent: Type.Optional(Type.Union([ConsentSchema, Type.Null()])),
    relationship: Type.Optional(
      Type.Object(
        {
          isCustomer: Type.Optional(Type.Boolean()),
          lastPurchaseAt: Type.Optional(Instant),
          lastInquiryAt: Type.Optional(Instant),
          hasRunningContract: Type.Optional(Type.Boolean({ description: 'and the call is about a related offer' })),
          contractEndedAt: Type.Optional(Instant)
        },
        closed
      )
    ),
    registries: Type.Optional(
      Type.Record(
        Type.String({ pattern: '^[a-z]{2}(-[a-z0-9]+)+$' }),
        Type.Object(
          {
            obtainedAt: Instant,
            listed: Type.Boolean(),
            listedAt: Type.Optional(Instant),
            snapshotId: Type.Optional(Type.String({ maxLength: 64 }))
          },
          closed
        ),
        { description: 'Do-not-call registries by name, such as us-dnc' }
      )
    ),
    internalList: Type.Optional(
      Type.Union([
        Type.Object({ since: Instant, scope: Type.Optional(literals(['all', 'marketing'] as const)) }, closed),
        Type.Null()
      ])
    ),
    attempts: Type.Optional(
      Type.Array(
        Type.Object(
          {
            at: Instant,
            subject: Type.Optional(Type.String({ maxLength: 128 })),
            outcome: Type.Optional(
              literals([
                'no_answer',
                'busy',
                'failed',
                'machine',
                'answered',
                'conversation',
                'abandoned',
                'hung_up'
              ] as const)
            ),
            hasAlerted: Type.Optional(Type.Boolean({ description: 'False: it failed before it rang' }))
          },
          closed
        ),
        { maxItems: 1000 }
      )
    ),
    refusals: Type.Optional(Type.Array(Instant, { maxItems: 100, description: 'When the person refused an offer' })),
    reassigned: Type.Optional(
      Type.Object(
        {
          answer: literals(['yes', 'no', 'no_data'] as const),
          queriedAt: Type.Optional(Instant)
        },
        closed
      )
    ),
    callerId: Type.Optional(
      Type.Union([
        Type.Object(
          {
            number: Type.String({ maxLength: 32 }),
            isOwned: Type.Boolean({ description: 'We have the right to use it, with evidence held by the carrier' })
          },
          closed
        ),
        Type.Null()
      ])
    ),
    campaign: Type.Optional(
      Type.Object(
        {
          pacing: Type.Optional(literals(['preview', 'progressive', 'predictive'] as const)),
          live: Type.Integer({ minimum: 0, description: 'Calls answered by a person in the period of the law' }),
          abandoned: Type.Integer({ minimum: 0 })
        },
        closed
      )
    ),
    registrations: Type.Optional(
      Type.Array(Type.String({ pattern: '^[a-z]{2}(-[a-z0-9]+)+$' }), {
        description: 'Registrations and approvals of the seller, such as us-tx'
      })
    ),
    suspensions: Type.Optional(
      Type.Array(
        Type.Object(
          {
            jurisdiction: Type.String({ pattern: '^[A-Z]{2}(-[A-Z0-9]{1,3})?$' }),
            from: Instant,
            to: Type.Optional(Instant),
            kind: Type.Optional(literals(['emergency', 'holiday'] as const))
          },
          closed
        ),
        { maxItems: 100, description: 'Emergencies and proclaimed holidays' }
      )
    ),
    preferences: Type.Optional(
      Type.Object(
        {
          blockedHours: Type.Optional(
            Type.Array(
              Type.Object(
                {
                  days: Type.Optional(Type.String({ maxLength: 40 })),
                  start: Type.String({ pattern: '^([01]\\d|2[0-3]):[0-5]\\d$' }),
                  end: Type.String({ pattern: '^(([01]\\d|2[0-3]):[0-5]\\d|24:00)$' })
                },
                closed
              ),
              { maxItems: 32 }
            )
          ),
          blocksHolidays: Type.Optional(Type.Boolean())
        },
        closed
      )
    ),
    callbackRequestedAt: Type.Optional(Instant),
    clockDoubt: Type.Optional(
      Type.Object(
        { kind: literals(['differs', 'wasSet'] as const), byMs: Type.Integer() },
        { ...closed, description: 'Why nobody knows what time it is, when somebody is about to be dialled' }
      )
    ),
    overrides: Type.Optional(
      Type.Array(
        Type.Object(
          {
            id: Type.String({ maxLength: 64 }),
            rules: Type.Array(Type.String({ maxLength: 80 }), { minItems: 1, maxItems: 32 }),
            signedBy: Type.Array(Type.String({ maxLength: 80 }), { minItems: 1, maxItems: 8 }),
            reason: Type.String({ minLength: 1, maxLength: 500 }),
            from: Type.Optional(Instant),
            expiresAt: Instant
          },
          closed
        ),
        { maxItems: 16 }
      )
    )
  },
  { ...closed, title: 'Facts about one planned call' }
)

/**
 * Everything that a decision rests on, as plain data: stored with the decision, so that a replay needs nothing else.
 * Instants are RFC 3339 text. What is left out is unknown, and what is unknown never helps a call.
 *
 * `stage` is `planning` by default: caller ID, registrations, campaign counters and the lists that a law wants looked up
 * while dialling may still be open, and the decision names them in `open`. At `dial` they must be there.
 */
export type Facts = Static<typeof FactsSchema>
export type Consent = Static<typeof ConsentSchema>
export type Location = Static<typeof LocationSchema>
