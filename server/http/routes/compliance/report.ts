import { Type } from 'typebox'
import type { ComplianceService } from '../../../compliance/compliance-service.ts'
import { en } from '../../../compliance/explain/en.ts'
import { REASONS } from '../../../compliance/codes.ts'
import { verifyChain } from '../../../compliance/log/decision-log.ts'
import { complianceCounts, listOverrides } from '../../../../sql/queries/compliance/decisions.ts'
import { audit } from '../../audit.ts'
import type { App } from '../../fastify-types.ts'
import type { HttpParts } from '../../parts.ts'
import { DateString, responses } from '../../schemas.ts'
import { access } from './access.ts'

/** A printable page for an auditor: what was decided and why, under which packs and lists, and whether the chain holds. */
export function registerReportRoutes(app: App, { db }: HttpParts, compliance: ComplianceService): void {
  app.get(
    '/compliance/report',
    {
      config: access('compliance:read'),
      schema: {
        summary: 'Compliance report as a printable page',
        tags: ['compliance'],
        querystring: Type.Object({ from: DateString, to: DateString }),
        produces: ['text/html'],
        response: responses({ 200: Type.String() })
      }
    },
    async (request, reply) => {
      const from = new Date(request.query.from)
      const to = new Date(request.query.to)
      const [counts, chain, overrides] = await Promise.all([
        complianceCounts(compliance.db, from, to),
        verifyChain(compliance.db),
        listOverrides(compliance.db, 500)
      ])
      await audit(db, request, 'compliance.report', { kind: 'compliance', id: 'report' })
      const page = html(
        `Compliance report ${from.toISOString().slice(0, 10)} to ${to.toISOString().slice(0, 10)}`,
        section(
          'Chain of decisions',
          table(
            ['Entries', 'Head', 'State'],
            [
              [
                String(chain.length),
                chain.head.hash,
                chain.broken === null
                  ? 'whole'
                  : `broken at ${chain.broken.seq} (${chain.broken.id}): ${chain.broken.why}`
              ]
            ]
          )
        ),
        section(
          'Decisions',
          table(
            ['Outcome', 'Calls'],
            counts.outcomes.map(one => [one.outcome, String(one.count)])
          )
        ),
        section(
          'Reasons',
          table(
            ['Code', 'Meaning', 'Calls'],
            counts.reasons.map(one => [one.reason, meaning(one.reason), String(one.count)])
          )
        ),
        section(
          'Do-not-call lists in force',
          table(
            ['List', 'Registry', 'Version', 'Numbers', 'Obtained', 'SHA-256'],
            compliance.dnc.active.map(({ list, version }) => [
              list.name,
              list.registry,
              String(version.version),
              String(version.numbers),
              version.obtainedAt.toISOString(),
              version.sourceSha256
            ])
          )
        ),
        section(
          'Overrides',
          table(
            ['Rules', 'Reason', 'Signed', 'Countersigned', 'Until'],
            overrides.map(one => [
              one.rules.join(' '),
              one.reason,
              one.signedBy,
              one.countersignedBy ?? '–',
              one.expiresAt.toISOString()
            ])
          )
        ),
        section(
          'Rule packs',
          table(
            ['Pack', 'Version', 'Kind', 'Review by', 'SHA-256', 'Not confirmed'],
            compliance.packs.packs.map(({ pack, hash }) => [
              pack.pack,
              pack.version,
              pack.kind,
              pack.reviewBy,
              hash,
              pack.rules
                .filter(rule => rule.certainty === 'UNVERIFIED')
                .map(rule => rule.id)
                .join(' ')
            ])
          )
        )
      )
      return reply.type('text/html; charset=utf-8').send(page)
    }
  )
}

function meaning(reason: string): string {
  const code = REASONS.find(one => one === reason)
  return code === undefined ? '' : en.reasons[code]
}

const STYLE =
  'body{font:14px/1.4 system-ui,sans-serif;margin:2em;max-width:70em}table{border-collapse:collapse;width:100%}' +
  'th,td{border:1px solid #999;padding:.25em .5em;text-align:left;vertical-align:top;overflow-wrap:anywhere}' +
  'h2{margin-top:1.6em}@media print{body{margin:0}h2{break-after:avoid}tr{break-inside:avoid}}'

function html(title: string, ...sections: readonly string[]): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escapeHtml(title)}</title><style>${STYLE}</style><h1>${escapeHtml(title)}</h1>${sections.join('')}</html>`
}

function section(title: string, body: string): string {
  return `<h2>${escapeHtml(title)}</h2>${body}`
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '<p>None.</p>'
  const row = (cells: readonly string[], tag: 'th' | 'td') =>
    `<tr>${cells.map(cell => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`
  return `<table>${row(heads, 'th')}${rows.map(cells => row(cells, 'td')).join('')}</table>`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, char => `&#${char.charCodeAt(0)};`)
}
