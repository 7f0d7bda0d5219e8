import { useQuery } from '@tanstack/react-query'
import type { ComponentType } from 'react'
import { useTranslation } from 'react-i18next'
import { Navigate, NavLink, Route, Routes } from 'react-router'
import { meQuery } from '../api/session.ts'
import { CalibrationsPage } from './calibrations-page.tsx'
import { CallPage } from './call-page.tsx'
import classes from './quality.module.css'
import { ResultsPage } from './results-page.tsx'
import { ScorecardsPage } from './scorecards-page.tsx'
import { SearchPage } from './search-page.tsx'
import { TasksPage } from './tasks-page.tsx'

type Tab = Readonly<{ path: string; permission: string; Page: ComponentType }>

const TABS = [
  { path: 'calls', permission: 'transcripts:read', Page: SearchPage },
  { path: 'tasks', permission: 'reviews:read', Page: TasksPage },
  { path: 'results', permission: 'reviews:read', Page: ResultsPage },
  { path: 'calibrations', permission: 'reviews:read', Page: CalibrationsPage },
  { path: 'scorecards', permission: 'reviews:read', Page: ScorecardsPage }
] as const satisfies readonly Tab[]

/** Which calls to hear, what happened in them, and how they are judged. */
export function QualityPage() {
  const { t } = useTranslation('quality')
  const me = useQuery(meQuery).data
  const tabs = TABS.filter(tab => me?.permissions.includes(tab.permission) === true)
  return (
    <div className={classes['page']} data-testid="quality">
      <nav className={classes['tabs']} aria-label={t('title')}>
        {tabs.map(({ path }) => (
          <NavLink key={path} to={`/quality/${path}`}>
            {t(`tab.${path}`)}
          </NavLink>
        ))}
      </nav>
      <Routes>
        {tabs.map(({ path, Page }) => (
          <Route key={path} path={path} element={<Page />} />
        ))}
        <Route path="calls/:id" element={<CallPage />} />
        <Route path="*" element={<Navigate to={tabs[0] === undefined ? '/' : `/quality/${tabs[0].path}`} replace />} />
      </Routes>
    </div>
  )
}
