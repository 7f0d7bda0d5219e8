import { Anchor } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { meQuery } from '../api/session.ts'

/** A way to what is said in a call that goes on, for those who may read it; nothing for others and without a call. */
export function FollowCall({ agentName, callId }: Readonly<{ agentName: string; callId: string | null }>) {
  const { t } = useTranslation('supervision')
  const mayRead = useQuery(meQuery).data?.permissions.includes('transcripts:read') === true
  if (callId === null || !mayRead) return null
  return (
    <Anchor
      component={Link}
      to={`/quality/calls/${callId}`}
      aria-label={t('follow.of', { name: agentName })}
      data-testid="follow-call"
    >
      {t('follow.call')}
    </Anchor>
  )
}
