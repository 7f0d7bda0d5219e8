import { Anchor, EmptyState } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { Link, useLocation } from 'react-router'
import { Icon } from '../parts/icons.tsx'
import { SCREENS } from '../routes.tsx'

/** No such screen, or none that this role may open: then who can grant it. */
export function NotFound({ role }: Readonly<{ role: string }>) {
  const { t } = useTranslation()
  const { pathname } = useLocation()
  const hidden = SCREENS.find(screen => pathname.startsWith(screen.path.replace(/\/\*$/, '')))
  return (
    <EmptyState
      icon={<Icon name={hidden === undefined ? 'search' : 'hand'} size={32} />}
      title={hidden === undefined ? t('notFound.title') : t('notFound.notAllowed')}
      description={
        hidden === undefined
          ? t('notFound.says', { path: pathname })
          : t('notFound.grant', { role: t(`role.${role as 'agent'}`) })
      }
    >
      <Anchor component={Link} to="/">
        {t('notFound.home')}
      </Anchor>
    </EmptyState>
  )
}
