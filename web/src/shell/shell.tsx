import { ActionIcon, Burger, Button, Indicator, Menu, Tooltip, VisuallyHidden } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Navigate, NavLink, Route, Routes, useLocation, useNavigate } from 'react-router'
import { queryClient } from '../api/query-client.ts'
import { type Me, meQuery, signOut } from '../api/session.ts'
import { CallBar } from '../call-bar/call-bar.tsx'
import { CallSignals } from '../call-bar/call-signals.tsx'
import { ErrorCatcher } from '../parts/error-catcher.tsx'
import { Icon } from '../parts/icons.tsx'
import { notify, unseenNotices } from '../parts/notices.tsx'
import { OfflineBanner } from '../parts/offline-banner.tsx'
import { codeOf, useProblemWords } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { SCREENS } from '../routes.tsx'
import { SoftphoneProvider, useSoftphoneView } from '../softphone/softphone-provider.tsx'
import { SoundSettings } from '../sound/sound-settings.tsx'
import { useStore } from '../store.ts'
import { AppearanceMenu } from './appearance-menu.tsx'
import { ClockWarning } from './clock-warning.tsx'
import { LanguageMenu } from './language-menu.tsx'
import { NotFound } from './not-found.tsx'
import { useNewVersion } from './new-version.ts'
import { SignInAgain } from './sign-in-again.tsx'
import classes from './shell.module.css'
import { keysAsAria, keysAsWords, useCommand, useKeysOf } from './shortcuts.ts'

const Palette = lazy(async () => ({ default: (await import('./palette.tsx')).Palette }))
const KeyList = lazy(async () => ({ default: (await import('./key-list.tsx')).KeyList }))
const Activity = lazy(async () => ({ default: (await import('./activity.tsx')).Activity }))

type Overlay = 'palette' | 'keyList' | 'activity' | null

/** Everything around a screen: navigation, the call bar, notices. It stays while screens change, and so does a call. */
export function Shell({ me }: Readonly<{ me: Me }>) {
  const hasSoftphone = me.permissions.includes('softphone')
  return (
    <SoftphoneProvider isWanted={hasSoftphone}>
      <Frame me={me} hasSoftphone={hasSoftphone} />
    </SoftphoneProvider>
  )
}

function Frame({ me, hasSoftphone }: Readonly<{ me: Me; hasSoftphone: boolean }>) {
  const { t } = useTranslation()
  const view = useSoftphoneView()
  const { pathname } = useLocation()
  const [overlay, setOverlay] = useState<Overlay>(null)
  const [isNavOpen, setNavOpen] = useState(false)
  const screens = SCREENS.filter(screen => me.permissions.includes(screen.permission))
  const current = screens.find(screen => pathname.startsWith(screen.path.replace(/\/\*$/, '')))
  useCommand('palette', () => setOverlay(now => (now === 'palette' ? null : 'palette')))
  useCommand('keyList', () => setOverlay(now => (now === 'keyList' ? null : 'keyList')))
  const close = () => setOverlay(null)
  useNewVersion(view.desk?.call != null)

  return (
    <div className={classes['frame']} data-nav={isNavOpen ? 'open' : 'closed'}>
      <a className={classes['skip']} href="#main">
        {t('shell.skip')}
      </a>
      <div className={classes['top']}>
        <section className={classes['header']} aria-label="Parley">
          <Burger
            className={classes['burger']}
            opened={isNavOpen}
            size="sm"
            aria-label={t('shell.navigation')}
            aria-expanded={isNavOpen}
            onClick={() => setNavOpen(now => !now)}
          />
          <span className={classes['name']}>Parley</span>
          <span className={classes['title']}>{current !== undefined && t(current.label as 'nav.desk')}</span>
          <HeaderTools me={me} open={setOverlay} />
        </section>
        <SignInAgain username={me.username} isInCall={view.desk?.call != null} />
        <OfflineBanner isInCall={view.desk?.call != null} />
        <ClockWarning />
        {hasSoftphone && (
          <ErrorCatcher>
            <CallBar />
            <CallSignals />
            <SoundSettings />
          </ErrorCatcher>
        )}
      </div>
      <nav className={classes['nav']} aria-label={t('shell.navigation')}>
        {screens.map(({ path, label, icon }) => (
          <NavLink
            key={path}
            to={path.replace(/\/\*$/, '')}
            className={classes['link'] ?? ''}
            onClick={() => setNavOpen(false)}
          >
            <Icon name={icon} size={22} />
            <span>{t(label as 'nav.desk')}</span>
          </NavLink>
        ))}
      </nav>
      <main className={classes['main']} id="main" tabIndex={-1}>
        <ErrorCatcher key={current?.path}>
          <Suspense fallback={<Waiting what={t('waiting.screen')} lines={6} />}>
            <Routes>
              {screens.map(({ path, Page }) => (
                <Route key={path} path={path} element={<Page />} />
              ))}
              <Route path="/" element={<Navigate to={screens[0]?.path.replace(/\/\*$/, '') ?? '/none'} replace />} />
              <Route path="*" element={<NotFound role={me.role} />} />
            </Routes>
          </Suspense>
        </ErrorCatcher>
      </main>
      <Suspense>
        {overlay === 'palette' && <Palette screens={screens} onClose={close} open={setOverlay} />}
        {overlay === 'keyList' && <KeyList onClose={close} />}
        {overlay === 'activity' && <Activity onClose={close} />}
      </Suspense>
    </div>
  )
}

function HeaderTools({ me, open }: Readonly<{ me: Me; open(overlay: Overlay): void }>) {
  const { t } = useTranslation()
  const unseen = useStore(unseenNotices)
  const paletteKeys = useKeysOf('palette')
  return (
    <div className={classes['tools']}>
      <Tooltip label={`${t('palette.open')} (${keysAsWords(paletteKeys)})`}>
        <ActionIcon
          variant="subtle"
          color="gray"
          c="var(--mantine-color-text)"
          size={36}
          aria-label={t('palette.open')}
          aria-keyshortcuts={keysAsAria(paletteKeys)}
          onClick={() => open('palette')}
        >
          <Icon name="search" />
        </ActionIcon>
      </Tooltip>
      <Indicator disabled={unseen === 0} label={unseen} size={18} inline>
        <ActionIcon
          variant="subtle"
          color="gray"
          c="var(--mantine-color-text)"
          size={36}
          aria-label={unseen === 0 ? t('activity.title') : t('activity.unseen', { count: unseen })}
          onClick={() => open('activity')}
        >
          <Icon name="list" />
        </ActionIcon>
      </Indicator>
      <LanguageMenu />
      <AppearanceMenu />
      <UserMenu me={me} open={open} />
    </div>
  )
}

function UserMenu({ me, open }: Readonly<{ me: Me; open(overlay: Overlay): void }>) {
  const { t } = useTranslation()
  const view = useSoftphoneView()
  const navigate = useNavigate()
  const wordsOf = useProblemWords()
  const isInCall = view.desk?.call != null
  const leave = async () => {
    await signOut()
    sessionStorage.clear()
    queryClient.clear()
    queryClient.setQueryData(meQuery.queryKey, null)
    await navigate('/')
  }
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="subtle" color="gray" c="var(--mantine-color-text)" leftSection={<Icon name="person" />}>
          <span className={classes['person']}>{me.displayName}</span>
          <VisuallyHidden>{t('shell.account')}</VisuallyHidden>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t(`role.${me.role as 'agent'}`)}</Menu.Label>
        <Menu.Item leftSection={<Icon name="keypad" size={16} />} onClick={() => open('keyList')}>
          {t('keys.title')}
        </Menu.Item>
        <Menu.Item
          leftSection={<Icon name="door" size={16} />}
          disabled={isInCall}
          onClick={() => leave().catch(err => notify(wordsOf(err), { code: codeOf(err) }))}
        >
          {t('shell.signOut')}
        </Menu.Item>
        {isInCall && <Menu.Label>{t('shell.signOutInCall')}</Menu.Label>}
      </Menu.Dropdown>
    </Menu>
  )
}
