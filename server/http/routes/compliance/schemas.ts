import { Type } from 'typebox'
import { OBLIGATIONS, OUTCOMES, REASONS } from '../../../compliance/codes.ts'
import { FactsSchema } from '../../../compliance/facts.ts'
import { NullableString } from '../../schemas.ts'

const literals = <const T extends readonly string[]>(values: T) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values] })

const { at, ...known } = FactsSchema.properties

/** Facts that the caller knows; what is left out is looked up, and `at` is now. */
export const QuestionSchema = Type.Object(
  {
    ...known,
    at: Type.Optional(at),
    person: Type.Optional(
      Type.String({ maxLength: 256, description: 'Own mark of the person, such as a customer number' })
    ),
    seller: Type.Optional(Type.String({ maxLength: 256, description: 'Legal entity whose consent counts' }))
  },
  { additionalProperties: false }
)

export const SettingsSchema = Type.Object(
  {
    ramadan: Type.Optional(literals(['off', 'shorten', 'strict'] as const)),
    endGuardSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 1800 })),
    optionalPacks: Type.Optional(Type.Array(Type.String({ maxLength: 80 }), { maxItems: 20 })),
    trustsVerifiedAddress: Type.Optional(Type.Boolean())
  },
  { additionalProperties: false, description: 'For this question only; a law cannot be loosened' }
)

export const OutcomeSchema = literals(OUTCOMES)
export const ReasonSchema = literals(REASONS)
export const Reasons = Type.Array(ReasonSchema)
const Obligation = Type.Object({ code: literals(OBLIGATIONS), seconds: Type.Optional(Type.Integer()) })

const RuleResult = Type.Object({
  rule: Type.String(),
  pack: Type.String(),
  layer: Type.String(),
  certainty: Type.String({ description: 'UNVERIFIED values are shown as such' }),
  version: NullableString,
  ok: Type.Boolean(),
  reasons: Reasons,
  outcome: OutcomeSchema,
  next: NullableString,
  exemptBy: NullableString
})

const PolicyReason = Type.Object({
  rule: Type.String(),
  jurisdiction: Type.String(),
  certainty: Type.String(),
  what: Type.String(),
  cites: Type.Array(Type.String())
})

export const RecordingPolicySchema = Type.Object({
  policy: Type.String(),
  obligation: NullableString,
  isCompulsory: Type.Boolean(),
  endsOnFailure: Type.Boolean({ description: 'A compulsory recording that fails ends the call' }),
  isOnDemand: Type.Boolean(),
  reasons: Type.Array(PolicyReason)
})

export const DisclosureSchema = Type.Object({
  obligations: Type.Array(Obligation),
  isLaw: Type.Boolean(),
  reasons: Type.Array(PolicyReason)
})

export const DecisionSchema = Type.Object({
  outcome: OutcomeSchema,
  reasons: Reasons,
  nextAt: NullableString,
  obligations: Type.Array(Obligation),
  recording: Type.Union([RecordingPolicySchema, Type.Null()]),
  open: Type.Array(Type.String()),
  number: Type.Object({
    e164: Type.Optional(NullableString),
    country: NullableString,
    line: NullableString,
    evidence: Type.Array(Type.String())
  }),
  jurisdictions: Type.Array(Type.String()),
  zones: Type.Array(Type.Object({ zone: Type.String(), local: Type.String() })),
  validUntil: Type.String(),
  packs: Type.Array(Type.String()),
  packSetHash: Type.String(),
  numberingPlan: Type.String(),
  results: Type.Array(RuleResult),
  shadow: Type.Array(RuleResult),
  error: NullableString
})

export const LanguageQuery = Type.Object({
  language: Type.Optional(Type.String({ maxLength: 35, description: 'en, es, de, zh, ar or ja; by default your own' }))
})

export const CandidatePacks = Type.Array(
  Type.Object(
    {
      file: Type.String({ pattern: '^[a-z0-9-]+\\.yaml$', maxLength: 100 }),
      text: Type.String({ minLength: 1, maxLength: 500_000 })
    },
    { additionalProperties: false }
  ),
  { maxItems: 100, description: 'Packs that replace those of the same file name, or come in addition' }
)

/** Answers are written and never changed: the types of schemas only do not know of readonly. */
export function plain<T>(value: T): Plain<T> {
  return value as Plain<T>
}

type Plain<T> = T extends readonly (infer E)[]
  ? Plain<E>[]
  : T extends object
    ? { -readonly [K in keyof T]: Plain<T[K]> }
    : T
