import { useQuery } from '@tanstack/react-query'
import type { ComponentType } from 'react'
import { useTranslation } from 'react-i18next'
import { Navigate, NavLink, Route, Routes } from 'react-router'
import { meQuery } from '../api/session.ts'
import { ArticlePage } from './article-page.tsx'
import { ArticlesPage } from './articles-page.tsx'
import classes from './bots.module.css'
import { FiguresPage } from './figures-page.tsx'
import { ImportPage } from './import-page.tsx'
import { QuestionsPage } from './questions-page.tsx'
import { TryPage } from './try-page.tsx'

type Tab = Readonly<{ path: string; permission: string; Page: ComponentType }>

const TABS = [
  { path: 'articles', permission: 'knowledge:read', Page: ArticlesPage },
  { path: 'try', permission: 'knowledge:read', Page: TryPage },
  { path: 'import', permission: 'knowledge:write', Page: ImportPage },
  { path: 'questions', permission: 'knowledge:read', Page: QuestionsPage },
  { path: 'figures', permission: 'reports:read', Page: FiguresPage }
] as const satisfies readonly Tab[]

/** What bots may say, what they could not answer, and what they achieve. */
export function BotsPage() {
  const { t } = useTranslation('bots')
  const me = useQuery(meQuery).data
  const tabs = TABS.filter(tab => me?.permissions.includes(tab.permission) === true)
  return (
    <div className={classes['page']} data-testid="bots">
      <nav className={classes['tabs']} aria-label={t('title')}>
        {tabs.map(({ path }) => (
          <NavLink key={path} to={`/bots/${path}`}>
            {t(`tab.${path}`)}
          </NavLink>
        ))}
      </nav>
      <Routes>
        {tabs.map(({ path, Page }) => (
          <Route key={path} path={path} element={<Page />} />
        ))}
        <Route path="articles/:id" element={<ArticlePage />} />
        <Route path="*" element={<Navigate to={tabs[0] === undefined ? '/' : `/bots/${tabs[0].path}`} replace />} />
      </Routes>
    </div>
  )
}
