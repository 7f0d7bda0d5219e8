import { Anchor, Button, PasswordInput, Stack, TextInput, Title } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type KeyboardEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useLocation } from 'react-router'
import { type Me, signIn } from '../api/session.ts'
import { Icon } from '../parts/icons.tsx'
import { OfflineBanner } from '../parts/offline-banner.tsx'
import { Problem } from '../parts/problem.tsx'
import { AppearanceMenu } from './appearance-menu.tsx'
import { LanguageMenu } from './language-menu.tsx'
import classes from './sign-in-page.module.css'

export function SignInPage({ onSignedIn }: Readonly<{ onSignedIn(user: Me): void }>) {
  const { t } = useTranslation()
  const { pathname } = useLocation()
  const [username, setUsername] = useState('')
  const [password, setPassword] = useState('')
  const [isCapsLock, setCapsLock] = useState(false)
  const login = useMutation({ mutationFn: () => signIn(username.trim(), password), onSuccess: onSignedIn })
  const lookAtCapsLock = (event: KeyboardEvent) => setCapsLock(event.getModifierState('CapsLock'))

  return (
    <div className={classes['page']}>
      <OfflineBanner />
      <header className={classes['header']}>
        <LanguageMenu />
        <AppearanceMenu />
      </header>
      <main className={classes['main']}>
        <form
          className={classes['form']}
          onSubmit={event => {
            event.preventDefault()
            login.mutate()
          }}
        >
          <Stack gap="md">
            <Title order={1} size="h2">
              {t('signIn.title')}
            </Title>
            {login.isError && <Problem error={login.error} />}
            <TextInput
              label={t('signIn.user')}
              name="username"
              autoComplete="username"
              autoCapitalize="none"
              spellCheck={false}
              required
              withAsterisk={false}
              value={username}
              onChange={event => setUsername(event.currentTarget.value)}
            />
            <PasswordInput
              label={t('signIn.password')}
              name="password"
              autoComplete="current-password"
              required
              withAsterisk={false}
              value={password}
              onChange={event => setPassword(event.currentTarget.value)}
              onKeyDown={lookAtCapsLock}
              onKeyUp={lookAtCapsLock}
              visibilityToggleButtonProps={{ 'aria-label': t('signIn.showPassword'), tabIndex: 0 }}
            />
            {isCapsLock && (
              <p className={classes['caps']} role="status">
                <Icon name="triangleOutline" /> {t('signIn.capsLock')}
              </p>
            )}
            <Button type="submit" size="md" loading={login.isPending}>
              {t('signIn.submit')}
            </Button>
            {pathname !== '/start' && (
              <Anchor component={Link} to="/start">
                {t('signIn.firstTime')}
              </Anchor>
            )}
            {pathname === '/start' && <p className={classes['hint']}>{t('signIn.startHint')}</p>}
          </Stack>
        </form>
      </main>
    </div>
  )
}
