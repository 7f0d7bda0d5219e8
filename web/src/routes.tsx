import { type ComponentType, lazy } from 'react'
import type { IconName } from './parts/icons.tsx'

/** A screen of the desk. Its code, texts and styles are fetched when it is first opened. */
export type Screen = Readonly<{
  /** As react-router takes it; `/*` at the end for a screen with pages of its own. */
  path: string
  /** Key of its name in `common.json`. */
  label: `nav.${string}`
  icon: IconName
  /** Of server/http/permissions.ts; people without it neither see nor reach the screen. */
  permission: string
  Page: ComponentType
}>

function page(load: () => Promise<ComponentType>): ComponentType {
  return lazy(async () => ({ default: await load() }))
}

/** In the order of the navigation. The first one that a role may use is where its people land after signing in. */
export const SCREENS: readonly Screen[] = [
  {
    path: '/desk',
    label: 'nav.desk',
    icon: 'desk',
    permission: 'softphone',
    Page: page(async () => (await import('./desk/desk-page.tsx')).DeskPage)
  },
  {
    path: '/wallboard',
    label: 'nav.wallboard',
    icon: 'threeHeads',
    permission: 'wallboard:read',
    Page: page(async () => (await import('./wallboard/wallboard-page.tsx')).WallboardPage)
  },
  {
    path: '/start',
    label: 'nav.start',
    icon: 'start',
    permission: 'softphone',
    Page: page(async () => (await import('./start/start-page.tsx')).StartPage)
  },
  {
    path: '/quality/*',
    label: 'nav.quality',
    icon: 'ear',
    permission: 'transcripts:read',
    Page: page(async () => (await import('./quality/quality-page.tsx')).QualityPage)
  },
  {
    path: '/my-reviews',
    label: 'nav.myReviews',
    icon: 'check',
    permission: 'reviews:own',
    Page: page(async () => (await import('./quality/my-reviews-page.tsx')).MyReviewsPage)
  },
  {
    path: '/campaigns/*',
    label: 'nav.campaigns',
    icon: 'handset',
    permission: 'campaigns:read',
    Page: page(async () => (await import('./campaigns/campaigns-page.tsx')).CampaignsPage)
  },
  {
    path: '/reports',
    label: 'nav.reports',
    icon: 'list',
    permission: 'reports:read',
    Page: page(async () => (await import('./reports/reports-page.tsx')).ReportsPage)
  },
  {
    path: '/bots/*',
    label: 'nav.bots',
    icon: 'speaker',
    permission: 'knowledge:read',
    Page: page(async () => (await import('./bots/bots-page.tsx')).BotsPage)
  },
  {
    path: '/compliance/*',
    label: 'nav.compliance',
    icon: 'check',
    permission: 'compliance:read',
    Page: page(async () => (await import('./compliance/compliance-page.tsx')).CompliancePage)
  },
  {
    path: '/flows/*',
    label: 'nav.flows',
    icon: 'join',
    permission: 'flows:write',
    Page: page(async () => (await import('./flows/flows-page.tsx')).FlowsPage)
  },
  {
    path: '/admin/*',
    label: 'nav.admin',
    icon: 'plug',
    permission: 'agents:write',
    Page: page(async () => (await import('./admin/admin-page.tsx')).AdminPage)
  },
  {
    path: '/privacy/*',
    label: 'nav.privacy',
    icon: 'hand',
    permission: 'privacy:read',
    Page: page(async () => (await import('./privacy/privacy-page.tsx')).PrivacyPage)
  },
  {
    path: '/audit-log',
    label: 'nav.audit',
    icon: 'copy',
    permission: 'audit-log:read',
    Page: page(async () => (await import('./admin/audit-page.tsx')).AuditPage)
  }
]
