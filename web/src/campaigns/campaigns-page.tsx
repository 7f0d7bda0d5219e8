import { useTranslation } from 'react-i18next'
import { Navigate, NavLink, Route, Routes } from 'react-router'
import classes from '../admin/admin.module.css'
import { useMay } from '../admin/use-may.ts'
import { CampaignList } from './campaign-list.tsx'
import { CampaignPage } from './campaign-page.tsx'
import { CallerIds } from './caller-ids.tsx'
import { CarrierLimits } from './carrier-limits.tsx'
import { ContactLists } from './contact-lists.tsx'
import { ContactListPage } from './contact-list-page.tsx'

/** What would happen, what happens now, and what has happened, for every campaign. */
export function CampaignsPage() {
  const { t } = useTranslation('campaigns')
  const mayReadTrunks = useMay('trunks:read') === null
  return (
    <div className={classes['page']} data-testid="campaigns">
      <h1>{t('title')}</h1>
      <nav className={classes['tabs']} aria-label={t('title')}>
        <NavLink to="/campaigns/all">{t('tab.all')}</NavLink>
        <NavLink to="/campaigns/lists">{t('tab.lists')}</NavLink>
        <NavLink to="/campaigns/numbers">{t('tab.numbers')}</NavLink>
        {mayReadTrunks && <NavLink to="/campaigns/carriers">{t('tab.carriers')}</NavLink>}
      </nav>
      <Routes>
        <Route path="all" element={<CampaignList />} />
        <Route path="lists" element={<ContactLists />} />
        <Route path="lists/:id" element={<ContactListPage />} />
        <Route path="numbers" element={<CallerIds />} />
        <Route path="carriers" element={<CarrierLimits />} />
        <Route path="one/:id/:part?" element={<CampaignPage />} />
        <Route path="*" element={<Navigate to="/campaigns/all" replace />} />
      </Routes>
    </div>
  )
}
