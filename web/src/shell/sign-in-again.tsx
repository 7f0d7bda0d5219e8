import { Button, PasswordInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { queryClient } from '../api/query-client.ts'
import { sessionEnded, signIn } from '../api/session.ts'
import { Icon } from '../parts/icons.tsx'
import { useProblemWords } from '../parts/problem.tsx'
import { useSoftphone } from '../softphone/softphone-provider.tsx'
import { useStore } from '../store.ts'
import classes from './sign-in-again.module.css'

/** When the sign-in ends under a working page: a quiet bar instead of a thrown-away page. The call goes on. */
export function SignInAgain({ username, isInCall }: Readonly<{ username: string; isInCall: boolean }>) {
  const { t } = useTranslation()
  const hasEnded = useStore(sessionEnded)
  const softphone = useSoftphone()
  const wordsOf = useProblemWords()
  const [password, setPassword] = useState('')
  const login = useMutation({
    mutationFn: () => signIn(username, password),
    onSuccess: () => {
      setPassword('')
      softphone?.signedInAgain()
      void queryClient.invalidateQueries()
    }
  })
  if (!hasEnded) return null
  return (
    <form
      className={classes['bar']}
      data-testid="sign-in-again"
      onSubmit={event => {
        event.preventDefault()
        login.mutate()
      }}
    >
      <Icon name="triangleOutline" />
      <span role="status">
        {t('signIn.ended')} {isInCall && t('signIn.callGoesOn')}
      </span>
      <input type="hidden" name="username" autoComplete="username" value={username} />
      <PasswordInput
        aria-label={t('signIn.passwordOf', { user: username })}
        placeholder={t('signIn.password')}
        autoComplete="current-password"
        w={220}
        value={password}
        onChange={event => setPassword(event.currentTarget.value)}
        error={login.isError ? wordsOf(login.error) : null}
      />
      <Button type="submit" loading={login.isPending}>
        {t('signIn.submit')}
      </Button>
    </form>
  )
}
