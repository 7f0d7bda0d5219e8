import type { ComplianceService } from '../../compliance/compliance-service.ts'
import type { App } from '../fastify-types.ts'
import type { HttpParts } from '../parts.ts'
import { registerConsentRoutes } from './compliance/consents.ts'
import { registerDecisionRoutes } from './compliance/decisions.ts'
import { registerExceptionRoutes } from './compliance/exceptions.ts'
import { registerListRoutes } from './compliance/lists.ts'
import { registerOptInRoute } from './compliance/opt-in.ts'
import { registerPackRoutes } from './compliance/packs.ts'
import { registerReportRoutes } from './compliance/report.ts'

/** Everything about outbound compliance: decisions, packs, lists, consents, exceptions, the auditor's report. */
export function registerComplianceRoutes(app: App, parts: HttpParts, compliance: ComplianceService): void {
  registerDecisionRoutes(app, parts, compliance)
  registerPackRoutes(app, compliance)
  registerListRoutes(app, parts, compliance)
  registerConsentRoutes(app, parts, compliance)
  registerOptInRoute(app, parts, compliance, parts.messages)
  registerExceptionRoutes(app, parts, compliance)
  registerReportRoutes(app, parts, compliance)
}
