import { Alert, Button, Stack } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useMay } from '../admin/use-may.ts'
import { api } from '../api/client.ts'
import { queryClient } from '../api/query-client.ts'
import { meQuery } from '../api/session.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { Problem } from '../parts/problem.tsx'

type Clock = Readonly<{ at: string; doubt: Readonly<{ kind: 'differs' | 'wasSet'; byMs: number }> | null }>

const KEY = ['compliance', 'clock']
const LOOK_MS = 5_000

/** Says that nobody outside is called because nobody knows what time it is; a person may say that the time is right. */
export function ClockDoubt() {
  const { t } = useTranslation('compliance')
  const { spokenDuration, dateTime } = useFormat()
  const mayRead = useQuery(meQuery).data?.permissions.includes('compliance:read') === true
  const refusal = useMay('campaigns:control')
  const clock = useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => api<Clock>('/compliance/clock', { signal }),
    refetchInterval: LOOK_MS,
    enabled: mayRead
  }).data
  const confirm = useMutation({
    mutationFn: () => api<Clock>('/compliance/clock/confirm', { method: 'POST', body: {} }),
    onSuccess: after => queryClient.setQueryData(KEY, after)
  })
  if (clock === undefined || clock.doubt === null) return null
  const values = { by: spokenDuration(Math.abs(clock.doubt.byMs)), at: dateTime(clock.at) }
  return (
    <Alert color="red" icon={<Icon name="triangle" />} role="status" data-testid="clock-doubt">
      <Stack gap="xs" align="flex-start">
        <p>{clock.doubt.kind === 'differs' ? t('clock.differs', values) : t('clock.wasSet', values)}</p>
        {clock.doubt.kind === 'wasSet' && (
          <Button
            variant="default"
            loading={confirm.isPending}
            disabled={refusal !== null}
            title={refusal ?? undefined}
            onClick={() => confirm.mutate()}
          >
            {t('clock.confirm')}
          </Button>
        )}
        {confirm.isError && <Problem error={confirm.error} />}
      </Stack>
    </Alert>
  )
}
