import '@mantine/core/styles/Drawer.layer.css'
import { useQuery } from '@tanstack/react-query'
import type { ComponentType } from 'react'
import { useTranslation } from 'react-i18next'
import { Navigate, NavLink, Route, Routes } from 'react-router'
import { meQuery } from '../api/session.ts'
import classes from './admin.module.css'
import { ApiKeysPage } from './api-keys-page.tsx'
import { CardSourcesPage } from './card-sources-page.tsx'
import { NumbersPage } from './numbers-page.tsx'
import { OutcomesPage } from './outcomes-page.tsx'
import { PhonesPage } from './phones-page.tsx'
import { QueuePage } from './queue-page.tsx'
import { QueuesPage } from './queues-page.tsx'
import { ReasonsPage } from './reasons-page.tsx'
import { SkillsPage } from './skills-page.tsx'
import { TrunksPage } from './trunks-page.tsx'
import { UsersPage } from './users-page.tsx'
import { WebhookPage } from './webhook-page.tsx'
import { WebhooksPage } from './webhooks-page.tsx'

type Tab = Readonly<{ path: string; permission: string; Page: ComponentType }>

const TABS = [
  { path: 'queues', permission: 'queues:read', Page: QueuesPage },
  { path: 'users', permission: 'users:read', Page: UsersPage },
  { path: 'skills', permission: 'agents:read', Page: SkillsPage },
  { path: 'numbers', permission: 'numbers:read', Page: NumbersPage },
  { path: 'trunks', permission: 'trunks:read', Page: TrunksPage },
  { path: 'phones', permission: 'trunks:read', Page: PhonesPage },
  { path: 'outcomes', permission: 'queues:read', Page: OutcomesPage },
  { path: 'reasons', permission: 'queues:read', Page: ReasonsPage },
  { path: 'keys', permission: 'api-keys:write', Page: ApiKeysPage },
  { path: 'webhooks', permission: 'webhooks:write', Page: WebhooksPage },
  { path: 'cards', permission: 'card-sources:write', Page: CardSourcesPage }
] as const satisfies readonly Tab[]

/** Who answers, with what skills, on which numbers: everything that is set up once and changed now and then. */
export function AdminPage() {
  const { t } = useTranslation('admin')
  const me = useQuery(meQuery).data
  const tabs = TABS.filter(tab => me?.permissions.includes(tab.permission) === true)
  return (
    <div className={classes['page']} data-testid="admin">
      <h1>{t('title')}</h1>
      <nav className={classes['tabs']} aria-label={t('title')}>
        {tabs.map(({ path }) => (
          <NavLink key={path} to={`/admin/${path}`}>
            {t(`tab.${path}`)}
          </NavLink>
        ))}
      </nav>
      <Routes>
        {tabs.map(({ path, Page }) => (
          <Route key={path} path={path} element={<Page />} />
        ))}
        <Route path="queues/:id" element={<QueuePage />} />
        <Route path="webhooks/:id" element={<WebhookPage />} />
        <Route path="*" element={<Navigate to={tabs[0] === undefined ? '/' : `/admin/${tabs[0].path}`} replace />} />
      </Routes>
    </div>
  )
}
