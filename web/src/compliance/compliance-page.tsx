import { useQuery } from '@tanstack/react-query'
import type { ComponentType } from 'react'
import { useTranslation } from 'react-i18next'
import { Navigate, NavLink, Route, Routes } from 'react-router'
import { meQuery } from '../api/session.ts'
import { ClockDoubt } from './clock-doubt.tsx'
import classes from './compliance.module.css'
import { ConsentsPage } from './consents-page.tsx'
import { DecisionPage } from './decision-page.tsx'
import { DecisionsPage } from './decisions-page.tsx'
import { ExceptionsPage } from './exceptions-page.tsx'
import { ListPage } from './list-page.tsx'
import { ListsPage } from './lists-page.tsx'
import { PackPage } from './pack-page.tsx'
import { PacksPage } from './packs-page.tsx'
import { ReportPage } from './report-page.tsx'
import { WhenPage } from './when-page.tsx'

type Tab = Readonly<{ path: string; permission: string; Page: ComponentType }>

const TABS = [
  { path: 'when', permission: 'compliance:decide', Page: WhenPage },
  { path: 'decisions', permission: 'compliance:read', Page: DecisionsPage },
  { path: 'packs', permission: 'compliance:read', Page: PacksPage },
  { path: 'lists', permission: 'dnc-lists:read', Page: ListsPage },
  { path: 'consents', permission: 'consents:read', Page: ConsentsPage },
  { path: 'exceptions', permission: 'compliance:read', Page: ExceptionsPage },
  { path: 'report', permission: 'compliance:read', Page: ReportPage }
] as const satisfies readonly Tab[]

/** Which rules bind us today, when a number may be called, and why a call was or was not made. */
export function CompliancePage() {
  const { t } = useTranslation('compliance')
  const me = useQuery(meQuery).data
  const tabs = TABS.filter(tab => me?.permissions.includes(tab.permission) === true)
  return (
    <div className={classes['page']} data-testid="compliance">
      <h1>{t('title')}</h1>
      <ClockDoubt />
      <nav className={classes['tabs']} aria-label={t('title')}>
        {tabs.map(({ path }) => (
          <NavLink key={path} to={`/compliance/${path}`}>
            {t(`tab.${path}`)}
          </NavLink>
        ))}
      </nav>
      <Routes>
        {tabs.map(({ path, Page }) => (
          <Route key={path} path={path} element={<Page />} />
        ))}
        <Route path="decisions/:id" element={<DecisionPage />} />
        <Route path="packs/:name" element={<PackPage />} />
        <Route path="lists/:id" element={<ListPage />} />
        <Route
          path="*"
          element={<Navigate to={tabs[0] === undefined ? '/' : `/compliance/${tabs[0].path}`} replace />}
        />
      </Routes>
    </div>
  )
}
