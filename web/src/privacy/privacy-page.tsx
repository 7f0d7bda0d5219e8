import '@mantine/core/styles/NumberInput.layer.css'
import { useQuery } from '@tanstack/react-query'
import type { ComponentType } from 'react'
import { useTranslation } from 'react-i18next'
import { Navigate, NavLink, Route, Routes } from 'react-router'
import { meQuery } from '../api/session.ts'
import classes from './privacy.module.css'
import { HoldsPage } from './holds-page.tsx'
import { RequestPage } from './request-page.tsx'
import { RequestsPage } from './requests-page.tsx'
import { RetentionPage } from './retention-page.tsx'

type Tab = Readonly<{ path: string; permission: string; Page: ComponentType }>

const TABS = [
  { path: 'requests', permission: 'privacy:read', Page: RequestsPage },
  { path: 'retention', permission: 'retention:read', Page: RetentionPage },
  { path: 'holds', permission: 'retention:read', Page: HoldsPage }
] as const satisfies readonly Tab[]

/** What persons ask about their data, and how long it is kept. */
export function PrivacyPage() {
  const { t } = useTranslation('privacy')
  const me = useQuery(meQuery).data
  const tabs = TABS.filter(tab => me?.permissions.includes(tab.permission) === true)
  return (
    <div className={classes['page']} data-testid="privacy">
      <nav className={classes['tabs']} aria-label={t('title')}>
        {tabs.map(({ path }) => (
          <NavLink key={path} to={`/privacy/${path}`}>
            {t(`tab.${path}`)}
          </NavLink>
        ))}
      </nav>
      <Routes>
        {tabs.map(({ path, Page }) => (
          <Route key={path} path={path} element={<Page />} />
        ))}
        <Route path="requests/:id" element={<RequestPage />} />
        <Route path="*" element={<Navigate to={tabs[0] === undefined ? '/' : `/privacy/${tabs[0].path}`} replace />} />
      </Routes>
    </div>
  )
}
