import { Type } from 'typebox'
import type { ComplianceService } from '../../../compliance/compliance-service.ts'
import type { Facts } from '../../../compliance/facts.ts'
import { exportDecisions, readBody } from '../../../compliance/log/decision-log.ts'
import { compilePacks } from '../../../compliance/packs/compile.ts'
import { diffPacks } from '../../../compliance/packs/diff.ts'
import { type LoadedPack, PackError, parsePacks } from '../../../compliance/packs/load.ts'
import { overdueReviews, verifyPacks } from '../../../compliance/packs/verify.ts'
import { simulate } from '../../../compliance/plan/simulate.ts'
import { disclosure, recordingPolicy } from '../../../compliance/recording-policy.ts'
import { AppError } from '../../../errors.ts'
import type { App } from '../../fastify-types.ts'
import { NullableString, responses } from '../../schemas.ts'
import { access } from './access.ts'
import { CandidatePacks, DisclosureSchema, plain, RecordingPolicySchema } from './schemas.ts'

const PackRow = Type.Object({
  pack: Type.String(),
  version: Type.String(),
  kind: Type.String(),
  title: Type.String(),
  jurisdictions: Type.Array(Type.String()),
  owner: Type.String(),
  reviewBy: Type.String(),
  isOn: Type.Boolean(),
  isOverdue: Type.Boolean(),
  hash: Type.String(),
  rules: Type.Integer(),
  unverified: Type.Array(Type.String(), { description: 'Rules whose values are not confirmed' })
})

const MAX_SIMULATED = 200_000

/** Rule packs, what candidates would change, and policies for flows and bots. */
export function registerPackRoutes(app: App, compliance: ComplianceService): void {
  app.get(
    '/compliance/packs',
    {
      config: access('compliance:read'),
      schema: {
        summary: 'List the rule packs in force',
        tags: ['compliance'],
        response: responses({ 200: Type.Object({ hash: Type.String(), items: Type.Array(PackRow) }) })
      }
    },
    async () => {
      const on = new Set(compliance.packs.packs.map(one => one.pack.pack))
      const today = new Date().toISOString().slice(0, 10)
      const overdue = new Set(overdueReviews(compliance.loadedPacks, today).map(one => one.file))
      return {
        hash: compliance.packs.hash,
        items: compliance.loadedPacks.map(({ pack, hash, file }) => ({
          pack: pack.pack,
          version: pack.version,
          kind: pack.kind,
          title: pack.title,
          jurisdictions: [...pack.jurisdictions],
          owner: pack.owner,
          reviewBy: pack.reviewBy,
          isOn: on.has(pack.pack),
          isOverdue: overdue.has(file),
          hash,
          rules: pack.rules.length,
          unverified: pack.rules.filter(rule => rule.certainty === 'UNVERIFIED').map(rule => rule.id)
        }))
      }
    }
  )

  app.get(
    '/compliance/packs/:name',
    {
      config: access('compliance:read'),
      schema: {
        summary: 'Read a rule pack',
        tags: ['compliance'],
        params: Type.Object({ name: Type.String({ maxLength: 80 }) }),
        response: responses({
          200: Type.Object({
            pack: Type.Record(Type.String(), Type.Unknown()),
            text: Type.String(),
            hash: Type.String()
          })
        })
      }
    },
    async request => {
      const found = compliance.loadedPacks.find(one => one.pack.pack === request.params.name)
      if (found === undefined) throw new AppError('NOT_FOUND', 'There is no such pack.')
      return { pack: { ...found.pack }, text: found.text, hash: found.hash }
    }
  )

  app.post(
    '/compliance/packs/diff',
    {
      config: access('compliance:read'),
      schema: {
        summary: 'What candidate packs would change',
        tags: ['compliance'],
        body: Type.Object({ candidates: CandidatePacks }, { additionalProperties: false }),
        response: responses({
          200: Type.Object({
            changes: Type.Array(
              Type.Object({
                kind: Type.String(),
                pack: Type.String(),
                rule: Type.Optional(Type.String()),
                fields: Type.Optional(
                  Type.Array(Type.Object({ path: Type.String(), before: Type.Unknown(), after: Type.Unknown() }))
                )
              })
            )
          })
        })
      }
    },
    async request => {
      const candidate = withCandidates(compliance.loadedPacks, request.body.candidates)
      return { changes: plain(diffPacks(compliance.loadedPacks, candidate)) }
    }
  )

  app.post(
    '/compliance/simulate',
    {
      config: access('compliance:decide'),
      bodyLimit: 16 * 1024 * 1024,
      schema: {
        summary: 'Decide stored calls again under candidate packs',
        tags: ['compliance'],
        body: Type.Object(
          {
            candidates: CandidatePacks,
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_SIMULATED, default: 10_000 }))
          },
          { additionalProperties: false }
        ),
        response: responses({
          200: Type.Object({
            calls: Type.Integer(),
            matrix: Type.Record(Type.String(), Type.Record(Type.String(), Type.Integer())),
            rules: Type.Array(
              Type.Object({ rule: Type.String(), newlyStopped: Type.Integer(), newlyPassed: Type.Integer() })
            ),
            byJurisdiction: Type.Record(
              Type.String(),
              Type.Object({ calls: Type.Integer(), lost: Type.Integer(), gained: Type.Integer() })
            ),
            newlyUnlawful: Type.Array(Type.String()),
            newlyLawful: Type.Array(Type.String())
          })
        })
      }
    },
    async request => {
      const { candidates, limit = 10_000 } = request.body
      const after = compilePacks(withCandidates(compliance.loadedPacks, candidates), compliance.packs.settings)
      async function* stored(): AsyncGenerator<{ key: string; facts: Facts }> {
        let left = limit
        for await (const row of exportDecisions(compliance.db)) {
          if (left === 0) return
          left -= 1
          const body = readBody(row)
          const number = compliance.log.unseal(body.number.sealed)
          if (number !== null) yield { key: row.id, facts: { ...body.facts, number } }
        }
      }
      const found = await simulate(stored(), compliance.packs, after)
      return plain(found)
    }
  )

  const Places = Type.Object({
    jurisdictions: Type.String({
      pattern: '^[A-Z]{2}(-[A-Z0-9]{1,3})?(,[A-Z]{2}(-[A-Z0-9]{1,3})?)*$',
      maxLength: 400,
      description: 'Every place at either end, such as US-CA,DE'
    })
  })

  app.get(
    '/compliance/policies',
    {
      config: access('compliance:read'),
      schema: {
        summary: 'How calls between these places may be recorded, and what an AI voice must say',
        tags: ['compliance'],
        querystring: Places,
        response: responses({
          200: Type.Object({
            recording: RecordingPolicySchema,
            disclosure: DisclosureSchema,
            packSetHash: NullableString
          })
        })
      }
    },
    async request => {
      const places = request.query.jurisdictions.split(',')
      const day = Math.floor(Date.now() / 86_400_000)
      const recording = recordingPolicy(places, compliance.packs, day)
      const said = disclosure(places, compliance.packs, day)
      return {
        recording: plain(recording),
        disclosure: plain(said),
        packSetHash: compliance.packs.hash
      }
    }
  )
}

/** The packs as they would be. Throws AppError VALIDATION_FAILED with every problem of the candidates. */
function withCandidates(
  current: readonly LoadedPack[],
  candidates: readonly Readonly<{ file: string; text: string }>[]
): readonly LoadedPack[] {
  const names = new Set(candidates.map(one => one.file))
  try {
    const all = parsePacks([...current.filter(one => !names.has(one.file)), ...candidates])
    const problems = verifyPacks(all.filter(one => names.has(one.file)))
    if (problems.length > 0) throw new PackError(problems)
    return all
  } catch (cause) {
    if (!(cause instanceof PackError)) throw cause
    throw new AppError('VALIDATION_FAILED', 'The packs cannot be used.', {
      cause,
      problems: cause.problems.map(one => ({ at: `${one.file}:${one.line}:${one.column}`, message: one.message }))
    })
  }
}
