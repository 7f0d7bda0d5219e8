import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { useLocation, useNavigate } from 'react-router'
import { queryClient } from '../api/query-client.ts'
import { meQuery } from '../api/session.ts'
import { adoptAccountLanguage } from '../i18n/i18n.ts'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { Shell } from './shell.tsx'
import { SignInPage } from './sign-in-page.tsx'

/** Lets people in: the sign-in page for strangers, the shell for everybody else, on the page they asked for. */
export function Gate() {
  const { t } = useTranslation()
  const me = useQuery(meQuery)
  const navigate = useNavigate()
  const { pathname, search } = useLocation()
  const language = me.data?.language
  useEffect(() => {
    if (language !== undefined) void adoptAccountLanguage(language)
  }, [language])

  if (me.isPending) return <Waiting what={t('waiting.server')} />
  if (me.isError) return <Problem error={me.error} onRetry={() => void me.refetch()} />
  if (me.data !== null) return <Shell me={me.data} />
  return (
    <SignInPage
      onSignedIn={user => {
        queryClient.setQueryData(meQuery.queryKey, user)
        void navigate(pathname + search, { replace: true })
      }}
    />
  )
}
